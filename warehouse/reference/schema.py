"""The schema of the YAML documents: what each file may hold, in which unit, and by whose word.

Pydantic models of the files as people write them. The build holds every file against them; editors
use the JSON schema that ``python -m warehouse.reference.schema`` writes to ``data/schema``. The
readers beside this module trust what was checked here, so that an answer need not load pydantic.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from warehouse.reference.documents import REFERENCE_FOLDER
from warehouse.reference.schema_figures import (
    AnyFigure,
    Bytes,
    BytesPerSecond,
    Count,
    DateLeaf,
    Day,
    Flops,
    FlopsPerSecond,
    Fraction,
    Hours,
    Rate,
    Ratio,
    Seconds,
    Strict,
    Text,
    Url,
    Usd,
    Watts,
)

SCHEMA_FOLDER = REFERENCE_FOLDER / "schema"

Precision: TypeAlias = Literal[
    "fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp6", "fp4", "int4"
]


class Source(Strict):
    """Where figures come from."""

    title: Text
    url: Url
    retrieved_on: Day


class File(Strict):
    """A file: its sources, which its leaves name, and lists of subjects."""

    sources: dict[str, Source] = Field(default_factory=dict)


class Peak(Strict):
    """Throughput of one precision; sparse with 2:4 structured sparsity."""

    dense: FlopsPerSecond | None = None
    sparse: FlopsPerSecond | None = None


class Gpu(Strict):
    """An accelerator as one rents it; see the fields of ``gpus.Gpu``."""

    gpu_id: Text
    name: Text
    vendor: Text
    architecture: Text
    gpu_class: Literal["data_center", "workstation", "consumer"]
    form_factor: Text | None = None
    link_kind: Text | None = None
    is_coarse: StrictBool = False
    note: Text | None = None
    released_on: DateLeaf | None = None
    memory_bytes: Bytes | None = None
    driver_visible_memory_bytes: Bytes | None = None
    bandwidth_bytes_per_second: BytesPerSecond | None = None
    link_bandwidth_bytes_per_second: BytesPerSecond | None = None
    scale_up_gpu_count: Count | None = None
    board_power_watts: Watts | None = None
    facility_watts: Watts | None = None
    purchase_usd: Usd | None = None
    peaks: dict[Precision, Peak] = Field(default_factory=dict)


class GpuFile(File):
    """A file of ``gpus/``."""

    gpus: list[Gpu]


class Model(Strict):
    """A reference model: its architecture and its training."""

    model_id: Text
    name: Text
    organization: Text
    is_open_weights: StrictBool
    ties_embeddings: StrictBool | None = None
    native_precision: Text | None = None
    attention: Literal["mha", "mqa", "gqa", "mla"] | None = None
    epoch_model_name: Text | None = None
    training_gpu_id: Text | None = None
    published_on: DateLeaf | None = None
    parameters: Count | None = None
    active_parameters: Count | None = None
    layers: Count | None = None
    hidden_size: Count | None = None
    attention_heads: Count | None = None
    kv_heads: Count | None = None
    head_dimension: Count | None = None
    kv_lora_rank: Count | None = None
    rope_head_dimension: Count | None = None
    index_head_dimension: Count | None = None
    four_bit_overhead: Ratio | None = None
    index_top_tokens: Count | None = None
    full_attention_layers: Count | None = None
    sliding_window_layers: Count | None = None
    sliding_window_tokens: Count | None = None
    linear_attention_layers: Count | None = None
    experts: Count | None = None
    experts_per_token: Count | None = None
    routed_expert_parameters: Count | None = None
    context_limit_tokens: Count | None = None
    vocabulary_size: Count | None = None
    training_tokens: Count | None = None
    training_flops: Flops | None = None
    training_gpu_hours: Hours | None = None
    training_utilisation_fraction: Fraction | None = None


class ModelFile(File):
    """A file of ``models/``."""

    models: list[Model]


class Facility(Strict):
    """A data centre around the GPUs."""

    facility_id: Text
    name: Text
    power_usage_effectiveness: Ratio
    electricity_usd_per_kwh: Rate
    server_power_factor: Ratio


class ServiceLevel(Strict):
    """The speed that one user needs."""

    service_level_id: Text
    name: Text
    tokens_per_second_per_user: Rate


class MarketNoise(Strict):
    """How much the price of a provider moves by itself."""

    market_noise_id: Text
    name: Text
    log_variance_per_month: Ratio
    spread_log_deviation: Ratio | None = None


class Spot(Strict):
    """How a job protects itself against interruption."""

    spot_id: Text
    name: Text
    checkpoint_seconds: Seconds
    restart_seconds: Seconds


class Training(Strict):
    """What the cost of a training project has beside its final run."""

    training_id: Text
    name: Text
    runs_multiplier: Ratio
    goodput_fraction: Fraction
    tokens_per_parameter: Rate


class Utilisation(Strict):
    """The share of a peak that is reached, with its range."""

    utilisation_id: Text
    name: Text
    low_fraction: Fraction
    central_fraction: Fraction
    high_fraction: Fraction


class Workload(Strict):
    """The lengths of one request."""

    workload_id: Text
    name: Text
    input_tokens: Count
    output_tokens: Count
    cached_fraction: Fraction | None = None
    service_level_id: Text


class ScenarioFile(File):
    """A file of ``scenarios/``."""

    facilities: list[Facility] = Field(default_factory=list)
    market_noises: list[MarketNoise] = Field(default_factory=list)
    service_levels: list[ServiceLevel] = Field(default_factory=list)
    spots: list[Spot] = Field(default_factory=list)
    trainings: list[Training] = Field(default_factory=list)
    utilisations: list[Utilisation] = Field(default_factory=list)
    workloads: list[Workload] = Field(default_factory=list)


class Correction(Strict):
    """One cell of a source's table that is not used as published."""

    table: Text
    key: Text
    column: Text
    as_published: StrictInt | StrictFloat
    corrected: AnyFigure
    reason: Text


class CorrectionFile(File):
    """The file ``corrections.yaml``."""

    corrections: list[Correction]


class ImageModel(Strict):
    """An image model and how it is run."""

    image_model_id: Text
    name: Text
    is_guided: StrictBool
    parameters: Count
    step_flops: Flops
    decoder_flops: Flops
    encoder_flops: Flops
    steps: Count
    memory_bytes: Bytes


class MeasuredImages(Strict):
    """The speed of one GPU with an image model: the median of the submissions."""

    image_model_id: Text
    gpu_id: Text
    images_per_second_per_gpu: StrictInt | StrictFloat
    submissions: StrictInt
    precision: Precision
    source: StrictStr


class ImageFile(File):
    """The file ``image_models.yaml``."""

    image_models: list[ImageModel]
    measured: list[MeasuredImages]


class Figures(Strict):
    """Figures of one kind by name."""

    unit: Literal["ratio", "usd_per_gpu_hour"]
    source: StrictStr
    note: Text | None = None
    values: dict[str, StrictInt | StrictFloat]


class PaceLimits(Strict):
    """The time per token that a benchmark allows, by model and scenario."""

    unit: Literal["seconds"]
    source: StrictStr
    note: Text | None = None
    values: dict[str, dict[Literal["server", "interactive"], StrictFloat]]


class Fit(Strict):
    """How well the constants describe the rows they were fitted to, and others."""

    fitted_on: Day
    source: Text
    rows: StrictInt
    errors: dict[str, StrictInt | StrictFloat]
    error_log_sd: dict[
        Literal["pair", "gpu", "model", "pooled_pair", "pooled_gpu", "pooled_model"], StrictFloat
    ]
    measured_range: dict[str, tuple[float, float]]
    measured_gpus: list[Text]
    measured_pooled_gpus: list[Text]


class ServingFile(File):
    """The file ``serving_constants.yaml``."""

    mlperf_seconds_per_token: PaceLimits
    constants: dict[str, AnyFigure]
    tables: dict[str, Figures]
    fit: Fit


FILES: Mapping[str, type[File]] = {
    "gpus": GpuFile,
    "models": ModelFile,
    "scenarios": ScenarioFile,
    "corrections": CorrectionFile,
    "image_models": ImageFile,
    "serving_constants": ServingFile,
}


def json_schemas() -> dict[str, str]:
    """Return the JSON schema of every kind of file, as text, by file name."""
    return {
        f"{name}.json": json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
        for name, model in FILES.items()
    }


def main() -> None:
    """Write the JSON schemas that editors use."""
    SCHEMA_FOLDER.mkdir(exist_ok=True)
    for name, text in json_schemas().items():
        (SCHEMA_FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
