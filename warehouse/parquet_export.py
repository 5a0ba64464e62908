"""The tables of a published run as Parquet: what is cut where, and what did not change is linked.

The run around it, its manifest and the pointer belong to ``publication``.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse import files, history
from warehouse.models import read_models, table_exists
from warehouse.rows import identifier, literal

EXPORTED_SCHEMAS = ("core", "marts")
ARROW = "ARROW:schema"  # the key under which readers of Parquet look for it
# The two tables of a history are one dataset to a reader of Parquet, as they are one view in SQL.
DATASETS = {
    table: (f"core/{entity.view}", piece)
    for entity in (history.OFFER, history.API_PRICE)
    for table, piece in ((entity.open, "open"), (entity.closed, "closed-"))
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A Parquet file of an export: what it holds, and the hash of its bytes."""

    path: str  # below parquet-<run>/
    rows: int
    fingerprint: str  # of the rows, whatever their order
    sha256: str


@dataclass(frozen=True)
class Before:
    """The export of the newest run.

    Parameters
    ----------
    folder : Path
        Its folder.
    parts : sequence of Part
        Its files.
    traces : dict
        What its relations were made from (``traces``).
    """

    folder: Path
    parts: Sequence[Part]
    traces: dict[str, str]


NOTHING_BEFORE = Before(Path(), (), {})


def export(
    connection: duckdb.DuckDBPyConnection, folder: Path, before: Before = NOTHING_BEFORE
) -> Iterator[Part]:
    """Write core and marts as Parquet; a part that did not change is linked, not written.

    What grows by days is cut by month, the history by the month in which a row was last touched: a
    day's build then writes one part of it. Reading every row of a table also finds damaged blocks;
    a view that was made from the same as before is not read.
    """
    old_parts = {(part.path, part.rows, part.fingerprint): part for part in before.parts}
    made_from = traces(connection)
    folder.mkdir()
    for cut in cuts(connection):
        (folder / cut.dataset).mkdir(parents=True, exist_ok=True)
        layout = Layout.of(connection, cut.relation, cut.dataset.replace("/", "."), folder)
        trace = made_from.get(cut.relation)
        if cut.is_view and trace is not None and trace == before.traces.get(cut.relation):
            same = [one for one in before.parts if Path(one.path).parent == Path(cut.dataset)]
            if same and all(_is_usable(before, part, layout) for part in same):
                for part in same:
                    os.link(before.folder / part.path, folder / part.path)
                yield from same
                continue
        for value, rows, fingerprint, first, last in pieces(connection, cut):
            path = f"{cut.dataset}/{value}.parquet"
            known = old_parts.get((path, rows, fingerprint))
            if known is not None and _is_usable(before, known, layout):
                os.link(before.folder / path, folder / path)
                yield known
                continue
            connection.execute(
                # The rows of a month lie together: by their numbers the rest is not read.
                f"copy (select {layout.columns} from {cut.relation}"
                f" where {cut.piece} = {literal(value)}"
                f"{'' if cut.is_view else f' and rowid between {first} and {last}'})"
                f" to {literal(str(folder / path))} ({layout.options})"
            )
            files.sync_file(folder / path)
            yield Part(
                path=path,
                rows=rows,
                fingerprint=fingerprint,
                sha256=file_sha256(folder / path),
            )
        files.sync_folder(folder / cut.dataset)
    files.sync_folder(folder)


def traces(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return what each relation was made from, as the build has noted it in ``meta.made``."""
    if not table_exists(connection, "meta.made"):
        return {}
    rows = connection.execute("from meta.made").fetchall()
    return {name: f"{definition} {inputs}" for name, definition, _, inputs, _ in rows}


def _is_usable(before: Before, part: Part, layout: Layout) -> bool:
    """Return whether a file of the export before can be linked.

    A link shares its bytes with the runs before: damaged ones are rewritten. The fingerprint is of
    values: a column that was renamed, or has another comment, is rewritten.
    """
    path = before.folder / part.path
    return has_bytes(path, part.sha256) and layout.is_that_of(path)


@dataclass(frozen=True)
class Layout:
    """How the columns of a relation are in Parquet: times in UTC, each column with its comment.

    Parquet has no place for comments; Arrow's schema, which its readers find in the file, does.
    """

    columns: str  # of a select
    schema: str  # of Arrow, in base64

    @classmethod
    def of(
        cls, connection: duckdb.DuckDBPyConnection, relation: str, table: str, folder: Path
    ) -> Layout:
        """Return the layout of a relation.

        Parameters
        ----------
        connection : DuckDBPyConnection
            In the time zone UTC.
        relation : str
            What is written.
        table : str
            The table or view whose comments it has.
        folder : Path
            Where an example without rows may lie for a moment.
        """
        import pyarrow as pa  # slow to load
        import pyarrow.parquet

        described = connection.execute(f"describe {relation}").fetchall()
        times = [identifier(name) for name, kind, *_ in described if kind == "TIMESTAMP"]
        zoned = ", ".join(f"cast({name} as timestamptz) as {name}" for name in times)
        columns = f"* replace ({zoned})" if times else "*"
        example = folder / ".example.parquet"
        file = literal(str(example))
        connection.execute(
            f"copy (select {columns} from {relation} limit 0) to {file} (format parquet)"
        )
        comments = dict(
            connection.execute(
                "select column_name, comment from duckdb_columns()"
                " where schema_name || '.' || table_name = ? and comment is not null",
                [table],
            ).fetchall()
        )
        schema = pa.schema(
            [
                field.with_metadata({"comment": comments[field.name]})
                if field.name in comments
                else field
                for field in pyarrow.parquet.read_schema(example)
            ]
        )
        example.unlink()
        return cls(columns, base64.b64encode(schema.serialize().to_pybytes()).decode())

    @property
    def options(self) -> str:
        """Return the options of ``copy``."""
        return f"format parquet, compression zstd, kv_metadata {{'{ARROW}': '{self.schema}'}}"

    def is_that_of(self, path: Path) -> bool:
        """Return whether a file has the same columns, types and comments."""
        import pyarrow.parquet  # slow to load

        found = pyarrow.parquet.read_metadata(path).metadata or {}
        return bool(found.get(ARROW.encode()) == self.schema.encode())


@dataclass(frozen=True)
class Cut:
    """How a relation is exported: the folder of its parts, and what tells the part of a row."""

    relation: str
    is_view: bool
    dataset: str
    piece: str  # SQL
    columns: tuple[str, ...]


def cuts(connection: duckdb.DuckDBPyConnection) -> Iterator[Cut]:
    """Return how each exported relation is cut into parts."""
    growing = {model.name for model in read_models().values() if model.grows_by == "day"}
    for name, is_view, dataset, prefix in _exported_relations(connection):
        columns = _columns(connection, name)
        if "superseded_at" in columns and prefix != "open":
            piece = f"'{prefix}' || strftime(coalesce(superseded_at, recorded_at), '%Y-%m')"
        elif name in growing:
            piece = "coalesce(strftime(day, '%Y-%m'), 'undated')"
        else:
            piece = f"'{prefix or 'all'}'"
        yield Cut(name, is_view, dataset, piece, columns)


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[str, ...]:
    rows = connection.execute(f"describe select * from {relation}").fetchall()
    return tuple(row[0] for row in rows)


def pieces(connection: duckdb.DuckDBPyConnection, cut: Cut) -> list[tuple[str, int, str, int, int]]:
    """Return (part, rows, fingerprint, first and last row number) of what is exported."""
    return connection.execute(
        f"select {cut.piece} as piece, count(*),"
        f" sum(hash({', '.join(map(identifier, cut.columns))}))::varchar,"
        f" {'0, 0' if cut.is_view else 'min(rowid), max(rowid)'}"
        f" from {cut.relation} group by piece order by piece"
    ).fetchall()


def dataset_of(relation: str) -> str:
    """Return the folder of a relation's parts.

    Examples
    --------
    >>> dataset_of("core.offer_open"), dataset_of("core.gpu")
    ('core/offer_price', 'core/gpu')
    """
    return DATASETS[relation][0] if relation in DATASETS else relation.replace(".", "/")


def _exported_relations(
    connection: duckdb.DuckDBPyConnection,
) -> list[tuple[str, bool, str, str]]:
    """Return (relation, whether it is a view, dataset, prefix of its parts) of what is exported."""
    relations = connection.execute(
        "select table_schema || '.' || table_name, table_type = 'VIEW'"
        " from information_schema.tables where list_contains($1, table_schema) order by all",
        [list(EXPORTED_SCHEMAS)],
    ).fetchall()
    views = {f"core.{entity.view}" for entity in (history.OFFER, history.API_PRICE)}
    return [
        (name, is_view, dataset_of(name), DATASETS.get(name, ("", ""))[1])
        for name, is_view in relations
        if name not in views
    ]


def has_bytes(path: Path, sha256: str) -> bool:
    """Return whether a file is there and has this hash."""
    return path.exists() and file_sha256(path) == sha256


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
