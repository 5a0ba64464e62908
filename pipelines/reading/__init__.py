"""From bytes to rows: run parsers, check rows against the contract, write observations.

Belongs here: the contract of a row, quarantine of rows that break it, the ledger of what was read.
Does not belong here: the network (``capture``), parsing rules of one source (``sources``), and what
a price means (``warehouse/sql/staged``).
"""
