"""What a page is made of: sentences, tiles, charts and tables, each with the query behind it.

The shapes only; what they say belongs to the page modules, how they look to the templates.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from pipelines.site import numbers
from pipelines.site.published import Answer, Row, plain
from pipelines.site.theme import age_band

NOT_GIVEN = "not given"


@dataclass(frozen=True)
class Column:
    """A column of a table: where its value is, what it is called, and how it is shown.

    Parameters
    ----------
    key : str
        Name in the row.
    title : str
        Heading.
    unit : str
        Unit, shown in the heading.
    show : callable, optional
        Value and row to text or markup; three significant digits for numbers where not given.
    reason : str or callable
        Why a value may be missing, or a function of the row that says so.
    toggle : str
        ``hour`` or ``tokens`` where readers may switch the unit of the column.
    """

    key: str
    title: str
    unit: str = ""
    show: Callable[[Any, Row], Any] | None = None
    reason: str | Callable[[Row], str] = NOT_GIVEN
    toggle: str = ""

    def is_number(self, rows: Sequence[Row]) -> bool:
        """Return whether the column holds numbers, which stand to the right."""
        return any(
            isinstance(row.get(self.key), (int, float)) and not isinstance(row[self.key], bool)
            for row in rows
        )

    def cell(self, row: Row) -> Markup:
        """Return the value as escaped markup, or a dash with the reason."""
        value = row.get(self.key)
        if value is None or value != value:
            why = self.reason(row) if callable(self.reason) else self.reason
            return numbers.dash(why)
        if self.show is not None:
            return escape(self.show(value, row))
        if isinstance(value, bool):
            return escape("yes" if value else "no")
        if isinstance(value, int):
            return escape(numbers.count(value))
        if isinstance(value, float):
            return escape(numbers.figure(value))
        if hasattr(value, "isoformat"):
            return escape(numbers.instant(value))
        return escape(value)

    def number_cell(self, row: Row, query: str) -> str:
        """Return a cell of a number that links to its query.

        It carries the bare number where the text is not that number: in another unit, or one that
        readers may switch.
        """
        value, text = row.get(self.key), self.cell(row)
        if "<" in text or value is None:
            return f"<td class=n>{text}"
        bare = text.replace(",", "")
        is_told = re.fullmatch(r"[\d.]+(e-?\d+)?", bare) and math.isclose(
            float(bare), value, rel_tol=0.006
        )
        mark = "" if is_told and not self.toggle else f" data-v={value:.9g}"
        return f"<td class=n{mark}><a href=#{query}>{text}</a>"


@dataclass(frozen=True)
class Filter:
    """A choice that readers have on a page; its state stands in the address.

    ``field`` is the name of a field of table rows and chart rows; the others are untouched.
    """

    field: str
    label: str
    options: Sequence[str]
    default: str = ""


@dataclass(frozen=True)
class Table:
    """A table of an answer; each of its numbers links to the query that gives this number alone.

    Parameters
    ----------
    key : sequence of str
        Columns of the answer that tell one row from all others.
    age_hours : callable
        Age of what a row says, by which it fades. [h]
    rows : list of dict, optional
        Fewer rows than the answer's, where not all are shown.
    """

    answer: Answer
    columns: Sequence[Column]
    key: Sequence[str]
    age_hours: Callable[[Row], float | None] = lambda row: None
    rows: list[Row] | None = None

    @property
    def shown(self) -> list[Row]:
        """The rows that the page carries."""
        return self.answer.rows if self.rows is None else self.rows

    def body(self, query: str, filters: Sequence[Filter]) -> Markup:
        """Return the rows as escaped markup, with what filters and links of the page look at.

        ``query`` is the anchor of the query; it is short, because every number holds it.
        """
        heads = self.heads()
        parts = []
        for row in self.shown:
            band = age_band(self.age_hours(row))
            marks = f' class="age{band}"' if band else ""
            for name in (one.field for one in filters if one.field in row):
                value = "" if row[name] is None else row[name]
                marks += f' data-{name.replace("_", "-")}="{escape(value)}"'
            cells = "".join(
                column.number_cell(row, query) if is_number else f"<td>{column.cell(row)}"
                for column, is_number in heads
            )
            parts.append(f"<tr{row_key(row, self.key)}{marks}>{cells}")
        return Markup("\n".join(parts))

    def heads(self) -> list[tuple[Column, bool]]:
        """Return the columns, each with whether it holds numbers."""
        return [(column, column.is_number(self.shown)) for column in self.columns]


@dataclass(frozen=True)
class Chart:
    """A chart: a specification and the rows that go into it."""

    spec: dict[str, Any]
    rows: list[Row]
    label: str  # what it shows, for those who cannot see it


@dataclass(frozen=True)
class Tile:
    """A headline number; its name leads to a page, its numbers to their queries."""

    name: str
    href: str
    value: Any
    unit: str
    key: Markup  # the row that the numbers are in, see row_key
    notes: Sequence[Any] = ()
    drawing: Any = ""
    colour: str = ""


@dataclass(frozen=True)
class Block:
    """A part of a page: a finding as its title, the basis under it, and what shows it.

    Parameters
    ----------
    id : str
        Anchor, and name of its files.
    title : str
        The finding, a sentence with numbers from the data.
    basis : str
        What the numbers are: units, filters, interval, direction.
    answer : Answer
        The query behind it; its rows are what can be downloaded.
    """

    id: str
    title: Any
    basis: Any = ""
    answer: Answer | None = None
    chart: Chart | None = None
    table: Table | None = None
    tiles: Sequence[Tile] = ()
    is_folded: bool = False  # whether the table waits under a summary
    caveats: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """One file of the site."""

    path: str
    name: str  # in the navigation
    title: Any  # the finding of the page
    evidence: str  # the block whose query gives it
    basis: Any
    blocks: Sequence[Block]
    filters: Sequence[Filter] = ()
    links: Sequence[tuple[str, str]] = ()

    @property
    def root(self) -> str:
        """The way from the page to the top of the site."""
        return "../" * self.path.count("/")


def slug(text: str) -> str:
    """Return a name for a file or an anchor: a-z, 0-9 and hyphens.

    Examples
    --------
    >>> slug("H100-SXM-80GB"), slug("../x<y>")
    ('h100-sxm-80gb', 'x-y')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def row_key(row: Row, key: Sequence[str]) -> Markup:
    r"""Return what tells a row from the others, as an attribute that the page's script reads.

    Examples
    --------
    >>> print(row_key({"gpu_id": "it's", "months": None}, ["gpu_id", "months"]))
     data-k='["it\u0027s",null]'
    """
    if not key:
        return Markup("")
    text = json.dumps([plain(row[name]) for name in key], separators=(",", ":"))
    for character in "&<>'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(f" data-k='{text}'")


def query_link(block_id: str, column: str, cell: Any) -> Markup:
    """Return a number outside a table as a link to its query; a dash has none.

    The page's script narrows the query to the column and to the row whose key stands around the
    link.

    Examples
    --------
    >>> str(query_link("all", "median", "1.5"))
    '<a href="#all-query" data-column="median">1.5</a>'
    """
    text = escape(cell)
    if "<" in text:
        return text
    return Markup(f'<a href="#{block_id}-query" data-column="{column}">{text}</a>')


def link(href: str | None, text: Any) -> Markup:
    """Return a link, or only its text where the address is not of the web.

    Examples
    --------
    >>> str(link("javascript:alert(1)", "<x>")), str(link("https://a.b", "c"))
    ('&lt;x&gt;', '<a href="https://a.b">c</a>')
    """
    if not href or not re.match(r"(https?://|#|[\w./-]+\.(html|csv)|[\w./-]+$)", href):
        return escape(text)
    return Markup('<a href="{}">{}</a>').format(href, text)


def host(url: str, _: Row) -> Markup:
    """Return a link that reads as the site it leads to.

    Examples
    --------
    >>> str(host("https://a.example/b.pdf", {}))
    '<a href="https://a.example/b.pdf">a.example</a>'
    """
    return link(url, urlsplit(url).hostname or url)


def words(value: Any, _: Row | None = None) -> str:
    """Return an identifier as people would write it.

    Examples
    --------
    >>> words("on_demand")
    'on demand'
    """
    return str(value).replace("_", " ")


def percentage(fraction: float, _: Row | None = None) -> str:
    """Return a fraction as a percentage whose sign stands in the heading.

    Examples
    --------
    >>> percentage(0.46)
    '46'
    """
    return numbers.percent(fraction).removesuffix("\u00a0%")


def choices(rows: Sequence[Row], key: str) -> list[str]:
    """Return the values of a field, in order, for a filter."""
    return sorted({str(row[key]) for row in rows if row.get(key) is not None})
