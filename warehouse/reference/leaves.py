"""The figures of a YAML document as leaves: in the SI base unit, with their source.

Here belongs the walk over a document that its schema has accepted. What a subject is, a GPU or a
model, is known to the readers beside this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias, TypeVar

from warehouse.reference.documents import Documents, ReferenceError
from warehouse.reference.units import in_base_unit

Plain: TypeAlias = str | int | float | bool | date
Subject = TypeVar("Subject")


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """One figure of the reference data and where it comes from."""

    value: Plain  # in the SI base unit
    unit: str
    source: str  # the title of the source, or "assumption"
    source_url: str | None  # None for an assumption
    retrieved_on: date | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One subject of a document: its plain texts and its figures by dotted path."""

    list_name: str
    texts: dict[str, Plain] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)

    def values(self) -> dict[str, Plain]:
        """Return the figures alone."""
        return {path: leaf.value for path, leaf in self.leaves.items()}


def entries(documents: Documents, names: list[str]) -> Iterator[Entry]:
    """Yield the subjects of the lists of some documents, in file order."""
    for name in names:
        content = documents.content(name)
        sources = content.get("sources") or {}
        for list_name, subjects in content.items():
            if list_name != "sources":
                for subject in subjects:
                    entry = Entry(list_name)
                    _walk(subject, "", sources, entry)
                    yield entry


def leaf_of(leaf: Mapping[str, Any], sources: Mapping[str, Mapping[str, str]]) -> Leaf:
    """Return a figure in the base unit, with the title and address of its source."""
    value, unit = leaf["value"], leaf["unit"]
    if unit == "date":
        value = date.fromisoformat(value)
    else:
        value, unit = in_base_unit(value, unit)
    source = sources.get(leaf["source"])
    return Leaf(
        value=value,
        unit=unit,
        source=source["title"] if source else leaf["source"],
        source_url=source["url"] if source else None,
        retrieved_on=date.fromisoformat(source["retrieved_on"]) if source else None,
        note=leaf.get("note"),
    )


def unique(subjects: list[Subject], id_names: tuple[str, ...], folder: str) -> list[Subject]:
    """Return the subjects in the order of their ids.

    Raises
    ------
    ReferenceError
        If an id is there twice.
    """
    by_id: dict[tuple[str, ...], Subject] = {}
    for subject in subjects:
        key = tuple(str(getattr(subject, name)) for name in id_names)
        if key in by_id:
            raise ReferenceError(
                f"{folder}/: {id_names[-1]} holds {key[-1]!r} twice; allowed: each id once"
            )
        by_id[key] = subject
    return [by_id[key] for key in sorted(by_id)]


def _walk(
    node: Mapping[str, Any], prefix: str, sources: Mapping[str, Mapping[str, str]], entry: Entry
) -> None:
    for key, value in node.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and "value" in value:
            entry.leaves[path] = leaf_of(value, sources)
        elif isinstance(value, dict):
            _walk(value, f"{path}.", sources, entry)
        elif value is not None:
            entry.texts[path] = value
