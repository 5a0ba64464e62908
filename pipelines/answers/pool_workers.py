"""Chooses the workers of which separate pools for prefill and decoding may be made.

Reference data and machines on offer in, sets of GPUs out. Which numbers of them serve best belongs
to ``cost_engine.serving.deployments``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cost_engine.serving.inputs import Floats
from cost_engine.serving.replicas import GpuSets
from pipelines.derive.gpu_sets import GPU_COUNTS, SECOND_NODE, gpu_sets
from pipelines.derive.price_basis import GpuPrice
from pipelines.derive.serving_names import known_gpus
from warehouse.reference import Documents, Gpu, Model

WIDE_COUNTS = (*GPU_COUNTS, SECOND_NODE, 32, 64)
"""Sizes of a worker. Beyond a machine, experts are spread over all its GPUs. [GPU]"""

MOST_POOL_GPUS = 72
"""GPUs of both pools: a domain of NVLink, or nine machines of eight. [GPU]"""


def pool_workers(
    documents: Documents,
    model: Model,
    gpus: Sequence[Gpu],
    prices: Mapping[str, GpuPrice],
    precisions: Sequence[str] | None,
) -> GpuSets:
    """Return the workers of every size that machines on offer allow.

    Parameters
    ----------
    documents : Documents
    model : Model
    gpus : sequence of Gpu
    prices : mapping of str to GpuPrice
        By GPU.
    precisions : sequence of str, optional
        By default those in which each GPU is worth serving.

    Returns
    -------
    GpuSets
        Workers wider than two machines only where experts can be spread over them.
    """
    sets = gpu_sets(documents, [model], gpus, WIDE_COUNTS, precisions)
    is_wide = sets.gpu_count > SECOND_NODE
    possible = sets.gpu_count <= _connected_gpus(documents, sets, prices)
    return sets.taken(np.flatnonzero(possible & ~(is_wide & ~sets.shape.is_mixture_of_experts)))


def _connected_gpus(documents: Documents, sets: GpuSets, prices: Mapping[str, GpuPrice]) -> Floats:
    """Return how many GPUs of each set can be rented together with a fast link or network [GPU]."""
    counts = []
    for name in sets.gpu.names:
        gpu, sets_on_offer = known_gpus(documents)[name], prices[name].sets
        most = np.inf if sets_on_offer is None else max(sets_on_offer, default=0)
        is_rack = (gpu.scale_up_gpu_count or 0) > GPU_COUNTS[-1]
        counts.append(MOST_POOL_GPUS if is_rack or most >= GPU_COUNTS[-1] else most)
    return np.array(counts, dtype=float)[sets.gpu.codes]


def most_pool_gpus(sets: GpuSets, gpu_count: int | None) -> Floats:
    """Return the most GPUs of a deployment of each set [GPU].

    Cards on PCIe have no network between machines, so that all are in one.
    """
    most = np.where(sets.chip.is_pcie, GPU_COUNTS[-1], MOST_POOL_GPUS)
    return np.minimum(most, gpu_count or MOST_POOL_GPUS).astype(float)
