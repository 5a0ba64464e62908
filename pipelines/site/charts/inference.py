"""Charts of serving: price against pace, list prices against costs, and headroom."""

from __future__ import annotations

import json
from functools import cache

import altair as alt

from pipelines.site.charts.parts import (
    ROWS,
    Kinds,
    Spec,
    family_colour,
    finish,
    from_table,
    interval_bars,
    interval_points,
    scaled,
    tips,
)


@cache
def speed_cost(families: Kinds) -> Spec:
    """Return the price of output tokens against the pace one user gets, 80 % intervals."""
    base = from_table("marts.inference_cost")
    x = alt.X(**scaled("tokens_per_second_per_user", "token/s per user", is_log=True))
    y = alt.Y(**scaled("usd_per_1m_output", "USD per 1M output tokens", is_log=True))
    points = interval_points(
        base,
        x,
        y,
        "output_low",
        "output_high",
        bar_opacity=0.45,
        colour=family_colour(families),
        tooltip=tips(
            ("model_id:N", "model"),
            ("gpu_id:N", "GPU"),
            ("gpu_count:Q", "GPUs"),
            ("precision:N", "precision"),
            ("usd_per_1m_output:Q", "USD per 1M output tokens"),
            ("output_low:Q", "low (80 %)"),
            ("output_high:Q", "high (80 %)"),
            ("tokens_per_second_per_user:Q", "token/s per user"),
            ("provider_count:Q", "providers"),
            ("day:N", "day (UTC)"),
            ("source:N", "source"),
        ),
    )
    return finish(points, 320)


@cache
def margins() -> Spec:
    """Return list prices, solid, beside the predicted cost, hollow with its 80 % interval."""
    base = alt.Chart(ROWS)
    title = "USD per 1M tokens"
    y = alt.Y("model_id:N", title="model", sort=None)
    costs = from_table("marts.api_margin").transform_filter("datum.part == 'cost'")
    # One legend for both parts: each part has its own colour and mark.
    words = {"list": "list price", "cost": "predicted cost, 80 %"}
    part = alt.Color(
        "part:N",
        title="USD per 1M tokens",
        scale=alt.Scale(domain=list(words), range=["#1f84c6", "#d55e00"]),
        legend=alt.Legend(labelExpr=f"{json.dumps(words)}[datum.label]", symbolType="circle"),
    )
    bar = {"strokeWidth": 7, "opacity": 0.35}
    interval = interval_bars(costs, "cost_low", "cost_high", bar, y=y, color=part)
    cost = costs.mark_point(filled=False, size=80, strokeWidth=2, opacity=1).encode(
        x=alt.X(**scaled("cost", title, is_log=True)),
        y=y,
        color=part,
        tooltip=tips(
            ("model_id:N", "model"),
            ("cost:Q", "predicted cost, USD per 1M tokens"),
            ("cost_low:Q", "low (80 %)"),
            ("cost_high:Q", "high (80 %)"),
            ("gpu_id:N", "GPU"),
            ("gpu_count:Q", "GPUs"),
            ("precision:N", "precision"),
            ("provider_count:Q", "providers of the GPU"),
            ("day:N", "day (UTC)"),
            ("source:N", "source"),
        ),
    )
    lists = base.transform_filter("datum.part == 'list'")
    listed = lists.mark_point(filled=True, size=50, opacity=0.8).encode(
        x=alt.X("listed:Q"),
        y=y,
        color=part,
        tooltip=tips(
            ("model_id:N", "model"),
            ("api_provider_id:N", "API provider"),
            ("listed:Q", "list price, USD per 1M tokens"),
            ("margin_fraction:Q", "margin, share of the price"),
            ("margin_low:Q", "margin, low"),
            ("margin_high:Q", "margin, high"),
            ("day:N", "day (UTC)"),
            ("api_source_id:N", "source"),
        ),
    )
    return finish(interval + listed + cost, 20, each="model_id")


@cache
def headroom() -> Spec:
    """Return the price of tokens when capacity waits for the peak."""
    base = from_table("marts.inference_cost")
    x = alt.X(
        "peak_over_mean:Q",
        title="peak demand / mean demand",
        axis=alt.Axis(values=[1, 2, 4, 6, 8, 10], format="d"),
        scale=alt.Scale(zero=False, nice=False),
    )
    y = alt.Y("usd_per_1m_tokens:Q", title="USD per 1M tokens", scale=alt.Scale(zero=True))
    band = base.mark_area(opacity=0.15, color="#1f84c6").encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(color="#1f84c6", point={"size": 30}).encode(
        x=x,
        y=y,
        tooltip=tips(
            ("peak_over_mean:Q", "peak / mean"),
            ("usd_per_1m_tokens:Q", "USD per 1M tokens"),
            ("low:Q", "low (80 %)"),
            ("high:Q", "high (80 %)"),
            ("gpu_id:N", "GPU"),
            ("provider_count:Q", "providers"),
            ("day:N", "day (UTC)"),
            ("source:N", "source"),
        ),
    )
    return finish(band + line, 260)
