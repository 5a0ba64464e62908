"""``marts.training_sensitivity``: which inputs the cost of each leading model depends on."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import numpy as np

from cost_engine.training.spreads import FACTORS
from cost_engine.training.uncertainty import variance_shares
from cost_engine.uncertainty import upper_factor
from pipelines.derive.training_runs import Basis, all_bases
from pipelines.derive.writing import write_table

LARGEST_RANK = 20
"""Models among the first so many of their time by compute are in the table."""


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the table; the day does not matter."""
    rows = sensitivity_rows(all_bases(connection)["clean"])
    write_table(connection, "marts.training_sensitivity", rows)


def sensitivity_rows(part: Basis) -> list[dict[str, Any]]:
    """Return one row per leading model and uncertain input."""
    numbers = part.estimates.numbers
    is_chosen = np.array([bool(run.rank and run.rank <= LARGEST_RANK) for run in part.runs])
    is_chosen &= ~np.isnan(numbers["amortized_usd"])
    places = np.flatnonzero(is_chosen)
    energy_usd = numbers["energy_usd"]
    shares = variance_shares(
        (numbers["amortized_usd"] - energy_usd)[places],
        energy_usd[places],
        numbers["age_years"][places],
        part.uncertainty.of_rows(places),
    )
    rows = []
    for place, share in zip(places.tolist(), shares, strict=True):
        for column, factor in enumerate(FACTORS):
            deviation = float(part.uncertainty.log_deviations[place, column])
            if deviation == 0:
                continue
            rows.append(
                {
                    "model": part.runs[place].model,
                    "published_on": part.runs[place].published_on,
                    "factor": factor,
                    "variance_share_fraction": float(share[column]),
                    # The trend acts on a rate and on an age: it has no factor of its own.
                    "relative_high": None if factor == "trend" else float(upper_factor(deviation)),
                    "usd_nominal": float(numbers["amortized_usd"][place]),
                }
            )
    return rows
