"""The accelerator that a question names, from the published file alone."""

from __future__ import annotations

import duckdb

from warehouse.reference import Documents, read_gpus
from warehouse.reference.gpu_names import Card, GpuNames
from warehouse.reference.identities import gpu_aliases
from warehouse.reports import run_report


class GpuUnclearError(ValueError):
    """A name of no accelerator, or of several. The message lists those that are meant or near."""


def names_of(known: duckdb.DuckDBPyConnection | Documents) -> GpuNames:
    """Return the names of all accelerators, of a published file or of reference documents."""
    if isinstance(known, Documents):
        cards = [Card(gpu.gpu_id, gpu.name, gpu.is_coarse) for gpu in read_gpus(known)]
        aliases = gpu_aliases(known)
        spellings = [(one.source_family, one.gpu_name_printed, one.canonical) for one in aliases]
    else:
        cards = [Card(*row) for row in run_report(known, "gpu_names").rows]
        spellings = [(*row,) for row in run_report(known, "gpu_spellings").rows]
    return GpuNames(cards, spellings)


def gpu_named(
    known: duckdb.DuckDBPyConnection | Documents | GpuNames, asked: str, *, is_exact: bool = False
) -> str:
    """Return the id of the accelerator that was meant.

    Parameters
    ----------
    known : DuckDBPyConnection or Documents or GpuNames
        Where its names are, or the names (``names_of``), for who asks often.
    asked : str
        An id of ``core.gpu``, or what people and drivers write.
    is_exact : bool
        Whether one exact card is needed. Else the id of a name that several cards share, typed
        with its memory or form (``H100-80GB``), is taken at its word: it has prices of its own, of
        sources that say no more.

    Raises
    ------
    GpuUnclearError
        If no card, or more than one, is meant.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> [gpu_named(bundled(), name) for name in ("4090", "H100 SXM", "GH200 144G HBM3e")]
    ['RTX4090-24GB', 'H100-SXM-80GB', 'GH200-144GB']
    >>> gpu_named(bundled(), "L40 S"), gpu_named(bundled(), "h100-80gb")
    ('L40S-48GB', 'H100-80GB')
    """
    names = known if isinstance(known, GpuNames) else names_of(known)
    if not is_exact and "-" in asked and asked.upper() in names.ids:
        return asked.upper()
    meant = names.meant(asked)
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise GpuUnclearError(f"GPU {asked!r} is not one thing: {', '.join(meant)}")
    near = names.near(asked)
    hint = f"did you mean: {', '.join(near)}" if near else "see: truecost sql 'from core.gpu'"
    raise GpuUnclearError(f"unknown GPU {asked!r}; {hint}")
