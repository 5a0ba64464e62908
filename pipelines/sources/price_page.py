"""Reading a provider's price page: soup, visible text, script data and printed prices.

Here belongs what every price page needs. What one page looks like belongs to its own file, the
request and robots.txt to ``pipelines.http``. A page without any price is a changed page, never an
empty list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import PageElement

from pipelines.sources.base import Held, Offer, ParseError, Payload, Row, offer_or_held

# 1,234.50 and 1234.5; "0,900" is a decimal comma or damage, and no amount.
AMOUNT = r"(?P<amount>(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?)"
FLIGHT = re.compile(r"self\.__next_f\.push\((\[.*?\])\)\s*</script>", re.DOTALL)
# A GPU's name in running text, where only its form tells where it begins and ends.
GPU = (
    r"(?:(?:RTX|GTX)(?: PRO)? ?A?\d{4}\w*(?: (?:Ti|SUPER|Ada|Blackwell))*"
    r"|(?:GB|GH|MI|[ABHLTV])\d{1,3}[A-Z]?\w?(?: (?:SXM\d?|PCIe|NVL\d*|NVLink))*)"
)
UNREAD = "the page's form is known from others' notes only; its terms are not read yet"


def soup_of(payload: Payload) -> BeautifulSoup:
    """Return the parsed page."""
    return BeautifulSoup(payload.text(), "lxml")


def text_of(node: PageElement | None) -> str:
    """Return the text of a node with single spaces; empty for no node.

    Examples
    --------
    >>> text_of(BeautifulSoup("<p>$2.99<b> /hr</b></p>", "lxml"))
    '$2.99 /hr'
    """
    return "" if node is None else " ".join(node.get_text(" ").split())


def visible_text(payload: Payload) -> str:
    """Return what a reader sees of the page, in one line, without scripts and styles."""
    soup = soup_of(payload)
    for hidden in soup.select("script, style, noscript, svg, template"):
        hidden.decompose()
    return text_of(soup)


def flight_text(payload: Payload) -> str:
    """Return the data of a Next.js page: the strings of its ``self.__next_f.push`` calls, joined.

    Raises
    ------
    ParseError
        If the page has none, or one that is broken off.
    """
    chunks = []
    for match in FLIGHT.finditer(payload.text()):
        try:
            call = json.loads(match[1])
        except ValueError as error:
            raise ParseError(f"{payload.where()}: page data is broken off: {error}") from error
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
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=Decimal)  # held as no number
    try:
        return decoder.raw_decode(text, start + len(marker))[0]
    except ValueError as error:
        raise ParseError(f"{payload.where()}: {marker!r} is broken off: {error}") from error


def matches(payload: Payload, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """Return all places of the visible text that fit ``pattern``.

    Raises
    ------
    ParseError
        If there is none.
    """
    text = visible_text(payload)
    found = list(pattern.finditer(text))
    if not found:
        raise ParseError(
            f"{payload.where()}: no row like {pattern.pattern[:60]!r} in {len(text):,} characters"
            " of text; did the page change?"
        )
    return found


def printed_offer(
    row: Mapping[str, Any], text: str, form: re.Pattern[str], **fields: Any
) -> Iterator[Row]:
    r"""Yield the offer of a printed price, the reason to hold it, or nothing for "not sold so".

    ``form`` must fit the whole text, currency and unit included, and name the group ``amount``: a
    price in another currency or unit is held, never guessed.

    Examples
    --------
    >>> form = re.compile(r"\$" + AMOUNT + "/hr")
    >>> [held.rule for held in printed_offer({}, "Contact sales", form)]
    ['price_on_request']
    >>> list(printed_offer({}, "N/A", form))
    []
    """
    text = " ".join(text.replace("\xa0", " ").split())
    match = form.fullmatch(text)
    if match is not None:
        yield offer_or_held(row, price=Decimal(match["amount"].replace(",", "")), **fields)
    elif text.casefold() in ("n/a", "na") or not any(letter.isalnum() for letter in text):
        return
    elif any(letter.isdigit() for letter in text):
        reason = f"{text!r} is not a price as this page prints them"
        yield Held(rule="price_not_a_number", reason=reason, row=row)
    else:
        yield Held(rule="price_on_request", reason=f"instead of a price: {text!r}", row=row)


def priced(payload: Payload, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield each different row once; refuse a page of which nothing has a price.

    Pages print the same table for phones and for desks.

    Raises
    ------
    ParseError
        If no row is an offer.
    """
    kept: list[Row] = []
    for row in rows:
        if row not in kept:
            kept.append(row)
    if not any(isinstance(row, Offer) for row in kept):
        raise ParseError(
            f"{payload.where()}: no priced row, {len(kept)} without a price; did the page change?"
        )
    yield from kept
