"""The data model: SQL, reference data, history, quality, publishing.

Does not belong here: Dagster, the network, formulas of cost (``cost_engine``).
"""
