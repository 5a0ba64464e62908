"""Binds the serving equations to the tables: serving points, their cost by day, trends, back-test.

``derive`` is called by the build. How fast a model runs on a set of GPUs hangs on no price, so
the points are computed once per version of equations and reference data, and joined to prices in
SQL (``warehouse/sql/macros/inference.sql``). No formulas here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cost_engine import inference, memory, serving
from cost_engine.serving import Chip, Labels, Load, ModelShape
from cost_engine.trends import decimal_year, fitted_trend
from pipelines.costing import images, inference_backtest
from pipelines.costing import serving_reference as reference
from pipelines.costing.serving_reference import Fit, UnknownSubjectError
from warehouse.reference import REFERENCE_FOLDER, Gpu, Model, Scenario, load_scenarios

if TYPE_CHECKING:
    import duckdb

ENGINE = "typical"
"""No engine of the fit: the mean of those that were measured."""
GPU_COUNTS = (1, 2, 4, 8)
SECOND_NODE = 16
"""Tried only where a node of eight is too small. [GPU]"""
NOBODY_WAITS = "batch"
"""The service level that asks for no pace; workloads that name it get no other."""
NETWORK_BYTES_PER_SECOND = 50e9
"""Between machines: one network card of 400 Gbit/s for each GPU. Only machines whose GPUs have a
fast link come with such a network."""
LEVELS_KEPT = (NOBODY_WAITS, "interactive", "fast")
SMALLEST_MEMORY_BYTES = 11e9
SERVER_POWER_FACTOR = 1.3
FACILITY_PUE = 1.25
"""Where no all-in power is published: board x server x PUE of a rented hall (scenarios)."""
TREND_PRECISIONS = ("fp32", "bf16", "fp8")
TREND_LEVEL = 0.9

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Workload:
    """What a request looks like."""

    workload_id: str
    name: str
    input_tokens: float
    output_tokens: float
    service_level_id: str


@dataclass(frozen=True)
class ServiceLevel:
    """How fast one user wants the answer."""

    service_level_id: str
    tokens_per_second_per_user: float


@dataclass(frozen=True)
class Sets:
    """Models on GPU sets at a precision, as arrays of one row each."""

    model: Labels
    gpu: Labels
    precision: Labels
    gpu_count: Floats
    shape: ModelShape
    chip: Chip
    facility_watts: Floats

    def taken(self, index: NDArray[Any]) -> Sets:
        """Return some of the rows."""
        picked: Sets = _taken(self, index)
        return picked


def _taken(subject: Any, index: NDArray[Any]) -> Any:
    if isinstance(subject, Labels):
        return subject.taken(index)
    if isinstance(subject, np.ndarray):
        return subject[index]
    return replace(
        subject, **{f.name: _taken(getattr(subject, f.name), index) for f in fields(subject)}
    )


def workloads() -> list[Workload]:
    """Return the workloads of the reference data."""
    return [
        Workload(
            scenario.scenario_id,
            scenario.name,
            _figure(scenario, "input_tokens"),
            _figure(scenario, "output_tokens"),
            str(scenario.texts.get("service_level_id", "batch")),
        )
        for scenario in load_scenarios()
        if scenario.kind == "workload"
    ]


def service_levels() -> list[ServiceLevel]:
    """Return the service levels of the reference data."""
    return [
        ServiceLevel(scenario.scenario_id, _figure(scenario, "tokens_per_second_per_user"))
        for scenario in load_scenarios()
        if scenario.kind == "service_level"
    ]


def _figure(scenario: Scenario, name: str) -> float:
    return float(scenario.values[name])  # type: ignore[arg-type]


def facility_watts(gpu: Gpu) -> float:
    """Return the power of one GPU with everything around it; NaN where nothing is known."""
    if gpu.facility_power_watts:
        return gpu.facility_power_watts
    if gpu.board_power_watts:
        return gpu.board_power_watts * SERVER_POWER_FACTOR * FACILITY_PUE
    return math.nan


def served_precisions(gpu: Gpu) -> list[str]:
    """Return the precisions in which a GPU is worth serving: 16, 8 and 4 bits.

    Examples
    --------
    >>> served_precisions(reference.known_gpus()["A100-SXM-80GB"])
    ['bf16', 'int8', 'int4']
    """
    peaks = gpu.dense_flops_per_second
    chosen = ["bf16" if "bf16" in peaks else "fp16"]
    chosen += (
        [next(name for name in ("fp8", "int8") if name in peaks)]
        if ("fp8" in peaks or "int8" in peaks)
        else []
    )
    return [*chosen, "fp4" if "fp4" in peaks else "int4"]


def servable_models() -> list[Model]:
    """Return the open models whose architecture is known."""
    return [
        model
        for model in reference.known_models().values()
        if model.texts.get("is_open_weights") and _has_shape(model)
    ]


def _has_shape(model: Model) -> bool:
    try:
        reference.shape_row(model)
    except UnknownSubjectError:
        return False
    return True


def servable_gpus(gpu_ids: Iterable[str]) -> list[Gpu]:
    """Return those GPUs on which serving can be computed."""
    chosen = []
    for gpu_id in sorted(set(gpu_ids)):
        gpu = reference.known_gpus().get(gpu_id)
        if gpu is None or gpu.is_coarse or gpu.vendor not in ("nvidia", "amd"):
            continue
        try:
            row = reference.chip_row(gpu, served_precisions(gpu)[0])
        except UnknownSubjectError:
            continue
        if row["memory_bytes"] >= SMALLEST_MEMORY_BYTES:
            chosen.append(gpu)
    return chosen


def sets_of(
    models: Sequence[Model],
    gpus: Sequence[Gpu],
    counts: Sequence[int] = (*GPU_COUNTS, SECOND_NODE),
    precisions: Sequence[str] | None = None,
) -> Sets:
    """Return every model on every set of GPUs at every precision, whether it fits or not."""
    shapes = [reference.shape_row(model) for model in models]
    chips = [
        (gpu, precision, reference.chip_row(gpu, precision))
        for gpu in gpus
        for precision in (precisions or served_precisions(gpu))
    ]
    grid = np.indices((len(shapes), len(chips), len(counts))).reshape(3, -1)
    gpu_count = np.array(counts, dtype=float)
    domain = np.array([gpu.scale_up_gpu_count or GPU_COUNTS[-1] for gpu, _, _ in chips])
    is_pcie = np.array([row["is_pcie"] for _, _, row in chips])
    leaves_machine = gpu_count > np.maximum(domain, GPU_COUNTS[-1])[:, None]
    grid = grid[:, ~(leaves_machine & is_pcie[:, None])[grid[1], grid[2]]]
    of_model, of_chip, of_count = grid
    shape = _taken(reference.stacked_shapes(shapes), of_model)
    chip = _taken(reference.stacked_chips([row for _, _, row in chips]), of_chip)
    link = chip.link_bandwidth_bytes_per_second
    network = np.where(leaves_machine[of_chip, of_count], NETWORK_BYTES_PER_SECOND, np.inf)
    chip = replace(chip, link_bandwidth_bytes_per_second=np.minimum(link, network))
    return Sets(
        model=Labels(tuple(model.model_id for model in models), of_model),
        gpu=Labels.of([gpu.gpu_id for gpu, _, _ in chips]).taken(of_chip),
        precision=Labels.of([precision for _, precision, _ in chips]).taken(of_chip),
        gpu_count=gpu_count[of_count],
        shape=shape,
        chip=chip,
        facility_watts=np.array([facility_watts(gpu) for gpu, _, _ in chips])[of_chip],
    )


def load_of(sets: Sets, workload: Workload, is_cache_divided: Any = False) -> Load:
    """Return a workload on sets of GPUs."""
    return Load(
        input_tokens=workload.input_tokens,
        output_tokens=workload.output_tokens,
        bytes_per_kv_value=np.where(np.asarray(sets.chip.weight_bits) >= 16, 2.0, 1.0),
        engine=Labels((ENGINE,), np.zeros(len(sets.gpu_count), dtype=np.intp)),
        gpu_count=sets.gpu_count,
        is_cache_divided=is_cache_divided,
    )


def speed_factor(sets: Sets, fit: Fit) -> Floats:
    """Return the shrunken factors of what was measured; 1 for what was not."""
    keys = [
        f"{architecture}/{precision}"
        for architecture, precision in zip(
            np.array(sets.chip.architecture.names)[sets.chip.architecture.codes],
            np.array(sets.precision.names)[sets.precision.codes],
            strict=True,
        )
    ]
    factor: Floats = (
        fit.constants.factor("model_speed", sets.model)
        * fit.constants.factor("gpu_speed", sets.gpu)
        * fit.constants.factor("precision_speed", Labels.of(keys))
    )
    return factor


def error_log_sd(sets: Sets, workload: Workload, fit: Fit) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the spread of the model's error, and where it goes beyond what was measured."""
    known = fit.constants.values

    def is_known(table: str, labels: Labels) -> NDArray[np.bool_]:
        flags = np.array([f"{table}.{name}" in known for name in labels.names])
        return flags[labels.codes]

    spread = fit.error_log_sd
    has_model, has_gpu = is_known("model_speed", sets.model), is_known("gpu_speed", sets.gpu)
    neither = math.hypot(spread["model"], spread["gpu"])
    base = np.where(
        has_model & has_gpu,
        spread["pair"],
        np.where(has_model, spread["gpu"], np.where(has_gpu, spread["model"], neither)),
    )
    ranges = fit.measured_range
    beyond = [
        inference.extrapolation_factor(sets.gpu_count, *ranges["gpu_count"]),
        inference.extrapolation_factor(workload.input_tokens, *ranges["input_tokens"]),
        inference.extrapolation_factor(workload.output_tokens, *ranges["output_tokens"]),
        inference.extrapolation_factor(sets.shape.parameters, *ranges["parameters"]),
    ]
    is_beyond = np.broadcast_to(
        np.any(np.stack(np.broadcast_arrays(*beyond)) > 1 + 1e-9, axis=0), base.shape
    )
    return np.asarray(inference.widened(base, *beyond)), is_beyond


@dataclass(frozen=True)
class Served:
    """Sets at a service level, as arrays; speeds include the shrunken factors."""

    concurrency: Floats
    concurrency_limit: Floats
    requests_per_second: Floats
    tokens_per_second_per_gpu: Floats
    tokens_per_second_per_user: Floats
    time_to_first_token_seconds: Floats
    prefill_fraction: Floats
    limit: NDArray[np.intp]


def served(sets: Sets, workload: Workload, level: ServiceLevel, fit: Fit) -> Served:
    """Return how each set serves a workload at a pace, with the cache joint or divided.

    Sets that do not fit or are too slow have a concurrency below 1.
    """
    factor = speed_factor(sets, fit)
    pace = (
        factor / level.tokens_per_second_per_user
        if level.tokens_per_second_per_user > 0
        else np.full(len(factor), np.inf)
    )
    constants = fit.constants
    most = constants["batch_limit"]
    joint = _served(sets, load_of(sets, workload), pace, most, factor, fit)
    can_divide = np.flatnonzero((np.asarray(sets.shape.experts) > 1) & (sets.gpu_count > 1))
    if len(can_divide) == 0:
        return joint
    some = sets.taken(can_divide)
    divided = _served(
        some,
        load_of(some, workload, is_cache_divided=True),
        pace[can_divide],
        most * some.gpu_count,
        factor[can_divide],
        fit,
    )
    is_better = divided.requests_per_second > joint.requests_per_second[can_divide]
    merged = {}
    for part in fields(Served):
        values = np.array(getattr(joint, part.name))
        values[can_divide] = np.where(is_better, getattr(divided, part.name), values[can_divide])
        merged[part.name] = values
    return Served(**merged)


def _served(sets: Sets, load: Load, pace: Floats, most: Any, factor: Floats, fit: Fit) -> Served:
    constants = fit.constants
    users = np.asarray(
        serving.concurrency_at_pace(constants, sets.shape, sets.chip, load, pace, most)
    )
    users = np.where(users >= 1, np.maximum(np.floor(users + 1e-9), 1.0), 0.0)
    point = serving.closed_loop(constants, sets.shape, sets.chip, load, np.maximum(users, 1.0))
    can = users >= 1
    full = np.asarray(point.concurrency_limit)
    limit = np.where(users >= np.floor(full), serving.LIMITS.index("memory"), point.limit)
    zero = np.where(can, 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Served(
            concurrency=users,
            concurrency_limit=full,
            requests_per_second=np.asarray(point.requests_per_second) * factor * zero,
            tokens_per_second_per_gpu=np.asarray(point.tokens_per_second_per_gpu) * factor * zero,
            tokens_per_second_per_user=factor / np.asarray(point.time_per_output_token_seconds),
            time_to_first_token_seconds=np.asarray(point.time_to_first_token_seconds) / factor,
            prefill_fraction=np.asarray(
                inference.usable_prefill_share(point.prefill_seconds, point.cycle_seconds)
            ),
            limit=np.asarray(limit),
        )


def serving_points(
    models: Sequence[Model],
    gpus: Sequence[Gpu],
    fit: Fit,
    loads: Sequence[Workload] | None = None,
    levels: Sequence[ServiceLevel] | None = None,
) -> pa.Table:
    """Return the table ``marts.serving_point`` for some models and GPUs."""
    loads = workloads() if loads is None else loads
    if levels is None:
        levels = [level for level in service_levels() if level.service_level_id in LEVELS_KEPT]
    version = reference_hash(fit)
    parts = [
        part
        for gpu in _chunks(gpus, 8)
        for workload in loads
        for part in _points_of(models, gpu, workload, levels, fit, version)
    ]
    table = pa.concat_tables(parts)
    return table.append_column("is_efficient", pa.array(_flag(table, _is_efficient))).append_column(
        "is_cheapest_set", pa.array(_flag(table, _is_cheapest))
    )


def _chunks(items: Sequence[Gpu], size: int) -> Iterator[Sequence[Gpu]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _points_of(
    models: Sequence[Model],
    gpus: Sequence[Gpu],
    workload: Workload,
    levels: Sequence[ServiceLevel],
    fit: Fit,
    version: str,
) -> Iterator[pa.Table]:
    fitting = with_room(sets_of(models, gpus), workload, fit)
    if len(fitting.gpu_count) == 0:
        return
    spread, is_beyond = error_log_sd(fitting, workload, fit)
    cache = _cache_bytes(fitting, workload)
    weights = np.asarray(
        memory.weight_bytes(fitting.shape.parameters, fitting.chip.bytes_per_weight)
    )
    for level in levels:
        if workload.service_level_id == NOBODY_WAITS and level.tokens_per_second_per_user > 0:
            continue
        point = served(fitting, workload, level, fit)
        keep = np.flatnonzero(point.concurrency >= 1)
        count = len(keep)
        if not count:
            continue
        hours = np.asarray(
            inference.watt_hours_per_1k_tokens(
                fitting.facility_watts[keep], point.tokens_per_second_per_gpu[keep]
            )
        )
        request = workload.input_tokens + workload.output_tokens

        def text(labels: Labels, keep: NDArray[np.intp] = keep) -> pa.Array:
            return pa.DictionaryArray.from_arrays(
                pa.array(labels.codes[keep], pa.int32()), pa.array(labels.names, pa.string())
            ).cast(pa.string())

        def same(value: str | float, count: int = count) -> pa.Array:
            return pa.repeat(pa.scalar(value), count)

        yield pa.table(
            {
                "model_id": text(fitting.model),
                "gpu_id": text(fitting.gpu),
                "gpu_count": pa.array(fitting.gpu_count[keep].astype(np.int32)),
                "precision": text(fitting.precision),
                "workload_id": same(workload.workload_id),
                "service_level_id": same(level.service_level_id),
                "input_tokens": same(workload.input_tokens),
                "output_tokens": same(workload.output_tokens),
                "required_tokens_per_second_per_user": same(level.tokens_per_second_per_user),
                "method": same("calibrated"),
                "concurrency": point.concurrency[keep],
                "concurrency_limit": point.concurrency_limit[keep],
                "requests_per_second": point.requests_per_second[keep],
                "tokens_per_second_per_gpu": point.tokens_per_second_per_gpu[keep],
                "tokens_per_second_per_user": point.tokens_per_second_per_user[keep],
                "time_to_first_token_seconds": point.time_to_first_token_seconds[keep],
                "prefill_fraction": point.prefill_fraction[keep],
                "binding_limit": pa.DictionaryArray.from_arrays(
                    pa.array(point.limit[keep], pa.int32()), pa.array(serving.LIMITS)
                ).cast(pa.string()),
                "error_log_sd": spread[keep],
                "is_extrapolated": is_beyond[keep],
                "weight_bytes": weights[keep],
                "kv_bytes_per_sequence": cache[keep],
                "facility_watts_per_gpu": pa.array(fitting.facility_watts[keep], from_pandas=True),
                "watt_hours_per_1k_tokens": pa.array(hours, from_pandas=True),
                "watt_hours_per_request": pa.array(hours * request / 1e3, from_pandas=True),
                "engine_version": same(serving.ENGINE_VERSION),
                "reference_hash": same(version),
            }
        )


def _cache_bytes(sets: Sets, workload: Workload) -> Floats:
    values = memory.kv_values_per_token_layer(
        sets.shape.kv_heads, sets.shape.head_dimension, sets.shape.latent_dimension
    )
    return np.asarray(
        memory.kv_bytes_per_sequence(
            workload.input_tokens + workload.output_tokens,
            values,
            np.where(np.asarray(sets.chip.weight_bits) >= 16, 2.0, 1.0),
            sets.shape.full_attention_layers,
            sets.shape.sliding_layers,
            sets.shape.sliding_window_tokens,
            sets.shape.index_bytes_per_token_layer * sets.shape.full_attention_layers,
        )
    )


def with_room(sets: Sets, workload: Workload, fit: Fit) -> Sets:
    """Return the sets on which at least one request fits; two nodes only where one is too small."""
    limit = np.asarray(
        serving.sequence_limit(fit.constants, sets.shape, sets.chip, load_of(sets, workload))
    )
    divided = np.asarray(
        serving.sequence_limit(
            fit.constants, sets.shape, sets.chip, load_of(sets, workload, is_cache_divided=True)
        )
    )
    is_moe = np.asarray(sets.shape.experts) > 1
    limit = np.where(is_moe & (sets.gpu_count > 1), np.maximum(limit, divided), limit)
    keys = (sets.model.codes * len(sets.gpu.names) + sets.gpu.codes) * len(
        sets.precision.names
    ) + sets.precision.codes
    fits = limit >= 1
    on_one_node = np.unique(keys[fits & (sets.gpu_count < SECOND_NODE)])
    fits &= (sets.gpu_count < SECOND_NODE) | ~np.isin(keys, on_one_node)
    return sets.taken(np.flatnonzero(fits))


def _flag(table: pa.Table, rule: Any) -> NDArray[np.bool_]:
    return np.asarray(rule(table))


def _codes(table: pa.Table, *names: str) -> NDArray[np.int64]:
    total = np.zeros(table.num_rows, dtype=np.int64)
    for name in names:
        column = table.column(name).combine_chunks().dictionary_encode()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        total = total * (len(column.dictionary) + 1) + column.indices.to_numpy()
    return total


def _is_efficient(table: pa.Table) -> NDArray[np.bool_]:
    """Mark the frontier of cost and pace; cost falls with throughput on one kind of GPU."""
    group = _codes(table, "model_id", "gpu_id", "workload_id")
    throughput = table.column("tokens_per_second_per_gpu").to_numpy()
    pace = table.column("tokens_per_second_per_user").to_numpy()
    order = np.lexsort((-pace, -throughput, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    result = np.zeros(table.num_rows, dtype=bool)
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        rows = order[start:end]
        result[rows] = inference.is_efficient(-throughput[rows], pace[rows])
    return result


def _is_cheapest(table: pa.Table) -> NDArray[np.bool_]:
    group = _codes(table, "model_id", "gpu_id", "workload_id", "service_level_id")
    throughput = table.column("tokens_per_second_per_gpu").to_numpy()
    order = np.lexsort((-throughput, group))
    result = np.zeros(table.num_rows, dtype=bool)
    result[order[np.flatnonzero(np.diff(group[order], prepend=-1))]] = True
    return result


def reference_hash(fit: Fit, folder: Path = REFERENCE_FOLDER) -> str:
    """Return a hash of everything that goes into the serving points, prices apart."""
    digest = hashlib.sha256(serving.ENGINE_VERSION.encode())
    digest.update(repr((sorted(fit.constants.values.items()), fit.error_log_sd)).encode())
    digest.update(repr((LEVELS_KEPT, GPU_COUNTS, SECOND_NODE, NETWORK_BYTES_PER_SECOND)).encode())
    for pattern in ("gpus/*.yaml", "models/*.yaml", "scenarios/*.yaml"):
        for path in sorted(folder.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the tables of serving: points, trends, back-test; their cost is a view over them.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing, with ``marts.gpu_price_daily`` made.
    on : date
        The newest day of the build.
    """
    from warehouse.models import SQL_FOLDER

    fit = reference.load_fit()
    _make_serving_points(connection, fit)
    connection.execute((SQL_FOLDER / "macros" / "inference.sql").read_text(encoding="utf-8"))
    derive_trend(connection, on)
    _replace(connection, "marts.inference_backtest", backtest_table(fit))
    fine = [gpu for gpu in reference.known_gpus().values() if not gpu.is_coarse]
    _replace(connection, "marts.image_point", images.image_points(fine))


def _rows(connection: duckdb.DuckDBPyConnection, query: str, *values: Any) -> list[Any]:
    return connection.execute(query, list(values)).fetchall()


def _make_serving_points(connection: duckdb.DuckDBPyConnection, fit: Fit) -> None:
    """Compute the points that are not there yet, or all if what goes into them changed."""
    priced = [
        row[0] for row in _rows(connection, "select distinct gpu_id from marts.gpu_price_daily")
    ]
    gpus = servable_gpus(priced)
    version = reference_hash(fit)
    is_new = True
    from warehouse.models import table_exists

    if table_exists(connection, "marts.serving_point"):
        known = _rows(connection, "select distinct gpu_id, reference_hash from marts.serving_point")
        if all(hash_there == version for _, hash_there in known):
            gpus = [gpu for gpu in gpus if gpu.gpu_id not in {gpu_id for gpu_id, _ in known}]
            is_new = False
    if not gpus and not is_new:
        return
    if not gpus:
        gpus = servable_gpus(["H100-SXM-80GB"])  # no prices yet: the table must be there
    points = serving_points(servable_models(), gpus, fit)
    connection.register("points", points)
    if is_new:
        connection.execute("create or replace table marts.serving_point as from points")
    else:
        connection.execute("insert into marts.serving_point by name from points")
    connection.unregister("points")


def derive_trend(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Fit the growth of FLOP/s, per watt and per dollar, with the release date."""
    rows = _rows(
        connection,
        """
        with rental as (
            select gpu_id, median_usd_per_gpu_hour
            from marts.gpu_price_daily
            where day = ? and market_family = 'all' and purchase_model = 'on_demand'
                and commitment_months is null
        )
        select p.precision, g.released_on, p.flops_per_second, g.board_power_watts,
            g.purchase_usd, r.median_usd_per_gpu_hour
        from core.gpu_peak as p
        inner join core.gpu as g on p.gpu_id = g.gpu_id
        left join rental as r on p.gpu_id = r.gpu_id
        where not p.is_sparse and not g.is_coarse and g.released_on is not null
        order by p.gpu_id
        """,
        on,
    )
    quantities: Mapping[str, int | None] = {
        "flops_per_second": None,
        "flops_per_second_per_watt": 3,
        "flops_per_second_per_purchase_usd": 4,
        "flops_per_second_per_rental_usd_per_hour": 5,
    }
    trends = []
    for precision in TREND_PRECISIONS:
        for quantity, divisor in quantities.items():
            found = [
                (row[1], row[2] / (1.0 if divisor is None else row[divisor]))
                for row in rows
                if row[0] == precision and (divisor is None or row[divisor])
            ]
            if len(found) < 5 or len({day for day, _ in found}) < 3:
                continue
            years = np.array([decimal_year(day) for day, _ in found])
            trend = fitted_trend(years, np.array([value for _, value in found]))
            low, high = trend.growth_interval(TREND_LEVEL)
            growth = trend.growth_per_year
            trends.append(
                {
                    "quantity": quantity,
                    "precision": precision,
                    "gpu_count": len(found),
                    "first_released_on": min(day for day, _ in found),
                    "last_released_on": max(day for day, _ in found),
                    "growth_per_year": growth,
                    "ci_low": low,
                    "ci_high": high,
                    "ci_level": TREND_LEVEL,
                    "years_to_double": math.log(2) / math.log(growth) if growth > 1 else None,
                    "r_squared": trend.r_squared,
                    "priced_on": on if "rental" in quantity else None,
                }
            )
    schema = pa.schema(
        [
            ("quantity", pa.string()),
            ("precision", pa.string()),
            ("gpu_count", pa.int32()),
            ("first_released_on", pa.date32()),
            ("last_released_on", pa.date32()),
            ("growth_per_year", pa.float64()),
            ("ci_low", pa.float64()),
            ("ci_high", pa.float64()),
            ("ci_level", pa.float64()),
            ("years_to_double", pa.float64()),
            ("r_squared", pa.float64()),
            ("priced_on", pa.date32()),
        ]
    )
    _replace(connection, "marts.flop_trend", pa.Table.from_pylist(trends, schema=schema))


def backtest_table(fit: Fit) -> pa.Table:
    """Return the table ``marts.inference_backtest``."""
    path = REFERENCE_FOLDER / "inference_measured.csv"
    report = inference_backtest.backtest(*inference_backtest.read_cases(path), fit)

    def number(text: str | None) -> float | None:
        try:
            return float(text or "")
        except ValueError:
            return None

    rows = []
    for place, (row, predicted, reason) in enumerate(
        zip(report.rows, report.predictions, report.reasons, strict=True), start=1
    ):
        reported, left_out = number(row["value"]), number(row.get("predicted_when_left_out"))
        rows.append(
            {
                "case_number": place,
                "source": row["source"],
                "source_url": row["url"],
                "published_on": row["date"],
                "model": row["model"],
                "gpu": row["gpu"],
                "precision": row["precision"],
                "gpu_count": number(row["n_gpus"]),
                "parallelism": row["parallelism"] or None,
                "engine": row["engine"] or None,
                "spec_decode": row["spec_decode"],
                "input_tokens": number(row["input_len"]),
                "output_tokens": number(row["output_len"]),
                "concurrency": row["concurrency"],
                "metric": row["metric"],
                "unit": row["unit"],
                "reported": reported,
                "predicted": predicted,
                "ratio": predicted / reported if predicted and reported else None,
                "predicted_when_left_out": left_out,
                "ratio_when_left_out": left_out / reported if left_out and reported else None,
                "reason": reason or None,
                "constants_fitted_on": date.fromisoformat(fit.fitted_on),
            }
        )
    return pa.Table.from_pylist(rows)


def _replace(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("made", table)
    connection.execute(f"create or replace table {name} as from made")
    connection.unregister("made")
