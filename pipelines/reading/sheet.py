"""The rows of one payload: parsed, checked one by one against the contract, and laid out as tables.

Where the payload comes from, and where the tables go, belongs to ``reader``.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa

from pipelines.child.limits import LimitError, at_most
from pipelines.reading.broken import error_class, error_in_answer
from pipelines.reading.contract import (
    COLUMNS,
    CONTRACT,
    KIND_OF_CLASS,
    MAX_TEXT_CHARACTERS,
    QUARANTINE_SCHEMA,
    SCHEMAS,
    BreachError,
)
from pipelines.sources.base import Held, OutOfScope, ParseError, Payload, ReadRow, Source
from pipelines.text import WHITE_SPACE, without_invisible
from warehouse.rows import exact

MAX_ROW_JSON_CHARACTERS = 20_000
MAX_KEPT_OF_EXPECTED = 3  # times the high end of what the source declares
MAX_HELD = 20_000  # of one payload
MAX_ROWS = 500_000  # of one payload, whatever becomes of them
ENCODER = json.JSONEncoder(default=exact)
Outcome = Literal["kept", "held", "out_of_scope"]
OUTCOMES: tuple[Outcome, ...] = ("kept", "held", "out_of_scope")  # a row has its first of these


class Sheet:
    """The rows of one payload, checked one by one."""

    def __init__(self, payload: Payload, parser_version: int) -> None:
        self.kept: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.held: list[dict[str, Any]] = []
        self.kept_count = 0
        self.held_count = 0
        self.duplicates = 0
        self.outcomes: dict[Outcome, Counter[str]] = {name: Counter() for name in OUTCOMES}
        self._seen: set[tuple[Any, ...]] = set()
        self._provenance = {
            "source_id": payload.source_id,
            "request_key": payload.key,
            "source_url": payload.url,
            "payload_sha256": payload.sha256,
            "parser_version": parser_version,
            "captured_at": payload.seen_at,
        }

    def add(self, row: object) -> None:
        """Add everything that one row of the answer gave, and count the row by its outcome.

        Raises
        ------
        ParseError
            If the parser yields something that is not a row.
        """
        found = row.found if isinstance(row, ReadRow) else (row,)
        outcomes = [self._add(record) for record in found]
        if not outcomes and isinstance(row, ReadRow):
            reason = "the parser says nothing about this row"
            outcomes = [self._hold("row_unexplained", reason, row.printed)]
        outcome, reason = min(outcomes, key=lambda one: OUTCOMES.index(one[0]))
        self.outcomes[outcome][reason] += row.count if isinstance(row, ReadRow) else 1

    def _add(self, row: object) -> tuple[Outcome, str]:
        """Keep a record, count it as a duplicate, or hold it; return which, and why."""
        if isinstance(row, OutOfScope):
            return "out_of_scope", message(row.reason)
        if isinstance(row, Held):
            return self._hold(row.rule, row.reason, row.row)
        kind = KIND_OF_CLASS.get(type(row))
        if kind is None:
            raise ParseError(f"the parser yields {type(row).__name__}, which is not a row")
        try:
            record = {column.name: column.read(row) for column in COLUMNS[kind]}
            for rule, reason, is_kept in CONTRACT[kind]:
                if not is_kept(record):
                    raise BreachError(rule, reason)
        except BreachError as breach:
            return self._hold(breach.rule, breach.reason, _printed(row))
        identity = (kind, *(_hashable(value) for value in record.values()))
        if identity in self._seen:
            self.duplicates += 1
            return "kept", ""
        self._seen.add(identity)
        self.kept[kind].append(record)
        self.kept_count += 1
        return "kept", ""

    def tables(self) -> dict[str, pa.Table]:
        """Return the rows that were kept, one table a kind of record."""
        return {kind: self._table(kind, rows) for kind, rows in sorted(self.kept.items())}

    def _table(self, kind: str, rows: list[dict[str, Any]]) -> pa.Table:
        schema = SCHEMAS[kind]
        constants = {"record_kind": kind, **self._provenance}
        columns = [
            pa.repeat(pa.scalar(constants[field.name], field.type), len(rows))
            if field.name in constants
            else pa.array([row[field.name] for row in rows], field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(columns, schema=schema)

    def quarantine(self) -> pa.Table:
        """Return the rows that were held."""
        return pa.Table.from_pylist(self.held, schema=QUARANTINE_SCHEMA)

    def _hold(self, rule: str, reason: str, row: Mapping[str, Any]) -> tuple[Outcome, str]:
        self.held_count += 1
        row_json = start_of_json(row)
        identity = ("held", rule, reason, row_json)
        if identity in self._seen:  # a page may hold the same table twice
            return "held", rule
        self._seen.add(identity)
        self.held.append(
            {
                "rule": rule,
                "reason": message(reason),
                "row_json": row_json,
                "record_kind": "held",
                **self._provenance,
            }
        )
        return "held", rule


def fill(sheet: Sheet, payload: Payload, source: Source) -> tuple[str, str] | None:
    """Parse a payload into a sheet and return class and text of the error, or None.

    Raises
    ------
    LimitError
        If the parser gives far more rows than its source expects.
    MemoryError
        If the parser runs out of memory.
    """
    expected = source.expected_rows[1]
    most = MAX_KEPT_OF_EXPECTED * expected
    try:
        for row in at_most(source.parse(payload), MAX_ROWS):
            sheet.add(row)
            if sheet.kept_count > most:
                raise LimitError("rows", f"gives over {most} rows, where {expected} are expected")
            if sheet.held_count > max(MAX_HELD, most):
                raise LimitError("rows", f"gives {sheet.held_count} rows that have to be held")
    except ParseError as error:
        said = error_in_answer(payload)
        return error_class(payload, source), f"{error}; {said}" if said else str(error)
    except (LimitError, MemoryError):
        raise
    # A bug in one parser must only fail its own payload. Only here and in ``capture.parallel`` is
    # every exception caught.
    except Exception as error:
        return "parse_error", f"{payload.where()}: {type(error).__name__} in the parser: {error}"
    said = error_in_answer(payload)
    return ("api_error", f"{payload.where()}: {said}") if said else None


def start_of_json(row: object) -> str:
    """Return the first 20,000 characters of a row as JSON, without writing out the rest.

    Examples
    --------
    >>> start_of_json({"price": 0.1, "gpus": [8]})
    '{"price": 0.1, "gpus": [8]}'
    """
    written, size = [], 0
    for piece in ENCODER.iterencode(row):
        written.append(piece)
        size += len(piece)
        if size >= MAX_ROW_JSON_CHARACTERS:
            break
    return "".join(written)[:MAX_ROW_JSON_CHARACTERS]


def message(text: object) -> str:
    """Return the message of an error as one line without invisible characters."""
    return WHITE_SPACE.sub(" ", without_invisible(str(text)))[:MAX_TEXT_CHARACTERS]


def _printed(row: Any) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
