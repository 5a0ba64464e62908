"""How fast GPUs serve a model, how far off that is, and what the tokens cost.

Belongs here: the roofline of a decoding step (``roofline``), what fits in memory (``room``), the
loop of requests (``loop``, ``pools``), replicas of many sizes at once (``replicas``), the fitted
constants and their error (``calibration``), predictions of measured results (``measured``), and
money, energy and carbon (``cost``). Does not belong here: reference data, prices of a day, tables.
"""
