"""The methodology pages under ``docs/methodology``, made from the code and the reference data.

Belongs here: the values that the pages show. Does not belong here: formulas (``cost_engine``).
"""
