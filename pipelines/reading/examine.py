"""One answer as its source's parser reads it today: rows by outcome, currencies, GPUs, its shape.

It leaves no file. What differs from the recorded answer belongs to ``drift``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.capture.landing import ending
from pipelines.capture.parsers import in_child
from pipelines.child.limits import CallError, LimitError
from pipelines.reading.broken import WALL_WORDS
from pipelines.reading.shape import shape_of
from pipelines.reading.sheet import Sheet, fill, message
from pipelines.sources.base import ParseError, Payload, Source

TAIL_BYTES = 200  # of an answer, in which its end mark is
WALL_START_BYTES = 200_000  # of an answer, in which a wall says what it wants


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What one answer, or the pages that a parser reads together, holds."""

    key: str
    rows: Mapping[str, int] = field(default_factory=dict)  # by outcome
    held: Mapping[str, int] = field(default_factory=dict)  # by rule
    currencies: Sequence[str] = ()
    known_gpus: Sequence[str] = ()  # those of the source's ``known_gpus`` that it prints
    shape: Mapping[str, Any] | None = None
    is_wall: bool = False  # it asks a person to prove or accept something instead
    error: str | None = None


def examined(source: Source, payload: Payload, known_paths: Collection[str]) -> Examined:
    """Return what an answer holds, read in the child; what the child cannot read is an error of it.

    Parameters
    ----------
    source : Source
        Whose parser reads the answer.
    payload : Payload
        The answer.
    known_paths : collection of str
        The fields of the recorded shapes: they tell maps from objects.
    """
    try:
        return Examined(**in_child(source, examination, payload, list(known_paths)))
    except (LimitError, CallError, ParseError) as error:
        where = "" if isinstance(error, ParseError) else f"{payload.where()}: the parser: "
        return Examined(key=payload.key, error=f"{where}{error}")


def examination(source: Source, payload: Payload, known_paths: Collection[str]) -> dict[str, Any]:
    """Return the fields of ``Examined``, as JSON has them; for ``in_child``."""
    sheet = Sheet(payload, source.parser_version)
    failure = fill(sheet, payload, source)
    if failure is not None and is_wall(payload):
        return {"key": payload.key, "is_wall": True, "error": message(failure[1])}
    try:
        shape = shape_of(payload, known_paths, is_page=source.kind == "page")
        shape.ending = ending(payload.content[-TAIL_BYTES:])
    except ParseError as error:
        failure = failure or ("parse_error", str(error))
        return {"key": payload.key, "error": message(failure[1])}
    if failure is not None:  # its shape says why
        return {"key": payload.key, "shape": shape.as_json(), "error": message(failure[1])}
    offers = sheet.kept["offer"]
    found = Examined(
        key=payload.key,
        rows={name: rows.total() for name, rows in sheet.outcomes.items()},
        held=dict(sheet.outcomes["held"]),
        currencies=sorted({row["currency"] for row in offers}),
        known_gpus=sorted(source.known_gpus & {row["gpu_name_printed"] for row in offers}),
        shape=shape.as_json(),
    )
    return dataclasses.asdict(found)


def is_wall(payload: Payload) -> bool:
    """Return whether a page asks a person to prove or accept something instead of the answer."""
    start = payload.content[:WALL_START_BYTES].decode("utf-8", "replace").lower().lstrip()
    return start.startswith("<") and any(word in start for word in WALL_WORDS)
