"""The shape of an answer: its fields with their types and words, or the anchors of a page.

A shape is small and holds no price: it is recorded in the project and compared with later answers
(``drift``). Fields are paths, ``data[].price`` for the price of each element: an object whose keys
are data, such as regions or models, is a map, and its keys are no fields. Of a page only the texts
that tell its tables and prices apart are kept. What the rows mean belongs to the parsers.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

from lxml import etree

from pipelines.sources.base import MEBIBYTE, ParseError, Payload, Repeated
from pipelines.sources.documents import archive_of, csv_lines, soup_of, unzipped, xml_of, yaml_of
from pipelines.sources.fields import decimal_or_none
from pipelines.sources.price_page import text_of
from pipelines.text import single_spaced

Form = Literal["json", "csv", "yaml", "xml", "zip", "page"]
MAX_FIELDS = 2000  # of one shape; an answer with more has keys that are data
MAX_WORDS = 12  # of a field that counts as an enumeration
MAX_WORD_CHARACTERS = 40
USES_OF_A_WORD = 4  # on average, at least, in an enumeration
MAX_ANCHORS = 60
MAX_ANCHOR_CHARACTERS = 60
LEAST_MAP = 8  # objects under identifiers, all alike, are a map from so many on
ALIKE = 0.5  # share of the fields of all that one object has, where all are alike
MAX_DEPTH = 40  # of fields; what is deeper is not described
HEAD_BYTES = MEBIBYTE  # of a file too large for memory
IDENTIFIER = re.compile(r"[A-Za-z_$@][A-Za-z_$-]{0,200}\d?$")
LONG_NUMBER = re.compile(r"^[\d.]{1,200}$|\d{4}")  # a number, a date, an id: no word
PRINTED_PRICE = re.compile(r"(?:[$€£]\s?\d|\d\s?[$€£])")


@dataclass
class Field:
    """What a path of an answer holds."""

    types: set[str] = field(default_factory=set)
    count: int = 0  # times it is there
    places: int = 0  # objects, lists or lines in which it could be
    words: Counter[str] | None = field(default_factory=Counter)  # None: no enumeration

    def add(self, value: Any) -> None:
        """Count one value."""
        self.count += 1
        self.types.add(type_of(value))
        if self.words is None or not isinstance(value, str) or not value:
            return
        self.words[value] += 1
        if len(self.words) > MAX_WORDS or len(value) > MAX_WORD_CHARACTERS:
            self.words = None

    @property
    def is_always_there(self) -> bool:
        """Whether every place has it."""
        return 0 < self.places == self.count

    @property
    def is_enumeration(self) -> bool:
        """Whether it holds few words, again and again."""
        return (
            self.words is not None
            and len(self.words) > 0
            and self.words.total() >= USES_OF_A_WORD * len(self.words)
            and not any(LONG_NUMBER.search(word) for word in self.words)
        )

    def as_json(self) -> dict[str, Any]:
        """Return the field without its counts."""
        found: dict[str, Any] = {"types": sorted(self.types)}
        if not self.is_always_there:
            found["is_optional"] = True
        if self.words:
            found["words"] = sorted(self.words)
            found["is_enumeration"] = self.is_enumeration
        return found


@dataclass
class Shape:
    """The fields of one answer, or the anchors of a page."""

    form: Form
    fields: dict[str, Field] = field(default_factory=dict)
    anchors: list[str] = field(default_factory=list)
    ending: str = ""  # as ``capture.landing.ending`` has it

    def at(self, path: str) -> Field:
        """Return the field at a path.

        Raises
        ------
        ParseError
            If the answer has over 2,000 fields.
        """
        if path not in self.fields and len(self.fields) >= MAX_FIELDS:
            raise ParseError(f"over {MAX_FIELDS} fields: are its keys data?")
        return self.fields.setdefault(path, Field())

    def as_json(self) -> dict[str, Any]:
        """Return the shape, its fields by path."""
        fields = {path: found.as_json() for path, found in sorted(self.fields.items())}
        return {
            "form": self.form,
            "ending": self.ending,
            "anchors": self.anchors,
            "fields": fields,
        }


def type_of(value: Any) -> str:
    """Return the type of a value as JSON has it; a number in a text is a type of its own.

    Examples
    --------
    >>> [type_of(value) for value in (None, True, 1, "1.5", "H100", "", [], {})]
    ['null', 'boolean', 'number', 'numeric text', 'text', 'empty text', 'list', 'object']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, str):
        if not value.strip():
            return "empty text"
        return "text" if decimal_or_none(value) is None else "numeric text"
    if isinstance(value, Repeated):
        return "printed twice"
    return "list" if isinstance(value, list) else "object"


def shape_of(payload: Payload, known: Collection[str] = (), *, is_page: bool = False) -> Shape:
    """Return the shape of an answer.

    Parameters
    ----------
    payload : Payload
        The answer; of a file too large for memory its first MiB is looked at.
    known : collection of str
        The paths of a recorded shape: an object that was a map then is one now, and the other way.
    is_page : bool
        Whether it is a page for people, whatever its content type says.

    Raises
    ------
    ParseError
        If it is of no form that sources have, or cannot be read.
    """
    if payload.path is not None:
        with payload.path.open("rb") as file:
            head = file.read(HEAD_BYTES).rpartition(b"\n")[0] + b"\n"
        return _table(Shape("csv"), "", csv.reader(head.decode("utf-8-sig").splitlines()))
    start = payload.content[:2000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:2] == b"PK":
        return _archive(payload)
    is_html = re.match(rb"(?i)<!doctype html|<html|<head", start) is not None
    if is_page or is_html or "html" in payload.content_type:
        return _page(payload)
    if start[:1] in (b"{", b"["):
        return _document("json", payload.json(), known)
    if start[:1] == b"<":
        return _xml(payload)
    first = start.partition(b"\n")[0]
    if b"," in first:
        return _table(Shape("csv"), "", csv.reader(csv_lines(payload)))
    return _document("yaml", yaml_of(payload, payload.text()), known)


def _document(form: Form, document: Any, known: Collection[str]) -> Shape:
    shape = Shape(form)
    maps = {path[:-2].removesuffix(".") for path in known if path.endswith("{}")}
    objects = {path.rpartition(".")[0] for path in known if not path.endswith(("{}", "[]"))}
    _describe(shape, "", [document], maps, objects - maps)
    return shape


def _describe(
    shape: Shape, path: str, values: Sequence[Any], maps: set[str], objects: set[str]
) -> None:
    """Add the fields below a path, of all values there together.

    ``maps`` and ``objects`` are paths of which the recorded shape says what they are.
    """
    items = [item for value in values if isinstance(value, list) for item in value]
    if items:
        _add(shape, f"{path}[]", items, len(items))
        _describe(shape, f"{path}[]", items, maps, objects)
    found = [value for value in values if isinstance(value, dict)]
    if path in maps or (path not in objects and _are_maps(found)):
        items = [item for value in found for item in value.values()]
        below = _below(path, "{}")
        _add(shape, below, items, len(items))
        _describe(shape, below, items, maps, objects)
        return
    by_name: dict[str, list[Any]] = {}
    for value in found:
        for name, item in value.items():
            by_name.setdefault(name.replace(".", "_"), []).append(item)
    for name, items in by_name.items():
        _add(shape, _below(path, name), items, len(found))
        if path.count(".") < MAX_DEPTH:
            _describe(shape, _below(path, name), items, maps, objects)


def _add(shape: Shape, path: str, values: Sequence[Any], places: int) -> None:
    field = shape.at(path)
    field.places += places
    for value in values:
        field.add(value)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _are_maps(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the keys of objects are data: values of one kind under names of no field.

    Examples
    --------
    >>> _are_maps([{"id": 1, "price_usd": 2}]), _are_maps([{"US East (Ohio)": {}, "H100": {}}])
    (False, True)
    """
    keys = {key for value in objects for key in value}
    kinds = {type_of(item) for value in objects for item in value.values()}
    if not keys or len(kinds) > 1:
        return False
    if sum(IDENTIFIER.match(key) is None for key in keys) * 2 > len(keys):
        return True
    if len(keys) < LEAST_MAP or kinds != {"object"}:
        return False
    inner = [set(item) for value in islice(objects, 50) for item in value.values()]
    mean = sum(map(len, inner)) / len(inner)
    return not any(inner) or mean / len(set().union(*inner)) >= ALIKE


def _table(shape: Shape, prefix: str, rows: Iterable[Sequence[str]]) -> Shape:
    lines = iter(rows)
    try:
        header = next(lines, [])
        names = [f"{prefix}{name.strip() or number}" for number, name in enumerate(header)]
        for name in names:
            shape.at(name)
        for line in lines:
            for name, cell in zip(names, line, strict=False):
                shape.fields[name].add(cell)
                shape.fields[name].places += 1
    except csv.Error as error:
        raise ParseError(f"not CSV: {error}") from error
    return shape


def _archive(payload: Payload) -> Shape:
    shape = Shape("zip")
    with archive_of(payload) as archive:
        names = sorted(info.filename for info in archive.infolist())[:20]
    for name in names:
        if name.endswith(".csv"):
            text = unzipped(payload, name).decode("utf-8-sig", "replace")
            _table(shape, f"{name}: ", csv.reader(text.splitlines()))
        else:
            shape.at(f"{name}: ")
    return shape


def _xml(payload: Payload) -> Shape:
    shape = Shape("xml")
    for node in xml_of(payload).iter():
        if not isinstance(node.tag, str):
            continue
        parts = [etree.QName(up).localname for up in [*reversed(list(node.iterancestors())), node]]
        path = ".".join(parts)
        shape.at(path).add(single_spaced(node.text or ""))
        for name, value in node.attrib.items():
            shape.at(f"{path}@{etree.QName(name).localname}").add(str(value))
    for path, found in shape.fields.items():
        owner = path.partition("@")[0]
        found.places = shape.fields[owner].count if "@" in path else found.count
    return shape


def _page(payload: Payload) -> Shape:
    """Return the column headings of a page's tables, and the headings that stand over a price."""
    anchors: dict[str, None] = {}
    heading = ""
    soup = soup_of(payload)
    for hidden in soup.select("script, style, noscript, svg, template"):
        hidden.decompose()
    for node in soup.find_all(True):
        if node.name in ("h1", "h2", "h3", "h4", "h5"):
            heading = text_of(node)
        elif node.name == "th":
            anchors[f"column {text_of(node)}"] = None
        elif heading and PRINTED_PRICE.search("".join(node.find_all(string=True, recursive=False))):
            anchors[f"heading {heading}"] = None
    for symbol in "$€£":
        if re.search(rf"\{symbol}\s?\d|\d\s?\{symbol}", soup.get_text(" ")):
            anchors[f"currency {symbol}"] = None
    named = (text for text in anchors if text.partition(" ")[2])
    return Shape(
        "page", anchors=[text[:MAX_ANCHOR_CHARACTERS] for text in islice(named, MAX_ANCHORS)]
    )
