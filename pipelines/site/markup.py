"""The pieces of HTML that pages put into sentences and cells, each from a template.

Every argument is escaped by the templates. What the pieces say belongs to ``pages``; the layout of
a page belongs to ``templates/page.html.j2``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipelines.site.numbers import figure
from pipelines.site.published import Row
from warehouse.rows import plain

SHORT_JSON = json.JSONEncoder(separators=(",", ":"))
AS_CODES = {ord(character): f"\\u{ord(character):04x}" for character in "&<>'"}
TEMPLATES = Path(__file__).parent / "templates"
# Dates and names of GPUs, which should not break at their hyphens; longer names must break.
UNBROKEN = re.compile(r"((?<![\w.-])(?=[\w.-]{3,20}(?![\w.-]))[\w.]+(?:-[\w.]+)+)")


@cache
def environment() -> Environment:
    """Return the templates; everything in them is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["whole"] = whole
    return made


def piece(name: str, **values: Any) -> Markup:
    """Return a macro of ``templates/pieces.html.j2``, filled in."""
    return Markup(getattr(_pieces(), name)(**values))


@cache
def _pieces() -> Any:
    return environment().get_template("pieces.html.j2").module


def whole(sentence: Any) -> Markup:
    """Return a sentence whose dates and names of GPUs do not break at their hyphens.

    Examples
    --------
    >>> str(whole("on 2026-05-12 <b>"))
    'on <span class="whole">2026-05-12</span> &lt;b&gt;'
    """
    if isinstance(sentence, Markup):  # its tags must not be touched
        return sentence
    return piece("whole", parts=UNBROKEN.split(str(sentence)))


@cache
def dash(reason: str) -> Markup:
    """Return the mark of a missing value, with its reason for pointer and screen reader.

    Examples
    --------
    >>> str(dash("2 providers"))
    '<span class="none" title="2 providers">–<span class="unseen"> (2 providers)</span></span>'
    """
    return piece("dash", reason=reason)


@lru_cache(maxsize=1 << 14, typed=True)
def code(text: Any, title: Any = "") -> Markup:
    """Return a text as code, with an optional title for the pointer.

    Examples
    --------
    >>> str(code("a<b"))
    '<code>a&lt;b</code>'
    """
    return piece("code", text=text, title=title)


def digest(sha256: Any, _: Row) -> Markup:
    """Return the start of a hash as code, the whole of it for the pointer."""
    return code(str(sha256)[:8], sha256)


# Typed: markup and a text may be equal, and only the text is escaped.
@lru_cache(maxsize=1 << 14, typed=True)
def link(href: str | None, text: Any) -> Markup:
    """Return a link, or only its text where the address is not of the web.

    Examples
    --------
    >>> str(link("javascript:alert(1)", "<x>")), str(link("https://a.b", "c"))
    ('&lt;x&gt;', '<a href="https://a.b">c</a>')
    """
    if not href or not re.match(r"(https?://|#|[\w./-]+\.(html|csv)|[\w./-]+$)", href):
        return escape(text)
    return piece("link", href=href, text=text)


def host(url: str, _: Row) -> Markup:
    """Return a link that reads as the site it leads to.

    Examples
    --------
    >>> str(host("https://a.example/b.pdf", {}))
    '<a href="https://a.example/b.pdf">a.example</a>'
    """
    return link(url, urlsplit(url).hostname or url)


def query_link(block_id: str, column: str, cell: Any) -> Markup:
    """Return a number outside a table as a link to its query; a dash has none.

    The page's script narrows the query to the column, and to the row whose key is around the link.

    Examples
    --------
    >>> str(query_link("all", "median", "1.5"))
    '<a href="#all-query" data-column="median">1.5</a>'
    """
    if isinstance(cell, Markup):
        return cell
    return piece("query_link", block_id=block_id, column=column, text=cell)


def interval(low: float | None, high: float | None) -> Markup:
    """Return the ends of an interval, as they stand under a number; nothing where one is missing.

    Examples
    --------
    >>> str(interval(1.5, None))
    ''
    """
    if low is None or high is None:
        return Markup()
    return piece("interval", ends=[(figure(end), f"{end:.9g}") for end in (low, high)])


def row_key(row: Row, key: Sequence[str]) -> Markup:
    r"""Return the attribute by which the page's script identifies a row.

    Examples
    --------
    >>> print(row_key({"gpu_id": "it's", "months": None}, ["gpu_id", "months"]))
     data-k='["it\u0027s",null]'
    """
    if not key:
        return Markup("")
    text = SHORT_JSON.encode([plain(row[name]) for name in key])
    return piece("row_key", json=Markup(text.translate(AS_CODES)))


def slug(text: str) -> str:
    """Return a name for a file or an anchor: a-z, 0-9 and hyphens.

    Examples
    --------
    >>> slug("H100-SXM-80GB"), slug("../x<y>")
    ('h100-sxm-80gb', 'x-y')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
