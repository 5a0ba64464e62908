"""How many replicas serve requests that arrive at random, and how long users then wait.

Binds the sets of ``infer`` to ``cost_engine.serving.open_loop``. Which sets are worth asking about
and what an hour costs belong to ``infer``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cost_engine.serving.cost import serving_usd_per_1k_tokens
from cost_engine.serving.inputs import Floats
from cost_engine.serving.open_loop import open_loop
from cost_engine.serving.replicas import GpuSets, Request, Served
from pipelines.derive.serving_reference import Fit

MOST_UTILISATION = 0.9
"""Share of what a full replica serves that arrivals may take up. An assumption: closer to 1, waits
grow without bound. [1]"""

COLUMNS = (
    "replica_count",
    "utilisation_fraction",
    "usd_per_1k_tokens_at_load",
    "open_loop_time_per_output_token_seconds",
    "open_loop_time_to_first_token_seconds",
    "open_loop_time_to_first_token_high_seconds",
)
"""Of answers for a load, None in others. ``high`` is the 90th percentile."""


def under_load(
    sets: GpuSets,
    point: Served,
    request: Request,
    fit: Fit,
    requests_per_second: float,
    usd_per_gpu_hour: Floats,
) -> list[dict[str, Any]]:
    """Return the smallest fleet of each set that serves a load, and its latencies.

    Parameters
    ----------
    sets : GpuSets
    point : Served
        Each set full, as ``infer`` quotes it: no replica runs a larger batch.
    request : Request
    fit : Fit
    requests_per_second : float
        Of all users together, arriving independently of each other. [1 / s]
    usd_per_gpu_hour : array
        [USD / (GPU h)]

    Returns
    -------
    list of dict
        One a set, with ``COLUMNS``. Idle time is paid for.
    """
    count = np.ceil(requests_per_second / (MOST_UTILISATION * point.requests_per_second))
    factor = sets.speed_factor(fit)
    each = requests_per_second / count
    found = open_loop(
        fit.constants,
        sets.shape,
        sets.chip,
        sets.load(request, point.is_cache_divided),
        each / factor,
        point.concurrency,
    )
    first = factor * fit.constants.factor("first_token_model", sets.model)
    usd = serving_usd_per_1k_tokens(usd_per_gpu_hour, each * request.tokens / sets.gpu_count)
    columns = (
        count.astype(int),
        found.utilisation_fraction,
        usd,
        found.time_per_output_token_seconds / factor,
        found.time_to_first_token_seconds / first,
        found.time_to_first_token_high_seconds / first,
    )
    rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]
