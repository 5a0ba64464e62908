"""What the columns of a table of measured serving results mean, as arrays for the equations.

A case names model, GPU, precision, GPU count, lengths, concurrency, engine and metric, as printed.
The equations are in ``cost_engine.serving.measured``, the comparison in ``inference_backtest``.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cost_engine.memory import SERVED_WEIGHT_BITS, bytes_per_kv_value
from cost_engine.serving.inputs import Labels, Load
from cost_engine.serving.measured import LAYOUTS, Cases
from cost_engine.serving.pools import Pools
from pipelines.derive import mlperf_results
from pipelines.derive import serving_reference as reference
from pipelines.derive.measured_layout import Layout, layout_of
from pipelines.derive.serving_names import (
    UnknownSubjectError,
    architecture_key,
    folded,
    gpu_named,
    model_named,
    precision_named,
)
from pipelines.derive.serving_reference import COMMON_HEAD_DIMENSION, fitted
from warehouse.reference import Documents, bundled
from warehouse.reference.serving import benchmark_names, benchmark_usd_per_gpu_hour

REQUIRED_COLUMNS = ("model", "precision", "gpu", "n_gpus", "input_len", "output_len", "metric")
RANDOM_LENGTH_MEAN = 0.9
"""InferenceX draws lengths uniformly between 0.8 and 1 of what it prints. [1]"""
SOFTWARE_YEAR = 2026.25
"""The software that the constants describe and that answers assume: the newest quarter of the
measured rows. [year]"""
UNDATED_YEAR = 2025.5
"""Year assumed of a result without a date: the middle of the measured rows. [year]"""
MOST_CASES = 200_000
MIDDLE_OF_YEAR = 6.5
"""Month assumed where a table prints the year only. [month]"""
BILLION = 1e9

COMMON_EXPERTS_PER_TOKEN = 8.0
"""Of a very sparse mixture of experts that does not publish it. [1]"""
FEW_EXPERTS_PER_TOKEN = 2.0
"""Of a less sparse one, such as Mixtral. [1]"""
VERY_SPARSE = 0.2
"""Active over all parameters, below which a mixture of experts is very sparse. [1]"""
DENSE = 0.9
"""Active over all parameters, above which a model is dense. [1]"""
COMMON_VOCABULARY = 128_000.0
"""Of a model that does not publish it. [token]"""
SHARED_SHARE = 0.03
"""Parameters of a mixture of experts outside its routed experts. [1]"""
LEAST_ROUTED_SHARE = 0.002
"""Least share of the parameters that a token's routed experts have. [1]"""

NOT_SPECULATIVE = ("", "none", "off", "not stated")
MAXIMUM = "max"
ARRIVALS = (MAXIMUM, "server", "offline", "interactive", "")
THROUGHPUT_METRICS = {
    "output_tok_s_total": "output",
    "total_tok_s_total": "total",
    "output_tok_s_per_gpu": "output_per_gpu",
    "total_tok_s_per_gpu": "total_per_gpu",
    "tok_s_per_gpu_total": "total_per_gpu",
    "requests_per_s_total": "requests",
    "gpu_watts_total": "watts",
    "watts_per_gpu": "watts_per_gpu",
    "output_tok_s_per_user": "pace",
    "tok_s_per_user": "pace",
    "mlperf_offline_tok_s_total": "mlperf",
    "mlperf_server_tok_s_total": "mlperf",
    "mlperf_interactive_tok_s_total": "mlperf",
}
TIME_METRICS = {
    "median_tpot_ms": "tpot",
    "mean_tpot_ms": "tpot",
    "median_itl_ms": "step",
    "gpu_joules_per_output_token": "joules",
    "joules_per_output_token": "joules",
    "median_ttft_ms": "ttft",
    "mean_ttft_ms": "ttft",
    "usd_per_M_total_tokens_hyperscaler_tco": "usd",
}


def read_cases(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read a CSV file of cases.

    Raises
    ------
    ValueError
        If it is not a table of cases. The message names the columns it needs.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8 text; give a CSV file of cases") from None
    try:
        lines = csv.DictReader(io.StringIO(text, newline=""))
        header = list(lines.fieldnames or [])
        rows = [{name: (cell or "") for name, cell in row.items() if name} for row in lines]
    except csv.Error as error:
        raise ValueError(f"{path}: not a CSV table ({error})") from None
    if rows and mlperf_results.is_summary(header):
        rows = [mlperf_results.case_of(bundled(), row) for row in rows]
        header = list(rows[0])
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    if missing:
        raise ValueError(
            f"{path}: no column {', '.join(missing)}; wants {', '.join(REQUIRED_COLUMNS)}, "
            "and to be compared: value"
        )
    if not rows:
        raise ValueError(f"{path}: a header and no cases")
    if len(rows) > MOST_CASES:
        raise ValueError(f"{path}: {len(rows):,} cases; {MOST_CASES:,} are read at most")
    return header, rows


def arrays_of(
    documents: Documents, rows: Sequence[Mapping[str, str]]
) -> tuple[Cases | None, NDArray[np.intp], dict[int, str]]:
    """Turn rows into arrays.

    Returns
    -------
    Cases or None
        Of the rows that can be predicted, or None if there are none.
    array of int
        Their places in ``rows``.
    dict of int to str
        Why each other row cannot be predicted.
    """
    facts: list[dict[str, Any]] = []
    places: list[int] = []
    reasons: dict[int, str] = {}
    for place, row in enumerate(rows):
        try:
            facts.append(_facts(documents, row))
            places.append(place)
        except UnknownSubjectError as error:
            reasons[place] = str(error)
    if not facts:
        return None, np.array(places, dtype=np.intp), reasons

    def column(name: str, kind: type = float) -> Any:
        return np.array([fact[name] for fact in facts], dtype=kind)

    def labels(name: str) -> Labels:
        return Labels.of([fact[name] for fact in facts])

    shape = reference.stacked_shapes([fact["shape"] for fact in facts])
    load = Load(
        input_tokens=column("input_tokens"),
        output_tokens=column("output_tokens"),
        bytes_per_kv_value=column("bytes_per_kv_value"),
        engine=labels("engine"),
        engine_path=labels("engine_path"),
        gpu_count=column("gpu_count"),
        is_pipeline=column("is_pipeline", bool),
        is_cache_divided=column("is_divided", bool),
        is_speculative=column("is_speculative", bool),
        years=column("years"),
    )
    cases = Cases(
        shape=shape,
        chip=reference.stacked_chips([fact["chip"] for fact in facts]),
        load=load,
        concurrency=column("concurrency"),
        kind=labels("kind"),
        pace_seconds=column("pace_seconds"),
        usd_per_gpu_hour=column("usd_per_gpu_hour"),
        board_power_watts=column("board_power_watts"),
        model=labels("model"),
        gpu=labels("gpu"),
        report=labels("report"),
        layout=column("layout", int),
        pools=Pools(
            column("prefill_gpus"),
            column("prefill_workers"),
            column("decode_workers"),
            column("prefill_link"),
            column("is_prefill_divided", bool),
        ),
    )
    return cases, np.array(places, dtype=np.intp), reasons


def finite_number(row: Mapping[str, str], name: str) -> float | None:
    """Return a cell as a number, or None if it is empty, no number, or not finite.

    Examples
    --------
    >>> finite_number({"n_gpus": "8"}, "n_gpus"), finite_number({"n_gpus": "n/a"}, "n_gpus")
    (8.0, None)
    """
    text = row.get(name, "").strip()
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _facts(documents: Documents, row: Mapping[str, str]) -> dict[str, Any]:
    fit = fitted(documents)
    metric = row["metric"].strip()
    kind = THROUGHPUT_METRICS.get(metric) or TIME_METRICS.get(metric)
    if kind is None:
        raise UnknownSubjectError(
            f"metric {metric!r} is not predicted; there are: "
            + ", ".join([*THROUGHPUT_METRICS, *TIME_METRICS])
        )
    layout = layout_of(row)
    prompt, answer = finite_number(row, "input_len"), finite_number(row, "output_len")
    if prompt is None:
        prompt = _prompt_of_task(documents, row)
    if not prompt or not answer or prompt < 1 or answer < 1:
        raise UnknownSubjectError("no input or output length")
    gpu = gpu_named(documents, row["gpu"])
    precision = precision_named(documents, row["precision"])
    shape, model_key = _shape(documents, row)
    source = row.get("source", "")
    is_mlperf = kind == "mlperf"
    engine = _engine(documents, row) or ("mlperf" if is_mlperf else "unknown")
    asked = row.get("concurrency", "").strip().lower()
    concurrency = finite_number(row, "concurrency")
    if concurrency is None and asked not in ARRIVALS:
        raise UnknownSubjectError(f"concurrency {asked!r} is neither a number nor 'max'")
    pace = np.inf
    if "server" in metric or "interactive" in metric:
        scenario = "interactive" if "interactive" in metric else "server"
        limits = fit.pace_limits.get(model_key, fit.pace_limits["default"])
        pace = limits[scenario]
    printed = benchmark_usd_per_gpu_hour(documents, "total_ownership", _day(row.get("date", "")))
    price = printed.get(gpu.gpu_id, math.nan)
    if kind == "usd" and math.isnan(price):
        raise UnknownSubjectError(f"{gpu.gpu_id}: no published cost of ownership for this metric")
    scale = RANDOM_LENGTH_MEAN if source.startswith("InferenceX") else 1.0
    chip = reference.chip_row(documents, gpu, precision)
    link = chip["link_bandwidth_bytes_per_second"]
    chip["link_bandwidth_bytes_per_second"] = reference.replica_link(
        gpu, link, 0.0 if is_mlperf else layout.gpu_count
    )
    is_latent = shape["latent_dimension"] > 0
    is_moe = shape["experts"] > 1
    divides = layout.is_divided
    if divides is None and engine not in benchmark_names(documents)["engine"]:
        divides = False
    # A compressed cache stays in 16 bits where attention is not data-parallel.
    cache_bits = 16 if is_latent and divides is False else SERVED_WEIGHT_BITS[precision]
    return {
        "shape": shape,
        "chip": chip,
        "input_tokens": prompt * scale,
        "output_tokens": answer * scale,
        "bytes_per_kv_value": bytes_per_kv_value(cache_bits),
        "engine": engine,
        "gpu_count": layout.gpu_count,
        "is_pipeline": layout.is_pipeline,
        "is_divided": bool(divides),
        "is_speculative": row.get("spec_decode", "").strip().lower() not in NOT_SPECULATIVE,
        "years": _year(row.get("date", "")) - SOFTWARE_YEAR,
        "concurrency": math.nan if concurrency is None or is_mlperf else concurrency,
        "kind": kind,
        "pace_seconds": pace,
        "usd_per_gpu_hour": price,
        "board_power_watts": gpu.board_power_watts or math.nan,
        "model": model_key,
        "gpu": gpu.gpu_id,
        "engine_path": f"{engine}/{architecture_key(documents, gpu)}",
        "report": " ".join(part for part in (source, row.get("engine", "").strip()) if part),
        "layout": LAYOUTS.index(_layout_name(layout, divides, is_moe, is_mlperf)),
        "prefill_gpus": layout.prefill_gpus,
        "prefill_link": reference.replica_link(gpu, link, layout.prefill_gpus),
        "is_prefill_divided": layout.is_prefill_divided,
        "prefill_workers": layout.prefill_workers,
        "decode_workers": layout.decode_workers,
    }


def _layout_name(layout: Layout, divides: bool | None, is_moe: bool, is_mlperf: bool) -> str:
    """Return one of ``LAYOUTS``."""
    if is_mlperf:
        return "replicas"
    if layout.decode_workers:
        return "pools"
    if divides is None:
        return "unstated" if is_moe and layout.gpu_count > 1 else "joint"
    return "divided" if divides else "joint"


def _prompt_of_task(documents: Documents, row: Mapping[str, str]) -> float | None:
    """Return the assumed prompt of a named task, None where the row names none [token]."""
    found = re.search(r'"task":\s*"([^"]+)"', row.get("layout", ""))
    tokens = benchmark_names(documents)["task"].get(folded(found[1])) if found else None
    return None if tokens is None else float(tokens)


def _engine(documents: Documents, row: Mapping[str, str]) -> str:
    """Return the serving engine of a case: what a router or a transport is put around."""
    printed = row.get("engine", "").strip().lower()
    return benchmark_names(documents)["serving_engine"].get(folded(printed), printed)


def _day(text: str) -> date:
    """Return the day of a result, one before all revisions where it prints none."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return date.min


def _year(text: str) -> float:
    parts = text.strip().split("-")
    try:
        month = float(parts[1]) if len(parts) > 1 else MIDDLE_OF_YEAR
        return float(parts[0]) + (month - 0.5) / 12
    except ValueError:
        return UNDATED_YEAR


def _shape(documents: Documents, row: Mapping[str, str]) -> tuple[dict[str, float], str]:
    """Return the model's shape and key: the row's own columns first, then the reference."""
    name = row["model"]
    shape: dict[str, float] = {}
    key = folded(name)
    try:
        model = model_named(documents, name)
        key = reference.first_of_shape(documents, model)
        shape = reference.shape_row(model)
    except UnknownSubjectError:
        pass
    total, active = finite_number(row, "total_params_b"), finite_number(row, "active_params_b")
    if not shape:
        shape = _shape_of_columns(row, total, active)
    else:
        if total:
            shape["routed_expert_parameters"] *= total * BILLION / shape["parameters"]
            shape["parameters"] = total * BILLION
        if active:
            shape["active_parameters"] = active * BILLION
    return shape, key


def _shape_of_columns(
    row: Mapping[str, str], total: float | None, active: float | None
) -> dict[str, float]:
    """Return the shape of a model that the reference does not know.

    What a row leaves out follows what such models have in common, see the constants above.
    """
    layers, hidden = finite_number(row, "layers"), finite_number(row, "hidden")
    if total is None or active is None or layers is None or hidden is None:
        raise UnknownSubjectError(
            f"{row['model']}: not a reference model, and the case does not give its size, "
            "layers and width"
        )
    heads_text = row.get("kv_heads", "").strip()
    head_dimension = finite_number(row, "head_dim") or COMMON_HEAD_DIMENSION
    is_latent = heads_text.upper() == "MLA"
    hybrid = re.match(r"hybrid\s*(\d+)x(\d+)", heads_text.lower())
    kv_heads = finite_number(row, "kv_heads")
    if kv_heads is None and not is_latent and not hybrid:
        raise UnknownSubjectError(
            f"{row['model']}: not a reference model, attention {heads_text!r} is not described"
        )
    is_moe = active < DENSE * total
    shared = SHARED_SHARE * total
    routed = (total - shared) * BILLION if is_moe else 0.0
    per_token = COMMON_EXPERTS_PER_TOKEN if active < VERY_SPARSE * total else FEW_EXPERTS_PER_TOKEN
    share = max(active - shared, LEAST_ROUTED_SHARE * total) / (total - shared)
    return {
        "parameters": total * BILLION,
        "active_parameters": active * BILLION,
        "layers": layers,
        "hidden_size": hidden,
        "attention_heads": hidden / COMMON_HEAD_DIMENSION,
        "kv_heads": float(hybrid[2]) if hybrid else kv_heads or 1.0,
        "head_dimension": COMMON_HEAD_DIMENSION if is_latent else head_dimension,
        "full_attention_layers": float(hybrid[1]) if hybrid else layers,
        "routed_expert_parameters": routed,
        "experts": per_token / share if is_moe else 1.0,
        "experts_per_token": per_token if is_moe else 1.0,
        "vocabulary_parameters": COMMON_VOCABULARY * hidden,
        "ties_embeddings": 0.0,
        "four_bit_overhead": 0.0,
        "sliding_layers": 0.0,
        "sliding_window_tokens": 0.0,
        "latent_dimension": head_dimension if is_latent else 0.0,
        "sparse_attention_tokens": np.inf,
        "index_bytes_per_token_layer": 0.0,
    }
