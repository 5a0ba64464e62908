"""Rows of the page of training: the marks of its charts."""

from __future__ import annotations

import math
import statistics
from datetime import date

from pipelines.site.published import Row

CHEAPEST_CHARTED = 100.0  # cheaper runs are in the table only. [USD]
Z_80 = statistics.NormalDist().inv_cdf(0.9)


def run_marks(runs: list[Row]) -> list[Row]:
    """Return the marks of the runs that are charted, with their interval in real money."""
    return [
        {
            "part": "model",
            **{
                key: row[key]
                for key in ("model", "published_on", "hardware", "gpu_hours_method", "confidence")
            },
            "usd_real": row["usd_real"],
            # The interval is nominal: scale it to real money like the cost.
            "low": row["low"] and row["low"] * row["usd_real"] / row["usd_nominal"],
            "high": row["high"] and row["high"] * row["usd_real"] / row["usd_nominal"],
            "is_solid": row["gpu_hours_method"] == "reported",
            "is_leading": row["compute_rank"] is not None and row["compute_rank"] <= 10,
        }
        for row in runs
        if row["usd_real"] >= CHEAPEST_CHARTED
    ]


def fitted(fit: Row, first: date, last: date) -> list[Row]:
    """Return points of the fitted line and of the band in which 80 % of models fall."""
    end = date(2027, 1, 1)
    spread = Z_80 * fit["residual_deviation_orders"]
    points = []
    for step in range(33):
        day = date.fromordinal(
            round(first.toordinal() + (last.toordinal() - first.toordinal()) * step / 32)
        )
        years = (day - end).days / 365.25
        orders = math.log10(fit["usd_2027_mean"]) + fit["slope_orders_per_year"] * years
        points.append(
            {
                "part": "fit", "published_on": day, "fit": 10**orders,
                "fit_low": 10 ** (orders - spread), "fit_high": 10 ** (orders + spread),
                "model_count": fit["model_count"],
            }
        )  # fmt: skip
    return points
