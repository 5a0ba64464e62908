"""Rows of the page of serving: the marks of its charts."""

from __future__ import annotations

import statistics

from pipelines.site.published import Row
from pipelines.site.theme import family

ODD_RATIO = 100  # a list price this many times from the median of its model is not charted
CHARTED_MODELS = 18
COST_FIELDS = (
    "model_id", "cost", "cost_low", "cost_high", "gpu_id", "gpu_count", "precision", "day",
    "provider_count",
)  # fmt: skip
LIST_FIELDS = (
    "model_id", "api_provider_id", "listed", "margin_fraction", "margin_low", "margin_high",
    "day", "api_source_id",
)  # fmt: skip
PACE_FIELDS = (
    "model_id", "gpu_id", "gpu_count", "precision", "family", "usd_per_1m_output", "output_low",
    "output_high", "tokens_per_second_per_user", "provider_count", "day",
)  # fmt: skip


def margin_marks(margins: list[Row]) -> tuple[list[Row], list[str], int]:
    """Return the marks of the chart of margins: costs and list prices of the most listed models.

    Parameters
    ----------
    margins : list of dict
        One row for each model and API price.

    Returns
    -------
    tuple
        The marks; the models from the thinnest median margin to the widest; and how many list
        prices are left out, because they are ``ODD_RATIO`` times from the median of their model.
    """
    by_model: dict[str, list[Row]] = {}
    for row in margins:
        by_model.setdefault(row["model_id"], []).append(row)
    middle = {
        model: statistics.median(row["margin_fraction"] for row in rows)
        for model, rows in by_model.items()
    }
    widest = sorted(by_model, key=lambda model: len(by_model[model]), reverse=True)
    order = sorted(widest[:CHARTED_MODELS], key=lambda model: middle[model])
    rows: list[Row] = []
    odd = 0
    for model in order:
        usual = statistics.median(row["listed"] for row in by_model[model])
        rows.append({"part": "cost", **{key: by_model[model][0][key] for key in COST_FIELDS}})
        for row in by_model[model]:
            if usual / ODD_RATIO <= row["listed"] <= usual * ODD_RATIO:
                rows.append({"part": "list", **{key: row[key] for key in LIST_FIELDS}})
            else:
                odd += 1
    return rows, order, odd


def pace_marks(sets: list[Row]) -> list[Row]:
    """Return the marks of the chart of price against pace, each with the family of its GPU."""
    return [
        {key: ({**row, "family": family(row["architecture"])})[key] for key in PACE_FIELDS}
        for row in sets
    ]
