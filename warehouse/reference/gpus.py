"""Accelerators: what one rents, its memory, links, power and peaks.

Here belongs the reading of ``data/gpus/*.yaml``. The spellings of their names are in
``identities``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from warehouse.reference.documents import Documents, bundled, once
from warehouse.reference.leaves import Entry, Leaf, entries, unique


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """An accelerator as one rents it. A figure that is not known is None.

    A coarse one (``A100``) is a name that does not tell the variant; it has only the figures on
    which all variants agree.
    """

    gpu_id: str
    name: str
    vendor: str
    architecture: str
    gpu_class: str  # data_center, workstation or consumer, as the vendor sells it
    form_factor: str | None = None
    is_coarse: bool = False
    released_on: date | None = None
    memory_bytes: int | None = None  # as marketed
    driver_visible_memory_bytes: int | None = None  # for a program, before its own context
    bandwidth_bytes_per_second: float | None = None
    link_bandwidth_bytes_per_second: float | None = None  # one direction, all links of one GPU
    link_kind: str | None = None
    scale_up_gpu_count: int | None = None  # the largest domain of the fast link
    board_power_watts: float | None = None
    facility_watts: float | None = None  # one GPU's share of server, network and cooling
    purchase_usd: float | None = None
    dense_flops_per_second: Mapping[str, float]  # by precision
    sparse_flops_per_second: Mapping[str, float]  # by precision, 2:4 structured sparsity
    leaves: Mapping[str, Leaf]


_FIELDS = frozenset(field.name for field in fields(Gpu))


@once
def read_gpus(documents: Documents) -> tuple[Gpu, ...]:
    """Return every accelerator, by gpu_id.

    Raises
    ------
    ReferenceError
        If a file, a leaf or an accelerator is not what it must be.
    """
    found = [_gpu(entry) for entry in entries(documents, documents.names("gpus"))]
    return tuple(unique(found, ("gpu_id",), "gpus"))


def load_gpus(folder: Path | None = None) -> list[Gpu]:
    """Return every accelerator of a folder, by default of this package, by gpu_id.

    Examples
    --------
    >>> {gpu.gpu_id: gpu.memory_bytes for gpu in load_gpus()}["H100-SXM-80GB"]
    80000000000
    """
    return list(read_gpus(Documents.of_folder(folder) if folder else bundled()))


def _gpu(entry: Entry) -> Gpu:
    peaks: dict[str, dict[str, float]] = {"dense": {}, "sparse": {}}
    for path, value in entry.values().items():
        match path.split("."):
            case ["peaks", precision, kind] if isinstance(value, int | float):
                peaks[kind][precision] = float(value)
    known: dict[str, Any] = {**entry.texts, **entry.values()}
    return Gpu(
        dense_flops_per_second=peaks["dense"],
        sparse_flops_per_second=peaks["sparse"],
        leaves=entry.leaves,
        **{name: value for name, value in known.items() if name in _FIELDS},
    )
