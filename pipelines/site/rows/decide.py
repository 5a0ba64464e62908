"""Rows of the page of decisions: comparisons that exist, and the marks of its charts."""

from __future__ import annotations

from pipelines.site import numbers
from pipelines.site.published import Row

CURVES = range(10, 101, 5)  # utilisation of the owner. [%]


def largest_clusters(rows: list[Row]) -> list[Row]:
    """Return the comparisons that exist, of the largest cluster of each GPU."""
    known: dict[str, Row] = {}
    for row in rows:
        if row["reason"] is None and row["owned_usd_per_gpu_hour"] is not None:
            before = known.get(row["gpu_id"])
            if before is None or row["gpu_count"] > before["gpu_count"]:
                known[row["gpu_id"]] = row
    return list(known.values())


def example(rows: list[Row]) -> Row | None:
    """Return the comparison that the page explains: of an H100, or of the first GPU with one."""
    known = largest_clusters(rows)
    return next(
        (row for row in known if row["gpu_id"].startswith("H100-SXM")), known[0] if known else None
    )


def owning_curve(row: Row) -> list[Row]:
    """Return the cost of an owned hour of work by utilisation, and the rent beside it."""
    points: list[Row] = []
    for percent in CURVES:
        scale = row["fleet_utilisation_fraction"] / (percent / 100)
        points.append(
            {
                "part": "owned", "gpu_id": row["gpu_id"], "utilisation": percent,
                "gpu_count": row["gpu_count"], "day": row["day"],
                "usd": row["owned_usd_per_gpu_hour"] * scale, "low": row["low"] * scale,
                "high": row["high"] * scale, "is_label": percent == 25,
                "label": "owned, with p5–p95",
            }
        )  # fmt: skip
    rent = row["rental_usd_per_gpu_hour"]
    points.append(
        {
            "part": "rent", "usd": rent, "day": row["day"], "gpu_id": row["gpu_id"],
            "low": row["rental_usd_per_gpu_hour_low"], "high": row["rental_usd_per_gpu_hour_high"],
            "provider_count": row["provider_count"],
            "label": f"rent {numbers.figure(rent)}",
        }
    )  # fmt: skip
    return points


def bare_multipliers(rows: list[Row]) -> tuple[list[Row], float]:
    """Return the multipliers of a commitment at the least resale, and that resale share. [1]."""
    least = min((row["resale_fraction"] for row in rows), default=0)
    return [
        {key: row[key] for key in ("commitment_months", "job_months", "multiplier")}
        for row in rows
        if row["resale_fraction"] == least
    ], least
