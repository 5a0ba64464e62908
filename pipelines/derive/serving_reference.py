"""Turns reference data into what the serving equations take: shapes, chips, constants, requests.

The files are read by ``warehouse.reference``, names are understood by ``serving_names``. No
arithmetic of serving (``cost_engine``), no prices, no tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cost_engine.memory import BYTES_PER_WEIGHT, SERVED_WEIGHT_BITS
from cost_engine.serving.calibration import OWN_PAIR_TABLE, Calibration
from cost_engine.serving.inputs import Chip, Labels, ModelShape, ServingConstants
from cost_engine.serving.replicas import Request
from pipelines.derive.own_calibration import own_factors
from pipelines.derive.serving_names import (
    UnknownSubjectError,
    architecture_key,
    known_gpus,
    known_models,
)
from warehouse.reference import Documents, Gpu, Model, read_scenarios
from warehouse.reference.documents import once
from warehouse.reference.serving import serving_figures, validation_rows

PCIE_BYTES_PER_SECOND = 64e9
"""PCIe 5 x16, one direction. A bridge joins cards in pairs only, so larger sets talk over PCIe.
[byte / s]"""

NODE_GPUS = 8
"""GPUs of one machine. [GPU]"""

NETWORK_BYTES_PER_SECOND = 50e9
"""Between machines: one network card of 400 Gbit/s for each GPU. Only machines whose GPUs have a
fast link come with such a network. [byte / s]"""

COMMON_HEAD_DIMENSION = 128.0
"""Width of an attention head where a model does not publish it. [1]"""

COMMON_ROTARY_DIMENSION = 64.0
"""Rotary part of a compressed cache where a model does not publish it, as in DeepSeek-V3. [1]"""


MODEL_TABLES = ("model_speed", "first_token_model")
"""The tables of factors by model."""


@dataclass(frozen=True, kw_only=True)
class Fit(Calibration):
    """The calibration of the serving equations, and the paces that benchmark tables assume."""

    fitted_on: str
    source: str
    rows: int
    errors: Mapping[str, float]
    pace_limits: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Workload:
    """What a request looks like, and the service level that its users expect."""

    workload: str
    name: str
    input_tokens: float
    output_tokens: float
    service_level_id: str

    @property
    def request(self) -> Request:
        """The lengths of one request."""
        return Request(self.input_tokens, self.output_tokens)


@dataclass(frozen=True)
class ServiceLevel:
    """The pace that one user gets, 0 for batch work, where no user waits."""

    service_level_id: str
    tokens_per_second_per_user: float


@once
def fitted(documents: Documents) -> Fit:
    """Return the fitted constants and their errors, and the factors of the user's own machines."""
    figures = serving_figures(documents)
    own = own_factors(documents)
    return Fit(
        constants=ServingConstants(
            {
                **figures.constants,
                **_twin_factors(documents, figures.constants),
                **own,
                **twin_factors(documents, own),
            }
        ),
        error_log_sd=figures.error_log_sd,
        measured_range=figures.measured_range,
        measured_gpus=frozenset(figures.measured_gpus),
        measured_pooled_gpus=frozenset(figures.measured_pooled_gpus),
        fitted_on=figures.fitted_on,
        source=figures.source,
        rows=figures.rows,
        errors=figures.errors,
        pace_limits=figures.pace_limits,
    )


def unseen_errors(documents: Documents) -> Mapping[str, float]:
    """Return the median error of speeds on pairs left out of the fit, by serving mode [1].

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> 0.05 < unseen_errors(bundled())["aggregated"] < 0.2
    True
    """
    together = fitted(documents).errors["unseen_pair_median_absolute_error"]
    return {"aggregated": together} | {
        row.serving_mode: row.median_absolute_error
        for row in validation_rows(documents)
        if (row.left_out, row.rows_of, row.by) == ("pair", "all", "all")
        and row.serving_mode != "either"
    }


@once
def batch_errors(documents: Documents) -> Mapping[tuple[str, str], float]:
    """Return the median error of speeds on pairs left out, by serving mode and band of batch [1].

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> errors = batch_errors(bundled())
    >>> 0.05 < errors["aggregated", "129+"] < errors["disaggregated", "129+"]
    True
    """
    return {
        (row.serving_mode, row.name): row.median_absolute_error
        for row in validation_rows(documents)
        if (row.left_out, row.rows_of, row.by) == ("pair", "all", "concurrency")
    }


def _twin_factors(documents: Documents, constants: Mapping[str, float]) -> dict[str, float]:
    """Return the factors of measured models for the other models of the same shape."""
    factors = {}
    for model_id, model in known_models(documents).items():
        try:
            first = first_of_shape(documents, model)
        except UnknownSubjectError:
            continue
        for table in MODEL_TABLES:
            if f"{table}.{first}" in constants:
                factors[f"{table}.{model_id}"] = constants[f"{table}.{first}"]
    return factors


def twin_factors(documents: Documents, factors: Mapping[str, float]) -> dict[str, float]:
    """Return the own factors of pairs for the other models of the same shape."""
    twins = {}
    for model_id, model in known_models(documents).items():
        try:
            first = first_of_shape(documents, model)
        except UnknownSubjectError:
            continue
        start = f"{OWN_PAIR_TABLE}.{first} on "
        for name, value in factors.items():
            if name.startswith(start):
                twins[f"{OWN_PAIR_TABLE}.{model_id} on {name.removeprefix(start)}"] = value
    return twins


def workloads(documents: Documents) -> list[Workload]:
    """Return the workloads of the reference data."""
    return [
        Workload(
            scenario.scenario_id,
            scenario.name,
            scenario.number("input_tokens"),
            scenario.number("output_tokens"),
            str(scenario.texts.get("service_level_id", "batch")),
        )
        for scenario in read_scenarios(documents)
        if scenario.kind == "workload"
    ]


def service_levels(documents: Documents) -> list[ServiceLevel]:
    """Return the service levels of the reference data."""
    return [
        ServiceLevel(scenario.scenario_id, scenario.number("tokens_per_second_per_user"))
        for scenario in read_scenarios(documents)
        if scenario.kind == "service_level"
    ]


def number(model: Model, name: str) -> float | None:
    """Return a figure of a model, or None if it is not known."""
    value = model.values.get(name)
    return None if value is None else float(str(value))


def shape_row(model: Model) -> dict[str, float]:
    """Return the fields of ``ModelShape`` for one reference model.

    Raises
    ------
    UnknownSubjectError
        If the architecture of the model was not published.
    """
    needed = ("parameters", "active_parameters", "layers", "hidden_size", "attention_heads")
    known = {name: number(model, name) for name in needed}
    latent_rank = number(model, "kv_lora_rank")
    missing = [name for name, value in known.items() if value is None]
    if latent_rank is None:
        missing += [name for name in ("kv_heads", "head_dimension") if number(model, name) is None]
    if number(model, "full_attention_layers") is None:
        missing.append("full_attention_layers")
    if missing:
        raise UnknownSubjectError(
            f"{model.model_id}: its speed cannot be computed, {', '.join(missing)} not published"
        )
    layers = known["layers"] or 0.0
    full = number(model, "full_attention_layers") or 0.0
    window = number(model, "sliding_window_tokens") or 0.0
    if full == 0 and window:  # later weights of such models (Mistral 7B v0.2) dropped the window
        full, window = layers, 0.0
    linear = number(model, "linear_attention_layers") or 0.0
    sliding = number(model, "sliding_window_layers")
    if sliding is None:
        sliding = max(layers - full - linear, 0.0) if window else 0.0
    top = number(model, "index_top_tokens")
    rotary = number(model, "rope_head_dimension") or COMMON_ROTARY_DIMENSION
    return {
        **{name: value or 0.0 for name, value in known.items()},
        "kv_heads": number(model, "kv_heads") or 1.0,
        "head_dimension": number(model, "head_dimension") or COMMON_HEAD_DIMENSION,
        "full_attention_layers": full,
        "routed_expert_parameters": number(model, "routed_expert_parameters") or 0.0,
        "experts": number(model, "experts") or 1.0,
        "experts_per_token": number(model, "experts_per_token") or 1.0,
        "vocabulary_parameters": (number(model, "vocabulary_size") or 0.0)
        * (known["hidden_size"] or 0.0),
        "ties_embeddings": float(bool(model.texts.get("ties_embeddings"))),
        "four_bit_overhead": number(model, "four_bit_overhead") or 0.0,
        "sliding_layers": sliding,
        "sliding_window_tokens": window,
        "latent_dimension": latent_rank + rotary if latent_rank else 0.0,
        "sparse_attention_tokens": np.inf if top is None else top,
        "index_bytes_per_token_layer": number(model, "index_head_dimension") or 0.0,
    }


@once
def _models_by_shape(documents: Documents) -> Mapping[tuple[tuple[str, float], ...], str]:
    first: dict[tuple[tuple[str, float], ...], str] = {}
    for model_id, model in sorted(known_models(documents).items()):
        try:
            shape = tuple(sorted(shape_row(model).items()))
        except UnknownSubjectError:
            continue
        first.setdefault(shape, model_id)
    return first


def first_of_shape(documents: Documents, model: Model) -> str:
    """Return the first model of the same shape, which shares what was measured.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> first_of_shape(bundled(), known_models(bundled())["deepseek-v3"])
    'deepseek-r1'
    """
    shape = tuple(sorted(shape_row(model).items()))
    return _models_by_shape(documents).get(shape, model.model_id)


def stacked_shapes(rows: Sequence[Mapping[str, float]]) -> ModelShape:
    """Return one ``ModelShape`` with an array per field."""
    return ModelShape(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def peak_16_bit(gpu: Gpu) -> float | None:
    """Return the dense 16-bit peak of a GPU, or None if it is not known [FLOP / s]."""
    peaks = gpu.dense_flops_per_second
    return peaks.get("bf16") or peaks.get("fp16")


def replica_link(gpu: Gpu, link_bandwidth_bytes_per_second: float, gpu_count: float) -> float:
    """Return the bandwidth between the GPUs of a replica, which may span machines [byte / s].

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> h100 = known_gpus(bundled())["H100-SXM-80GB"]
    >>> [replica_link(h100, 450e9, count) for count in (8, 16)]
    [450000000000.0, 50000000000.0]
    """
    is_wider = gpu_count > max(gpu.scale_up_gpu_count or NODE_GPUS, NODE_GPUS)
    return min(link_bandwidth_bytes_per_second, NETWORK_BYTES_PER_SECOND if is_wider else np.inf)


def chip_row(documents: Documents, gpu: Gpu, precision: str) -> dict[str, Any]:
    """Return the fields of ``Chip`` for one GPU at one precision of the weights.

    Raises
    ------
    UnknownSubjectError
        If a figure of the GPU is not known.
    """
    memory_bytes = gpu.driver_visible_memory_bytes or gpu.memory_bytes
    half_precision_peak = peak_16_bit(gpu)
    missing = [
        name
        for name, value in (
            ("memory", memory_bytes),
            ("bandwidth", gpu.bandwidth_bytes_per_second),
            ("16-bit peak", half_precision_peak),
        )
        if value is None
    ]
    if missing:
        near = sorted(
            known.gpu_id
            for known in known_gpus(documents).values()
            if known.gpu_id.startswith(gpu.gpu_id + "-") and not known.is_coarse
        )
        raise UnknownSubjectError(
            f"{gpu.gpu_id}: {', '.join(missing)} not known"
            + (f"; choose one of {', '.join(near)}" if near else "")
        )
    bits = SERVED_WEIGHT_BITS[precision]
    native = None if precision == "int4" else gpu.dense_flops_per_second.get(precision)
    if bits == 16:
        native = half_precision_peak
    is_pcie = gpu.form_factor == "PCIe" or not gpu.link_bandwidth_bytes_per_second
    link = gpu.link_bandwidth_bytes_per_second or PCIE_BYTES_PER_SECOND
    return {
        "memory_bytes": float(memory_bytes or 0),
        "bandwidth_bytes_per_second": gpu.bandwidth_bytes_per_second,
        "link_bandwidth_bytes_per_second": min(link, PCIE_BYTES_PER_SECOND) if is_pcie else link,
        "flops_per_second": native or half_precision_peak,
        "flops_per_second_16_bit": half_precision_peak,
        "bytes_per_weight": BYTES_PER_WEIGHT[precision],
        "weight_bits": bits,
        "is_weight_only": native is None,
        "is_pcie": is_pcie,
        "is_amd": gpu.vendor == "amd",
        "architecture": architecture_key(documents, gpu),
        "path": f"{architecture_key(documents, gpu)}/{precision}",
    }


def stacked_chips(rows: Sequence[Mapping[str, Any]]) -> Chip:
    """Return one ``Chip`` with an array per field."""
    arrays: dict[str, Any] = {
        name: np.array([row[name] for row in rows])
        for name in rows[0]
        if name not in ("architecture", "path")
    }
    return Chip(
        architecture=Labels.of([row["architecture"] for row in rows]),
        path=Labels.of([row["path"] for row in rows]),
        **arrays,
    )
