"""Values of docs/methodology/inference.md, from the code and the reference data.

``python -m pipelines.site.methodology.inference`` writes the page; a test holds it equal. The
wording is in the template ``docs/methodology/inference.md.j2``, the sums in ``cost_engine``.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import numpy as np

from cost_engine import hardware, images, napkin
from cost_engine.serving import cost, measured, weights
from cost_engine.serving.loop import closed_loop
from cost_engine.serving.measured import Cases
from cost_engine.serving.roofline import Step, decode_step, engine_speed
from cost_engine.serving.room import sequence_limit
from pipelines.answers.infer import quotes
from pipelines.answers.infer_question import InferQuestion
from pipelines.derive import image_point
from pipelines.derive.gpu_sets import FACILITY
from pipelines.derive.inference_backtest import published_results
from pipelines.derive.measured_case import arrays_of
from pipelines.derive.price_basis import given_price
from pipelines.derive.serving_names import known_gpus, known_models
from pipelines.derive.serving_reference import fitted, peak_16_bit
from pipelines.site.methodology.template import FOLDER, rendered
from warehouse.reference import Documents, bundled, scenario
from warehouse.reference.serving import (
    ValidationRow,
    api_price_medians,
    benchmark_usd_per_gpu_hour,
    constant_leaves,
    factor_tables,
    image_models,
    measured_images,
    validation_rows,
)

PAGE = FOLDER / "inference.md"

GPT_3_PARAMETERS = 175e9
GPT_3_TRAINING_FLOPS = 3.14e23
A100_FLOPS_PER_SECOND = 312e12
NAPKIN_USD_PER_GPU_HOUR = (0.642, 1.0, 2.0, 4.0, 4.493)

CASE = {
    "model": "Llama-3.3-70B",
    "gpu": "H200",
    "precision": "FP8",
    "input_len": "1024",
    "output_len": "1024",
    "concurrency": "128",
}
"""The measured rows that the page works through."""
CASE_USD_PER_GPU_HOUR = 1.60

GROUPS = {
    "nothing": "The rows of the fit (do not quote)",
    "pair": "**(model, GPU) pairs left out**",
    "gpu": "GPUs left out",
    "model": "Models left out",
    "engine": "Engines left out",
    "time": "Months from 2026-02-15 on left out",
}
SLICES = {
    "metric": "metric",
    "concurrency": "concurrency",
    "gpu": "GPU",
    "engine": "engine",
    "precision": "precision",
    "model": "model",
    "prompt": "assumed prompt",
}
IMAGE_GPU = "L40S-48GB"
EXAFLOP_PRECISIONS = ("bf16", "fp8", "fp4")


@dataclass(frozen=True)
class WorkedCase:
    """One measured case with every intermediate result, as plain numbers in SI units."""

    model: str
    printed_tokens: str
    input_tokens: float
    output_tokens: float
    users: float
    sequence_limit: float
    weight_bytes: float
    bandwidth_bytes_per_second: float
    flops_per_second: float
    active_parameters: float
    memory_efficiency: float
    memory_factor: float
    matrix_efficiency: float
    compute_factor: float
    narrow_shard_factor: float
    overlap_exponent: float
    engine_speed: float
    weights: weights.WeightPass
    step: Step
    cycle_seconds: float
    tokens_per_second_per_gpu: float
    time_per_output_token_seconds: float
    residual_factor: float
    corrected_tokens_per_second: float
    corrected_time_per_output_token_seconds: float
    metrics: list[dict[str, Any]]
    usd_per_gpu_hour: float
    usd_per_million_tokens: float


def page(documents: Documents | None = None) -> str:
    """Return the page."""
    known = documents or bundled()
    fit, hall = fitted(known), scenario(known, "facility", FACILITY)
    question = InferQuestion(
        documents=known,
        model=known_models(known)["llama-3.1-8b"],
        input_tokens=3000,
        output_tokens=1000,
        tokens_per_second_per_user=25.0,
        fleet_utilisation_fraction=0.5,
    )
    return rendered(
        "inference",
        {
            "napkin": napkin_rows(),
            "server_power_factor": hall.number("server_power_factor"),
            "power_usage_effectiveness": hall.number("power_usage_effectiveness"),
            "idle_power_fraction": cost.IDLE_POWER_FRACTION,
            "fit": fit,
            "constants": constant_leaves(known),
            "tables": factor_tables(known),
            "errors": fit.errors,
            "validation": validation(known),
            "case": worked_case(known),
            "margin_question": question,
            "margins": margins(question),
            "flops": flop_rows(known),
            **image_values(known),
        },
    )


def napkin_rows() -> list[dict[str, float]]:
    """Return what GPT-3 costs on the napkin, at some prices of an A100."""
    return [
        {
            "usd_per_gpu_hour": usd,
            "usd_per_1k_tokens": napkin.usd_per_1k_tokens(
                GPT_3_PARAMETERS, A100_FLOPS_PER_SECOND, usd
            ),
            "usd_training": napkin.usd_of(GPT_3_TRAINING_FLOPS, A100_FLOPS_PER_SECOND, usd),
        }
        for usd in NAPKIN_USD_PER_GPU_HOUR
    ]


def validation(documents: Documents) -> dict[str, dict[str, list[ValidationRow]]]:
    """Return the recorded errors by group left out, and by slice with pairs left out."""
    rows = [row for row in validation_rows(documents) if row.rows_of == "all"]
    return {
        "groups": {
            title: [row for row in rows if row.left_out == group and row.by == "all"]
            for group, title in GROUPS.items()
        },
        "slices": {
            title: [row for row in rows if row.left_out == "pair" and row.by == by]
            for by, title in SLICES.items()
        },
    }


def worked_case(documents: Documents) -> WorkedCase:
    """Return one measured case worked through with the parts of the engine.

    Raises
    ------
    ValueError
        If the reference data have no such row.
    """
    rows = [
        row
        for row in published_results(documents)[1]
        if all(row[name] == value for name, value in CASE.items())
    ]
    cases, _, _ = arrays_of(documents, rows)
    if cases is None:
        raise ValueError(f"inference_measured.csv: no row of {', '.join(CASE.values())}")
    constants = fitted(documents).constants
    one = cases.taken(np.array([0]))
    shape, chip, load, users = one.shape, one.chip, one.load, one.concurrency
    step = decode_step(constants, shape, chip, load, users)
    point = closed_loop(constants, shape, chip, load, users)
    factor = number(measured.residual_factor(one, constants))
    throughput = number(point.tokens_per_second_per_gpu)
    pace = number(point.time_per_output_token_seconds)
    return WorkedCase(
        model=CASE["model"],
        printed_tokens=CASE["input_len"],
        input_tokens=number(load.input_tokens),
        output_tokens=number(load.output_tokens),
        users=number(users),
        sequence_limit=number(sequence_limit(constants, shape, chip, load)),
        weight_bytes=number(weights.stored_weights(shape, chip).total_bytes),
        bandwidth_bytes_per_second=number(chip.bandwidth_bytes_per_second),
        flops_per_second=number(chip.flops_per_second),
        active_parameters=number(shape.active_parameters),
        memory_efficiency=constants["memory_efficiency"],
        memory_factor=number(constants.factor("architecture_memory", chip.architecture)),
        matrix_efficiency=number(weights.matrix_efficiency(constants, chip)),
        compute_factor=number(constants.factor("architecture_compute", chip.architecture)),
        narrow_shard_factor=number(weights.narrow_shard_factor(constants, shape, load)),
        overlap_exponent=constants["overlap_exponent"],
        engine_speed=number(engine_speed(constants, load)),
        weights=numbers(weights.weight_pass(constants, shape, chip, load, users)),
        step=numbers(step),
        cycle_seconds=number(point.cycle_seconds),
        tokens_per_second_per_gpu=throughput,
        time_per_output_token_seconds=pace,
        residual_factor=factor,
        corrected_tokens_per_second=throughput * factor,
        corrected_time_per_output_token_seconds=pace / factor,
        metrics=case_metrics(documents, cases, rows),
        usd_per_gpu_hour=CASE_USD_PER_GPU_HOUR,
        usd_per_million_tokens=cost.usd_per_million_tokens(
            CASE_USD_PER_GPU_HOUR, 1, throughput * factor
        ),
    )


def case_metrics(
    documents: Documents, cases: Cases, rows: list[dict[str, str]]
) -> list[dict[str, Any]]:
    """Return each metric of the worked case: measured, predicted, and their ratio."""
    predictions = measured.predicted(cases, fitted(documents).constants).tolist()
    return [
        {
            "metric": row["metric"],
            "measured": float(row["value"]),
            "predicted": prediction,
            "ratio": prediction / float(row["value"]),
        }
        for row, prediction in zip(rows, predictions, strict=True)
    ]


def margins(question: InferQuestion) -> list[dict[str, Any]]:
    """Return what open models cost on the cheapest set, against the list prices of their tokens."""
    documents = question.documents
    today = date.fromisoformat(fitted(documents).fitted_on)
    prices = {
        gpu_id: given_price(gpu_id, usd, today)
        for gpu_id, usd in benchmark_usd_per_gpu_hour(documents, "three_year_rental").items()
    }
    rows = []
    for listed in api_price_medians(documents):
        model = known_models(documents)[listed.model_id]
        best = quotes(replace(question, model=model), prices)[0]
        usd, low, high = (
            cost.provisioned_usd_per_million_tokens(best[name], question.fleet_utilisation_fraction)
            for name in ("usd_per_1k_tokens", "low", "high")
        )
        price = listed.median_usd_per_million_tokens
        rows.append(
            {
                "model_id": listed.model_id,
                **{name: best[name] for name in ("gpu_id", "gpu_count", "precision")},
                "cost": usd,
                "cost_low": low,
                "cost_high": high,
                "price": price,
                "price_low": listed.low_usd_per_million_tokens,
                "price_high": listed.high_usd_per_million_tokens,
                "provider_count": listed.provider_count,
                "margin": cost.margin_fraction(usd, price),
                "margin_low": cost.margin_fraction(high, price),
                "margin_high": cost.margin_fraction(low, price),
                "markup": cost.markup_fraction(usd, price),
            }
        )
    return rows


def flop_rows(documents: Documents) -> list[dict[str, Any]]:
    """Return what FLOPs, bytes and bandwidth cost at the published cost of ownership."""
    rows = []
    for gpu_id, usd in benchmark_usd_per_gpu_hour(documents, "total_ownership").items():
        gpu = known_gpus(documents)[gpu_id]
        peaks, bandwidth = gpu.dense_flops_per_second, gpu.bandwidth_bytes_per_second
        rows.append(
            {
                "gpu_id": gpu_id,
                "usd_per_gpu_hour": usd,
                "usd_per_exaflop": [
                    hardware.usd_per_exaflop(usd, peaks[name]) if name in peaks else None
                    for name in EXAFLOP_PRECISIONS
                ],
                "usd_per_terabyte_per_second_hour": hardware.usd_per_terabyte_per_second_hour(
                    usd, bandwidth
                ),
                "usd_per_gigabyte_hour": hardware.usd_per_gigabyte_hour(usd, gpu.memory_bytes),
                "flops_per_byte": hardware.balance_intensity(peaks["bf16"], bandwidth),
                "flops_per_second_per_watt": peaks["bf16"] / (gpu.board_power_watts or math.nan),
            }
        )
    return rows


def image_values(documents: Documents) -> dict[str, Any]:
    """Return what is known of image models: their FLOPs, and each measured GPU left out in turn."""
    reached = image_point.reached_fractions(documents)
    typical = statistics.median(reached.values())
    peak = peak_16_bit(known_gpus(documents)[IMAGE_GPU])
    flops = {
        model.image_model_id: image_point.image_flops(model) for model in image_models(documents)
    }
    predictions = []
    for row in measured_images(documents):
        share = reached[(row.image_model_id, row.gpu_id)]
        others = statistics.median(
            value for (_, gpu_id), value in reached.items() if gpu_id != row.gpu_id
        )
        predicted = images.images_per_second(
            flops[row.image_model_id], peak_16_bit(known_gpus(documents)[row.gpu_id]), others
        )
        predictions.append(
            {
                "gpu_id": row.gpu_id,
                "images_per_second": row.images_per_second_per_gpu,
                "reached_fraction": share,
                "predicted": predicted,
                "ratio": predicted / row.images_per_second_per_gpu,
            }
        )
    return {
        "image_share": typical,
        "image_models": [
            {
                "model": model,
                "flops": flops[model.image_model_id],
                "images_per_second": images.images_per_second(
                    flops[model.image_model_id], peak, typical
                ),
            }
            for model in image_models(documents)
        ],
        "measured_images": predictions,
    }


def number(value: Any) -> float:
    """Return the one number of an array."""
    return float(np.asarray(value).item())


def numbers(record: Any) -> Any:
    """Return a record of arrays of one row as a record of plain numbers."""
    return replace(
        record, **{field.name: number(getattr(record, field.name)) for field in fields(record)}
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
