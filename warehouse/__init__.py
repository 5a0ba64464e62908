"""The data model: SQL, reference data, history, publishing. No Dagster, no network."""
