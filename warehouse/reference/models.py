"""Reference models: architecture, size and training of language models.

Here belongs the reading of ``data/models/*.yaml``. The spellings of their names are in
``identities``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse.reference.documents import Documents, bundled, once
from warehouse.reference.leaves import Leaf, Plain, entries, unique


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A reference model: its plain texts and its figures by name, in SI base units."""

    model_id: str
    name: str
    texts: Mapping[str, Plain]
    values: Mapping[str, Plain]
    leaves: Mapping[str, Leaf]


@once
def read_models(documents: Documents) -> tuple[Model, ...]:
    """Return every reference model, by model_id.

    Raises
    ------
    ReferenceError
        If a file, a leaf or a model is not what it must be.
    """
    found = [
        Model(
            model_id=str(entry.texts["model_id"]),
            name=str(entry.texts["name"]),
            texts=entry.texts,
            values=entry.values(),
            leaves=entry.leaves,
        )
        for entry in entries(documents, documents.names("models"))
    ]
    return tuple(unique(found, ("model_id",), "models"))


def load_models(folder: Path | None = None) -> list[Model]:
    """Return every reference model of a folder, by default of this package, by model_id."""
    return list(read_models(Documents.of_folder(folder) if folder else bundled()))
