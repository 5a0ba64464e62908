"""Doors: what listens on a port or answers an agent, and who may come in.

Belongs here: checks of who asks, from where, and for what. Does not belong here: the answers
themselves (``answers``), and Dagster's own web server (``jobs.webserver``).
"""
