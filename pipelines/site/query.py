"""Reads the queries of the site: one file of ``queries`` for each block of a page.

A file has the form of a report of the warehouse (``warehouse.reports``). Pages show its select with
values written in, so that a reader can run it. Running a query belongs to ``published``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from warehouse.models import SQL_FOLDER
from warehouse.reports import read_report
from warehouse.rows import literal

FOLDER = Path(__file__).parent / "queries"
PARAMETER = re.compile(r"\$(\w+)\b")


class QueryError(ValueError):
    """A query whose parameters do not match its file, or the values it is given."""


@dataclass(frozen=True)
class Query:
    """A query of the site.

    Parameters
    ----------
    name : str
        Folder and file, without the suffix: ``gpu/offers``.
    parameters : frozenset of str
        Names of its parameters.
    columns : tuple of str
        Names of its columns, in order.
    select : str
        The statement, with ``$name`` where a value goes.
    """

    name: str
    parameters: frozenset[str]
    columns: tuple[str, ...]
    select: str

    def sql(self, **values: Any) -> str:
        """Return the select with its values as SQL literals.

        Raises
        ------
        QueryError
            If the names of the values are not those of the parameters.

        Examples
        --------
        >>> Query("a/b", frozenset({"gpu"}), ("n",), "select 1 where $gpu = 2").sql(gpu="it's")
        "select 1 where 'it''s' = 2"
        """
        if values.keys() != self.parameters:
            raise QueryError(
                f"{self.name}: needs values for {sorted(self.parameters)}, got {sorted(values)}"
            )
        return PARAMETER.sub(lambda found: literal(values[found[1]]), self.select)

    def among(self, values: Mapping[str, Sequence[Any]]) -> Query:
        """Return the query for any of several values of some parameters.

        Examples
        --------
        >>> asked = Query("a/b", frozenset({"n"}), ("n",), "select n where n = $n")
        >>> asked.among({"n": [1, 2]}).select
        'select n where n in (1, 2)'
        """
        select = self.select
        for name, some in values.items():
            select = select.replace(f"{name} = ${name}", f"{name} in {literal(some)}")
        return replace(self, select=select, parameters=self.parameters - values.keys())

    def sql_of_all(self, key: str) -> str:
        """Return the select for every value of a parameter: its condition becomes ``not null``."""
        return self.select.replace(f"{key} = ${key}", f"{key} is not null")


@cache
def read_query(name: str, folder: Path = FOLDER) -> Query:
    """Read one query.

    Parameters
    ----------
    name : str
        Folder and file, without the suffix; ``reports/`` names a report of the warehouse.
    folder : Path
        Where the queries are.

    Raises
    ------
    warehouse.models.ModelError
        If the file lacks its grain, its columns, its select or the meaning of a parameter.
    QueryError
        If the file declares other parameters than it uses.
    """
    report = read_report((SQL_FOLDER if name.startswith("reports/") else folder) / f"{name}.sql")
    used = frozenset(PARAMETER.findall(report.select))
    if used != report.parameters.keys():
        raise QueryError(f"{name}: declares {sorted(report.parameters)} and uses {sorted(used)}")
    return Query(name, used, tuple(column.name for column in report.columns), report.select)


def query_names() -> list[str]:
    """Return the names of all queries, in order."""
    return sorted(
        path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.sql")
    )
