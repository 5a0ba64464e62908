"""The measured rows that the serving constants are fitted to and scored on.

By default the bundled table. A folder adds tables that may be used but not passed on:
``cases_inferencex.csv.gz`` and ``cases_mlenergy.csv.gz`` with the columns of ``truecost backtest
inference``.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.inputs import Floats, Labels
from cost_engine.serving.measured import LAYOUTS, Cases
from pipelines.derive.inference_backtest import published_results
from pipelines.derive.measured_case import arrays_of
from warehouse.reference import bundled

FURTHER_TABLES = ("cases_inferencex.csv.gz", "cases_mlenergy.csv.gz")
POOLS = LAYOUTS.index("pools")
GROUP_WEIGHT_EXPONENT = -0.5
"""Rows of one (model, GPU, engine, precision, source) count as the square root of their number."""


@dataclass(frozen=True)
class Measured:
    """Rows, what they mean, and their values, of the rows that can be predicted."""

    rows: list[dict[str, str]]
    cases: Cases
    values: Floats

    def taken(self, index: NDArray[np.intp]) -> Measured:
        """Return some of the rows, without the names that none of them has."""
        rows = [self.rows[place] for place in index]
        return Measured(rows, self.cases.taken(index), self.values[index])

    def texts(self, name: str) -> NDArray[np.str_]:
        """Return one column as texts."""
        return np.array([row.get(name, "") or "" for row in self.rows])

    @property
    def is_pooled(self) -> NDArray[np.bool_]:
        """Where separate GPUs did the prefill."""
        return self.cases.layout == POOLS

    @property
    def weights(self) -> Floats:
        """The weight of each row in the fit, of mean 1."""
        names = [
            self.cases.model.values,
            self.cases.gpu.values,
            self.cases.load.engine.values,
            self.cases.chip.path.values,
            self.texts("source"),
        ]
        groups = list(zip(*names, strict=True))
        counts = Counter(groups)
        weights = np.array([counts[group] ** GROUP_WEIGHT_EXPONENT for group in groups])
        return weights / weights.mean()

    @property
    def pairs(self) -> NDArray[np.str_]:
        """The (model, GPU) pair of each row. Models of one shape are one model."""
        return joined(self.cases.model, self.cases.gpu, " on ")


def joined(first: Labels, second: Labels, between: str) -> NDArray[np.str_]:
    """Return two columns of names as one."""
    return np.char.add(np.char.add(first.values, between), second.values)


def measured(folder: Path | None = None) -> Measured:
    """Return the rows of the bundled table, and of a folder of further tables."""
    _, rows = published_results(bundled())
    rows = [dict(row) for row in rows]
    for name in FURTHER_TABLES if folder else ():
        with gzip.open(folder / name, "rt", encoding="utf-8", newline="") as lines:
            rows += list(csv.DictReader(lines))
    cases, places, _ = arrays_of(bundled(), rows)
    if cases is None:
        raise SystemExit("no row can be predicted")
    values = np.array([_value(rows[place]) for place in places])
    keep = np.flatnonzero(np.isfinite(values) & (values > 0))
    return Measured([rows[place] for place in places], cases, values).taken(keep)


def _value(row: dict[str, str]) -> float:
    try:
        return float(row["value"])
    except ValueError:
        return math.nan
