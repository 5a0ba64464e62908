"""``marts.training_plan_backtest``: GPU-hours planned for runs that reported theirs.

Each run is planned from its parameters, tokens, GPU, number of GPUs and date alone, by a model that
has not seen it. Runs that were only quoted are planned by the model of all others, and count for
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np

from cost_engine import compute
from cost_engine.backtest import wilson_interval
from cost_engine.training.planning import goodput_at
from cost_engine.training.utilisation import Prediction, ReportedRun, UtilisationModel, left_out
from pipelines.derive.training_utilisation import reported_run, utilisation_model
from pipelines.derive.writing import write_table
from warehouse.reference import Documents, bundled
from warehouse.reference.training_runs import TrainingRunRow, training_run_rows

LEVEL = 0.8
"""Of the interval whose coverage is judged. [1]"""


@dataclass(frozen=True)
class PlannedRun:
    """A reported run beside the hours that were planned for it.

    Attributes
    ----------
    predicted, low, high, low_80, high_80 : float
        Planned hours, with the 90 % and the 80 % interval. [GPU h]
    """

    row: TrainingRunRow
    predicted: float
    low: float
    high: float
    low_80: float
    high_80: float

    @property
    def ratio(self) -> float:
        """Planned over reported hours [1]."""
        return self.predicted / self.row.gpu_hours

    @property
    def is_covered(self) -> bool:
        """Whether the 80 % interval holds the reported hours."""
        return self.low_80 <= self.row.gpu_hours <= self.high_80


@dataclass(frozen=True)
class Score:
    """How the planned hours of some runs compare.

    Attributes
    ----------
    runs : int
    median_ratio, median_error : float
        Of planned over reported, and of its logarithm without the sign. [1]
    covered : int
        Runs in their 80 % interval.
    coverage_low, coverage_high : float
        95 % Wilson interval of the share covered. [1]
    """

    runs: int
    median_ratio: float
    median_error: float
    covered: int
    coverage_low: float
    coverage_high: float


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the table; the day does not matter."""
    rows = [
        {
            "run_id": planned.row.run_id,
            "model": planned.row.model,
            "organization": planned.row.organization,
            "published_on": planned.row.published_on,
            "gpu_id": planned.row.gpu_id,
            "gpu_count": planned.row.gpu_count,
            "precision": planned.row.precision,
            "kind": "prediction",
            "predicted": planned.predicted,
            "reported": planned.row.gpu_hours,
            "ratio": planned.ratio,
            "low": planned.low,
            "high": planned.high,
            "low_80": planned.low_80,
            "high_80": planned.high_80,
            "is_covered": planned.is_covered,
            "evidence": planned.row.evidence,
            "is_fitted": planned.row.is_fitted,
            "source": planned.row.source,
            "source_url": planned.row.source_url,
            "note": planned.row.note or None,
        }
        for planned in planned_runs(bundled())
    ]
    write_table(connection, "marts.training_plan_backtest", rows)


def planned_runs(documents: Documents, *, by_organization: bool = False) -> list[PlannedRun]:
    """Return every reported run, planned by a model that has not seen it.

    Parameters
    ----------
    documents : Documents
    by_organization : bool
        Whether the model has not seen the other runs of its organisation either.
    """
    rows = training_run_rows(documents)
    fitted = [row for row in rows if row.is_fitted]
    runs = {row.run_id: reported_run(row, documents) for row in rows}
    blind = left_out([runs[row.run_id] for row in fitted], by_organization=by_organization)
    predictions = dict(zip((row.run_id for row in fitted), blind, strict=True))
    model = utilisation_model(documents)
    return [
        _planned(
            row,
            runs[row.run_id],
            predictions.get(row.run_id) or model.predict(runs[row.run_id].setting),
            model,
        )
        for row in rows
    ]


def score(planned: Sequence[PlannedRun]) -> Score:
    """Return how the planned hours of the runs that count compare."""
    counted = [one for one in planned if one.row.is_fitted]
    ratios = np.array([one.ratio for one in counted])
    covered = sum(one.is_covered for one in counted)
    low, high = wilson_interval(covered, len(counted))
    return Score(
        len(counted),
        float(np.median(ratios)),
        float(np.median(np.abs(np.log(ratios)))),
        covered,
        low,
        high,
    )


def _planned(
    row: TrainingRunRow, run: ReportedRun, prediction: Prediction, model: UtilisationModel
) -> PlannedRun:
    setting = run.setting
    goodput = float(goodput_at(model.gpu_count(setting)))

    def hours(utilisation_fraction: float) -> float:
        return float(
            compute.gpu_hours(
                setting.flops,
                setting.peak_flops_per_second,
                min(utilisation_fraction, 1.0),
                goodput,
            )
        )

    slow, fast = prediction.range(0.9)
    slow_80, fast_80 = prediction.range(LEVEL)
    return PlannedRun(
        row,
        hours(prediction.median),
        hours(fast),
        hours(slow),
        hours(fast_80),
        hours(slow_80),
    )
