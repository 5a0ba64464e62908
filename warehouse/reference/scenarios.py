"""Scenarios: named sets of assumptions, as a workload, a utilisation or a facility.

Here belongs the reading of ``data/scenarios/*.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse.reference.documents import Documents, ReferenceError, bundled, once
from warehouse.reference.leaves import Leaf, Plain, entries, unique


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A named set of assumptions; its kind is that of its id, as ``workload``."""

    scenario_id: str
    name: str
    kind: str
    texts: Mapping[str, Plain]
    values: Mapping[str, Plain]
    leaves: Mapping[str, Leaf]

    def number(self, name: str) -> float:
        """Return a figure by name, in the SI base unit."""
        value = self.values[name]
        if not isinstance(value, int | float):
            raise TypeError(f"{self.kind} {self.scenario_id}: {name} holds {value!r}")
        return float(value)


@once
def read_scenarios(documents: Documents) -> tuple[Scenario, ...]:
    """Return every scenario, by kind and scenario_id.

    Raises
    ------
    ReferenceError
        If a file, a leaf or a scenario is not what it must be.
    """
    found = []
    for entry in entries(documents, documents.names("scenarios")):
        kind = next(name[:-3] for name in entry.texts if name.endswith("_id"))
        found.append(
            Scenario(
                scenario_id=str(entry.texts[f"{kind}_id"]),
                name=str(entry.texts["name"]),
                kind=kind,
                texts=entry.texts,
                values=entry.values(),
                leaves=entry.leaves,
            )
        )
    return tuple(unique(found, ("kind", "scenario_id"), "scenarios"))


def scenario(documents: Documents, kind: str, scenario_id: str) -> Scenario:
    """Return one scenario.

    Raises
    ------
    ReferenceError
        If there is none of that name; names those there are.

    Examples
    --------
    >>> scenario(bundled(), "utilisation", "training").number("central_fraction")
    0.26
    """
    known = {each.scenario_id: each for each in read_scenarios(documents) if each.kind == kind}
    if scenario_id not in known:
        raise ReferenceError(
            f"scenarios/: {kind}_id holds {scenario_id!r}; allowed: {', '.join(known)}"
        )
    return known[scenario_id]


def load_scenarios(folder: Path | None = None) -> list[Scenario]:
    """Return every scenario of a folder, by default of this package, by kind and id."""
    return list(read_scenarios(Documents.of_folder(folder) if folder else bundled()))
