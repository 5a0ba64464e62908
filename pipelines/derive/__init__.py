"""What the build computes: load captures, make every table, check, publish.

Belongs here: one module a table that Python makes, binding ``cost_engine`` to the tables of the
build. Does not belong here: formulas (``cost_engine``), SQL of a table (``warehouse/sql``), and
what one question computes (``answers``).
"""
