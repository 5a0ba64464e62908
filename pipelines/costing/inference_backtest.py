"""Predicts a file of measured serving results and says how far the predictions are off.

A case file has the columns of a published table: model, GPU, precision, GPU count, lengths,
concurrency, engine, metric and (to be compared) value. The equations are in
``cost_engine.serving``; here is what the columns of such files mean.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cost_engine import serving
from cost_engine.inference import usd_per_million_tokens
from cost_engine.serving import Labels, Load, ServingConstants
from pipelines.costing import serving_reference as reference
from pipelines.costing.serving_reference import Fit, UnknownSubjectError

Floats = NDArray[np.float64]

REQUIRED_COLUMNS = ("model", "precision", "gpu", "n_gpus", "input_len", "output_len", "metric")
SUBJECT_COLUMNS = ("by_gpu", "by_model", "by_engine", "by_metric")
RANDOM_LENGTH_MEAN = 0.9
"""InferenceX draws lengths uniformly between 0.8 and 1 of what it prints."""
MIDDLE_OF_2025 = 2025.5
TENSOR_GROUPS = (1, 2, 4, 8)
"""Replica sizes tried where a table prints only how many GPUs there were. [GPU]"""
DIVIDING_ENGINES = ("trtllm", "trt", "mlperf", "deepseek", "rtp-llm")
"""Engines that run attention data-parallel where that is faster."""
LATENT_BYTES_PER_VALUE = 2.0

MAXIMUM = "max"
THROUGHPUT_METRICS = {
    "output_tok_s_total": "output",
    "total_tok_s_total": "total",
    "output_tok_s_per_gpu": "output_per_gpu",
    "total_tok_s_per_gpu": "total_per_gpu",
    "requests_per_s_total": "requests",
    "output_tok_s_per_user": "pace",
    "tok_s_per_user": "pace",
    "mlperf_offline_tok_s_total": "mlperf",
    "mlperf_server_tok_s_total": "mlperf",
    "mlperf_interactive_tok_s_total": "mlperf",
}
TIME_METRICS = {
    "median_tpot_ms": "tpot",
    "mean_tpot_ms": "tpot",
    "median_ttft_ms": "ttft",
    "mean_ttft_ms": "ttft",
    "usd_per_M_total_tokens_hyperscaler_tco": "usd",
}
UNSCORED_METRICS = {
    "ttft": "time to first token hangs on the queue of the test client: predicted, not scored",
}


@dataclass(frozen=True)
class Cases:
    """Cases as arrays, one entry per scored or predicted row."""

    shape: serving.ModelShape
    chip: serving.Chip
    load: Load
    concurrency: Floats  # NaN: as many as fit
    kind: Labels
    pace_seconds: Floats
    usd_per_gpu_hour: Floats
    model: Labels
    gpu: Labels
    precision: Labels
    report: Labels
    may_divide: NDArray[np.bool_]
    is_fixed: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.concurrency)

    def taken(self, index: NDArray[np.intp]) -> Cases:
        """Return some of the rows."""
        return _taken(self, index)


def _taken(subject: Any, index: NDArray[np.intp]) -> Any:
    if isinstance(subject, Labels):
        return subject.taken(index)
    if isinstance(subject, np.ndarray):
        return subject[index]
    if hasattr(subject, "__dataclass_fields__"):
        changes = {f.name: _taken(getattr(subject, f.name), index) for f in fields(subject)}
        return replace(subject, **changes)
    return subject


def _deepened(subject: Any, axes: int) -> Any:
    """Return rows with further axes after the first, to broadcast against options."""
    if isinstance(subject, Labels):
        return subject.reshaped(subject.codes.shape + (1,) * axes)
    if isinstance(subject, np.ndarray):
        return subject.reshape(subject.shape + (1,) * axes)
    if hasattr(subject, "__dataclass_fields__"):
        changes = {f.name: _deepened(getattr(subject, f.name), axes) for f in fields(subject)}
        return replace(subject, **changes)
    return subject


def read_cases(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read a CSV file of cases.

    Raises
    ------
    ValueError
        If it is not a table of cases; says which columns are wanted.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8 text; wants a CSV file of cases") from None
    lines = csv.DictReader(io.StringIO(text, newline=""))
    header = list(lines.fieldnames or [])
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    if missing:
        raise ValueError(
            f"{path}: no column {', '.join(missing)}; wants {', '.join(REQUIRED_COLUMNS)}, "
            "and to be compared: value"
        )
    rows = [{name: (cell or "") for name, cell in row.items() if name} for row in lines]
    if not rows:
        raise ValueError(f"{path}: a header and no cases")
    return header, rows


def arrays_of(
    rows: Sequence[Mapping[str, str]], fit: Fit
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
            facts.append(_facts(row, fit))
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
        gpu_count=column("gpu_count"),
        is_pipeline=column("is_pipeline", bool),
        is_cache_divided=np.zeros(len(facts), dtype=bool),
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
        model=labels("model"),
        gpu=labels("gpu"),
        precision=labels("precision"),
        report=labels("report"),
        may_divide=column("may_divide", bool),
        is_fixed=column("is_fixed", bool),
    )
    return cases, np.array(places, dtype=np.intp), reasons


def _number(row: Mapping[str, str], name: str) -> float | None:
    text = row.get(name, "").strip()
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _facts(row: Mapping[str, str], fit: Fit) -> dict[str, Any]:
    metric = row["metric"].strip()
    kind = THROUGHPUT_METRICS.get(metric) or TIME_METRICS.get(metric)
    if kind is None:
        raise UnknownSubjectError(
            f"metric {metric!r} is not predicted; there are: "
            + ", ".join([*THROUGHPUT_METRICS, *TIME_METRICS])
        )
    parallelism = row.get("parallelism", "").strip().lower()
    if "disagg" in parallelism:
        raise UnknownSubjectError("separate prefill and decode pools: not modelled case by case")
    count = _number(row, "n_gpus")
    if count is None or count < 1:
        raise UnknownSubjectError("the number of GPUs was not published")
    prompt, answer = _number(row, "input_len"), _number(row, "output_len")
    if not prompt or not answer or prompt < 1 or answer < 1:
        raise UnknownSubjectError("no input or output length")
    gpu = reference.gpu_named(row["gpu"])
    precision = reference.precision_named(row["precision"])
    shape, model_key = _shape(row)
    source = row.get("source", "")
    is_mlperf = kind == "mlperf"
    engine = row.get("engine", "").strip().lower() or ("mlperf" if is_mlperf else "unknown")
    asked = row.get("concurrency", "").strip().lower()
    concurrency = _number(row, "concurrency")
    if concurrency is None and asked not in (MAXIMUM, "server", "offline", "interactive", ""):
        raise UnknownSubjectError(f"concurrency {asked!r} is neither a number nor 'max'")
    pace = np.inf
    if "server" in metric or "interactive" in metric:
        scenario = "interactive" if "interactive" in metric else "server"
        limits = fit.pace_limits.get(model_key, fit.pace_limits["default"])
        pace = limits[scenario]
    price = fit.total_ownership_usd_per_gpu_hour.get(gpu.gpu_id, math.nan)
    if kind == "usd" and math.isnan(price):
        raise UnknownSubjectError(f"{gpu.gpu_id}: no published cost of ownership for this metric")
    scale = RANDOM_LENGTH_MEAN if source.startswith("InferenceX") else 1.0
    is_16_bit = reference.PRECISION_BITS[precision] == 16
    is_latent = shape["latent_dimension"] > 0
    divides = engine in DIVIDING_ENGINES or re.search(r"dp|dep", parallelism) is not None
    is_moe = shape["experts"] > 1
    return {
        "shape": shape,
        "chip": reference.chip_row(gpu, precision),
        "input_tokens": prompt * scale,
        "output_tokens": answer * scale,
        "bytes_per_kv_value": (
            LATENT_BYTES_PER_VALUE if is_16_bit or (is_latent and not divides) else 1.0
        ),
        "engine": engine,
        "gpu_count": count,
        "is_pipeline": re.match(r"pp\d", parallelism) is not None,
        "is_speculative": row.get("spec_decode", "none").strip().lower() not in ("", "none", "off"),
        "years": _year(row.get("date", "")) - MIDDLE_OF_2025,
        "concurrency": math.nan if concurrency is None or is_mlperf else concurrency,
        "kind": kind,
        "pace_seconds": pace,
        "usd_per_gpu_hour": price,
        "model": model_key,
        "gpu": gpu.gpu_id,
        "precision": f"{reference.architecture_key(gpu)}/{precision}",
        "report": " ".join(part for part in (source, row.get("engine", "").strip()) if part),
        "may_divide": divides and is_moe,
        "is_fixed": not is_mlperf,
    }


def _year(text: str) -> float:
    parts = text.strip().split("-")
    try:
        month = float(parts[1]) if len(parts) > 1 else 6.5
        return float(parts[0]) + (month - 0.5) / 12
    except ValueError:
        return MIDDLE_OF_2025


def _shape(row: Mapping[str, str]) -> tuple[dict[str, float], str]:
    """Return the model's shape and key: the row's own columns first, then the reference."""
    name = row["model"]
    shape: dict[str, float] = {}
    key = reference.folded(name)
    try:
        model = reference.model_named(name)
        key = model.model_id
        shape = reference.shape_row(model)
    except UnknownSubjectError:
        pass
    total, active = _number(row, "total_params_b"), _number(row, "active_params_b")
    if not shape:
        shape = _shape_of_columns(row, total, active)
    else:
        if total:
            shape["routed_expert_parameters"] *= total * 1e9 / shape["parameters"]
            shape["parameters"] = total * 1e9
        if active:
            shape["active_parameters"] = active * 1e9
    return shape, key


def _shape_of_columns(
    row: Mapping[str, str], total: float | None, active: float | None
) -> dict[str, float]:
    """Return the shape of a model that the reference does not know.

    What a row does not say follows what such models have in common: heads of 128, 8 experts a
    token, 3 % of a sparse model outside its routed experts.
    """
    layers, hidden = _number(row, "layers"), _number(row, "hidden")
    if total is None or active is None or layers is None or hidden is None:
        raise UnknownSubjectError(
            f"{row['model']}: not a reference model, and the case does not give its size, "
            "layers and width"
        )
    heads_text = row.get("kv_heads", "").strip()
    head_dimension = _number(row, "head_dim") or 128.0
    is_latent = heads_text.upper() == "MLA"
    hybrid = re.match(r"hybrid\s*(\d+)x(\d+)", heads_text.lower())
    kv_heads = _number(row, "kv_heads")
    if kv_heads is None and not is_latent and not hybrid:
        raise UnknownSubjectError(
            f"{row['model']}: not a reference model, attention {heads_text!r} is not described"
        )
    is_moe = active < 0.9 * total
    shared = 0.03 * total
    routed = (total - shared) * 1e9 if is_moe else 0.0
    per_token = 8.0 if active < 0.2 * total else 2.0
    share = max(active - shared, 0.002 * total) / (total - shared)
    return {
        "parameters": total * 1e9,
        "active_parameters": active * 1e9,
        "layers": layers,
        "hidden_size": hidden,
        "attention_heads": hidden / 128,
        "kv_heads": float(hybrid[2]) if hybrid else kv_heads or 1.0,
        "head_dimension": 128.0 if is_latent else head_dimension,
        "full_attention_layers": float(hybrid[1]) if hybrid else layers,
        "routed_expert_parameters": routed,
        "experts": per_token / share if is_moe else 1.0,
        "experts_per_token": per_token if is_moe else 1.0,
        "sliding_layers": 0.0,
        "sliding_window_tokens": 0.0,
        "latent_dimension": head_dimension if is_latent else 0.0,
        "sparse_attention_tokens": np.inf,
        "index_bytes_per_token_layer": 0.0,
    }


def physics(cases: Cases, constants: ServingConstants) -> Floats:
    """Return what the equations predict for each case, in the unit of its metric.

    NaN where not one request fits in memory.
    """
    result = np.full(len(cases), np.nan)
    fixed = np.flatnonzero(cases.is_fixed)
    if len(fixed):
        result[fixed] = _fixed(cases.taken(fixed), constants)
    free = np.flatnonzero(~cases.is_fixed)
    if len(free):
        result[free] = _best_replicas(cases.taken(free), constants)
    return result


def _fixed(cases: Cases, constants: ServingConstants) -> Floats:
    """Predict cases whose parallelism is printed."""
    points = []
    for is_divided in (False, True):
        load = replace(cases.load, is_cache_divided=cases.may_divide & is_divided)
        most = constants["batch_limit"] * np.where(load.is_cache_divided, load.gpu_count, 1.0)
        users = np.where(np.isnan(cases.concurrency), most, cases.concurrency)
        points.append(serving.closed_loop(constants, cases.shape, cases.chip, load, users))
    joint, divided = points
    is_better = divided.requests_per_second > joint.requests_per_second

    def best(name: str) -> Floats:
        return np.where(is_better, getattr(divided, name), getattr(joint, name))

    count = cases.load.gpu_count
    per_gpu = best("tokens_per_second_per_gpu")
    safe = np.where(per_gpu > 0, per_gpu, np.nan)
    by_kind = {
        "output": best("output_tokens_per_second"),
        "output_per_gpu": best("output_tokens_per_second") / count,
        "total": per_gpu * count,
        "total_per_gpu": per_gpu,
        "requests": best("requests_per_second"),
        "pace": 1 / best("time_per_output_token_seconds"),
        "tpot": best("time_per_output_token_seconds") * 1e3,
        "ttft": best("time_to_first_token_seconds") * 1e3,
        "usd": usd_per_million_tokens(cases.usd_per_gpu_hour, 1.0, safe),
    }
    nothing = np.full(len(cases), np.nan)
    choices = np.stack([by_kind.get(name, nothing) for name in cases.kind.names])
    chosen = choices[cases.kind.codes, np.arange(len(cases))]
    return np.where((best("requests_per_second") > 0) & np.isfinite(chosen), chosen, np.nan)


def _best_replicas(cases: Cases, constants: ServingConstants) -> Floats:
    """Predict cases that print GPUs only: the best size of replica, at the pace allowed."""
    total = cases.load.gpu_count
    sizes = np.minimum(np.array(TENSOR_GROUPS, dtype=float)[None, :], total[:, None])
    deep = _deepened(cases, 1)
    load = replace(deep.load, gpu_count=sizes, is_cache_divided=deep.may_divide & (sizes > 1))
    pace = deep.pace_seconds * constants.values.get("pace_margin", 1.0)
    most = constants["batch_limit"] * np.where(load.is_cache_divided, sizes, 1.0)
    users = serving.concurrency_at_pace(constants, deep.shape, deep.chip, load, pace, most)
    point = serving.closed_loop(
        constants, deep.shape, deep.chip, load, np.maximum(np.asarray(users), 1e-9)
    )
    output = np.where(
        np.asarray(users) >= 1, point.output_tokens_per_second * total[:, None] / sizes, 0.0
    ).max(axis=1)
    output *= constants.values.get("tuned_speed", 1.0)
    output *= np.where(
        np.isfinite(cases.pace_seconds), constants.values.get("arrival_efficiency", 1.0), 1.0
    )
    return np.where(output > 0, output, np.nan)


def residual_factor(cases: Cases, constants: ServingConstants) -> Floats:
    """Return the shrunken speed factors of what was measured; 1 for what was not."""
    factor: Floats = (
        constants.factor("model_speed", cases.model)
        * constants.factor("gpu_speed", cases.gpu)
        * constants.factor("precision_speed", cases.precision)
        * constants.factor("report_speed", cases.report)
    )
    return factor


def is_time(cases: Cases) -> NDArray[np.bool_]:
    """Return where a faster machine makes the metric smaller."""
    flags = np.array([name in TIME_METRICS.values() for name in cases.kind.names])
    return flags[cases.kind.codes]


def predicted(cases: Cases, constants: ServingConstants) -> Floats:
    """Return the prediction for each case, in the unit of its metric; NaN where nothing fits."""
    factor = residual_factor(cases, constants)
    return physics(cases, constants) * np.where(is_time(cases), 1 / factor, factor)


@dataclass(frozen=True)
class Summary:
    """How far predictions are off; errors of the ratio predicted / measured."""

    count: int
    median_absolute_error: float
    median_ratio: float
    within_25_percent: float
    within_2x: float

    @classmethod
    def of(cls, ratios: Floats) -> Summary:
        """Summarise ratios.

        Examples
        --------
        >>> Summary.of(np.array([1.0, 1.1, 0.5])).median_absolute_error
        0.1
        """
        errors = np.abs(ratios - 1)
        return cls(
            len(ratios),
            round(float(np.median(errors)), 4),
            round(float(np.median(ratios)), 4),
            round(float(np.mean(errors <= 0.25)), 4),
            round(float(np.mean((ratios >= 0.5) & (ratios <= 2.0))), 4),
        )

    def as_json(self) -> dict[str, float]:
        """Return the summary by name."""
        return {
            "scored": self.count,
            "median_absolute_error": self.median_absolute_error,
            "median_ratio": self.median_ratio,
            "within_25_percent": self.within_25_percent,
            "within_2x": self.within_2x,
        }


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
    header: Sequence[str], rows: Sequence[Mapping[str, str]], fit: Fit | None = None
) -> Backtest:
    """Predict every case and compare it with what was measured.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of mappings
        As from ``read_cases``.
    fit : Fit, optional
        Constants; those of the reference data by default.

    Returns
    -------
    Backtest
    """
    fit = fit or reference.load_fit()
    cases, places, reasons = arrays_of(rows, fit)
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
        kind = TIME_METRICS.get(row["metric"].strip(), "")
        value = _number(row, "value")
        if kind in UNSCORED_METRICS:
            reasons[place] = UNSCORED_METRICS[kind]
        elif "value" in header and (value is None or value <= 0):
            reasons[place] = "no measured value"
    return Backtest(
        header, rows, predictions, [reasons.get(place, "") for place in range(len(rows))], fit
    )
