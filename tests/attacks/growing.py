"""Saved answers in which one thing grows: a field, a number, an attribute, rows, keys, nesting.

``variants`` of a payload are functions of a size in bytes. They know the form of the document and
nothing of its parser: every place of a kind grows, so that the rows that matter are among them.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import re
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import lxml.html

from pipelines.capture.backfill import moments_of
from pipelines.child.limits import LimitError
from pipelines.reading.sheet import Sheet, fill
from pipelines.sources import all_sources
from pipelines.sources.base import DatedFiles, OwnHistory, ParseError, Payload, Request
from pipelines.sources.fixtures import fixture_payloads

FIXTURES = Path(__file__).parents[1] / "fixtures/sources"
Variant = Callable[[int], bytes]
MAX_PLACES = 24  # of one kind that grow at once
HTML_TEXT = re.compile(r"<(\w+)([^<>]*)>([^<>]*[^<>\s][^<>]*)(?=<)")
ATTRIBUTE = re.compile(r"([\w-]+)=\"([^\"<>]+)\"")
SCRIPT_STRING = re.compile(r"\\?\"(\w+)\\?\":\s*\\?\"([^\"\\]+)\\?\"")
YAML_VALUE = re.compile(r"^( *)[\w.-]+: +(\S.*)$", re.MULTILINE)
YAML_KEY = re.compile(r"^( *)([\w.-]+):", re.MULTILINE)


def fillings(text: str, size: int) -> dict[str, str]:
    """Return a text grown by ``size`` characters, in ways in which patterns backtrack."""
    words, half = text.split() or ["a"], len(text) // 2

    def much(unit: str) -> str:
        return (unit * (size // len(unit) + 1))[:size]

    return {
        "digits": text + much("1"),
        "digits first": much("9") + text,
        "spaces": text[:half] + much(" ") + text[half:],
        "lines": text + much(" \n") + "x",
        "itself": much(text + " "),
        "first word": much(words[0] + " ") + text,
        "last word": text + much(" " + words[-1]),
        "letters": text[:half] + much("a") + text[half:],
        "parts": text + much(" + x1"),
        "brackets": text + much(" (1"),
        "commas": text + much(",1"),
        "dashes": text + much(" - a/x "),
    }


NAMES = tuple(fillings("", 1))


def variants(source_id: str, number: int) -> dict[str, Variant]:
    """Return every way in which a saved payload of a source grows, by name."""
    content = saved(source_id, number)[1]
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = archive.namelist()[0]
            inner = dict(csv_variants(archive.read(name).decode()))
        return {key: partial(_zipped, name, grow) for key, grow in inner.items()}
    text = content.decode("utf-8-sig")
    if text.lstrip().startswith("<"):
        return dict(markup_variants(text))
    if text.startswith("---"):
        return dict(text_variants(text, {"value": YAML_VALUE, "key": YAML_KEY}))
    try:
        return dict(json_variants(json.loads(text)))
    except ValueError:
        return dict(csv_variants(text))


def _zipped(name: str, grow: Variant, size: int) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        writer.writestr(name, grow(size))
    return archive.getvalue()


def json_variants(document: Any) -> Iterator[tuple[str, Variant]]:
    places: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for path in _paths(document):
        places["/".join("*" if isinstance(part, int) else str(part) for part in path)].append(path)
    for name, paths in places.items():
        value = _at(document, paths[0])
        if isinstance(value, (list, dict)):
            for how in ("same", "numbered"):
                yield f"{name} {how}", partial(_json_repeated, document, paths[:1], how)
        else:
            for filling in NAMES:
                yield f"{name} {filling}", partial(_json_filled, document, paths, filling)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{name} long number", partial(_json_number, document, paths)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    parts = {}
    if isinstance(value, (dict, list)):
        parts = value if isinstance(value, dict) else dict(enumerate(value))
    for key, part in parts.items():
        yield from _paths(part, (*path, key))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        document = document[part]
    return document


def _changed(document: Any, paths: list[tuple[Any, ...]], change: Callable[[Any], Any]) -> Any:
    if paths == [()]:
        return change(document)
    document = copy.deepcopy(document)
    for *above, last in paths[:MAX_PLACES]:
        parent = _at(document, tuple(above))
        parent[last] = change(parent[last])
    return document


def _json_filled(document: Any, paths: list[tuple[Any, ...]], name: str, size: int) -> bytes:
    grown = _changed(document, paths, lambda value: fillings(str(value), size)[name])
    return json.dumps(grown).encode()


def _json_number(document: Any, paths: list[tuple[Any, ...]], size: int) -> bytes:
    grown = _changed(document, paths, lambda _: "@long@")
    return json.dumps(grown).replace('"@long@"', "0." + "3" * size).encode()


def _json_repeated(document: Any, paths: list[tuple[Any, ...]], how: str, size: int) -> bytes:
    def more(value: Any) -> Any:
        parts = list(value.values()) if isinstance(value, dict) else value
        if not parts:
            return value
        count = 4 * size // (len(json.dumps(parts)) // len(parts) + 1)
        grown = [parts[n % len(parts)] for n in range(count)]
        if how == "numbered":
            grown = [_numbered(part, n) for n, part in enumerate(grown)]
        if isinstance(value, list):
            return value + grown
        return value | {f"more {n}": part for n, part in enumerate(grown)}

    return json.dumps(_changed(document, paths, more)).encode()


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, dict):
        return {key: _numbered(part, number) for key, part in value.items()}
    if isinstance(value, list):
        return [_numbered(part, number) for part in value]
    return f"{value} {number}" if isinstance(value, str) else value


def csv_variants(text: str) -> Iterator[tuple[str, Variant]]:
    header, *rows = csv.reader(io.StringIO(text))
    for column, name in enumerate(header):
        for filling in NAMES:
            yield f"{name} {filling}", partial(_csv_filled, header, rows, column, filling)
    yield "rows", lambda size: _csv(header, rows * (4 * size // len(text) + 1))
    yield (
        "numbered rows",
        lambda size: _csv(
            header,
            [
                [f"{cell}{n}" if cell.isalpha() else cell for cell in rows[n % len(rows)]]
                for n in range(4 * size * len(rows) // len(text))
            ],
        ),
    )
    yield "columns", lambda size: _csv(header * (size // len(text)), [r * 3 for r in rows])
    yield "quote", lambda size: text.encode() + b'"' + b"a,\n" * size


def _csv_filled(header: Any, rows: Any, column: int, name: str, size: int) -> bytes:
    grown = copy.deepcopy(rows)
    for row in grown[:MAX_PLACES]:
        if column < len(row):
            row[column] = fillings(row[column], size)[name]
    return _csv(header, grown)


def _csv(header: list[str], rows: list[list[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([header, *rows])
    return written.getvalue().encode()


def markup_variants(text: str) -> Iterator[tuple[str, Variant]]:
    kinds = {"text": HTML_TEXT, "attribute": ATTRIBUTE, "string": SCRIPT_STRING}
    yield from text_variants(text, kinds)
    declaration = re.match(r"\s*<\?xml[^>]*>", text)
    for name, unit in {
        "opened": "<div>",
        "comments": "<!-- a -->",
        "cut": "<!--",
        "<": "<",
    }.items():
        yield name, lambda size, unit=unit: (text + unit * (size // len(unit))).encode()
    if declaration:  # XML: lxml reads HTML here
        return
    root = lxml.html.fromstring(text.encode())
    kinds_seen = {}
    for element in root.iter():
        if isinstance(element.tag, str) and element.getparent() is not None:
            kinds_seen.setdefault(f"{element.tag}.{element.get('class', '')}", element)
    for name, element in kinds_seen.items():
        path = root.getroottree().getpath(element)
        for how in ("beside", "inside"):
            yield f"{name} {how}", partial(_elements, text, path, how)


def _elements(text: str, path: str, how: str, size: int) -> bytes:
    root = lxml.html.fromstring(text.encode())
    [element] = root.xpath(path)
    unit = copy.deepcopy(element)
    unit.tail = None
    count = 4 * size // (len(lxml.html.tostring(unit)) + 1)
    for _ in range(min(count, 200) if how == "inside" else count):
        more = copy.deepcopy(unit)
        if how == "inside":
            element.append(more)
            element = more
        else:
            element.addnext(more)
    return lxml.html.tostring(root)


def text_variants(text: str, kinds: dict[str, re.Pattern[str]]) -> Iterator[tuple[str, Variant]]:
    """Grow the last group of every match, those with the same first groups together."""
    for kind, pattern in kinds.items():
        places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for match in pattern.finditer(text):
            *before, _ = match.groups()
            places[" ".join(before)[:60]].append(match.span(pattern.groups))
        for name, spans in places.items():
            for filling in NAMES:
                yield f"{kind} {name} {filling}", partial(_text_filled, text, spans, filling)


def _text_filled(text: str, spans: list[tuple[int, int]], name: str, size: int) -> bytes:
    for start, end in reversed(spans[:MAX_PLACES]):
        text = text[:start] + fillings(text[start:end], size)[name] + text[end:]
    return text.encode()


@cache
def saved(source_id: str, number: int) -> tuple[Payload, bytes]:
    """Return a saved payload and its bytes."""
    source = all_sources()[source_id]
    payload = fixture_payloads(FIXTURES / source_id, source)[number]
    return payload, payload.path.read_bytes() if payload.path else payload.content


cached_variants = cache(variants)


def cpu_seconds(source_id: str, number: int, name: str | None, size: int) -> float:
    """Return what one grown payload costs its reader; None is the payload as saved."""
    payload, content = saved(source_id, number)
    if name is not None:
        content = cached_variants(source_id, number)[name](size)
    with NamedTemporaryFile() as file:
        if payload.path:
            file.write(content)
            file.flush()
            grown = replace(payload, path=Path(file.name))
        else:
            grown = replace(payload, content=content)
        started = time.process_time()
        _read(source_id, grown)
        return time.process_time() - started


def _read(source_id: str, payload: Payload) -> None:
    """Do with a payload whatever capture, backfill and reading do with it."""
    source = all_sources()[source_id]
    sheet = Sheet(payload, source.parser_version)
    try:
        fill(sheet, payload, source)
        sheet.tables(), sheet.quarantine()
        if source.follow:
            source.follow(Request(key=payload.key, url="https://x.example/"), payload)
        if isinstance(source.past, (OwnHistory, DatedFiles)):
            moments_of(source, payload, datetime(2026, 1, 1, tzinfo=UTC))
    except ParseError:
        pass
    except LimitError as error:
        if error.limit != "rows":
            raise
