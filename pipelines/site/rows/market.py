"""Rows of the first page: the index of a GPU by month, and the cells of the heatmap."""

from __future__ import annotations

from datetime import date

from pipelines.site import numbers
from pipelines.site.published import Row
from pipelines.site.rows.prices import PROVIDERS_NEEDED
from pipelines.site.theme import age_band, age_name

LEAST_FOR_TRAINING, LEAST_FOR_INFERENCE = 40, 16
"""Memory of a GPU that the choices of the first table ask for. [GB]"""


def matched_months(rows: list[Row], gpu_id: str) -> list[tuple[date, float]]:
    """Return the months of a GPU in order, each with the index of the same offers. [1]."""
    return [(row["month"], row["index"]) for row in rows if row["gpu_id"] == gpu_id]


def presets_of(row: Row) -> list[str]:
    """Return the choices of the first table in which a GPU is.

    Training needs a data-centre GPU with 40 GB or more and a link of its own to the others,
    inference one with 16 GB or more.

    Examples
    --------
    >>> row = {"gpu_class": "data_center", "memory_gigabytes": 80.0, "link_kind": "NVLink"}
    >>> presets_of(row), presets_of({**row, "link_kind": "PCIe", "memory_gigabytes": 24.0})
    (['all', 'data_center', 'training', 'inference'], ['all', 'data_center', 'inference'])
    """
    is_data_center = row["gpu_class"] == "data_center"
    memory = row["memory_gigabytes"] or 0
    has_link = row["link_kind"] not in (None, "PCIe")
    named = {
        "all": True,
        "data_center": is_data_center,
        "consumer": row["gpu_class"] in ("consumer", "workstation"),
        "training": is_data_center and has_link and memory >= LEAST_FOR_TRAINING,
        "inference": memory >= LEAST_FOR_INFERENCE,
    }
    return [name for name, holds in named.items() if holds]


def widest_spread(rows: list[Row], gpu_ids: list[str]) -> float:
    """Return the largest ratio of most expensive to cheapest provider of one GPU. [1].

    Only fresh prices count, of GPUs with enough providers; 0 where there is no such GPU.
    """
    spread = 0.0
    for gpu_id in gpu_ids:
        prices = [
            row["usd_per_gpu_hour"]
            for row in rows
            if row["gpu_id"] == gpu_id and not age_band(row["age_hours"])
        ]
        if len(prices) >= PROVIDERS_NEEDED:
            spread = max(spread, max(prices) / min(prices))
    return spread


def heatmap_cells(rows: list[Row], gpu_ids: list[str]) -> list[Row]:
    """Return the cells of the heatmap, in the order of the GPUs, with the band of their age."""
    order = {gpu_id: place for place, gpu_id in enumerate(gpu_ids)}
    return [
        {
            **row,
            "gpu": numbers.gpu_name(row["gpu_id"]),
            "age": age_name(row["age_hours"]),
            "is_old": age_band(row["age_hours"]) > 0,
            "seen_at": numbers.instant(row["seen_at"]),
        }
        for row in sorted(rows, key=lambda row: order[row["gpu_id"]])
    ]
