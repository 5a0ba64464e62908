"""Rows of the page of a GPU: the offers that it carries, and the marks of its charts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from pipelines.site import numbers
from pipelines.site.published import Row
from pipelines.site.rows.prices import has_enough, oldest_age_hours, on_demand
from pipelines.site.theme import age_name

SHOWN_OFFERS = 300  # offers that the page carries; the CSV has all


def fresh_on_demand(offers: list[Row]) -> list[Row]:
    """Return the offers on demand that a title may use: fresh, not sold out, of the best source."""
    return [
        row
        for row in on_demand(offers)
        if not row["is_stale"] and not row["is_witness"] and row["is_available"] is not False
    ]


def cheapest_of_each(offers: list[Row]) -> list[Row]:
    """Return the offers that the page carries: the cheapest of every provider and contract first.

    Offers of later rank follow as far as there is room; the result is ordered by price.
    """
    by_place = sorted(offers, key=lambda row: row["place"])[:SHOWN_OFFERS]
    return sorted(by_place, key=lambda row: row["usd_per_gpu_hour"])


def strip_marks(shown: list[Row], market: list[Row]) -> list[Row]:
    """Return one mark for each offer, and the median and band of each purchase model."""
    rows = [
        {
            "part": "offer",
            **{
                key: row[key]
                for key in (
                    "usd_per_gpu_hour", "usd_per_node_hour", "gpu_count", "provider_id", "region",
                    "area", "purchase_model", "commitment_months", "market_family", "source_id",
                )
            },
            "age": age_name(row["price_age_hours"]),
            "seen_at": numbers.instant(row["seen_at"]),
        }
        for row in shown
    ]  # fmt: skip
    rows += [
        {
            "part": "median",
            "purchase_model": row["purchase_model"],
            "median": row["median_usd_per_gpu_hour"],
            "p10": row["p10_usd_per_gpu_hour"],
            "p90": row["p90_usd_per_gpu_hour"],
            "provider_count": row["provider_count"],
            "offer_count": row["offer_count"],
            "day": row["day"],
        }
        for row in market
        if row["market_family"] == "all" and row["commitment_months"] is None and has_enough(row)
    ]
    return rows


def matched_marks(rows: list[Row]) -> list[Row]:
    """Return the points of the index of the same offers, with the line to which each belongs."""
    return [
        {
            **{
                key: row[key]
                for key in ("month", "market_family", "index", "low", "high",
                            "link_provider_count", "item_count")
            },
            "segment": f"{row['market_family']} {row['segment_started_on']} {row['evidence']}",
            "is_thin": row["evidence"] != "published",
            "change": None
            if row["month_change_fraction"] is None
            else numbers.percent(row["month_change_fraction"], signed=True),
        }
        for row in rows
    ]  # fmt: skip


def history_marks(history: list[Row], changes: Mapping[tuple[date, str], Row]) -> list[Row]:
    """Return the points of the history, with the change-points by day and purchase model."""
    return [
        {**row, **changes.get((row["day"], row["purchase_model"]), {})}
        for row in bends(in_segments(history))
    ]


def in_segments(rows: list[Row]) -> list[Row]:
    """Return the rows with a segment, which ends at a missing day or with too few providers."""
    before: dict[str, tuple[date, bool]] = {}
    segments: dict[str, int] = defaultdict(int)
    result = []
    for row in rows:
        kind, day = row["purchase_model"], row["day"]
        is_thin = not has_enough(row)
        last, was_thin = before.get(kind, (day, is_thin))
        if (day - last).days > 1 or is_thin != was_thin:
            segments[kind] += 1
        before[kind] = (day, is_thin)
        result.append(
            {
                **{key: value for key, value in row.items() if key != "oldest_seen_on"},
                "segment": f"{kind} {segments[kind]}",
                "is_thin": is_thin,
                "age": age_name(oldest_age_hours(row)),
            }
        )
    return result


def bends(rows: list[Row]) -> list[Row]:
    """Return the rows that a line needs: both ends of every stretch without a change."""
    shape = [
        tuple(row[key] for key in ("segment", "median", "p10", "p90", "provider_count", "age"))
        for row in rows
    ]
    return [
        row
        for place, row in enumerate(rows)
        if place in (0, len(rows) - 1)
        or shape[place] != shape[place - 1]
        or shape[place] != shape[place + 1]
    ]
