"""Which words describe a movement of prices: only the same offers rise or fall.

A median over the sellers of a day moves when sellers come and go. That is called a
change of sellers, never a rise or a fall. docs/methodology/like_for_like.md has the rules.
"""

from __future__ import annotations

from pipelines.site import numbers
from pipelines.site.numbers import words
from pipelines.site.published import Row
from pipelines.site.rows.prices import PROVIDERS_NEEDED

LARGEST_DRIFT = 0.05
"""Further from the second estimate than this, a change is called "about" so much. [1]"""


def verb(row: Row) -> str | None:
    """Return "rose" or "fell" where the same offers surely did, else None.

    Examples
    --------
    >>> row = {"evidence": "published", "link_provider_count": 5, "is_sure": True,
    ...        "like_for_like_change_fraction": -0.2}
    >>> verb(row), verb(row | {"is_sure": None}), verb(row | {"evidence": "thin"})
    ('fell', None, None)
    """
    change = row["like_for_like_change_fraction"]
    has_evidence = row["evidence"] == "published" and row["link_provider_count"] >= PROVIDERS_NEEDED
    if not (has_evidence and row["is_sure"] and change):
        return None
    return "rose" if change > 0 else "fell"


def told(rows: list[Row]) -> str | None:
    """Return how the prices of the same offers of a GPU moved, None where too few compare.

    Of the market families the one with the most providers that compare, since its first month.
    """
    known = [row for row in rows if row["evidence"] == "published" and not row["horizon_months"]]
    if not known:
        return None
    row = max(known, key=lambda row: row["link_provider_count"])
    change = row["like_for_like_change_fraction"]
    about = "about " if abs(row["drift_fraction"] or 0) > LARGEST_DRIFT else ""
    span = f"from {row['then_month']:%Y-%m} to {row['month']:%Y-%m}"
    sellers = f"{row['link_provider_count']} {words(row['market_family'])}s or more"
    moved = verb(row)
    if moved:
        return (
            f"The same offers of {sellers} {moved} by {about}{numbers.percent(abs(change))} {span}"
        )
    return (
        f"The same offers of {sellers} did not clearly move {span}"
        f" ({about}{numbers.percent(change, signed=True)})"
    )
