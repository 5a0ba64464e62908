"""Charts of GPU prices: by provider, over time, and by provider and GPU."""

from __future__ import annotations

from functools import cache

import altair as alt

from pipelines.site.charts.parts import (
    ROWS,
    USD_HOUR,
    UTC,
    Kinds,
    Spec,
    age_opacity,
    finish,
    from_table,
    kind_colour,
    narrowed,
    palette,
    scaled,
    tips,
)
from pipelines.site.theme import KIND_COLOURS, TIER_SHAPES

WIDE_ENOUGH = 600  # pixels of a heatmap whose cells have numbers


def price_strip(is_log: bool, kinds: Kinds, markets: Kinds) -> Spec:
    """Return one mark for each offer, in one row for each provider, with median and p10-p90."""
    spec: Spec = narrowed(whole_strip(is_log), kinds | markets)
    return spec


@cache
def whole_strip(is_log: bool) -> Spec:
    """Return the strip of all purchase models and markets."""
    x = scaled("usd_per_gpu_hour", USD_HOUR, is_log=is_log)
    offers = (
        alt.Chart(ROWS)
        .transform_filter("datum.part == 'offer'")
        .mark_point(size=55, filled=True)
        .encode(
            x=alt.X(**x),
            y=alt.Y(
                "provider_id:N",
                title="provider",
                sort=alt.EncodingSortField("usd_per_gpu_hour", op="min"),
            ),
            color=kind_colour(),
            shape=alt.Shape(
                "market_family:N",
                title="market",
                scale=palette(TIER_SHAPES, TIER_SHAPES),
            ),
            opacity=age_opacity(),
            tooltip=tips(
                ("provider_id:N", "provider"),
                ("usd_per_gpu_hour:Q", f"list price, {USD_HOUR}"),
                ("usd_per_node_hour:Q", "USD per node-hour"),
                ("gpu_count:Q", "GPUs in the node"),
                ("purchase_model:N", "bought"),
                ("commitment_months:Q", "commitment, months"),
                ("region:N", "region"),
                ("seen_at:N", "seen (UTC)"),
                ("age:N", "age of the price"),
                ("source_id:N", "source"),
            ),
        )
    )
    bands = from_table("marts.gpu_price_daily").transform_filter(
        "datum.part == 'median' && datum.purchase_model == 'on_demand'"
    )
    median = bands.mark_rule(strokeWidth=2, strokeDash=[5, 3]).encode(
        x=alt.X("median:Q"),
        color=kind_colour(),
        tooltip=tips(
            ("median:Q", f"median on demand, {USD_HOUR}"),
            ("p10:Q", "p10"),
            ("p90:Q", "p90"),
            ("provider_count:Q", "providers"),
            ("offer_count:Q", "offers"),
            ("day:T", "day (UTC)"),
            ("source:N", "source"),
        ),
    )
    band = bands.mark_rect(opacity=0.1).encode(x=alt.X("p10:Q"), x2="p90:Q", color=kind_colour())
    return finish(band + median + offers, 20, each="provider_id")


def price_history(is_log: bool, kinds: Kinds) -> Spec:
    """Return daily medians with their p10-p90 band and change-points; missing days stay empty."""
    spec: Spec = narrowed(whole_history(is_log), kinds)
    return spec


@cache
def whole_history(is_log: bool) -> Spec:
    """Return the history of all purchase models."""
    x = alt.X("day:T", title="day (UTC)", scale=UTC, axis=alt.Axis(tickCount=5, format="%d %b %Y"))
    usd = f"median, {USD_HOUR}"
    daily = from_table("marts.gpu_price_daily")
    band = daily.mark_area(opacity=0.15).encode(
        x=x,
        y=alt.Y(**scaled("p10", USD_HOUR, is_log=is_log)),
        y2="p90:Q",
        color=kind_colour(),
        detail="segment:N",
    )
    line = daily.mark_line(strokeWidth=1.5).encode(
        x=x,
        y=alt.Y("median:Q"),
        color=kind_colour(),
        detail="segment:N",
        strokeDash=alt.condition("datum.is_thin", alt.value([2, 3]), alt.value([1, 0])),
    )
    points = daily.mark_point(size=12, filled=True).encode(
        x=x,
        y=alt.Y("median:Q"),
        color=kind_colour(),
        opacity=age_opacity("age of the oldest answer"),
        tooltip=tips(
            ("day:T", "day (UTC)"),
            ("purchase_model:N", "bought"),
            ("median:Q", usd),
            ("p10:Q", "p10"),
            ("p90:Q", "p90"),
            ("provider_count:Q", "providers"),
            ("offer_count:Q", "offers"),
            ("age:N", "age of the oldest answer"),
            ("source:N", "source"),
        ),
    )
    marks = (
        from_table("marts.gpu_price_change_point")
        .transform_filter(f"datum.change_point == '{name}'")
        .mark_point(size=120, strokeWidth=1.5, filled=name == "prices", opacity=1)
        .encode(
            x=x,
            y=alt.Y("median:Q"),
            color=kind_colour(),
            shape=alt.value("cross")
            if name == "method"
            else alt.condition(
                "datum.change_fraction > 0", alt.value("triangle-up"), alt.value("triangle-down")
            ),
            tooltip=tips(
                ("day:T", "change-point (UTC)"),
                ("purchase_model:N", "bought"),
                ("median:Q", usd),
                ("p10:Q", "p10"),
                ("p90:Q", "p90"),
                ("change:N", "change"),
                ("movers:N", "who moved it"),
                ("method_break:N", "break of method"),
                ("provider_count:Q", "providers"),
                ("source:N", "source"),
            ),
        )
        for name in ("prices", "providers", "method")
    )
    return finish(sum(marks, band + line + points), 300)


def matched_index(markets: Kinds) -> Spec:
    """Return the index of the same offers by month, a line for each market and segment."""
    spec: Spec = narrowed(whole_matched_index(), markets)
    return spec


@cache
def whole_matched_index() -> Spec:
    """Return the index of the same offers of all markets."""
    base = from_table("marts.like_for_like_index")
    title = "same offers, 100 at the start of the line"
    x = alt.X("month:T", title="month", scale=UTC, axis=alt.Axis(tickCount=5, format="%b %Y"))
    colour = alt.value(KIND_COLOURS["on_demand"])
    band = base.mark_area(opacity=0.12).encode(
        x=x,
        y=alt.Y("low:Q", title=title, scale=alt.Scale(zero=False)),
        y2="high:Q",
        color=colour,
        detail="segment:N",
    )
    line = base.mark_line(strokeWidth=1.5).encode(
        x=x,
        y=alt.Y("index:Q"),
        color=colour,
        detail="segment:N",
        strokeDash=alt.condition("datum.is_thin", alt.value([2, 3]), alt.value([1, 0])),
    )
    points = base.mark_point(size=45, filled=True).encode(
        x=x,
        y=alt.Y("index:Q"),
        color=colour,
        shape=alt.Shape("market_family:N", title="market", scale=palette(TIER_SHAPES, TIER_SHAPES)),
        tooltip=tips(
            ("month:T", "month (UTC)"),
            ("market_family:N", "market"),
            ("index:Q", title),
            ("low:Q", "low"),
            ("high:Q", "high"),
            ("change:N", "since the month before"),
            ("link_provider_count:Q", "providers"),
            ("item_count:Q", "offers compared"),
            ("source:N", "source"),
        ),
    )
    return finish(band + line + points, 260)


@cache
def price_heatmap() -> Spec:
    """Return the cheapest price by provider and GPU; grey where there is none, a dot if stale."""
    x = alt.X(
        "gpu:N",
        title="GPU",
        sort=None,
        axis=alt.Axis(labelAngle=-90, labelOverlap=False, orient="top"),
    )
    y = alt.Y(
        "provider_name:N",
        title="provider",
        sort=None,
        axis=alt.Axis(titleX=-8, titleY=-6, titleAlign="right"),
    )
    colour = alt.Color(
        "usd_per_gpu_hour:Q",
        title=f"{USD_HOUR} (log)",
        scale=alt.Scale(type="log", nice=False),
        legend=alt.Legend(gradientLength=180, format="~g", tickCount=4),
    )
    cells = (
        alt.Chart(ROWS)
        .mark_rect(stroke=None)
        .encode(
            x=x,
            y=y,
            color=colour,
            opacity=age_opacity("age of the newest answer"),
            tooltip=tips(
                ("provider_name:N", "provider"),
                ("gpu:N", "GPU"),
                ("usd_per_gpu_hour:Q", f"cheapest, {USD_HOUR}"),
                ("dearest_usd_per_gpu_hour:Q", f"dearest, {USD_HOUR}"),
                ("offer_count:Q", "offers"),
                ("seen_at:N", "seen (UTC)"),
                ("age:N", "age of the newest answer"),
                ("source_id:N", "source"),
            ),
        )
    )
    # The numbers, where a cell is wide enough for them.
    numbers = (
        alt.Chart(ROWS)
        .mark_text(fontSize=10.5)
        .encode(
            x=x,
            y=y,
            text=alt.Text("usd_per_gpu_hour:Q", format=",.3r"),
            color=alt.condition(
                "luminance(scale('color', datum.usd_per_gpu_hour)) > 0.3",
                alt.value("#111"),
                alt.value("#fff"),
            ),
            opacity=alt.condition(f"width >= {WIDE_ENOUGH}", alt.value(1), alt.value(0)),
        )
    )
    stale = (
        alt.Chart(ROWS)
        .transform_filter("datum.is_old")
        .mark_point(size=14, filled=True, color="#d62728", xOffset=-20)
        .encode(x=x, y=y)
    )
    spec = finish(cells + numbers + stale, 20, each="provider_id")
    spec["view"] = {"fill": "#8a8f98", "fillOpacity": 0.16}
    return spec
