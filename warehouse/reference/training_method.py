"""The figures and names that the published method of training costs takes as given.

Here belong the typed rows of ``training_figures.csv``, ``training_names.csv``,
``country_codes.csv`` and ``rental_replacements.csv``. The rules that use them are in
``cost_engine.training``; the parameters object is built in ``pipelines.derive``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from warehouse.reference.documents import Documents, ReferenceError, once, typed_rows
from warehouse.reference.ownership import ownership_assumptions


@dataclass(frozen=True, slots=True)
class TrainingFigure:
    """One figure of the method, and its 90 % range where it is uncertain."""

    kind: str  # what it is, such as server_overhead
    name: str  # the chip, organisation, vendor or factor it is of
    low: float | None
    central: float
    high: float | None
    unit: str
    source: str
    source_url: str | None
    retrieved_on: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class TrainingName:
    """One name that the method treats in a certain way, and what it is taken for."""

    kind: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CountryCode:
    """A country as Epoch AI prints it, and its ISO 3166-1 alpha-2 code."""

    name: str
    country: str


@dataclass(frozen=True, slots=True)
class RentalReplacement:
    """A chip that does the work of another where that one is no longer rented out."""

    hardware: str  # name in Epoch AI's tables, or other
    replacement: str
    note: str


@once
def training_figures(documents: Documents) -> Mapping[str, Mapping[str, TrainingFigure]]:
    """Return the figures by kind and name, in the order of the file.

    The PUE of sites that are not a hyperscaler's is that of ``ownership.csv``.

    Raises
    ------
    ReferenceError
        If a name is there twice, or an assumption has no note that argues for it.
    """
    found: dict[str, dict[str, TrainingFigure]] = {}
    for row in typed_rows(documents, "training_figures", TrainingFigure):
        where = f"training_figures.csv: {row.kind} {row.name}"
        if row.name in found.setdefault(row.kind, {}):
            raise ReferenceError(f"{where}: there twice; allowed: one row a kind and name")
        if row.source == "assumption" and not row.note:
            raise ReferenceError(f"{where}: an assumption needs a note that argues for it")
        found[row.kind][row.name] = row
    # The data hold it once, as what owning assumes; older published files have it here, too.
    owned = ownership_assumptions(documents)["pue"]
    other = TrainingFigure(
        "pue", "other", owned.low, owned.central, owned.high,
        owned.unit, owned.source, owned.source_url, owned.retrieved_on, owned.note,
    )  # fmt: skip
    found.setdefault("pue", {}).setdefault("other", other)
    return found


@once
def training_names(documents: Documents) -> Mapping[str, Mapping[str, str]]:
    """Return what each name is taken for, by kind and name, in the order of the file."""
    found: dict[str, dict[str, str]] = {}
    for row in typed_rows(documents, "training_names", TrainingName):
        found.setdefault(row.kind, {})[row.name] = row.value
    return found


@once
def country_codes(documents: Documents) -> Mapping[str, str]:
    """Return the country code by name of the country."""
    rows = typed_rows(documents, "country_codes", CountryCode)
    return {row.name: row.country for row in rows}


@once
def rental_replacements(documents: Documents) -> Mapping[str, str]:
    """Return what each chip is replaced by where it is no longer rented out; ``other`` is any."""
    rows = typed_rows(documents, "rental_replacements", RentalReplacement)
    return {row.hardware: row.replacement for row in rows}
