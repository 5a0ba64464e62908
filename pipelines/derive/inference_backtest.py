"""Makes ``marts.inference_backtest``, and compares any file of measured results with predictions.

The columns of such files are understood by ``measured_case``, predictions and errors are computed
by ``cost_engine.serving.measured``.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cost_engine.serving.inputs import Floats
from cost_engine.serving.measured import Summary, predicted
from pipelines.derive import serving_reference as reference
from pipelines.derive.measured_case import arrays_of, finite_number
from pipelines.derive.reference_tables import recorded_documents
from pipelines.derive.serving_reference import Fit
from warehouse.reference import Documents
from warehouse.reference.serving import measured_table

if TYPE_CHECKING:
    import duckdb


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Predict every published result of the reference data.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    on : date
        The newest day of the build. Predictions do not depend on it.
    """
    connection.register("made", backtest_table(recorded_documents(connection)))
    connection.execute("create or replace table marts.inference_backtest as from made")
    connection.unregister("made")


def published_results(documents: Documents) -> tuple[list[str], list[dict[str, str]]]:
    """Return header and rows of the published results, as ``read_cases`` does of any file."""
    table = measured_table(documents)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return list(table.columns), rows


def backtest_table(documents: Documents) -> pa.Table:
    """Return the table of the reference data."""
    report = backtest(documents, *published_results(documents))
    rows = []
    for place, (row, prediction, reason) in enumerate(
        zip(report.rows, report.predictions, report.reasons, strict=True), start=1
    ):
        reported = finite_number(row, "value")
        left_out = finite_number(row, "predicted_when_left_out")
        rows.append(
            {
                "case_number": place,
                "source": row["source"],
                "source_url": row["url"],
                "published_on": row["date"],
                "model": row["model"],
                "gpu": row["gpu"],
                "precision": row["precision"],
                "gpu_count": finite_number(row, "n_gpus"),
                "parallelism": row["parallelism"] or None,
                "engine": row["engine"] or None,
                "spec_decode": row["spec_decode"],
                "input_tokens": finite_number(row, "input_len"),
                "output_tokens": finite_number(row, "output_len"),
                "concurrency": row["concurrency"],
                "metric": row["metric"],
                "unit": row["unit"],
                "reported": reported,
                "predicted": prediction,
                "ratio": prediction / reported if prediction and reported else None,
                "predicted_when_left_out": left_out,
                "ratio_when_left_out": left_out / reported if left_out and reported else None,
                "reason": reason or None,
                "constants_fitted_on": date.fromisoformat(report.fit.fitted_on),
            }
        )
    return pa.Table.from_pylist(rows)


@dataclass(frozen=True)
class Backtest:
    """Cases, predictions and how they compare."""

    header: Sequence[str]
    rows: Sequence[Mapping[str, str]]
    predictions: Sequence[float | None]
    reasons: Sequence[str]  # empty for a scored row
    fit: Fit

    @property
    def has_values(self) -> bool:
        """Whether the file says what was measured."""
        return "value" in self.header

    def ratios(self, keep: Callable[[Mapping[str, str]], bool] = lambda row: True) -> Floats:
        """Return predicted over measured of the scored rows."""
        return np.array(
            [
                prediction / float(row["value"])
                for row, prediction, reason in zip(
                    self.rows, self.predictions, self.reasons, strict=True
                )
                if not reason and prediction is not None and keep(row)
            ]
        )

    def grouped(self, column: str) -> dict[str, dict[str, float]]:
        """Return a summary for each value of a column."""
        names = sorted({row.get(column, "") or "unknown" for row in self.rows})
        result = {}
        for name in names:

            def is_same(row: Mapping[str, str], name: str = name) -> bool:
                return (row.get(column, "") or "unknown") == name

            ratios = self.ratios(is_same)
            if len(ratios):
                result[name] = Summary.of(ratios).as_json()
        return result

    def as_json(self) -> dict[str, Any]:
        """Return the report of ``truecost backtest inference --format json``."""
        if not self.has_values:
            return {
                "cases": len(self.rows),
                "scored": 0,
                "unscored": dict(Counter(reason for reason in self.reasons if reason)),
                "predicted": sum(value is not None for value in self.predictions),
            }
        ratios = self.ratios()
        overall = Summary.of(ratios).as_json() if len(ratios) else {"scored": 0}
        return {
            "cases": len(self.rows),
            **{"scored": overall.pop("scored")},
            "unscored": dict(Counter(reason for reason in self.reasons if reason)),
            "median_absolute_error": overall.get("median_absolute_error"),
            "median_ratio": overall.get("median_ratio"),
            "within_25_percent": overall.get("within_25_percent"),
            "within_2x": overall.get("within_2x"),
            "by_gpu": self.grouped("gpu"),
            "by_model": self.grouped("model"),
            "by_engine": self.grouped("engine"),
            "by_metric": self.grouped("metric"),
            "constants_fitted_on": self.fit.fitted_on,
        }

    def worst(self, count: int) -> list[tuple[Mapping[str, str], float, float]]:
        """Return the scored rows that are furthest off, with prediction and ratio."""
        scored = [
            (row, prediction, prediction / float(row["value"]))
            for row, prediction, reason in zip(
                self.rows, self.predictions, self.reasons, strict=True
            )
            if not reason and prediction is not None and self.has_values
        ]
        return sorted(scored, key=lambda item: -abs(math.log(item[2])))[:count]

    def as_csv(self) -> str:
        """Return every case with ``predicted_value`` and, where unscored, ``reason``."""
        out = io.StringIO(newline="")
        extra = [name for name in ("predicted_value", "ratio", "reason")]
        names = [name for name in self.header if name not in extra] + extra
        writer = csv.DictWriter(out, names, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for row, prediction, reason in zip(self.rows, self.predictions, self.reasons, strict=True):
            is_scored = self.has_values and not reason and prediction is not None
            ratio = prediction / float(row["value"]) if is_scored and prediction else ""
            value = "" if prediction is None else f"{prediction:.6g}"
            writer.writerow(
                {
                    **row,
                    "predicted_value": value,
                    "ratio": f"{ratio:.4f}" if ratio else "",
                    "reason": reason,
                }
            )
        return out.getvalue()


def backtest(
    documents: Documents, header: Sequence[str], rows: Sequence[Mapping[str, str]]
) -> Backtest:
    """Predict every case and compare it with what was measured.

    Parameters
    ----------
    documents : Documents
        Reference data with the constants.
    header : sequence of str
    rows : sequence of mappings
        As from ``read_cases``.

    Returns
    -------
    Backtest
    """
    fit = reference.fitted(documents)
    cases, places, reasons = arrays_of(documents, rows)
    predictions: list[float | None] = [None] * len(rows)
    if cases is not None:
        for place, value in zip(places, predicted(cases, fit.constants), strict=True):
            if math.isfinite(value):
                predictions[place] = float(value)
            else:
                reasons[int(place)] = "the model does not fit in the memory of these GPUs"
    for place, row in enumerate(rows):
        if place in reasons:
            continue
        value = finite_number(row, "value")
        if "value" in header and (value is None or value <= 0):
            reasons[place] = "no measured value"
    return Backtest(
        header, rows, predictions, [reasons.get(place, "") for place in range(len(rows))], fit
    )
