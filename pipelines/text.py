"""Untrusted text made harmless: for the warehouse, a terminal, a spreadsheet, Markdown.

A host on a marketplace chooses the name of its machine freely. Landing keeps what was printed. Rows
lose invisible characters, and whatever leaves for people or for other programs passes through
here. Pages escape through their templates.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@")
LONGEST = 500  # characters of one text on a line; longer ones end in an ellipsis
# Control characters but tab and line breaks, halves of surrogate pairs, and marks that turn or hide
# text.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
WHITE_SPACE = re.compile(r"\s+")


def without_invisible(text: str) -> str:
    r"""Return a text without control characters and marks that turn or hide text.

    Examples
    --------
    >>> without_invisible("H100\u200b\x00\n80GB")
    'H100\n80GB'
    """
    return INVISIBLE.sub("", text)


def single_spaced(text: object) -> str:
    r"""Return a text on one line, each run of white space one space, none at the ends.

    Examples
    --------
    >>> single_spaced(" a\n\t b ")
    'a b'
    """
    return " ".join(str(text).split())


def visible(text: str) -> str:
    r"""Return a text without control characters and bidi marks, on which terminals act.

    Examples
    --------
    >>> visible("a\x1b[31mb\u202ec")
    'a [31mb c'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def one_line(text: object) -> str:
    r"""Return a text on one line of at most 500 characters.

    Examples
    --------
    >>> one_line("a\x07\n b"), len(one_line("x" * 10_000))
    ('a b', 500)
    """
    line = single_spaced(visible(str(text)))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def markdown(text: object) -> str:
    r"""Return a text that Markdown and HTML show as it is.

    Examples
    --------
    >>> markdown("<b>[x](y)|")
    '&lt;b&gt;\\[x\\](y)\\|'
    """
    return re.sub(r"([\\`*_\[\]|#~!])", r"\\\1", html.escape(one_line(text), quote=False))


def spreadsheet(value: Any) -> Any:
    r"""Return a cell of a CSV file that no spreadsheet runs as a formula; numbers stay numbers.

    Examples
    --------
    >>> spreadsheet("=HYPERLINK(1)"), spreadsheet("\t＝1"), spreadsheet("H100"), spreadsheet(-2.5)
    ("'=HYPERLINK(1)", "' ＝1", 'H100', -2.5)
    """
    return _harmless(value) if isinstance(value, str) else value


@lru_cache(maxsize=1 << 14)
def _harmless(text: str) -> str:
    cell = visible(text)
    folded = cell if cell.isascii() else unicodedata.normalize("NFKC", cell)
    is_formula = folded.lstrip().startswith(FORMULA_STARTS)
    return "'" + cell if is_formula else cell
