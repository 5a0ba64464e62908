"""The chart of predictions against reported values."""

from __future__ import annotations

from functools import cache

import altair as alt

from pipelines.site.charts.parts import ROWS, Spec, finish, scaled, tips


@cache
def calibration(unit: str) -> Spec:
    """Return predicted against reported values, with the line of equality."""
    base = alt.Chart(ROWS)
    x = alt.X(**scaled("reported", f"reported, {unit}", is_log=True))
    line = (
        base.transform_filter("datum.part == 'line'")
        .mark_line(strokeDash=[4, 4], color="#8a8f98")
        .encode(x=x, y=alt.Y("predicted:Q"))
    )
    points = (
        base.transform_filter("datum.part == 'case'")
        .mark_point(filled=False, size=60, strokeWidth=2, color="#1f84c6")
        .encode(
            x=x,
            y=alt.Y(**scaled("predicted", f"predicted, {unit}", is_log=True)),
            tooltip=tips(
                ("name:N", "case"),
                ("reported:Q", f"reported, {unit}"),
                ("predicted:Q", f"predicted, {unit}"),
                ("low:Q", "predicted, low (90 %)"),
                ("high:Q", "predicted, high (90 %)"),
                ("ratio:Q", "predicted / reported"),
                ("published_on:N", "published"),
                ("source:N", "source"),
            ),
        )
    )
    return finish(line + points, 320)
