"""Fills the templates of the methodology pages, ``docs/methodology/*.md.j2``.

Only formatting belongs here. Values come from the module of each page, wording is in the templates.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

FOLDER = Path(__file__).parents[3] / "docs" / "methodology"
MILLISECONDS_PER_SECOND = 1e3


def rendered(name: str, values: dict[str, Any]) -> str:
    """Return a page: the template ``<name>.md.j2`` filled with values.

    Raises
    ------
    jinja2.UndefinedError
        If the template names a value that is not there.
    """
    return environment().get_template(f"{name}.md.j2").render(values)


@cache
def environment() -> jinja2.Environment:
    """Return the environment of the templates: Markdown, so nothing is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    made.filters |= {"digits": digits, "percent": percent, "milliseconds": milliseconds}
    return made


def digits(value: float, count: int = 3) -> str:
    """Return a number with so many significant digits, a dash where it is not finite.

    Examples
    --------
    >>> digits(0.78432), digits(2039.0), digits(5.69e-05), digits(math.inf)
    ('0.784', '2,039', '5.69e-05', '–')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "–"
    if 1e-3 <= abs(value) < 1e6:
        decimals = max(count - 1 - math.floor(math.log10(abs(value))), 0)
        return f"{value:,.{decimals}f}"
    return f"{value:.{count - 1}e}"


def percent(value: float, decimals: int = 0) -> str:
    """Return a share in percent.

    Examples
    --------
    >>> percent(0.845), percent(0.119, 1)
    ('84 %', '11.9 %')
    """
    return f"{100 * value:.{decimals}f} %"


def milliseconds(seconds: float, decimals: int = 2) -> str:
    """Return seconds in milliseconds, without the unit.

    Examples
    --------
    >>> milliseconds(0.01795)
    '17.95'
    """
    return f"{MILLISECONDS_PER_SECOND * seconds:.{decimals}f}"
