"""Documents of strangers, read within bounds: YAML, XML, HTML, CSV and zip archives.

What one document may hold belongs here: nesting, repetition, tags, lines, unpacked bytes. It is
refused with the reason before it costs memory or time. JSON is read by ``Payload.json``, prices
of a page by ``price_page``; the process that parses has limits of its own (``pipelines.child``).
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import zipfile
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import yaml
from bs4 import BeautifulSoup
from bs4.element import PageElement, Tag
from lxml import etree

from pipelines.sources.base import (
    MEBIBYTE,
    WRONG_FIELD_COUNT,
    ParseError,
    Payload,
    TooMuchWorkError,
    unambiguous,
)

MAX_DEPTH = 64  # of YAML
MAX_NODES = 1_000_000  # of YAML, each alias counted as what it stands for
MAX_TAGS = 100_000  # of a page; large price pages have some 10,000
MAX_VISITS = 2_000_000  # of the elements of a page, by all searches in it; large pages take 100,000
MAX_LINES = 500_000  # of CSV
MAX_FIELD_CHARACTERS = 2 * MEBIBYTE  # of CSV; notes of some models run to hundreds of kilobytes
MAX_UNZIPPED_BYTES = 64 * MEBIBYTE
MAX_ZIP_RATIO = 100  # CSV of prices shrinks to a tenth

MERGE = "tag:yaml.org,2002:merge"

csv.field_size_limit(MAX_FIELD_CHARACTERS)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with the numbers of JSON: no base 60 (1:59:59), which takes time by the square."""


_NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?\d{1,100}$"),
    "tag:yaml.org,2002:float": re.compile(
        r"(?:[-+]?(?:\d{1,100}\.\d{0,100}|\.\d{1,100})(?:[eE][-+]?\d{1,3})?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, _NUMBERS.get(tag, form)) for tag, form in resolvers]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    """Return a mapping of which a key with two values is ``Repeated``, as in JSON."""
    is_merged = any(key.tag == MERGE for key, _ in node.value)  # what it merges, it may override
    loader.flatten_mapping(node)
    pairs = [
        (loader.construct_object(key, deep=True), loader.construct_object(value, deep=True))
        for key, value in node.value
    ]
    if not all(isinstance(key, Hashable) for key, _ in pairs):
        raise yaml.constructor.ConstructorError(problem="a key is a list or a mapping")
    return dict(pairs) if is_merged else unambiguous(pairs)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def yaml_of(payload: Payload, text: str) -> Any:
    """Return the value of a YAML document.

    Raises
    ------
    ParseError
        If it is not YAML, is nested over 64 deep, or has over a million nodes once its aliases are
        written out.
    """
    try:
        _check_events(payload, text)
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, ParseError):
            raise
        raise ParseError(f"{payload.where()}: not YAML: {str(error).splitlines()[0]}") from error


def _check_events(payload: Payload, text: str) -> None:
    """Refuse a document by its events alone; the loader itself would recurse, and repeat aliases.

    Each alias counts as many nodes as the node that it repeats, so that aliases of aliases, and
    mappings that merge them, are counted as they would be written out.
    """
    sizes: dict[str, int] = {}  # of anchored nodes
    open_nodes: list[tuple[str | None, int]] = []  # anchor and count before it, outermost first
    count = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            is_open = any(event.anchor == anchor for anchor, _ in open_nodes)
            count += MAX_NODES if is_open else sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, count))
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = count - before
        if len(open_nodes) > MAX_DEPTH:
            raise ParseError(f"{payload.where()}: YAML is nested over {MAX_DEPTH} deep")
        if count > MAX_NODES:
            raise ParseError(
                f"{payload.where()}: YAML has over {MAX_NODES:,} nodes with its aliases written out"
            )


def xml_of(payload: Payload) -> etree._Element:
    """Return the root of an XML document without a document type, hence without entities.

    Raises
    ------
    ParseError
        If it is not XML, or declares a document type.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(payload.text().encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(f"{payload.where()}: not XML: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise ParseError(f"{payload.where()}: XML with a document type, which no price list needs")
    return root


def soup_of(payload: Payload, text: str | None = None) -> BeautifulSoup:
    """Return the parsed page.

    A parser that looks through a section for each of its rows takes time by the square of the
    rows, and so does a search in nested elements. Hence all searches together may visit two million
    elements; one more raises ``TooMuchWorkError``.

    Raises
    ------
    ParseError
        If the page has over 100,000 tags.
    """
    text = payload.text() if text is None else text
    tags = text.count("<")
    if tags > MAX_TAGS:
        raise ParseError(f"{payload.where()}: {tags:,} tags; a price page has under {MAX_TAGS:,}")
    visits = itertools.count(1)

    def counted(elements: Iterator[PageElement]) -> Iterator[PageElement]:
        for element in elements:
            if next(visits) > MAX_VISITS:
                reason = f"its elements are visited over {MAX_VISITS:,} times"
                raise TooMuchWorkError(f"{payload.where()}: {reason}; are they nested or repeated?")
            yield element

    class Element(Tag):
        @property
        def descendants(self) -> Iterator[PageElement]:  # every search goes through it
            return counted(super().descendants)

    class Page(BeautifulSoup):
        @property
        def descendants(self) -> Iterator[PageElement]:
            return counted(super().descendants)

    return Page(text, "lxml", element_classes={Tag: Element})


def csv_lines(payload: Payload) -> Iterator[str]:
    """Yield the lines of a CSV file, for ``csv.reader``.

    Raises
    ------
    ParseError
        If there are over half a million.
    """
    for number, line in enumerate(io.StringIO(payload.text(), newline="")):
        if number >= MAX_LINES:
            raise ParseError(f"{payload.where()}: over {MAX_LINES:,} lines")
        yield line


def header_of(payload: Payload, names: Sequence[str]) -> list[str]:
    """Return the column names of a CSV file.

    Raises
    ------
    ParseError
        If two columns have one name: which of them a row means is not said.
    """
    twice = [name for name, count in Counter(names).items() if name.strip() and count > 1]
    if twice:
        raise ParseError(f"{payload.where()}: the header names {twice[:12]} more than once")
    return list(names)


def csv_records(
    payload: Payload, needed: Iterable[str], prefix: str = ""
) -> Iterator[dict[str, str]]:
    """Return the records of a CSV file whose lines start with ``prefix``, by column name.

    A record with more or fewer fields than there are columns says so under ``WRONG_FIELD_COUNT``: a
    comma in a number moves all fields after it. ``each_row`` holds it.

    Raises
    ------
    ParseError
        If a needed column is not in the header.
    """
    lines = csv_lines(payload)
    header = header_of(payload, next(csv.reader([next(lines, "")]), []))
    missing = sorted(set(needed) - set(header))
    if missing:
        raise ParseError(f"{payload.where()}: no column {missing}; there are {header[:12]}")
    return _records(header, (line for line in lines if line.startswith(prefix)))


def _records(header: list[str], lines: Iterator[str]) -> Iterator[dict[str, str]]:
    for record in csv.reader(lines):
        if len(record) == len(header):
            yield dict(zip(header, record, strict=True))
        elif record:
            count = f"{len(record)} fields under {len(header)} columns"
            yield {**dict(zip(header, record, strict=False)), WRONG_FIELD_COUNT: count}


def archive_of(payload: Payload) -> zipfile.ZipFile:
    """Return the zip archive of a payload, open.

    Raises
    ------
    ParseError
        If it is none.
    """
    try:
        return zipfile.ZipFile(io.BytesIO(payload.content))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ParseError(f"{payload.where()}: no zip archive: {error}") from error


def unzipped(payload: Payload, name: str) -> bytes:
    """Return one file of a zip archive, unless it inflates beyond reason.

    Raises
    ------
    ParseError
        If the archive does not hold exactly one file of that name, or the file has over 64 MiB or
        a hundred times what it takes in the archive.
    """
    try:
        with archive_of(payload) as archive:
            files = [info for info in archive.infolist() if info.filename == name]
            if len(files) != 1:
                there = [info.filename for info in archive.infolist()][:12]
                raise ParseError(f"{payload.where()}: one {name} is expected, there is {there}")
            most = min(MAX_UNZIPPED_BYTES, MAX_ZIP_RATIO * files[0].compress_size + MEBIBYTE)
            with archive.open(files[0]) as file:  # what the archive says of its size is not asked
                content = file.read(most + 1)
    # In this order: damaged, compressed in an unknown way, encrypted, cut off, a wrong offset.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ParseError(f"{payload.where()}: no zip archive: {error}") from error
    if len(content) > most:
        raise ParseError(f"{payload.where()}: {name} inflates to over {most:,} bytes")
    return content
