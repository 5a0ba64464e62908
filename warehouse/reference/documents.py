"""The reference documents: found, parsed once, and named where they are wrong.

A document is one file of reference data. It comes from the folder of this package while the
warehouse is built, or from a published file when a question is answered, so that a published file
needs no checkout beside it. Here belongs the reading of YAML, CSV and JSON into plain values; what
the values mean is known to the readers beside this module.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_type_hints

import duckdb

REFERENCE_FOLDER = Path(__file__).parent / "data"
PATTERNS = ("*.csv", "*.yaml", "*/*.yaml", "*/*/*.csv.gz", "*/*/*.json")

Made = TypeVar("Made")
Row = TypeVar("Row")


class ReferenceError(ValueError):
    """Reference data that cannot be used; names file, key, what it holds and what is allowed."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A CSV document: the header and the cells, all text; an empty cell is an empty text."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def records(self) -> list[dict[str, str | None]]:
        """Return the rows by column name; an empty cell is None."""
        return [
            {key: cell or None for key, cell in zip(self.columns, row, strict=True)}
            for row in self.rows
        ]


class Documents:
    """Every reference document by name, parsed at the first use.

    Parameters
    ----------
    sources : mapping of str to callable
        Name of a document (its path below the folder) to what returns its content as plain JSON
        values: a date is text, a CSV file is ``{"columns": [...], "rows": [[...], ...]}``.

    Examples
    --------
    >>> Documents.of_folder().table("electricity").columns[:3]
    ('country', 'year', 'usd_per_kwh')
    """

    def __init__(self, sources: Mapping[str, Callable[[], Any]]) -> None:
        self._sources = dict(sources)
        self._contents: dict[str, Any] = {}
        self._made: dict[object, Any] = {}

    @classmethod
    def of_folder(cls, folder: Path | None = None) -> Documents:
        """Return the documents of a folder, by default those of this package.

        A YAML file is held against its schema when it is first read.
        """
        root = folder or REFERENCE_FOLDER
        return cls({str(path.relative_to(root)): _reader(path, root) for path in paths(root)})

    @classmethod
    def of_published(cls, connection: duckdb.DuckDBPyConnection) -> Documents:
        """Return the documents that a published file carries, or its past shows.

        All are fetched at once, so the connection may be closed. The same documents are the same
        object, so that what readers made of them is made one time in a process.

        Raises
        ------
        ReferenceError
            If the file was published before it carried its reference documents.
        """
        try:
            state = connection.execute(
                "select name, sha256 from meta.reference_document where superseded_at is null"
                " order by name"
            ).fetchall()
        except duckdb.CatalogException:
            state = []
        if not state:
            raise ReferenceError(
                "the published file has no reference documents, because an older version made"
                " it; publish again with truecost run"
            )
        key = tuple(state)
        if key not in _PUBLISHED:
            found = connection.execute(
                "select name, document from meta.reference_document where superseded_at is null"
            ).fetchall()
            _PUBLISHED.clear()  # one state at a time: a past is asked of rarely
            _PUBLISHED[key] = cls({name: _json_reader(document) for name, document in found})
        return _PUBLISHED[key]

    def with_content(self, name: str, content: Any) -> Documents:
        """Return these documents and one more, of plain content."""
        return Documents({**self._sources, name: lambda: content})

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the documents directly in a folder, in order."""
        return sorted(name for name in self._sources if name.rpartition("/")[0] == folder)

    def content(self, name: str) -> Any:
        """Return the plain content of a document.

        Raises
        ------
        ReferenceError
            If there is no such document, or it is not what it must be.
        """
        if name not in self._contents:
            if name not in self._sources:
                folder = name.rpartition("/")[0]
                raise ReferenceError(
                    f"no reference document {name!r}; there are: {', '.join(self.names(folder))};"
                    " a published file of an older version needs truecost run"
                )
            self._contents[name] = self._sources[name]()
        return self._contents[name]

    def table(self, name: str) -> CsvTable:
        """Return a CSV document by its name without ``.csv``, or by its whole name."""
        whole = name if name.endswith((".csv", ".csv.gz")) else f"{name}.csv"
        content = self.content(whole)
        return CsvTable(
            whole, tuple(content["columns"]), tuple(tuple(row) for row in content["rows"])
        )

    def text(self, name: str) -> str:
        """Return a document as JSON text: the same content always makes the same text."""
        return json.dumps(self.content(name), ensure_ascii=False, separators=(",", ":"))

    def texts(self) -> dict[str, str]:
        """Return every document as JSON text."""
        return {name: self.text(name) for name in sorted(self._sources)}

    def digest(self, names: Iterable[str] | None = None) -> str:
        """Return a hash of the content of some documents, of all by default.

        Comments and layout of a file do not count.
        """
        digest = hashlib.sha256()
        for name in sorted(self._sources if names is None else names):
            digest.update(f"{name}\n{self.text(name)}\n".encode())
        return digest.hexdigest()

    def once(self, reader: Callable[[Documents], Made]) -> Made:
        """Return what a reader makes of these documents, made at the first call."""
        if reader not in self._made:
            self._made[reader] = reader(self)
        return cast(Made, self._made[reader])


_PUBLISHED: dict[tuple[tuple[str, str], ...], Documents] = {}


def once(reader: Callable[[Documents], Made]) -> Callable[[Documents], Made]:
    """Decorate a reader so that it reads the same documents one time only."""

    @wraps(reader)
    def made(documents: Documents) -> Made:
        return documents.once(reader)

    return made


def paths(root: Path) -> list[Path]:
    """Return the files of a folder that are reference documents, in order."""
    return sorted(path for pattern in PATTERNS for path in root.glob(pattern))


@cache
def bundled() -> Documents:
    """Return the documents of this package."""
    return Documents.of_folder()


def typed_rows(documents: Documents, name: str, kind: type[Row]) -> tuple[Row, ...]:
    """Return the rows of a CSV document as records of a dataclass.

    The columns are the fields of the dataclass, in any order. Its annotations say what a cell may
    hold: ``str``, ``int``, ``float``, ``bool`` or ``date``; ``| None`` or a default allows an empty
    cell.

    Raises
    ------
    ReferenceError
        If a column or a cell is not what it must be.
    """
    table = documents.table(name)
    known = {field.name: field for field in fields(cast(Any, kind))}
    if set(table.columns) != set(known):
        raise ReferenceError(
            f"{table.name}:1: the columns are {', '.join(table.columns)};"
            f" allowed: {', '.join(known)}"
        )
    hints = get_type_hints(kind)
    cells = [
        _cell_reader(hints[column], known[column].default is not MISSING)
        for column in table.columns
    ]
    made = []
    for line, row in enumerate(table.rows, start=2):
        values = {}
        for column, read, text in zip(table.columns, cells, row, strict=True):
            try:
                value = read(text)
            except ValueError as error:
                raise ReferenceError(
                    f"{table.name}:{line}: {column} holds {text!r}; allowed: {error}"
                ) from None
            if value is not None or text or known[column].default is MISSING:
                values[column] = value
        made.append(kind(**values))
    return tuple(made)


def csv_content(text: str, name: str) -> dict[str, Any]:
    """Return the plain content of a CSV text.

    Raises
    ------
    ReferenceError
        If it is empty, or a row is longer or shorter than the header.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, None)
    if not header:
        raise ReferenceError(f"{name}: empty; a table begins with a line of column names")
    rows = []
    for cells in reader:
        if len(cells) != len(header):
            raise ReferenceError(
                f"{name}:{reader.line_num}: {len(cells)} cells under {len(header)} names;"
                " quote a cell that holds a comma"
            )
        rows.append(cells)
    return {"columns": header, "rows": rows}


def _reader(path: Path, root: Path) -> Callable[[], Any]:
    name = str(path.relative_to(root))

    def read() -> Any:
        raw = path.read_bytes()
        try:
            text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ReferenceError(f"{name}: not UTF-8 text: {error}") from None
        if path.suffix == ".json":
            return _json_reader(text)()
        if path.suffix != ".yaml":
            return csv_content(text, name)
        # The one import inside a function of this module: an answer, which reads a published file,
        # must load neither pydantic nor a YAML parser.
        from warehouse.reference.schema_check import checked, yaml_content

        return checked(yaml_content(text, name), text, name)

    return read


def _json_reader(text: str) -> Callable[[], Any]:
    return lambda: json.loads(text)


def _cell_reader(hint: Any, is_optional: bool) -> Callable[[str], Any]:
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    read, allowed = _CELLS[kinds[0]]
    is_optional = is_optional or type(None) in get_args(hint)

    def cell(text: str) -> Any:
        if not text and is_optional:
            return None
        try:
            return read(text)
        except ValueError:
            raise ValueError(allowed) from None

    return cell


def _filled(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:  # infinite or not a number
        raise ValueError
    return number


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


_CELLS: Mapping[Any, tuple[Callable[[str], Any], str]] = {
    str: (_filled, "a text that is not empty"),
    int: (int, "a whole number"),
    float: (_finite, "a finite number"),
    bool: (_truth, "true or false"),
    date: (date.fromisoformat, "a date as 2026-11-21"),
}
