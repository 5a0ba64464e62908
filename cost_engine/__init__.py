"""Pure arithmetic of compute cost: every formula, interval and simulation, once.

Belongs here: functions on numbers and numpy arrays, with units, a source and a worked example. Does
not belong here: files, tables, clocks, prices of a day (callers pass them in).
"""
