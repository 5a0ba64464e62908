"""Turns reference data into what the serving equations take: shapes, chips, constants.

Reads ``warehouse/reference`` through its loader. No arithmetic of serving (``cost_engine``), no
prices, no tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cost_engine.memory import BYTES_PER_WEIGHT
from cost_engine.serving import Chip, Labels, ModelShape, ServingConstants
from warehouse.reference import REFERENCE_FOLDER, Gpu, Model, load_csv, load_gpus, load_models

CONSTANTS_FILE = "serving_constants.yaml"
PRECISION_BITS = {"bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "fp4": 4, "int4": 4}
SERVED_PRECISIONS = ("bf16", "fp8", "fp4", "int4")

PCIE_BYTES_PER_SECOND = 64e9
"""PCIe 5 x16, one direction. A bridge joins cards in pairs only, so larger sets talk over PCIe."""

PRECISION_SPELLINGS = {
    "mxfp4": "fp4",
    "nvfp4": "fp4",
    "w4a16": "int4",
    "awq": "int4",
    "w8a8": "int8",
}

BENCHMARK_GPUS = {
    "a100": "A100-SXM-80GB",
    "a10080gb": "A100-SXM-80GB",
    "a100pcie": "A100-PCIE-80GB",
    "h100": "H100-SXM-80GB",
    "h100sxm": "H100-SXM-80GB",
    "h100pcie": "H100-PCIE-80GB",
    "h100nvl": "H100-NVL-94GB",
    "h200": "H200-SXM-141GB",
    "h200nvl": "H200-NVL-141GB",
    "h20": "H20-96GB",
    "h800": "H800-SXM-80GB",
    "gh200": "GH200-96GB",
    "gh200144": "GH200-144GB",
    "gb200": "GB200-186GB",
    "gb300": "GB300-288GB",
    "rtxpro6000": "RTXPRO6000SE-96GB",
}
"""What benchmark tables mean where they print no variant: the SXM part, the server edition."""

MEASURED_AS = {"blackwell_ultra": "blackwell"}
"""Architectures that share the constants of another."""


class UnknownSubjectError(ValueError):
    """A model, GPU or precision that cannot be served; the message says what would work."""


@dataclass(frozen=True)
class Fit:
    """The serving constants and what is known of their fit."""

    constants: ServingConstants
    fitted_on: str
    source: str
    rows: int
    errors: Mapping[str, float]
    error_log_sd: Mapping[str, float]
    total_ownership_usd_per_gpu_hour: Mapping[str, float]
    three_year_rental_usd_per_gpu_hour: Mapping[str, float]
    pace_limits: Mapping[str, Mapping[str, float]]
    measured_range: Mapping[str, Sequence[float]]


@cache
def load_fit(folder: Path = REFERENCE_FOLDER) -> Fit:
    """Return the fitted constants of ``serving_constants.yaml``.

    Raises
    ------
    ValueError
        If a constant has neither source nor fit.
    """
    content: dict[str, Any] = yaml.safe_load((folder / CONSTANTS_FILE).read_text("utf-8"))
    values: dict[str, float] = {}
    for name, leaf in content["constants"].items():
        if "unit" not in leaf or "source" not in leaf:
            raise ValueError(f"{CONSTANTS_FILE}: {name}: a constant needs a unit and a source")
        values[name] = float(leaf["value"])
    for table, entry in content["tables"].items():
        if "unit" not in entry or "source" not in entry:
            raise ValueError(f"{CONSTANTS_FILE}: {table}: a table needs a unit and a source")
        values |= {f"{table}.{key}": float(value) for key, value in entry["values"].items()}
    return Fit(
        constants=ServingConstants(values),
        fitted_on=str(content["fit"]["fitted_on"]),
        source=content["fit"]["source"],
        rows=int(content["fit"]["rows"]),
        errors=content["fit"]["errors"],
        error_log_sd=content["fit"]["error_log_sd"],
        total_ownership_usd_per_gpu_hour=content["total_ownership_usd_per_gpu_hour"]["values"],
        three_year_rental_usd_per_gpu_hour=content["three_year_rental_usd_per_gpu_hour"]["values"],
        pace_limits=content["mlperf_seconds_per_token"]["values"],
        measured_range=content["fit"]["measured_range"],
    )


def folded(name: str) -> str:
    """Return a name without case and punctuation.

    Examples
    --------
    >>> folded("RTX PRO 6000"), folded("Qwen3.5-397B-A17B")
    ('rtxpro6000', 'qwen35397ba17b')
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def known_gpus() -> Mapping[str, Gpu]:
    """Return every GPU of the reference data by its id."""
    return {gpu.gpu_id: gpu for gpu in load_gpus()}


@cache
def known_models() -> Mapping[str, Model]:
    """Return every model of the reference data by its id."""
    return {model.model_id: model for model in load_models()}


@cache
def _gpu_spellings() -> Mapping[str, str]:
    spellings: dict[str, str] = {}
    for row in load_csv("gpu_aliases"):
        texts = [value for value in row.values() if value]
        gpu_id = next((text for text in reversed(texts) if text in known_gpus()), None)
        if gpu_id is None:
            continue
        for text in texts:
            spellings.setdefault(folded(text), gpu_id)
    spellings |= {folded(gpu_id): gpu_id for gpu_id in known_gpus()}
    fine = {folded(gpu_id.rsplit("-", 1)[0]): gpu_id for gpu_id in known_gpus() if "-" in gpu_id}
    return fine | spellings | BENCHMARK_GPUS


def gpu_named(name: str) -> Gpu:
    """Return the GPU that a table or a person means; a bare ``H100`` is the SXM part.

    Raises
    ------
    UnknownSubjectError
        With the ids that look alike.

    Examples
    --------
    >>> gpu_named("H100").gpu_id, gpu_named("MI300X").gpu_id, gpu_named("rtx-pro-6000").gpu_id
    ('H100-SXM-80GB', 'MI300X-192GB', 'RTXPRO6000SE-96GB')
    """
    gpu_id = _gpu_spellings().get(folded(name))
    if gpu_id is None:
        start = folded(name)[:3]
        near = sorted(gpu for gpu in known_gpus() if folded(gpu).startswith(start))[:8]
        raise UnknownSubjectError(
            f"unknown GPU {name!r}; "
            + (f"did you mean {', '.join(near)}?" if near else "see: truecost sql 'from core.gpu'")
        )
    return known_gpus()[gpu_id]


@cache
def _model_spellings() -> Mapping[str, str]:
    spellings = {
        folded(str(row["model_name_printed"])): str(row["model_id"])
        for row in load_csv("model_aliases")
        if row["model_id"] in known_models() and row.get("relation") == "same"
    }
    spellings |= {folded(model.name): model_id for model_id, model in known_models().items()}
    return spellings | {folded(model_id): model_id for model_id in known_models()}


def model_named(name: str) -> Model:
    """Return the reference model that a name means.

    Raises
    ------
    UnknownSubjectError
        With the ids that look alike.

    Examples
    --------
    >>> model_named("Llama-3.3-70B").model_id
    'llama-3.3-70b'
    """
    model_id = _model_spellings().get(folded(name))
    if model_id is None:
        start = re.split(r"[^a-z]", name.lower())[0] or name.lower()
        near = sorted(known for known in known_models() if known.startswith(start[:4]))[:8]
        raise UnknownSubjectError(
            f"unknown model {name!r}; "
            + (
                f"did you mean {', '.join(near)}?"
                if near
                else "see: truecost sql 'select model_id from core.model'"
            )
        )
    return known_models()[model_id]


def precision_named(name: str) -> str:
    """Return the precision that a spelling means.

    Raises
    ------
    UnknownSubjectError
        With the precisions there are.

    Examples
    --------
    >>> precision_named("FP16"), precision_named("NVFP4")
    ('fp16', 'fp4')
    """
    precision = name.strip().lower()
    precision = PRECISION_SPELLINGS.get(precision, precision)
    if precision not in PRECISION_BITS:
        raise UnknownSubjectError(
            f"unknown precision {name!r}; there are: {', '.join(sorted(PRECISION_BITS))}"
        )
    return precision


def number(model: Model, name: str) -> float | None:
    """Return a figure of a model, or None if it is not known."""
    value = model.values.get(name)
    return None if value is None else float(value)  # type: ignore[arg-type]


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
    full = number(model, "full_attention_layers")
    full = layers if full is None else full
    window = number(model, "sliding_window_tokens") or 0.0
    if full == 0 and window:  # later weights of such models (Mistral 7B v0.2) dropped the window
        full, window = layers, 0.0
    linear = number(model, "linear_attention_layers") or 0.0
    sliding = number(model, "sliding_window_layers")
    if sliding is None:
        sliding = max(layers - full - linear, 0.0) if window else 0.0
    index = number(model, "index_head_dimension") or 0.0
    top = number(model, "index_top_tokens")
    return {
        "parameters": known["parameters"] or 0.0,
        "active_parameters": known["active_parameters"] or 0.0,
        "layers": layers,
        "hidden_size": known["hidden_size"] or 0.0,
        "attention_heads": known["attention_heads"] or 0.0,
        "kv_heads": number(model, "kv_heads") or 1.0,
        "head_dimension": number(model, "head_dimension") or 128.0,
        "full_attention_layers": full,
        "routed_expert_parameters": number(model, "routed_expert_parameters") or 0.0,
        "experts": number(model, "experts") or 1.0,
        "experts_per_token": number(model, "experts_per_token") or 1.0,
        "sliding_layers": sliding,
        "sliding_window_tokens": window,
        "latent_dimension": (
            latent_rank + (number(model, "rope_head_dimension") or 64.0) if latent_rank else 0.0
        ),
        "sparse_attention_tokens": np.inf if top is None else top,
        "index_bytes_per_token_layer": index,
    }


def stacked_shapes(rows: Sequence[Mapping[str, float]]) -> ModelShape:
    """Return one ``ModelShape`` with an array per field."""
    return ModelShape(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def chip_row(gpu: Gpu, precision: str) -> dict[str, Any]:
    """Return the fields of ``Chip`` for one GPU at one precision of the weights.

    Raises
    ------
    UnknownSubjectError
        If a figure of the GPU is not known, or the chip cannot hold that precision.
    """
    memory_bytes = gpu.driver_visible_memory_bytes or gpu.memory_bytes
    peaks = gpu.dense_flops_per_second
    peak_16_bit = peaks.get("bf16") or peaks.get("fp16")
    missing = [
        name
        for name, value in (
            ("memory", memory_bytes),
            ("bandwidth", gpu.bandwidth_bytes_per_second),
            ("16-bit peak", peak_16_bit),
        )
        if value is None
    ]
    if missing:
        near = sorted(
            known.gpu_id
            for known in known_gpus().values()
            if known.gpu_id.startswith(gpu.gpu_id + "-") and not known.is_coarse
        )
        raise UnknownSubjectError(
            f"{gpu.gpu_id}: {', '.join(missing)} not known"
            + (f"; choose one of {', '.join(near)}" if near else "")
        )
    native = None if precision == "int4" else peaks.get(precision)
    bits = PRECISION_BITS[precision]
    if bits == 16:
        native = peak_16_bit
    is_pcie = gpu.form_factor == "PCIe" or not gpu.link_bandwidth_bytes_per_second
    link = gpu.link_bandwidth_bytes_per_second or PCIE_BYTES_PER_SECOND
    return {
        "memory_bytes": float(memory_bytes or 0),
        "bandwidth_bytes_per_second": gpu.bandwidth_bytes_per_second,
        "link_bandwidth_bytes_per_second": min(link, PCIE_BYTES_PER_SECOND) if is_pcie else link,
        "flops_per_second": native or peak_16_bit,
        "flops_per_second_16_bit": peak_16_bit,
        "bytes_per_weight": BYTES_PER_WEIGHT[precision],
        "weight_bits": bits,
        "is_weight_only": native is None,
        "is_pcie": is_pcie,
        "is_amd": gpu.vendor == "amd",
        "architecture": architecture_key(gpu),
    }


def architecture_key(gpu: Gpu) -> str:
    """Return under which name the constants of a GPU's architecture are kept.

    Workstation and consumer parts of Blackwell have other tensor cores than the data centre's.

    Examples
    --------
    >>> architecture_key(known_gpus()["B300-288GB"])
    'blackwell'
    """
    architecture = MEASURED_AS.get(gpu.architecture, gpu.architecture)
    if architecture == "blackwell" and gpu.form_factor == "PCIe":
        return "blackwell_workstation"
    return architecture


def stacked_chips(rows: Sequence[Mapping[str, Any]]) -> Chip:
    """Return one ``Chip`` with an array per field."""
    arrays: dict[str, Any] = {
        name: np.array([row[name] for row in rows]) for name in rows[0] if name != "architecture"
    }
    return Chip(architecture=Labels.of([row["architecture"] for row in rows]), **arrays)
