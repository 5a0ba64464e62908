"""Which models, GPUs, set sizes and precisions are worth serving, as rows for the equations.

Chooses and stacks reference data. Speeds belong to ``cost_engine.serving.replicas``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from cost_engine.energy import server_kilowatts_per_chip
from cost_engine.serving.inputs import Labels, taken
from cost_engine.serving.replicas import GpuSets
from cost_engine.units import WATTS_PER_KILOWATT
from pipelines.derive import serving_reference as reference
from pipelines.derive.serving_names import UnknownSubjectError, known_gpus, known_models
from pipelines.derive.serving_reference import NETWORK_BYTES_PER_SECOND
from warehouse.reference import Documents, Gpu, Model, scenario

GPU_COUNTS = (1, 2, 4, 8)
"""Sets in one machine. [GPU]"""
SECOND_NODE = 16
"""Two machines, tried only where a machine of eight is too small. [GPU]"""
ALL_COUNTS = (*GPU_COUNTS, SECOND_NODE)

SMALLEST_MEMORY_BYTES = 11e9
"""GPUs with less memory are not used for serving. [byte]"""

SERVED_VENDORS = ("nvidia", "amd")
FACILITY = "colocation"
"""Where GPUs are assumed to run whose all-in power is not published: a rented hall."""


def facility_watts(documents: Documents, gpu: Gpu) -> float:
    """Return the power of one GPU with its share of server, network and cooling.

    Returns
    -------
    float
        The published all-in power, else board power x server x PUE of a rented hall, NaN where
        neither is known. [W]
    """
    if gpu.facility_watts:
        return gpu.facility_watts
    if not gpu.board_power_watts:
        return math.nan
    hall = scenario(documents, "facility", FACILITY)
    kilowatts = server_kilowatts_per_chip(
        gpu.board_power_watts,
        hall.number("server_power_factor"),
        hall.number("power_usage_effectiveness"),
    )
    return float(kilowatts * WATTS_PER_KILOWATT)


def served_precisions(gpu: Gpu) -> list[str]:
    """Return the precisions in which a GPU is worth serving: 16, 8 and 4 bits.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> served_precisions(known_gpus(bundled())["A100-SXM-80GB"])
    ['bf16', 'int8', 'int4']
    """
    peaks = gpu.dense_flops_per_second
    eight_bit = [name for name in ("fp8", "int8") if name in peaks][:1]
    return [
        "bf16" if "bf16" in peaks else "fp16",
        *eight_bit,
        "fp4" if "fp4" in peaks else "int4",
    ]


def servable_models(documents: Documents) -> list[Model]:
    """Return the open models whose architecture is published."""
    return [
        model
        for model in known_models(documents).values()
        if model.texts.get("is_open_weights") and _has_shape(model)
    ]


def _has_shape(model: Model) -> bool:
    try:
        reference.shape_row(model)
    except UnknownSubjectError:
        return False
    return True


def servable_gpus(documents: Documents, gpu_ids: Iterable[str]) -> list[Gpu]:
    """Return the GPUs among those named whose serving speed can be computed."""
    chosen = []
    for gpu_id in sorted(set(gpu_ids)):
        gpu = known_gpus(documents).get(gpu_id)
        if gpu is None or gpu.is_coarse or gpu.vendor not in SERVED_VENDORS:
            continue
        try:
            row = reference.chip_row(documents, gpu, served_precisions(gpu)[0])
        except UnknownSubjectError:
            continue
        if row["memory_bytes"] >= SMALLEST_MEMORY_BYTES:
            chosen.append(gpu)
    return chosen


def gpu_sets(
    documents: Documents,
    models: Sequence[Model],
    gpus: Sequence[Gpu],
    counts: Sequence[int] = ALL_COUNTS,
    precisions: Sequence[str] | None = None,
) -> GpuSets:
    """Return every model on every set of GPUs at every precision, whether it fits or not.

    Parameters
    ----------
    documents : Documents
    models : sequence of Model
    gpus : sequence of Gpu
    counts : sequence of int
        GPUs of a replica. [GPU]
    precisions : sequence of str, optional
        By default those in which each GPU is worth serving.

    Returns
    -------
    GpuSets
        Without sets that span machines over PCIe.

    Raises
    ------
    UnknownSubjectError
        If the shape of a model or a figure of a GPU is not known.
    """
    shapes = [reference.shape_row(model) for model in models]
    chips = [
        (gpu, precision, reference.chip_row(documents, gpu, precision))
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
    chip = taken(reference.stacked_chips([row for _, _, row in chips]), of_chip)
    network = np.where(leaves_machine[of_chip, of_count], NETWORK_BYTES_PER_SECOND, np.inf)
    link = np.minimum(chip.link_bandwidth_bytes_per_second, network)
    return GpuSets(
        model=Labels(tuple(model.model_id for model in models), of_model),
        gpu=Labels.of([gpu.gpu_id for gpu, _, _ in chips]).taken(of_chip),
        precision=Labels.of([precision for _, precision, _ in chips]).taken(of_chip),
        gpu_count=gpu_count[of_count],
        shape=taken(reference.stacked_shapes(shapes), of_model),
        chip=replace(chip, link_bandwidth_bytes_per_second=link),
        facility_watts=np.array([facility_watts(documents, gpu) for gpu, _, _ in chips])[of_chip],
    )
