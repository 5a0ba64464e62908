"""Bindings between the tables of the warehouse and the formulas of ``cost_engine``."""
