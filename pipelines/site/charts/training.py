"""Charts of training runs: cost over time, cost against duration, and the inputs that matter."""

from __future__ import annotations

from functools import cache

import altair as alt

from pipelines.site.charts.parts import (
    UTC,
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
def training_trend(money: str) -> Spec:
    """Return the cost of training against publication, with the fitted line and its band."""
    x = alt.X(
        "published_on:T", title="publication", scale=UTC, axis=alt.Axis(tickCount=6, format="%Y")
    )
    fit = from_table("marts.training_cost_trend").transform_filter("datum.part == 'fit'")
    band = fit.mark_area(opacity=0.15, color="#1f84c6").encode(
        x=x, y=alt.Y("fit_low:Q"), y2="fit_high:Q"
    )
    line = fit.mark_line(color="#1f84c6").encode(
        x=x,
        y=alt.Y("fit:Q"),
        tooltip=tips(
            ("published_on:T", "publication"),
            ("fit:Q", f"fitted, {money}"),
            ("fit_low:Q", "low (80 % of models)"),
            ("fit_high:Q", "high (80 % of models)"),
            ("model_count:Q", "models"),
            ("source:N", "source"),
        ),
    )
    model = from_table("marts.training_cost, data on models: Epoch AI").transform_filter(
        "datum.part == 'model'"
    )
    tooltip = tips(
        ("model:N", "model"),
        ("published_on:T", "published"),
        ("usd_real:Q", money),
        ("low:Q", "low (90 %)"),
        ("high:Q", "high (90 %)"),
        ("hardware:N", "hardware"),
        ("gpu_hours_method:N", "GPU-hours"),
        ("confidence:N", "confidence"),
        ("source:N", "source"),
    )
    leading = model.transform_filter("datum.is_leading")
    bars = interval_bars(leading, "low", "high", {"opacity": 0.5}, x=x)
    points = model.mark_point(size=45, strokeWidth=1.5, filled=False, color="#d55e00").encode(
        x=x,
        y=alt.Y(**scaled("usd_real", money, is_log=True)),
        fill=alt.condition("datum.is_solid", alt.value("#d55e00"), alt.value("transparent")),
        opacity=alt.condition("datum.is_leading", alt.value(1), alt.value(0.3)),
        tooltip=tooltip,
    )
    return finish(band + bars + line + points, 340)


@cache
def training_plan(families: Kinds) -> Spec:
    """Return cost against duration for GPUs and sizes of cluster, with intervals."""
    base = from_table("marts.cost_per_flop")
    x = alt.X(**scaled("days", "days", is_log=True))
    y = alt.Y(**scaled("usd", "USD for the run", is_log=True))
    points = interval_points(
        base,
        x,
        y,
        "low",
        "high",
        bar_opacity=0.35,
        colour=family_colour(families),
        shape=alt.Shape("cluster:N", title="GPUs"),
        tooltip=tips(
            ("gpu_id:N", "GPU"),
            ("cluster:N", "GPUs"),
            ("days:Q", "days"),
            ("usd:Q", "USD"),
            ("low:Q", "low"),
            ("high:Q", "high"),
            ("utilisation_fraction:Q", "share of the peak"),
            ("provider_count:Q", "providers"),
            ("day:N", "day (UTC)"),
            ("source:N", "source"),
        ),
    )
    return finish(points, 300)


@cache
def shares() -> Spec:
    """Return bars of the share of each input in the uncertainty."""
    return finish(
        from_table("marts.training_sensitivity")
        .mark_bar(color="#1f84c6")
        .encode(
            x=alt.X(**scaled("share", "share of the variance, %", is_log=False)),
            y=alt.Y("factor:N", title="input", sort="-x"),
            tooltip=tips(
                ("factor:N", "input"),
                ("share:Q", "mean share of the variance, %"),
                ("low:Q", "lowest of a model"),
                ("high:Q", "highest of a model"),
                ("model_count:Q", "models"),
                ("source:N", "source"),
            ),
        ),
        20,
        each="factor",
    )
