"""What the answering commands share: the published file, and refusals that say what exists."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb

from pipelines.commands import Refused
from warehouse.database import DataFolderError, open_published
from warehouse.paths import Home


@contextmanager
def published(*, is_confined: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published file of this home, or refuse in one line with the way out."""
    try:
        connection = open_published(Home.from_environment(), is_confined=is_confined)
    except DataFolderError as error:
        raise Refused(str(error)) from error
    with connection:
        yield connection


def refuse_duckdb(error: duckdb.Error, connection: duckdb.DuckDBPyConnection) -> Refused:
    """Return a one-line refusal for a query that DuckDB refused."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0] if lines else type(error).__name__
    if isinstance(error, duckdb.CatalogException) and "Table with name" in message:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('core', 'marts', 'focus', 'meta') order by 1"
        ).fetchall()
        message += "; there are: " + ", ".join(name for (name,) in tables)
    return Refused(message)


def one_of(what: str, asked: str, known: Iterable[str]) -> str:
    """Return the known name that was meant, whatever its case; refuse an unknown one.

    Raises
    ------
    Refused
        If no name, or more than one, is meant; the line names the nearest.

    Examples
    --------
    >>> one_of("GPU", "h100-sxm", ["H100-SXM-80GB", "H100-PCIE-80GB"])
    'H100-SXM-80GB'
    """
    names = sorted(set(known))
    folded = {fold(name): name for name in names}
    if fold(asked) in folded:
        return folded[fold(asked)]
    starting = [name for key, name in folded.items() if key.startswith(fold(asked)) and asked]
    if len(starting) == 1:
        return starting[0]
    if starting:
        raise Refused(f"{what} {asked!r} is not one thing: {', '.join(sorted(starting))}")
    near = difflib.get_close_matches(fold(asked), folded, n=5, cutoff=0.4)
    hint = ", ".join(folded[key] for key in near) if near else ", ".join(names[:12])
    more = "" if near or len(names) <= 12 else f" and {len(names) - 12} more"
    raise Refused(
        f"unknown {what} {asked!r}; {'did you mean' if near else 'there are'}: {hint}{more}"
    )


def fold(name: str) -> str:
    """Return a name without case, spaces and punctuation, for comparing what people type."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
