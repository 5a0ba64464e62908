"""The parts of a page: sentences, charts and tables, each with the query behind it.

Shapes only: their wording belongs to ``pages``, their HTML to ``templates``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from pipelines.site import numbers
from pipelines.site.markup import dash, interval, row_key
from pipelines.site.published import Answer, Row
from pipelines.site.theme import age_band

NOT_GIVEN = "not given"
NUMBER = re.compile(r"[\d.]+(e-?\d+)?")


class Cell(NamedTuple):
    """A cell of a table, as the template shows it."""

    text: Markup
    is_number: bool
    is_link: bool = False  # whether it leads to its query
    bare: str = ""  # the number itself, where the text is not that number
    after: Markup | str = ""  # what stands under it
    is_date: bool = False  # which does not break at its hyphens


@dataclass(frozen=True)
class Column:
    """A column of a table: the name of its value, its heading, and how it is shown.

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
    interval : tuple of str
        Names of the ends of the interval of the value, shown under it.
    after : callable, optional
        From a row to what stands under the value.
    """

    key: str
    title: str
    unit: str = ""
    show: Callable[[Any, Row], Any] | None = None
    reason: str | Callable[[Row], str] = NOT_GIVEN
    toggle: str = ""
    interval: tuple[str, str] | None = None
    after: Callable[[Row], Markup] | None = None

    def is_number(self, rows: Sequence[Row]) -> bool:
        """Return whether the column holds numbers, which are aligned to the right."""
        return any(
            isinstance(row.get(self.key), (int, float)) and not isinstance(row[self.key], bool)
            for row in rows
        )

    def text(self, value: Any, row: Row) -> Markup:
        """Return the value as escaped markup, or a dash with the reason."""
        if value is None or value != value:
            return dash(self.reason(row) if callable(self.reason) else self.reason)
        if self.show is not None:
            return escape(self.show(value, row))
        if isinstance(value, bool):
            return escape("yes" if value else "no")
        if isinstance(value, int):
            return escape(numbers.count(value))
        if isinstance(value, float):
            return escape(numbers.figure(value))
        if isinstance(value, date):
            return escape(numbers.instant(value))
        return escape(value)

    def cell(self, row: Row, *, is_number: bool) -> Cell:
        """Return the cell of a row.

        A number carries its bare value where the text is not that value: in another unit, or in
        one that readers may switch.
        """
        value = row.get(self.key)
        text = self.text(value, row)
        if not is_number or value is None or "<" in text:
            return Cell(text, is_number, is_date=isinstance(value, date))
        after = self.below(row)
        is_bare = not (self.toggle or after) and is_shown(value, str(text))
        return Cell(text, is_number, True, "" if is_bare else f"{value:.9g}", after)

    def below(self, row: Row) -> Markup | str:
        """Return what stands under the value: its interval, or what the column says."""
        if self.after is not None:
            return self.after(row)
        if self.interval is None:
            return ""
        return interval(*(row.get(name) for name in self.interval))


@dataclass(frozen=True)
class Filter:
    """A choice that readers have on a page; its state is in the address.

    ``field`` is a field of the rows of tables and charts; rows without it stay as they are.
    """

    field: str
    label: str
    options: Sequence[str]
    default: str = ""
    show: Callable[[Any], str] = numbers.words


@dataclass(frozen=True)
class Preset:
    """A choice of rows and columns of a table that readers take with one button.

    Parameters
    ----------
    name, label : str
        Its name in the address, and on the button.
    columns : sequence of str
        Keys of the columns beside those that always stand; all where empty.
    sort : str
        Column and direction, such as ``usd:ascending``; the order of the rows where empty.
    """

    name: str
    label: str
    columns: Sequence[str] = ()
    sort: str = ""


@dataclass(frozen=True)
class Table:
    """A table of an answer; each of its numbers links to the query that gives this number alone.

    Parameters
    ----------
    key : sequence of str
        Columns of the answer that identify a row.
    age_hours : callable
        From a row to its age, by which it fades. [h]
    rows : list of dict, optional
        Fewer rows than the answer's, where not all are shown; or rows with more in them.
    noun : str
        What a row is, for counts; the plural takes an s.
    measure : str
        The column of money whose range a title gives once readers narrow the rows.
    presets : sequence of Preset
        Choices of rows and columns; with any, readers may also choose single columns.
    presets_of : callable
        From a row to the names of its presets.
    fixed : sequence of str
        Columns that every choice shows, the price among them; the first is pinned.
    """

    answer: Answer
    columns: Sequence[Column]
    key: Sequence[str]
    age_hours: Callable[[Row], float | None] = lambda row: None
    rows: list[Row] | None = None
    noun: str = "row"
    measure: str = ""
    presets: Sequence[Preset] = ()
    presets_of: Callable[[Row], Sequence[str]] = lambda row: ()
    fixed: Sequence[str] = ()

    @property
    def shown(self) -> list[Row]:
        """The rows that the page carries."""
        return self.answer.rows if self.rows is None else self.rows

    def attributes(self, row: Row, filters: Sequence[Filter]) -> list[tuple[str, str]]:
        """Return the attributes of a row that the filters of the page compare."""
        fields = [one.field for one in filters if one.field in row]
        return [
            (name.replace("_", "-"), "" if row[name] is None else str(row[name])) for name in fields
        ]

    def band(self, row: Row) -> int:
        """Return the band of the age of a row, by which it fades; 0 is fresh."""
        return age_band(self.age_hours(row))

    def row_key(self, row: Row) -> Markup:
        """Return the attribute that identifies the row."""
        return row_key(row, self.key)

    def cells(self, row: Row) -> list[Cell]:
        """Return the cells of a row."""
        return [column.cell(row, is_number=is_number) for column, is_number in self.heads]

    @cached_property
    def heads(self) -> list[tuple[Column, bool]]:
        """Return the columns, each with whether it holds numbers."""
        return [(column, column.is_number(self.shown)) for column in self.columns]


@dataclass(frozen=True)
class Chart:
    """A chart: a specification and the rows that go into it."""

    spec: dict[str, Any]
    rows: list[Row]
    label: str  # its subject, for those who cannot see it


@dataclass(frozen=True)
class Block:
    """A part of a page: a finding as its title, the basis under it, and its chart and table.

    Parameters
    ----------
    id : str
        Anchor, and name of its files.
    title : str
        The finding, a sentence with numbers from the data.
    basis : str
        The units, filters, interval and direction of the numbers.
    answer : Answer
        The query behind it; its rows can be downloaded.
    """

    id: str
    title: Any
    basis: Any = ""
    answer: Answer | None = None
    chart: Chart | None = None
    table: Table | None = None
    is_folded: bool = False  # whether the table is folded under a summary
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
    scripts: Sequence[str] = ()  # of this page alone, after those of all pages
    shows_build: bool = False  # says when the site was built; other pages change with their data
    is_home: bool = False  # the search stands large, the filters under the first block

    @property
    def root(self) -> str:
        """The relative path from the page to the top of the site."""
        return "../" * self.path.count("/")


def is_shown(value: float, text: str) -> bool:
    """Return whether a text is a number, to its digits, and nothing else.

    Examples
    --------
    >>> is_shown(1234.5, "1,230"), is_shown(0.12, "12 %")
    (True, False)
    """
    bare = text.replace(",", "")
    return bool(NUMBER.fullmatch(bare)) and math.isclose(float(bare), value, rel_tol=0.006)


def choices(rows: Sequence[Row], key: str) -> list[str]:
    """Return the values of a field, in order, for a filter."""
    return sorted({str(row[key]) for row in rows if row.get(key) is not None})
