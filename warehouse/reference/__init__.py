"""Reference data: what is known of accelerators, models and scenarios, and who says so.

One reader a kind of document, over one object that holds them all: ``Documents`` come from the
folder ``data`` or from a published file, and every reader takes them as its argument. A figure
without a known unit or source is refused. Not here: what the figures are used for (``cost_engine``)
and anything that changes from day to day (``pipelines``).
"""

from __future__ import annotations

from pathlib import Path

from warehouse.reference.documents import (
    REFERENCE_FOLDER,
    CsvTable,
    Documents,
    ReferenceError,
    bundled,
)
from warehouse.reference.gpus import Gpu, load_gpus, read_gpus
from warehouse.reference.leaves import Leaf
from warehouse.reference.models import Model, load_models, read_models
from warehouse.reference.scenarios import Scenario, load_scenarios, read_scenarios, scenario

__all__ = [
    "REFERENCE_FOLDER",
    "CsvTable",
    "Documents",
    "Gpu",
    "Leaf",
    "Model",
    "ReferenceError",
    "Scenario",
    "bundled",
    "load_csv",
    "load_gpus",
    "load_models",
    "load_scenarios",
    "read_gpus",
    "read_models",
    "read_scenarios",
    "scenario",
]


def load_csv(name: str, folder: Path | None = None) -> list[dict[str, str | None]]:
    """Return the rows of ``<name>.csv`` as text; an empty cell is None.

    Raises
    ------
    ReferenceError
        If there is no such table, or a row is longer or shorter than the header.
    """
    documents = Documents.of_folder(folder) if folder else bundled()
    return documents.table(name).records()
