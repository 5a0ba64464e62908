"""Reading of Epoch AI's wide CSV tables, shared by the three Epoch sources.

Values stay text as printed; an empty field is null. Meaning, types and joins belong to
``warehouse/sql/staged``.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence

from pipelines.sources.base import Held, OutOfScope, ParseError, Payload, ReadRow, Row, TableRow
from pipelines.sources.documents import csv_lines, header_of
from pipelines.sources.fields import each_row


def table_rows(
    payload: Payload, *, table: str, key_columns: Sequence[str], needed: Sequence[str]
) -> Iterator[ReadRow]:
    """Yield one ``TableRow`` a record, keyed by the key column (numbered where it repeats).

    ``key_columns`` are the names that the key column has had over the years, newest first.

    Raises
    ------
    ParseError
        If the key or a needed column is not in the header, or is there twice.
    """
    reader = csv.reader(csv_lines(payload))
    header = next(reader, [])
    key_name = next((name for name in key_columns if name in header), key_columns[0])
    missing = [name for name in (key_name, *needed) if name not in header]
    if missing:
        raise ParseError(
            f"{payload.where()}: no column {missing}; there are {len(header)}: {header[:6]}"
        )
    header_of(payload, [name for name in header if name in (key_name, *needed)])
    key_index, header = header.index(key_name), numbered(header)
    seen: Counter[str] = Counter()

    def read(record: list[str]) -> Iterator[Row]:
        row: dict[str, str | None] = dict(zip(header, record, strict=False))
        if not any(record):
            yield OutOfScope("an empty line")
        elif len(record) != len(header):
            reason = f"{len(record)} fields under {len(header)} columns"
            yield Held(rule="wrong_field_count", reason=reason, row=row)
        elif not (key := record[key_index].strip()):
            yield Held(rule="key_missing", reason=f"no {key_name}", row=row)
        else:
            seen[key] += 1
            row_key = key if seen[key] == 1 else f"{key} #{seen[key]}"
            values = {name: text or None for name, text in row.items()}
            yield TableRow(table=table, row_key=row_key, values=values)

    yield from each_row(payload, reader, read)


def numbered(names: Sequence[str]) -> list[str]:
    """Return column names of which those that are there again have their number.

    Examples
    --------
    >>> numbered(["Model", "Notes", "Notes"])
    ['Model', 'Notes', 'Notes #2']
    """
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return found
