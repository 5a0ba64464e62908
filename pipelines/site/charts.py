"""The charts, as Vega-Lite specifications over rows that are put in later.

A function here returns a specification for the named data ``rows``; it knows columns and units,
not values. Colours and type come from ``theme``; what the rows are belongs to the pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from typing import Any

import altair as alt

from pipelines.site.theme import AGES, FAMILY_COLOURS, KIND_COLOURS, TIER_SHAPES

Spec = dict[str, Any]
Kinds = frozenset[str]  # the values of a field that a chart shows, for its legend
ROWS = alt.NamedData("rows")
LOG_FROM = 10.0  # a range of more than this goes on a log axis
USD_HOUR = "USD per GPU-hour"
UTC = alt.Scale(type="utc")  # days are days in UTC, wherever the reader is
KIND_WORDS = "replace(datum.label, '_', ' ')"


def is_wide(values: list[Any]) -> bool:
    """Return whether values span more than a decade, so that an axis should be logarithmic.

    Examples
    --------
    >>> is_wide([1, 11]), is_wide([1, 2, None]), is_wide([0, 100])
    (True, False, False)
    """
    known = [float(value) for value in values if value is not None]
    return bool(known) and min(known) > 0 and max(known) / min(known) > LOG_FROM


def scaled(field: str, title: str, *, is_log: bool) -> dict[str, Any]:
    """Return the encoding of a number: its unit in the title, and the word log where it is."""
    scale = alt.Scale(type="log", nice=False, padding=12) if is_log else alt.Scale(zero=True)
    return {
        "field": field,
        "type": "quantitative",
        "title": title + (" (log)" if is_log else ""),
        "scale": scale,
        "axis": number_axis(is_log=is_log),
    }


def number_axis(*, is_log: bool = False) -> alt.Axis:
    """Return an axis of few, short labels: 0.02, 20, 2,000, 20M, 2B; if log, 1-2-5."""
    text = (
        "datum.value >= 1e5 ? replace(format(datum.value, '.3~s'), 'G', 'B')"
        " : format(datum.value, ',.3~r')"
    )
    first_digit = "toNumber(substring(format(datum.value, '.0e'), 0, 1))"
    return alt.Axis(
        tickCount=5,
        labelExpr=f"indexof([1, 2, 5], {first_digit}) < 0 ? '' : {text}" if is_log else text,
    )


def finish(chart: Any, height: int, *, each: str = "") -> Spec:
    """Return the specification: as wide as its page, without a theme of its own.

    With ``each``, the height is that of one value of this field, and the page multiplies it.
    """
    spec: Spec = chart.properties(width="container", height=height).to_dict()
    spec.pop("config", None)
    if each:
        spec["usermeta"] = {"heightOfEach": each}
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["padding"] = {"left": 2, "right": 8, "top": 12, "bottom": 4}
    return spec


def palette(colours: dict[str, str], present: Iterable[str]) -> alt.Scale:
    """Return the scale of what is present in a chart, each with the colour it has everywhere."""
    names = [name for name in colours if name in set(present)]
    return alt.Scale(domain=names, range=[colours[name] for name in names])


def kind_colour(kinds: Kinds) -> alt.Color:
    """Return the colour of a purchase model."""
    return alt.Color(
        "purchase_model:N",
        title="bought",
        scale=palette(KIND_COLOURS, kinds),
        legend=alt.Legend(labelExpr=KIND_WORDS, symbolType="circle"),
    )


def family_colour(families: Kinds) -> alt.Color:
    """Return the colour of a family of chips."""
    return alt.Color(
        "family:N",
        title="chip family",
        scale=palette(FAMILY_COLOURS, families),
        legend=alt.Legend(symbolType="circle"),
    )


def age_opacity(title: str = "age of the price") -> alt.Opacity:
    """Return the fading of what is old, by the bands of its age."""
    return alt.Opacity(
        "age:O",
        title=title,
        sort=list(AGES),
        scale=alt.Scale(
            type="ordinal", domain=list(AGES), range=[opacity for _, opacity in AGES.values()]
        ),
        legend=alt.Legend(symbolType="circle"),
    )


def tips(*fields: tuple[str, str]) -> list[alt.Tooltip]:
    """Return tooltips: (field with type, title with unit)."""
    return [
        alt.Tooltip(f"utcyearmonthdate({field[:-2]}):T", title=title, format="%Y-%m-%d")
        if field.endswith(":T")
        else alt.Tooltip(
            field, title=title, format=",.3~r" if field.endswith(":Q") else alt.Undefined
        )
        for field, title in fields
    ]


def from_table(table: str) -> alt.Chart:
    """Return a chart whose rows say in their field ``source`` which table they come from."""
    return alt.Chart(ROWS).transform_calculate(source=f"'{table}'")


@cache
def price_strip(is_log: bool, kinds: Kinds, markets: Kinds) -> Spec:
    """Return one mark an offer, a row a provider, with the median and the p10-p90 band."""
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
            color=kind_colour(kinds),
            shape=alt.Shape(
                "market_family:N",
                title="market",
                scale=palette(TIER_SHAPES, markets),
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
                ("observed_at:N", "seen (UTC)"),
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
        color=kind_colour(kinds),
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
    band = bands.mark_rect(opacity=0.1).encode(
        x=alt.X("p10:Q"), x2="p90:Q", color=kind_colour(kinds)
    )
    return finish(band + median + offers, 20, each="provider_id")


@cache
def price_history(is_log: bool, kinds: Kinds) -> Spec:
    """Return daily medians with their p10-p90 band and their change-points; gaps stay empty."""
    x = alt.X("day:T", title="day (UTC)", scale=UTC, axis=alt.Axis(tickCount=5, format="%d %b %Y"))
    usd = f"median, {USD_HOUR}"
    daily = from_table("marts.gpu_price_daily")
    band = daily.mark_area(opacity=0.15).encode(
        x=x,
        y=alt.Y(**scaled("p10", USD_HOUR, is_log=is_log)),
        y2="p90:Q",
        color=kind_colour(kinds),
        detail="segment:N",
    )
    line = daily.mark_line(strokeWidth=1.5).encode(
        x=x,
        y=alt.Y("median:Q"),
        color=kind_colour(kinds),
        detail="segment:N",
        strokeDash=alt.condition("datum.is_thin", alt.value([2, 3]), alt.value([1, 0])),
    )
    points = daily.mark_point(size=12, filled=True).encode(
        x=x,
        y=alt.Y("median:Q"),
        color=kind_colour(kinds),
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
            color=kind_colour(kinds),
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


@cache
def price_heatmap() -> Spec:
    """Return the cheapest price by provider and GPU; grey where there is none, a dot if stale."""
    x = alt.X(
        "gpu_id:N",
        title="GPU",
        sort=None,
        axis=alt.Axis(labelAngle=-90, labelOverlap=False, orient="top"),
    )
    y = alt.Y(
        "provider_id:N",
        title="provider",
        sort=None,
        axis=alt.Axis(titleX=-8, titleY=-6, titleAlign="right"),
    )
    colour = alt.Color(
        "usd_per_gpu_hour:Q",
        title=f"cheapest, {USD_HOUR} (log)",
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
                ("provider_id:N", "provider"),
                ("gpu_id:N", "GPU"),
                ("usd_per_gpu_hour:Q", f"cheapest, {USD_HOUR}"),
                ("dearest_usd_per_gpu_hour:Q", f"dearest, {USD_HOUR}"),
                ("offer_count:Q", "offers"),
                ("observed_at:N", "seen (UTC)"),
                ("age:N", "age of the newest answer"),
                ("source_id:N", "source"),
            ),
        )
    )
    stale = (
        alt.Chart(ROWS)
        .transform_filter("datum.is_old")
        .mark_point(size=14, filled=True, color="#d62728")
        .encode(x=x, y=y)
    )
    spec = finish(cells + stale, 18, each="provider_id")
    spec["view"] = {"fill": "#8a8f98", "fillOpacity": 0.16}
    return spec


@cache
def value_dots(title: str, is_log: bool, families: Kinds, ways: tuple[str, ...]) -> Spec:
    """Return a dot a GPU with its interval: solid for a printed figure, hollow for an estimate."""
    y = alt.Y("gpu_id:N", title="GPU", sort=alt.EncodingSortField("usd", op="min"))
    colour = family_colour(families)
    base = from_table("marts.cost_per_flop")
    interval = base.mark_rule(strokeWidth=2, opacity=0.55).encode(
        x=alt.X("low:Q"), x2="high:Q", y=y, color=colour
    )
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
                ("usd_per_gpu_hour:Q", f"median, {USD_HOUR}"),
                ("provider_count:Q", "providers"),
                ("day:N", "day (UTC)"),
                ("source:N", "source"),
            ),
        )
        for flop in ways
    ]
    return finish(alt.layer(interval, *layers), 20, each="gpu_id")


@cache
def speed_cost(families: Kinds) -> Spec:
    """Return the price of output tokens against the pace one user gets, 80 % intervals."""
    base = from_table("marts.inference_cost")
    x = alt.X(**scaled("tokens_per_second_per_user", "token/s per user", is_log=True))
    y = alt.Y(**scaled("usd_per_1m_output", "USD per 1M output tokens", is_log=True))
    bars = base.mark_rule(opacity=0.45).encode(
        x=x, y=alt.Y("output_low:Q"), y2="output_high:Q", color=family_colour(families)
    )
    points = base.mark_point(filled=False, size=70, strokeWidth=2).encode(
        x=x,
        y=y,
        color=family_colour(families),
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
    return finish(bars + points, 320)


@cache
def margins() -> Spec:
    """Return list prices, solid, beside the predicted cost, hollow with its 80 % interval."""
    base = alt.Chart(ROWS)
    title = "USD per 1M tokens"
    y = alt.Y("model_id:N", title="model", sort=None)
    costs = from_table("marts.api_margin").transform_filter("datum.part == 'cost'")
    # Marks of one part, and the other part's colour, stand in one legend.
    words = {"list": "list price", "cost": "predicted cost, 80 %"}
    part = alt.Color(
        "part:N",
        title="USD per 1M tokens",
        scale=alt.Scale(domain=list(words), range=["#1f84c6", "#d55e00"]),
        legend=alt.Legend(labelExpr=f"{json.dumps(words)}[datum.label]", symbolType="circle"),
    )
    interval = costs.mark_rule(strokeWidth=7, opacity=0.35).encode(
        x=alt.X("cost_low:Q"), x2="cost_high:Q", y=y, color=part
    )
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
def calibration(unit: str) -> Spec:
    """Return predicted against reported, with the line on which they would be equal."""
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
        ("gpu_hours_method:N", "chip-hours"),
        ("confidence:N", "confidence"),
        ("source:N", "source"),
    )
    bars = (
        model.transform_filter("datum.is_leading")
        .mark_rule(opacity=0.5)
        .encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    )
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
    bars = base.mark_rule(opacity=0.35).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", color=family_colour(families)
    )
    points = base.mark_point(filled=False, size=70, strokeWidth=2).encode(
        x=x,
        y=y,
        color=family_colour(families),
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
    return finish(bars + points, 300)


@cache
def owning(is_log: bool) -> Spec:
    """Return the cost of an owned hour of work by utilisation, against rent."""
    base = from_table("marts.own_vs_rent")
    x = alt.X(
        "utilisation:Q",
        title="utilisation of the owner, %",
        scale=alt.Scale(domain=[10, 100]),
        axis=number_axis(),
    )
    owned = base.transform_filter("datum.part == 'owned'")
    band = owned.mark_area(opacity=0.18, color="#d55e00").encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    line = owned.mark_line(color="#d55e00").encode(
        x=x,
        y=alt.Y(**scaled("usd", "USD per useful GPU-hour", is_log=is_log)),
        tooltip=tips(
            ("gpu_id:N", "GPU"),
            ("utilisation:Q", "utilisation, %"),
            ("usd:Q", "owned, USD per useful GPU-hour"),
            ("low:Q", "low (p5)"),
            ("high:Q", "high (p95)"),
            ("gpu_count:Q", "GPUs of the cluster"),
            ("day:N", "day (UTC)"),
            ("source:N", "source"),
        ),
    )
    rent = base.transform_filter("datum.part == 'rent'")
    rule = rent.mark_rule(color="#1f84c6", strokeWidth=2, strokeDash=[5, 3]).encode(
        y=alt.Y("usd:Q"),
        tooltip=tips(
            ("usd:Q", "rent, USD per GPU-hour"),
            ("low:Q", "p10 of providers"),
            ("high:Q", "p90 of providers"),
            ("provider_count:Q", "providers"),
            ("day:N", "day (UTC)"),
            ("source:N", "source"),
        ),
    )
    words = rent.mark_text(align="right", dy=-8, fontWeight=600, color="#1f84c6").encode(
        x=alt.datum(99), y=alt.Y("usd:Q"), text="label:N"
    )
    named = (
        owned.transform_filter("datum.is_label")
        .mark_text(align="left", dx=6, dy=-10, fontWeight=600, color="#d55e00")
        .encode(x=x, y=alt.Y("usd:Q"), text="label:N")
    )
    return finish(band + line + rule + words + named, 300)


@cache
def commitment_heatmap() -> Spec:
    """Return what an hour of use costs for a job that is shorter than its commitment."""
    x = alt.X("job_months:O", title="job, months", axis=alt.Axis(labelAngle=0))
    y = alt.Y("term_months:O", title="commitment, months", sort="descending")
    cells = (
        from_table("marts.reservation_multiplier")
        .mark_rect()
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "multiplier:Q",
                title="paid / used (log), lower is better",
                scale=alt.Scale(type="log", nice=False, scheme="viridis", reverse=True),
                legend=alt.Legend(gradientLength=180, format="~g", tickCount=4),
            ),
            tooltip=tips(
                ("term_months:Q", "commitment, months"),
                ("job_months:Q", "job, months"),
                ("multiplier:Q", "paid / used, arithmetic alone"),
                ("source:N", "source"),
            ),
        )
    )
    words = (
        alt.Chart(ROWS)
        .mark_text(fontWeight=600)
        .encode(
            x=x,
            y=y,
            text=alt.Text("multiplier:Q", format=".3~g"),
            color=alt.condition("datum.multiplier > 4", alt.value("#ffffff"), alt.value("#14181d")),
        )
    )
    return finish(cells + words, 26, each="term_months")


@cache
def headroom() -> Spec:
    """Return what a token costs when machines stand ready for the peak."""
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


@cache
def shares() -> Spec:
    """Return bars of the share of the uncertainty that each input brings."""
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


@cache
def source_grid(newest: date) -> Spec:
    """Return a cell a source and day of the 30 up to the newest: ok, partial, held or failed."""
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
                ("rows_kept:Q", "rows kept"),
                ("rows_held:Q", "rows held"),
                ("source:N", "from"),
            ),
        ),
        15,
        each="source_id",
    )
