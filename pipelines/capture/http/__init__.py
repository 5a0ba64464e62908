"""The only room that opens network connections.

Belongs here: deadlines, retries, robots.txt, size limits, address rules, secrets. Does not belong
here: what to request (``sources``) and where to keep the answer (``capture.landing``).
"""
