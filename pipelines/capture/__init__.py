"""From a source to bytes on disk: visit sources, keep every answer, capture past versions.

Belongs here: HTTP, the schedule of one visit, landing. Does not belong here: what the bytes mean
(``sources`` and ``reading``), and anything that opens a database.
"""

MIRROR_VARIABLE = "TRUECOST_MIRROR"  # environment: a server asked in place of the sources
