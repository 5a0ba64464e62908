"""Binds reported training runs and GPUs to the utilisation model of ``cost_engine``.

Here belong the runs as the engine takes them and the model fitted to them. The rows are read in
``warehouse.reference.training_runs``, the regression is in ``cost_engine.training.utilisation``.
"""

from __future__ import annotations

from datetime import date

from cost_engine import compute
from cost_engine.training.utilisation import ReportedRun, Setting, UtilisationModel
from cost_engine.units import DAYS_PER_YEAR
from warehouse.reference import Documents, ReferenceError, read_gpus
from warehouse.reference.documents import once
from warehouse.reference.training_runs import TrainingRunRow, training_run_rows


def decimal_year(day: date) -> float:
    """Return a day as a decimal year.

    Examples
    --------
    >>> round(decimal_year(date(2024, 7, 1)), 2)
    2024.5
    """
    return day.year + (day.timetuple().tm_yday - 1) / DAYS_PER_YEAR


def reported_run(row: TrainingRunRow, documents: Documents) -> ReportedRun:
    """Return a reported run as the engine takes it, its compute six times parameters times tokens.

    Raises
    ------
    ReferenceError
        If its GPU is unknown or has no 16-bit peak.
    """
    gpu = next((gpu for gpu in read_gpus(documents) if gpu.gpu_id == row.gpu_id), None)
    peaks = gpu.dense_flops_per_second if gpu else {}
    peak = peaks.get("bf16", peaks.get("fp16"))
    if gpu is None or peak is None:
        raise ReferenceError(f"training_runs.csv: {row.run_id}: no 16-bit peak of {row.gpu_id!r}")
    setting = Setting(
        parameters=row.parameters,
        active_parameters=row.active_parameters,
        flops=float(compute.training_flops(row.active_parameters, row.training_tokens)),
        peak_flops_per_second=peak,
        year=decimal_year(row.published_on),
        generation=gpu.architecture,
        is_fp8=row.precision == "fp8",
        gpu_count=row.gpu_count,
    )
    return ReportedRun(setting, row.gpu_hours, row.organization)


@once
def utilisation_model(documents: Documents) -> UtilisationModel:
    """Return the model fitted to every run that was not only quoted."""
    return UtilisationModel(
        [reported_run(row, documents) for row in training_run_rows(documents) if row.is_fitted]
    )
