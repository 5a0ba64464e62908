"""Rows for charts, tiles and titles, selected and reshaped from the answers of the queries.

Belongs here: plain functions from rows to rows. Does not belong here: wording (``pages``), and any
arithmetic on prices or costs, which the tables of the warehouse already hold.
"""
