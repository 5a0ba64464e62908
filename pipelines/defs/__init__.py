"""Thin Dagster: each function gets, calls and records. No arithmetic, no HTML, no long SQL."""
