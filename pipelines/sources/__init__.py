"""Every source of prices, hardware tables and series: one module each.

A module that defines ``SOURCE`` is a source; the others are shared reading. Adding a source is
adding a file here and a fixture under ``tests/fixtures/sources`` (docs/how-to/source.md).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from pipelines.sources.base import Source


@cache
def all_sources() -> dict[str, Source]:
    """Return every source by its id, in the order of the ids.

    Raises
    ------
    RuntimeError
        If two modules name the same id, or an id is not its module's name.

    Examples
    --------
    >>> all_sources()["runpod"].price_basis
    'gpu'
    """
    found: dict[str, Source] = {}
    for module_info in pkgutil.iter_modules(__path__):
        if module_info.name.startswith("_"):  # the template
            continue
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        source = getattr(module, "SOURCE", None)
        if source is None:
            continue
        if source.source_id != module_info.name:
            raise RuntimeError(f"{module.__name__}: SOURCE.source_id is {source.source_id!r}")
        found[source.source_id] = source
    return dict(sorted(found.items()))
