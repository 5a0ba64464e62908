"""Files that people download: answers as CSV and Parquet, safe to open in a spreadsheet.

What is asked belongs to the pages.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.escaping import spreadsheet


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    r"""Return rows as CSV with a heading, every text harmless.

    Examples
    --------
    >>> csv_text(["gpu", "usd"], [("@a", 1.5)])
    "gpu,usd\r\n'@a,1.5\r\n"
    """
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow([spreadsheet(column) for column in columns])
    writer.writerows([spreadsheet(cell) for cell in row] for row in rows)
    return target.getvalue()


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows as CSV."""
    path.write_text(csv_text(columns, rows), encoding="utf-8", newline="")
