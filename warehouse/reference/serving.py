"""What serving costs take from others: fitted constants, measured rows, image models, list prices.

Here belong the typed rows of these documents. The objects of the cost engine that are made of them
are not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from warehouse.reference.documents import CsvTable, Documents, once, typed_rows
from warehouse.reference.leaves import entries

CONSTANTS = "serving_constants.yaml"
IMAGES = "image_models.yaml"
VALIDATION = "serving_validation.csv"
CONCURRENCY_BANDS = ((1, "1-31"), (32, "32-128"), (129, "129+"))
"""The fewest sequences of a band, and its name in ``serving_validation.csv``."""


@dataclass(frozen=True, slots=True)
class ServingFigures:
    """The fitted constants of serving, how well they fit, and what benchmark tables assume."""

    constants: Mapping[str, float]  # a constant of a table as "table.key"; in the unit of its leaf
    fitted_on: str
    source: str
    rows: int
    errors: Mapping[str, float]
    error_log_sd: Mapping[str, float]
    measured_range: Mapping[str, Sequence[float]]
    measured_gpus: Sequence[str]
    measured_pooled_gpus: Sequence[str]  # with separate prefill and decoding
    pace_limits: Mapping[str, Mapping[str, float]]  # seconds per token by model and scenario


@dataclass(frozen=True, slots=True)
class ApiPriceMedian:
    """The middle price of a model over the providers of its API."""

    model_id: str
    provider_count: int
    low_usd_per_million_tokens: float
    median_usd_per_million_tokens: float
    high_usd_per_million_tokens: float
    unit: str
    source_url: str
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class MarginScenario:
    """A way to come by GPUs for which the margins of list prices are computed."""

    scenario_id: str
    purchase_model: str  # on_demand, reserved or owned
    commitment_months: int | None
    market_family: str | None  # None: owned
    reference_region: str | None
    gpu_ids: str  # separated by spaces
    note: str


@dataclass(frozen=True, slots=True)
class ImageModelFigures:
    """An image model and how it is run, in FLOP and bytes."""

    image_model_id: str
    name: str
    is_guided: bool
    parameters: float
    step_flops: float
    decoder_flops: float
    encoder_flops: float
    steps: float
    memory_bytes: float


@dataclass(frozen=True, slots=True)
class MeasuredImages:
    """A measured speed of an image model on one GPU."""

    image_model_id: str
    gpu_id: str
    images_per_second_per_gpu: float


@dataclass(frozen=True, slots=True)
class BenchmarkName:
    """What a name in a benchmark table means.

    ``kind`` is gpu (a folded name means a gpu_id), precision (a spelling means a precision),
    architecture (one shares the constants of another) or engine (how it runs attention).
    """

    kind: str
    printed: str
    meaning: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class BenchmarkPrice:
    """What a benchmark counts for a GPU-hour from a day on, None for its first figures.

    ``kind`` is total_ownership or three_year_rental.
    """

    gpu_id: str
    kind: str
    valid_from: date | None
    usd_per_gpu_hour: float
    unit: str
    source_url: str
    retrieved_on: date
    note: str = ""


@once
def benchmark_prices(documents: Documents) -> tuple[BenchmarkPrice, ...]:
    """Return what benchmarks count for GPU-hours, oldest first."""
    rows = typed_rows(documents, "benchmark_prices", BenchmarkPrice)
    return tuple(sorted(rows, key=lambda row: row.valid_from or date.min))


def benchmark_usd_per_gpu_hour(
    documents: Documents, kind: str, on: date | None = None
) -> Mapping[str, float]:
    """Return what a benchmark counted on a day by GPU, the newest by default [USD / (GPU h)].

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> [benchmark_usd_per_gpu_hour(bundled(), "total_ownership", on)["H100-SXM-80GB"]
    ...     for on in (date(2026, 6, 30), date(2026, 7, 1))]
    [1.3, 1.17]
    """
    return {
        row.gpu_id: row.usd_per_gpu_hour
        for row in benchmark_prices(documents)
        if row.kind == kind and (on is None or (row.valid_from or date.min) <= on)
    }


@dataclass(frozen=True, slots=True)
class ValidationRow:
    """How far predictions of one slice of the measured rows are off. Errors are of the ratio.

    ``left_out`` names the groups that the fit had not seen: pair, gpu, model, engine, time (later
    months), or nothing. ``rows_of`` is all, or bundled where only the rows of the project count.
    """

    left_out: str
    rows_of: str
    by: str
    name: str
    serving_mode: str
    rows: int
    pairs: int
    median_absolute_error: float
    median_absolute_error_sd: float  # when whole (model, GPU) pairs are drawn again
    mean_absolute_error: float
    median_ratio: float
    within_25_percent: float
    within_2x: float


@once
def validation_rows(documents: Documents) -> tuple[ValidationRow, ...]:
    """Return the recorded errors of the serving model, none where documents are older."""
    if VALIDATION not in documents.names():
        return ()
    return typed_rows(documents, "serving_validation", ValidationRow)


def concurrency_band(sequences: float) -> str:
    """Return the name of the band that a number of sequences is in.

    Examples
    --------
    >>> [concurrency_band(sequences) for sequences in (0.5, 31.9, 32, 5000)]
    ['1-31', '1-31', '32-128', '129+']
    """
    names = [name for fewest, name in CONCURRENCY_BANDS if sequences >= fewest]
    return names[-1] if names else CONCURRENCY_BANDS[0][1]


@once
def serving_figures(documents: Documents) -> ServingFigures:
    """Return the figures of ``serving_constants.yaml``.

    Raises
    ------
    ReferenceError
        If a figure has no unit or no source.
    """
    content = documents.content(CONSTANTS)
    constants = {name: float(leaf["value"]) for name, leaf in content["constants"].items()}
    for table, entry in content["tables"].items():
        constants |= {f"{table}.{key}": float(value) for key, value in entry["values"].items()}
    fit = content["fit"]
    return ServingFigures(
        constants=constants,
        fitted_on=fit["fitted_on"],
        source=fit["source"],
        rows=fit["rows"],
        errors=fit["errors"],
        error_log_sd=fit["error_log_sd"],
        measured_range=fit["measured_range"],
        measured_gpus=fit["measured_gpus"],
        measured_pooled_gpus=fit.get("measured_pooled_gpus", ()),
        pace_limits=content["mlperf_seconds_per_token"]["values"],
    )


def constant_leaves(documents: Documents) -> Mapping[str, Mapping[str, Any]]:
    """Return the fitted constants with value, unit and source, as they are written."""
    leaves: Mapping[str, Mapping[str, Any]] = documents.content(CONSTANTS)["constants"]
    return leaves


def measured_table(documents: Documents) -> CsvTable:
    """Return the measured rows of published inference benchmarks, as text."""
    return documents.table("inference_measured")


@once
def margin_scenarios(documents: Documents) -> tuple[MarginScenario, ...]:
    """Return the ways to come by GPUs; none of a published file that is older than the table."""
    if "margin_scenarios.csv" not in documents.names():
        return ()
    return typed_rows(documents, "margin_scenarios", MarginScenario)


@once
def api_price_medians(documents: Documents) -> tuple[ApiPriceMedian, ...]:
    """Return the middle API prices by model."""
    return typed_rows(documents, "api_price_medians", ApiPriceMedian)


@once
def benchmark_names(documents: Documents) -> Mapping[str, Mapping[str, str]]:
    """Return what names in benchmark tables mean, by kind and printed name."""
    names: dict[str, dict[str, str]] = {}
    for row in typed_rows(documents, "benchmark_names", BenchmarkName):
        names.setdefault(row.kind, {})[row.printed] = row.meaning
    return names


def factor_tables(documents: Documents) -> Mapping[str, Mapping[str, Any]]:
    """Return the tables of fitted factors with values, unit, source and note, as written."""
    tables: Mapping[str, Mapping[str, Any]] = documents.content(CONSTANTS)["tables"]
    return tables


@once
def image_models(documents: Documents) -> tuple[ImageModelFigures, ...]:
    """Return the image models, in file order."""
    return tuple(
        ImageModelFigures(
            image_model_id=str(entry.texts["image_model_id"]),
            name=str(entry.texts["name"]),
            is_guided=entry.texts["is_guided"] is True,
            **{name: float(str(value)) for name, value in entry.values().items()},
        )
        for entry in entries(documents, [IMAGES])
        if entry.list_name == "image_models"
    )


@once
def measured_images(documents: Documents) -> tuple[MeasuredImages, ...]:
    """Return the measured speeds of image models."""
    return tuple(
        MeasuredImages(
            row["image_model_id"], row["gpu_id"], float(row["images_per_second_per_gpu"])
        )
        for row in documents.content(IMAGES)["measured"]
    )
