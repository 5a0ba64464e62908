"""Text of strangers made harmless: for a terminal, a line, a spreadsheet, Markdown.

A host on a marketplace names its machine as it likes. Landing and the warehouse keep what was
printed; whatever leaves for people or for other programs passes through here. Pages escape through
their templates.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@")
LONGEST = 500  # characters of one text on a line; longer ones end in an ellipsis


def visible(text: str) -> str:
    r"""Return a text without control characters and bidi marks, on which terminals act.

    Examples
    --------
    >>> visible("a\x1b[31mb\u202ec")
    'a [31mb c'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def one_line(text: object) -> str:
    r"""Return a text on one line of bearable length.

    Examples
    --------
    >>> one_line("a\x07\n b"), len(one_line("x" * 10_000))
    ('a b', 500)
    """
    line = " ".join(visible(str(text)).split())
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
    if not isinstance(value, str):
        return value
    cell = visible(value)
    is_formula = unicodedata.normalize("NFKC", cell).lstrip().startswith(FORMULA_STARTS)
    return "'" + cell if is_formula else cell
