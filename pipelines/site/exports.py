"""Files that people download: answers as CSV and Parquet, safe to open in a spreadsheet.

What is asked belongs to the pages.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: Any) -> Any:
    """Return a cell that no spreadsheet reads as a formula; numbers stay numbers.

    Control characters go, because terminals and spreadsheets act on them.

    Examples
    --------
    >>> harmless("=HYPERLINK(1)"), harmless("H100"), harmless(-2.5), harmless(None)
    ("'=HYPERLINK(1)", 'H100', -2.5, '')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    is_formula = value.lstrip(" \n\v\f\u00a0\u3000\ufeff").startswith(FORMULA_STARTS)
    cleaned = (
        value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)
    )
    return "'" + cleaned if is_formula else cleaned


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    r"""Return rows as CSV with a heading, every text harmless.

    Examples
    --------
    >>> csv_text(["gpu", "usd"], [("@a", 1.5)])
    "gpu,usd\r\n'@a,1.5\r\n"
    """
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow([harmless(column) for column in columns])
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return target.getvalue()


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows as CSV."""
    path.write_text(csv_text(columns, rows), encoding="utf-8", newline="")
