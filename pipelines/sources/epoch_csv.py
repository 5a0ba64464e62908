"""Reading of Epoch AI's wide CSV tables, shared by the three Epoch sources.

Values stay text as printed; an empty field is null. Meaning, types and joins belong to
``warehouse/sql/staged``.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence

from pipelines.sources.base import Held, ParseError, Payload, Row, TableRow

csv.field_size_limit(16 * 2**20)  # notes of some models run to hundreds of kilobytes


def table_rows(
    payload: Payload, *, table: str, key_columns: Sequence[str], needed: Sequence[str]
) -> Iterator[Row]:
    """Yield one ``TableRow`` a record, keyed by the key column (numbered where it repeats).

    ``key_columns`` are the names that the key column has had over the years, newest first.

    Raises
    ------
    ParseError
        If the key or a needed column is not in the header.
    """
    reader = csv.reader(io.StringIO(payload.text(), newline=""))
    header = next(reader, [])
    key_name = next((name for name in key_columns if name in header), key_columns[0])
    missing = [name for name in (key_name, *needed) if name not in header]
    if missing:
        raise ParseError(
            f"{payload.where()}: no column {missing}; there are {len(header)}: {header[:6]}"
        )
    key_index = header.index(key_name)
    seen: Counter[str] = Counter()
    for record in reader:
        if not any(record):
            continue
        if len(record) != len(header):
            reason = f"{len(record)} fields under {len(header)} columns"
            row = dict(zip(header, record, strict=False))
            yield Held(rule="wrong_field_count", reason=reason, row=row)
            continue
        key = record[key_index].strip()
        fields = zip(header, record, strict=True)
        values: dict[str, str | None] = {name: text or None for name, text in fields}
        if not key:
            yield Held(rule="key_missing", reason=f"no {key_name}", row=values)
            continue
        seen[key] += 1
        row_key = key if seen[key] == 1 else f"{key} #{seen[key]}"
        yield TableRow(table=table, row_key=row_key, values=values)
