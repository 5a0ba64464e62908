"""A file that says how many GPUs a job needs, step by step.

Reading is done in a child process within limits (``foreign_file``). What it costs to cover a load
belongs to ``reserve``.
"""

from __future__ import annotations

import csv
from pathlib import Path

from pipelines.answers.foreign_file import read_foreign

COLUMNS = ("gpu_count", "hours")


class LoadFileError(ValueError):
    """A file that is no load, in one line that says where and what is wanted."""


def read_load(path: Path) -> tuple[list[float], list[float]]:
    """Return the GPUs needed in each step of a load, and the length of each step [GPU], [h].

    Parameters
    ----------
    path : Path
        CSV with the column ``gpu_count`` and, for steps that are not an hour, ``hours``.

    Raises
    ------
    ForeignFileError
        If the file cannot be read within the limits.
    LoadFileError
        If a column, a row or a number is wrong.
    """
    counts, hours = read_foreign(path, steps_of, raises=[LoadFileError])
    return counts, hours


def steps_of(path: Path) -> tuple[list[float], list[float]]:
    """Return the steps of a load file; see ``read_load``."""
    counts, hours = [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            names = [name.strip() for name in rows.fieldnames or ()]
            if "gpu_count" not in names:
                raise LoadFileError(
                    f"{path.name}: no column gpu_count in line 1; wanted: gpu_count, and hours for"
                    " steps that are not an hour"
                )
            rows.fieldnames = names
            for row in rows:
                counts.append(_number(path, rows.line_num, "gpu_count", row["gpu_count"], 0.0))
                text = row["hours"] if "hours" in names else "1"
                hours.append(_number(path, rows.line_num, "hours", text, 1e-6))
    except (UnicodeDecodeError, csv.Error) as error:
        raise LoadFileError(f"{path.name} is not CSV in UTF-8: {error}") from None
    if not counts:
        raise LoadFileError(f"{path.name}: no row below the heading")
    return counts, hours


def _number(path: Path, line: int, column: str, text: str | None, least: float) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = float("nan")
    if not least <= number < float("inf"):
        raise LoadFileError(
            f"{path.name}, line {line}, {column}: {(text or '')[:20]!r} is not a number of"
            f" at least {least:g}"
        )
    return number
