"""The chart of what a dollar buys: a dot and an interval for each GPU."""

from __future__ import annotations

from functools import cache

import altair as alt

from pipelines.site.charts.parts import (
    USD_HOUR,
    Kinds,
    Spec,
    family_colour,
    finish,
    from_table,
    interval_bars,
    scaled,
    tips,
)


@cache
def value_dots(title: str, is_log: bool, families: Kinds, ways: tuple[str, ...]) -> Spec:
    """Return a dot and interval for each GPU: solid if printed, hollow if estimated."""
    y = alt.Y("gpu_id:N", title="GPU", sort=alt.EncodingSortField("usd", op="min"))
    colour = family_colour(families)
    base = from_table("marts.cost_per_flop")
    bar = {"strokeWidth": 2, "opacity": 0.55}
    interval = interval_bars(base, "low", "high", bar, y=y, color=colour)
    layers = [
        base.transform_filter(f"datum.flop == '{flop}'" if flop else "true")
        .mark_point(size=70, strokeWidth=2, filled=flop != "achieved", opacity=1)
        .encode(
            x=alt.X(**scaled("usd", title, is_log=is_log)),
            y=y,
            color=colour,
            tooltip=tips(
                ("gpu_id:N", "GPU"),
                ("usd:Q", title),
                ("low:Q", "low"),
                ("high:Q", "high"),
                ("precision:N", "precision, dense"),
                ("flop:N", "operations"),
                ("utilisation_fraction:Q", "share of the peak"),
                ("usd_per_gpu_hour:Q", f"price, {USD_HOUR}"),
                ("provider_count:Q", "providers"),
                ("day:N", "day (UTC)"),
                ("source:N", "source"),
            ),
        )
        for flop in ways
    ]
    return finish(alt.layer(interval, *layers), 20, each="gpu_id")
