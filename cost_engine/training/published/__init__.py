"""The published method of Epoch AI for the cost of training runs, reproduced to nine digits.

Belongs here: the records, rules and price lookups of Cottier et al. 2024, arXiv:2405.21015, in
three published vintages and in our clean reading. Does not belong here: the tables and figures
that they are applied to, which come in as arguments.
"""
