"""Pure arithmetic of compute cost: no I/O, no clock, no tables."""
