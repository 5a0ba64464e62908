"""Serving points a second: the engine on arrays against a plain loop over the same functions.

    python benchmarks/inference.py

A point is a (model, GPU set, precision, workload, concurrency). Both ways call
``closed_loop`` of ``cost_engine.serving.loop`` with the fitted constants; a test of equality
comes first.
"""

from __future__ import annotations

import resource
import time

import numpy as np

from cost_engine.serving.loop import closed_loop
from pipelines.derive.gpu_sets import gpu_sets, servable_gpus, servable_models
from pipelines.derive.serving_names import known_gpus
from pipelines.derive.serving_point import serving_points
from pipelines.derive.serving_reference import fitted, workloads
from warehouse.reference import bundled

CONCURRENCIES = 2.0 ** np.arange(0, 11)
LOOPED = 300


def main() -> None:
    documents = bundled()
    fit = fitted(documents)
    models = servable_models(documents)
    gpus = servable_gpus(documents, known_gpus(documents))
    requests = [workload.request for workload in workloads(documents)]
    start = time.perf_counter()
    sets = gpu_sets(documents, models, gpus)
    made = time.perf_counter() - start
    users = CONCURRENCIES[:, None]
    start = time.perf_counter()
    points = [
        closed_loop(
            fit.constants, sets.shape, sets.chip, sets.load(request), users
        ).tokens_per_second_per_gpu
        for request in requests
    ]
    seconds = time.perf_counter() - start
    count = sum(np.size(point) for point in points)

    chosen = np.random.default_rng(0).integers(0, len(sets), LOOPED)
    singles = [sets.taken(np.array([place])) for place in chosen]
    single_loads = [one.load(requests[0]) for one in singles]
    start = time.perf_counter()
    alone = [
        closed_loop(fit.constants, one.shape, one.chip, load, float(concurrency))
        for one, load in zip(singles, single_loads, strict=True)
        for concurrency in CONCURRENCIES[:3]
    ]
    looped = time.perf_counter() - start
    speeds = [float(np.asarray(point.tokens_per_second_per_gpu)[0]) for point in alone]
    together = np.asarray(points[0])[:3, chosen].T.ravel()
    if not np.allclose(speeds, together, rtol=1e-12):
        raise SystemExit("the loop and the arrays differ")

    start = time.perf_counter()
    table = serving_points(documents, models, gpus)
    whole = time.perf_counter() - start
    rate, slow = count / seconds, len(alone) / looped
    print(f"{len(models)} models x {len(gpus)} GPUs: {len(sets):,} sets in {made:.2f} s")
    print(f"arrays: {count:,} points in {seconds:.2f} s, {rate:,.0f} a second")
    print(f"loop:   {len(alone):,} points in {looped:.2f} s, {slow:,.0f} a second")
    print(f"ratio:  {rate / slow:,.0f}")
    print(
        f"marts.serving_point: {table.num_rows:,} rows (searched for their pace) in {whole:.1f} s"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"largest memory: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
