"""The chart of the answers of every source, day by day."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import altair as alt

from pipelines.site.charts.parts import Spec, finish, from_table, tips


@cache
def source_grid(newest: date) -> Spec:
    """Return a cell for each source and day of the newest 30: ok, partial, held or failed."""
    ends = [
        alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True)
        for day in (newest - timedelta(days=29), newest + timedelta(days=1))
    ]
    states = {"ok": "#009e73", "partial": "#e69f00", "held": "#cc79a7", "failed": "#d55e00"}
    return finish(
        from_table("meta.capture")
        .mark_rect(stroke=None)
        .encode(
            x=alt.X(
                "utcyearmonthdate(day):T",
                title="day (UTC)",
                scale=alt.Scale(type="utc", domain=ends),
                axis=alt.Axis(tickCount=6, format="%d %b %Y"),
            ),
            y=alt.Y(
                "source_id:N",
                title="source",
                axis=alt.Axis(labelOverlap=False, labelFontSize=11),
                scale=alt.Scale(paddingInner=0.12),
            ),
            color=alt.Color(
                "state:N",
                title="answer",
                scale=alt.Scale(domain=list(states), range=list(states.values())),
            ),
            tooltip=tips(
                ("source_id:N", "source"),
                ("day:T", "day (UTC)"),
                ("state:N", "answer"),
                ("offers_kept:Q", "offers kept"),
                ("offers_held:Q", "offers held"),
                ("source:N", "from"),
            ),
        ),
        15,
        each="source_id",
    )
