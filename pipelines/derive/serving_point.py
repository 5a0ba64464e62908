"""Makes ``marts.serving_point``: how fast each model serves on each set of GPUs, whatever the day.

The speed depends on no price, so points are computed once per version of equations and reference
data, and joined to prices in SQL (``warehouse/sql/macros/inference.sql``). No formulas here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cost_engine.serving.cost import THOUSAND, watt_hours_per_1k_tokens
from cost_engine.serving.frontier import efficient_rows, fastest_rows
from cost_engine.serving.inputs import Labels
from cost_engine.serving.loop import LIMITS
from cost_engine.serving.replicas import served, with_room
from cost_engine.serving.roofline import ENGINE_VERSION
from pipelines.derive import serving_reference as reference
from pipelines.derive.gpu_sets import (
    GPU_COUNTS,
    SECOND_NODE,
    gpu_sets,
    servable_gpus,
    servable_models,
)
from pipelines.derive.reference_tables import recorded_documents
from pipelines.derive.serving_reference import NETWORK_BYTES_PER_SECOND, ServiceLevel, Workload
from warehouse.models import table_exists
from warehouse.reference import Documents, Gpu, Model

if TYPE_CHECKING:
    import duckdb

TABLE = "marts.serving_point"
NOBODY_WAITS = "batch"
"""The service level without a pace. Workloads that name it are served at no other."""
LEVELS_KEPT = (NOBODY_WAITS, "interactive", "fast")
GPU_OF_EMPTY_TABLE = "H100-SXM-80GB"
"""Computed where no GPU has a price yet, so that the table exists."""
GPUS_AT_ONCE = 8
"""GPUs whose sets are computed together. It limits the memory used."""


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Compute the points that do not exist yet, or all if what goes into them changed.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing, with ``marts.gpu_price_daily`` made.
    on : date
        The newest day of the build. Points do not depend on it.
    """
    documents = recorded_documents(connection)
    priced = connection.execute("select distinct gpu_id from marts.gpu_price_daily").fetchall()
    gpus = servable_gpus(documents, (gpu_id for (gpu_id,) in priced))
    is_new = True
    if table_exists(connection, TABLE):
        known = connection.execute(
            f"select distinct gpu_id, reference_hash from {TABLE}"
        ).fetchall()
        version = reference_hash(documents)
        if all(hash_there == version for _, hash_there in known):
            there = {gpu_id for gpu_id, _ in known}
            gpus = [gpu for gpu in gpus if gpu.gpu_id not in there]
            is_new = False
    if not gpus and not is_new:
        return
    gpus = gpus or servable_gpus(documents, [GPU_OF_EMPTY_TABLE])
    points = serving_points(documents, servable_models(documents), gpus)
    connection.register("points", points)
    if is_new:
        connection.execute(f"create or replace table {TABLE} as from points")
    else:
        connection.execute(f"insert into {TABLE} by name from points")
    connection.unregister("points")


def serving_points(
    documents: Documents,
    models: Sequence[Model],
    gpus: Sequence[Gpu],
    loads: Sequence[Workload] | None = None,
    levels: Sequence[ServiceLevel] | None = None,
) -> pa.Table:
    """Return the table for some models and GPUs.

    Parameters
    ----------
    documents : Documents
    models : sequence of Model
    gpus : sequence of Gpu
    loads : sequence of Workload, optional
        By default all of the reference data.
    levels : sequence of ServiceLevel, optional
        By default those of ``LEVELS_KEPT``.

    Returns
    -------
    pyarrow.Table
    """
    loads = reference.workloads(documents) if loads is None else loads
    if levels is None:
        levels = [
            level
            for level in reference.service_levels(documents)
            if level.service_level_id in LEVELS_KEPT
        ]
    version = reference_hash(documents)
    table = pa.concat_tables(
        part
        for start in range(0, len(gpus), GPUS_AT_ONCE)
        for workload in loads
        for part in _points_of(
            documents, models, gpus[start : start + GPUS_AT_ONCE], workload, levels, version
        )
    )
    throughput = table.column("tokens_per_second_per_gpu").to_numpy()
    pace = table.column("tokens_per_second_per_user").to_numpy()
    of_workload = _group(table, "model_id", "gpu_id", "workload")
    of_level = _group(table, "model_id", "gpu_id", "workload", "service_level_id")
    return table.append_column(
        "is_efficient", pa.array(efficient_rows(of_workload, throughput, pace))
    ).append_column("is_cheapest_set", pa.array(fastest_rows(of_level, throughput)))


def _points_of(
    documents: Documents,
    models: Sequence[Model],
    gpus: Sequence[Gpu],
    workload: Workload,
    levels: Sequence[ServiceLevel],
    version: str,
) -> Iterator[pa.Table]:
    fit, request = reference.fitted(documents), workload.request
    fitting = with_room(gpu_sets(documents, models, gpus), request, fit, SECOND_NODE)
    if len(fitting) == 0:
        return
    spread, is_beyond = fitting.error_log_sd(request, fit)
    cache, weights = fitting.cache_bytes(request.tokens), fitting.weight_bytes()
    for level in levels:
        if workload.service_level_id == NOBODY_WAITS and level.tokens_per_second_per_user > 0:
            continue
        point = served(fitting, request, level.tokens_per_second_per_user, fit)
        keep = np.flatnonzero(point.concurrency >= 1)
        count = len(keep)
        if not count:
            continue
        hours = np.asarray(
            watt_hours_per_1k_tokens(
                fitting.facility_watts[keep], point.tokens_per_second_per_gpu[keep]
            )
        )

        def text(labels: Labels, keep: NDArray[np.intp] = keep) -> pa.Array:
            return _text(labels.codes[keep], labels.names)

        def same(value: str | float, count: int = count) -> pa.Array:
            return pa.repeat(pa.scalar(value), count)

        yield pa.table(
            {
                "model_id": text(fitting.model),
                "gpu_id": text(fitting.gpu),
                "gpu_count": pa.array(fitting.gpu_count[keep].astype(np.int32)),
                "precision": text(fitting.precision),
                "workload": same(workload.workload),
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
                "binding_limit": _text(point.limit[keep], LIMITS),
                "error_log_sd": spread[keep],
                "is_extrapolated": is_beyond[keep],
                "weight_bytes": weights[keep],
                "kv_bytes_per_sequence": cache[keep],
                "facility_watts": pa.array(fitting.facility_watts[keep], from_pandas=True),
                "watt_hours_per_1k_tokens": pa.array(hours, from_pandas=True),
                "watt_hours_per_request": pa.array(
                    hours * request.tokens / THOUSAND, from_pandas=True
                ),
                "engine_version": same(ENGINE_VERSION),
                "reference_hash": same(version),
            }
        )


def _text(codes: NDArray[np.intp], names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32()), pa.array(names, pa.string())
    ).cast(pa.string())


def _group(table: pa.Table, *names: str) -> NDArray[np.int64]:
    """Return one number for each combination of values of some columns."""
    total = np.zeros(table.num_rows, dtype=np.int64)
    for name in names:
        column = table.column(name).combine_chunks().dictionary_encode()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        total = total * (len(column.dictionary) + 1) + column.indices.to_numpy()
    return total


def reference_hash(documents: Documents) -> str:
    """Return a hash of everything that goes into the serving points, prices apart."""
    fit = reference.fitted(documents)
    digest = hashlib.sha256(ENGINE_VERSION.encode())
    digest.update(repr((sorted(fit.constants.values.items()), fit.error_log_sd)).encode())
    digest.update(repr((LEVELS_KEPT, GPU_COUNTS, SECOND_NODE, NETWORK_BYTES_PER_SECOND)).encode())
    names = [name for folder in ("gpus", "models", "scenarios") for name in documents.names(folder)]
    for name in (*names, "benchmark_names.csv"):
        digest.update(json.dumps(documents.content(name)).encode())
    return digest.hexdigest()[:16]
