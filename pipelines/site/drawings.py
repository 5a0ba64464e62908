"""Small pictures as SVG, for readers without scripts.

Anything with axes belongs to ``charts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from pipelines.site.markup import piece

WIDTH, HEIGHT, MARGIN = 120, 28, 3
LONGEST_MONTH = 31


def sparkline(points: Sequence[tuple[date, float]], label: str) -> Markup:
    """Return a line of monthly values that breaks where a month is missing.

    Parameters
    ----------
    points : sequence of (date, float)
        First days of months in order, with their values.
    label : str
        What it shows, for screen readers.

    Examples
    --------
    >>> str(sparkline([(date(2026, 1, 1), 1.0)], "x")).count("<circle")
    1
    """
    if not points:
        return Markup("")
    first, last = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    days = max((last - first).days, 1)

    def place(day: date, value: float) -> tuple[float, float]:
        across = MARGIN + (WIDTH - 2 * MARGIN) * (
            (day - first).days / days if last > first else 1.0
        )
        share = (value - low) / (high - low) if high > low else 0.5
        return round(across, 1), round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share, 1)

    paths, before = [], None
    for day, value in points:
        x, y = place(day, value)
        paths.append(f"{'L' if before and (day - before).days <= LONGEST_MONTH else 'M'}{x} {y}")
        before = day
    x, y = place(*points[-1])
    path = "".join(paths)
    return piece("sparkline", width=WIDTH, height=HEIGHT, label=label, path=path, x=x, y=y)
