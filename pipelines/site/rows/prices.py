"""Rules on prices that all pages share: enough providers, age."""

from __future__ import annotations

from pipelines.site.published import Row

PROVIDERS_NEEDED = 3  # a median of fewer providers is withheld


def has_enough(row: Row) -> bool:
    """Return whether a median has enough providers to be shown."""
    return bool(row["provider_count"] >= PROVIDERS_NEEDED)


def on_demand(rows: list[Row]) -> list[Row]:
    """Return the rows whose purchase model is on demand."""
    return [row for row in rows if row["purchase_model"] == "on_demand"]


def oldest_age_hours(row: Row) -> float:
    """Return the age of the oldest answer behind a median, at the end of its day. [h]."""
    return 24.0 * float((row["day"] - row["oldest_seen_on"]).days)
