"""Finds the measured serving results that are nearest to a set of GPUs that is asked about.

Reads the reference data only. How far predictions are off belongs to ``derive.inference_backtest``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.derive.inference_backtest import published_results
from pipelines.derive.measured_case import finite_number
from pipelines.derive.measured_layout import Layout, layout_of
from pipelines.derive.serving_names import (
    UnknownSubjectError,
    gpu_named,
    model_named,
    precision_named,
)
from pipelines.derive.serving_reference import first_of_shape
from warehouse.reference import Documents, Model
from warehouse.reference.documents import once

WAITING_METRICS = ("median_ttft_ms", "mean_ttft_ms")
"""Not quoted as the speed of a set."""


LARGE = 100
"""Values from here on are shown without a fraction."""


@dataclass(frozen=True)
class MeasuredSpeed:
    """One measured speed: what was served where, and what the report says."""

    model: str
    gpu_id: str
    precision: str
    layout: Layout
    concurrency: float
    row: Mapping[str, str]

    @property
    def gpu_count(self) -> float:
        """GPUs of the replica, or of one worker that decodes. [GPU]."""
        return self.layout.gpu_count

    @property
    def text(self) -> str:
        """The result in one line."""
        row, value = self.row, float(self.row["value"])
        shown = f"{value:,.0f}" if value >= LARGE else f"{value:.3g}"
        users = f", {row['concurrency']} users" if row["concurrency"] else ""
        when = f", {row['date']}" if row["date"] else ""
        return (
            f"{row['model']} {row['precision']} on {_gpus(self.layout)} {self.gpu_id}{users}: "
            f"{shown} {row['unit']} {row['metric']} ({row['source']}{when})"
        )


def _gpus(layout: Layout) -> str:
    if not layout.decode_workers:
        return f"{layout.gpu_count:g} x"
    prefill = f"{layout.prefill_workers:g} x {layout.prefill_gpus:g} for prefill"
    return f"{prefill} and {layout.decode_workers:g} x {layout.gpu_count:g} for decoding,"


@once
def measured_speeds(documents: Documents) -> tuple[MeasuredSpeed, ...]:
    """Return every measured speed whose model, GPU and precision are known."""
    names: dict[tuple[str, str, str], tuple[str, str, str] | None] = {}
    found = []
    for row in published_results(documents)[1]:
        key = (row["model"], row["gpu"], row["precision"])
        if key not in names:
            names[key] = _subjects(documents, *key)
        subjects = names[key]
        value = finite_number(row, "value")
        if subjects is None or not value or row["metric"] in WAITING_METRICS:
            continue
        try:
            layout = layout_of(row)
        except UnknownSubjectError:
            continue
        found.append(
            MeasuredSpeed(*subjects, layout, finite_number(row, "concurrency") or math.nan, row)
        )
    return tuple(found)


def _subjects(
    documents: Documents, model: str, gpu: str, precision: str
) -> tuple[str, str, str] | None:
    try:
        return (
            first_of_shape(documents, model_named(documents, model)),
            gpu_named(documents, gpu).gpu_id,
            precision_named(documents, precision),
        )
    except UnknownSubjectError:
        return None


def nearest_measured(
    documents: Documents,
    model: Model,
    gpu_id: str,
    precision: str,
    gpu_count: float,
    concurrency: float,
    *,
    is_pooled: bool = False,
) -> MeasuredSpeed | None:
    """Return the nearest measured speed: of the model on the GPU, else of either.

    Parameters
    ----------
    documents : Documents
    model : Model
    gpu_id, precision : str
    gpu_count : float
        Of the replica, or of one worker that decodes. [GPU]
    concurrency : float
        Sequences in the batch. [sequence]
    is_pooled : bool
        Whether other GPUs do the prefill. Results of the same kind are nearer than all others.

    Returns
    -------
    MeasuredSpeed or None
        None where neither the model nor the GPU was measured.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> llama = model_named(bundled(), "llama-3.3-70b")
    >>> near = nearest_measured(bundled(), llama, "H200-SXM-141GB", "fp8", 2, 64)
    >>> near.gpu_id, near.precision, near.gpu_count
    ('H200-SXM-141GB', 'fp8', 2.0)
    """
    shape = first_of_shape(documents, model)

    def distance(speed: MeasuredSpeed) -> tuple[float, ...]:
        batch = abs(math.log2(max(concurrency, 1.0) / speed.concurrency))
        return (
            float((speed.layout.decode_workers > 0) != is_pooled),
            float(speed.precision != precision),
            abs(math.log2(gpu_count / speed.gpu_count)),
            batch if math.isfinite(batch) else math.inf,
        )

    for candidates in _candidates(measured_speeds(documents), shape, gpu_id):
        if candidates:
            return min(candidates, key=distance)
    return None


def _candidates(
    speeds: Sequence[MeasuredSpeed], shape: str, gpu_id: str
) -> tuple[list[MeasuredSpeed], ...]:
    of_model = [speed for speed in speeds if speed.model == shape]
    return (
        [speed for speed in of_model if speed.gpu_id == gpu_id],
        of_model,
        [speed for speed in speeds if speed.gpu_id == gpu_id],
    )
