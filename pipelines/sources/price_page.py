"""Reading a provider's price page: soup, visible text, script data and printed prices.

What every price page needs belongs here; the form of one page belongs to its own file, the request
and robots.txt to ``capture.http``. A page without any price is an error, never an empty list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from bs4 import BeautifulSoup
from bs4.element import PageElement, Tag

from pipelines.sources.base import (
    Held,
    Offer,
    OutOfScope,
    ParseError,
    Payload,
    PriceUnit,
    ReadRow,
    Row,
    json_number,
    records,
    unambiguous,
)
from pipelines.sources.documents import soup_of
from pipelines.sources.fields import each_row, offer_or_held
from pipelines.text import single_spaced

T = TypeVar("T")
UNITS: Mapping[PriceUnit, tuple[str, str]] = {  # in words, and as an adjective
    "hour": (r"hours?|hrs?|h", "hourly"),
    "minute": (r"minutes?|mins?", "minutely"),
    "second": (r"seconds?|secs?", "secondly"),
    "month": (r"months?|mo", "monthly"),
}
PER = r"(?i)(?:\bper |/ ?|\ban? )(?:gpu ?[-/]? ?)?(?:{0})\b|\b{1}\b"
PRICE_PER = (  # said of prices, not of usage
    r"(?i)\b(?:price|pricing|cost|rate)s?(?: (?:is|are))?(?: in)?(?: (?:usd|eur))?(?: gpu)?"
    r"(?: | ?[(/] ?)(?:per |/ ?)?(?:gpu ?[-/]? ?)?(?:{0}|{1})\b"
    r"|\b{1} (?:price|pricing|cost|rate)s?\b"
)

# 1,234.50 and 1234.5; "0,900" is a decimal comma or damage, "1 47" is another way to write it, and
# neither is an amount.
AMOUNT = (
    r"(?P<amount>(?:[1-9]\d{0,2}(?:,\d{3}){1,4}|\d{1,12})(?:\.\d{1,12}|(?![.,]?\d| \d{2,3}\b)))"
)
FLIGHT = "self.__next_f.push("
# A GPU's name in running text, where only its form tells where it begins and ends.
GPU = (
    r"(?:(?:RTX|GTX)(?: PRO)? ?A?\d{4}\w{0,8}(?: (?:Ti|SUPER|Ada|Blackwell)){0,3}"
    r"|(?:GB|GH|MI|[ABHLTV])\d{1,3}[A-Z]?\w?(?: (?:SXM\d?|PCIe|NVL(?:ink|\d{0,3}))){0,3})"
)


def text_of(node: PageElement | None) -> str:
    """Return the text of a node with single spaces; empty for no node.

    Examples
    --------
    >>> text_of(BeautifulSoup("<p>$2.99<b> /hr</b></p>", "lxml"))
    '$2.99 /hr'
    """
    return "" if node is None else single_spaced(node.get_text(" "))


def headed(
    soup: BeautifulSoup,
    tags: Iterable[Tag],
    names: Sequence[str],
    form: re.Pattern[str] | None = None,
) -> Iterator[tuple[Tag, str]]:
    """Yield tags in the order of the page, each with the text of the last heading before it.

    ``names`` are the tags that count as headings; with a form, those whose text has it. The text
    is empty where no heading comes before.
    """
    wanted = {id(tag) for tag in tags}
    title = ""
    for tag in soup.find_all(True):
        if id(tag) in wanted:
            yield tag, title
        if tag.name in names:
            text = text_of(tag)
            title = text if form is None or form.fullmatch(text) else title


def grid_rows(top: Tag) -> list[Tag]:
    """Return the elements of which every child is a single text: the lines of tables of any markup.

    A line has two children at least, no text of its own, and no such line in it.

    Examples
    --------
    >>> rows = "<p><b>H100</b><i>$2.99</i></p><p><b>A100</b><i>-</i></p>"
    >>> page = BeautifulSoup(f"<div>{rows}</div>", "html.parser")
    >>> [cells_of(row) for row in grid_rows(page)]
    [['H100', '$2.99'], ['A100', '-']]
    """
    split = {id(tag): tag for tag in top.find_all(True) if _is_split(tag)}
    around: set[int] = set()
    for tag in split.values():
        for up in tag.parents:
            if id(up) in around:
                break
            around.add(id(up))
    return [tag for key, tag in split.items() if key not in around]


def cells_of(row: Tag) -> list[str]:
    """Return the texts of the children of a line."""
    return [text_of(child) for child in children_of(row)]


def children_of(tag: Tag) -> list[Tag]:
    """Return the elements right below a tag, line breaks apart."""
    return [child for child in tag.children if isinstance(child, Tag) and child.name != "br"]


def _is_split(tag: Tag) -> bool:
    """Return whether a tag has several children and no text of its own."""
    has_text = any(isinstance(part, str) and part.strip() for part in tag.children)
    return not has_text and len(children_of(tag)) > 1


def visible_texts(payload: Payload) -> list[str]:
    """Return the visible text of the page without scripts and styles, each on one line.

    A row of a table is a text of its own, so that no name meets the price of another row. The rest
    of the page is the last one.
    """
    soup = soup_of(payload)
    for hidden in soup.select("script, style, noscript, svg, template"):
        hidden.decompose()
    rows = [row.extract() for row in soup.find_all("tr") if row.find("tr") is None]
    return [text_of(part) for part in (*rows, soup)]


def flight_text(payload: Payload) -> str:
    """Return the data of a Next.js page: the strings of its ``self.__next_f.push`` calls, joined.

    Raises
    ------
    ParseError
        If the page has none, or one that is truncated.
    """
    text, chunks, end = payload.text(), [], 0
    while (start := text.find(FLIGHT + "[", end)) >= 0:
        call, end = _decoded(payload, text, start + len(FLIGHT))
        chunks += [part for part in call[1:] if isinstance(part, str)]
    if not chunks:
        raise ParseError(f"{payload.where()}: no self.__next_f data; did the page change?")
    return "".join(chunks)


def json_after(payload: Payload, text: str, marker: str) -> Any:
    """Return the JSON value that follows ``marker`` in a text; numbers are Decimal.

    Raises
    ------
    ParseError
        If the marker is not there, or no JSON value follows it.
    """
    start = text.find(marker)
    if start < 0:
        raise ParseError(f"{payload.where()}: no {marker!r}; did the page change?")
    return json_at(payload, text, start + len(marker))


def json_at(payload: Payload, text: str, start: int) -> Any:
    """Return the JSON value that begins at ``start`` of a text; numbers are Decimal.

    Raises
    ------
    ParseError
        If it is truncated or no JSON.
    """
    return _decoded(payload, text, start)[0]


def _decoded(payload: Payload, text: str, start: int) -> tuple[Any, int]:
    # "NaN" becomes a Decimal, which is held as no number.
    decoder = json.JSONDecoder(
        parse_float=json_number, parse_constant=Decimal, object_pairs_hook=unambiguous
    )
    try:
        return decoder.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        begins = text[start : start + 40]
        raise ParseError(f"{payload.where()}: {begins!r} is truncated: {error}") from error


def matches(payload: Payload, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """Return all places of the visible text that fit ``pattern``.

    Raises
    ------
    ParseError
        If there is none.
    """
    texts = visible_texts(payload)
    found = [match for text in texts for match in pattern.finditer(text)]
    if not found:
        length = sum(map(len, texts))
        raise ParseError(
            f"{payload.where()}: no row like {pattern.pattern[:60]!r} in {length:,} characters"
            " of text; did the page change?"
        )
    return found


def other_unit(text: str, unit: PriceUnit) -> str | None:
    """Return what a text says of prices for another unit of time, or None."""
    others = (PRICE_PER.format(*words) for name, words in UNITS.items() if name != unit)
    found = next(filter(None, (re.search(other, text) for other in others)), None)
    return found[0] if found else None


def unit_doubt(text: str, unit: PriceUnit) -> str | None:
    """Return why a text does not say that its prices are for one unit of time, or None.

    How usage is billed is no price: "billed by the minute".

    Examples
    --------
    >>> unit_doubt("$2.99 /hr", "hour"), unit_doubt("Hourly cost. Billed per minute", "hour")
    (None, None)
    >>> unit_doubt("$2.99", "hour")
    'no text says that a price is per hour'
    >>> unit_doubt("$99. Price per month. Used an hour a day", "hour")
    "the page says 'Price per month', not per hour"
    """
    if other := other_unit(text, unit):
        return f"the page says {other!r}, not per {unit}"
    if re.search(PER.format(*UNITS[unit]), text):
        return None
    return f"no text says that a price is per {unit}"


def printed_offer(
    row: Mapping[str, Any], text: str, form: re.Pattern[str], **fields: Any
) -> Iterator[Row]:
    r"""Yield the offer of a printed price, the reason to hold it, or that it is not sold so.

    ``form`` must fit the whole text, currency and unit included, and name the group ``amount``: a
    price in another currency or unit is held, never guessed.

    Examples
    --------
    >>> form = re.compile(r"\$" + AMOUNT + "/hr")
    >>> [held.rule for held in printed_offer({}, "Contact sales", form)]
    ['price_on_request']
    >>> list(printed_offer({}, "N/A", form))
    [OutOfScope(reason='not sold this way')]
    """
    text = single_spaced(text)
    match = form.fullmatch(text)
    if match is not None:
        yield offer_or_held(row, price=Decimal(match["amount"].replace(",", "")), **fields)
    elif text.casefold() in ("n/a", "na") or not any(letter.isalnum() for letter in text):
        yield OutOfScope("not sold this way")
    elif any(letter.isdigit() for letter in text):
        reason = f"{text!r} is not a price as this page prints them"
        yield Held(rule="price_not_a_number", reason=reason, row=row)
    else:
        yield Held(rule="price_on_request", reason=f"instead of a price: {text!r}", row=row)


def each_priced(
    payload: Payload, rows: Iterable[T], read: Callable[[T], Iterable[Row]]
) -> Iterator[ReadRow]:
    """Read a page row by row (``each_row``); refuse a page of which nothing has a price.

    ``rows`` are tags, matches of a pattern or mappings: every row of the page's tables.

    Raises
    ------
    ParseError
        If no row is an offer.
    """
    return priced(payload, each_row(payload, rows, read, _printed))


def _printed(row: object) -> Mapping[str, Any]:
    if isinstance(row, tuple):  # a tag or match, and what the page says of it elsewhere
        return _printed(row[0])
    if isinstance(row, Tag):
        return {"text": text_of(row)}
    if isinstance(row, re.Match):
        return row.groupdict() or {"text": row[0]}
    return row if isinstance(row, Mapping) else {"text": str(row)}


def priced(payload: Payload, rows: Iterable[ReadRow]) -> Iterator[ReadRow]:
    """Yield rows; refuse a page of which nothing has a price.

    Raises
    ------
    ParseError
        If no row is an offer.
    """
    read = list(rows)
    found = list(records(read))
    if not any(isinstance(record, Offer) for record in found):
        raise ParseError(
            f"{payload.where()}: no priced row, {len(found)} without a price; did the page change?"
        )
    yield from read
