"""Serving points a second: the engine on arrays against a plain loop over the same functions.

    python benchmarks/inference.py

A point is a (model, GPU set, precision, workload, concurrency). Both ways call
``cost_engine.serving.closed_loop`` with the fitted constants; a test of equality comes first.
"""

from __future__ import annotations

import resource
import time

import numpy as np

from cost_engine import serving
from pipelines.costing import inference, serving_reference

CONCURRENCIES = 2.0 ** np.arange(0, 11)
LOOPED = 300


def main() -> None:
    fit = serving_reference.load_fit()
    models = inference.servable_models()
    gpus = inference.servable_gpus(serving_reference.known_gpus())
    loads = inference.workloads()
    start = time.perf_counter()
    sets = inference.sets_of(models, gpus)
    made = time.perf_counter() - start
    users = CONCURRENCIES[:, None]
    start = time.perf_counter()
    points = [
        serving.closed_loop(
            fit.constants, sets.shape, sets.chip, inference.load_of(sets, load), users
        ).tokens_per_second_per_gpu
        for load in loads
    ]
    seconds = time.perf_counter() - start
    count = sum(np.size(point) for point in points)

    chosen = np.random.default_rng(0).integers(0, len(sets.gpu_count), LOOPED)
    singles = [sets.taken(np.array([place])) for place in chosen]
    single_loads = [inference.load_of(one, loads[0]) for one in singles]
    start = time.perf_counter()
    alone = [
        serving.closed_loop(fit.constants, one.shape, one.chip, load, float(concurrency))
        for one, load in zip(singles, single_loads, strict=True)
        for concurrency in CONCURRENCIES[:3]
    ]
    looped = time.perf_counter() - start
    speeds = [float(np.asarray(point.tokens_per_second_per_gpu)[0]) for point in alone]
    together = np.asarray(points[0])[:3, chosen].T.ravel()
    if not np.allclose(speeds, together, rtol=1e-12):
        raise SystemExit("the loop and the arrays differ")

    start = time.perf_counter()
    table = inference.serving_points(models, gpus, fit)
    whole = time.perf_counter() - start
    rate, slow = count / seconds, len(alone) / looped
    print(f"{len(models)} models x {len(gpus)} GPUs: {len(sets.gpu_count):,} sets in {made:.2f} s")
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
