"""The version of the public tables, and what a change of their columns asks of it.

``columns.csv`` holds every column of ``core``, ``marts`` and ``focus`` with its unit, and the
version at which it is so. What goes into the data package is not decided here.

When a test says that the columns changed: set ``DATA_VERSION``, say why in CHANGELOG.md, and run
``python -m warehouse.data_version``.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

from warehouse.models import read_models

DATA_VERSION = "3.0.0"
LOCK = Path(__file__).parent / "columns.csv"
PUBLIC = ("core", "marts", "focus")
Columns = Mapping[tuple[str, str], str]  # (table, column): unit, "" where it has none


def public_columns() -> dict[tuple[str, str], str]:
    """Return every public column and its unit, as the SQL files document them."""
    return {
        (model.name, column.name): column.unit or ""
        for model in sorted(read_models().values(), key=lambda model: model.name)
        if model.schema in PUBLIC
        for column in model.columns
    }


def locked() -> tuple[str, dict[tuple[str, str], str]]:
    """Return the version and the columns that were written down."""
    with LOCK.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    return rows[0][1], {(table, column): unit for table, column, unit in rows[2:]}


def version_needed(version: str, before: Columns, now: Columns) -> str:
    """Return the lowest version that a change of columns allows.

    Examples
    --------
    >>> price = {("t", "usd"): "USD"}
    >>> version_needed("1.2.3", price, price | {("t", "day"): ""})
    '1.3.0'
    >>> version_needed("1.2.3", price, {("t", "usd"): "USD/h"})
    '2.0.0'
    >>> version_needed("1.2.3", price, price)
    '1.2.3'
    """
    major, minor, _ = map(int, version.split("."))
    if any(now.get(column) != unit for column, unit in before.items()):
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if now.keys() - before.keys() else version


def is_at_least(version: str, other: str) -> bool:
    """Return whether a version is not before another."""
    return [*map(int, version.split("."))] >= [*map(int, other.split("."))]


def write_lock() -> None:
    """Write the columns down under the version of today.

    Raises
    ------
    ValueError
        If they changed more than the version tells.
    """
    now = public_columns()
    if LOCK.exists():
        needed = version_needed(*locked(), now)
        if not is_at_least(DATA_VERSION, needed):
            raise ValueError(f"DATA_VERSION is {DATA_VERSION}: the columns need {needed} or later")
    with LOCK.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(("version", DATA_VERSION))
        writer.writerow(("table", "column", "unit"))
        writer.writerows((table, column, unit) for (table, column), unit in now.items())


if __name__ == "__main__":
    try:
        write_lock()
    except ValueError as error:
        sys.exit(f"{error}; set it in warehouse/data_version.py")
