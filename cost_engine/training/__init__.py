"""Cost of training a model: one run, its memory, its cluster, its people, and what is uncertain.

Belongs here: the sums for a run or many runs, from hours and prices to intervals. Does not belong
here: scaling laws and FLOP (``compute``), power (``energy``), commitments (``prices``), and which
models and prices are taken (``pipelines.derive``).
"""
