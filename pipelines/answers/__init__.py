"""What a question computes: training plans, serving quotes, bills, the origin of a figure.

Belongs here: reading the published file and returning plain rows for one question. Does not belong
here: printing (``commands``), pages (``site``), and tables that the build makes (``derive``).
"""
