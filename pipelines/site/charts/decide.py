"""Charts of decisions: own or rent, and reservations longer than the job."""

from __future__ import annotations

from functools import cache

import altair as alt

from pipelines.site.charts.parts import ROWS, Spec, finish, from_table, number_axis, scaled, tips


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
    """Return the multiplier of a price when the job is shorter than the commitment."""
    x = alt.X("job_months:O", title="job, months", axis=alt.Axis(labelAngle=0))
    y = alt.Y("commitment_months:O", title="commitment, months", sort="descending")
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
                ("commitment_months:Q", "commitment, months"),
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
    return finish(cells + words, 26, each="commitment_months")


@cache
def term_structure() -> Spec:
    """Return the monthly price of a reservation by its term, a line a provider and GPU."""
    base = from_table("marts.price_term_structure")
    x = alt.X("commitment_months:Q", title="term, months", axis=number_axis())
    line = base.mark_line(point=True).encode(
        x=x,
        y=alt.Y(**scaled("usd_per_gpu_month", "USD per GPU-month", is_log=True)),
        color=alt.Color("seller:N", title=None),
        tooltip=tips(
            ("seller:N", "GPU and provider"),
            ("commitment_months:Q", "term, months"),
            ("usd_per_gpu_month:Q", "USD per GPU-month"),
            ("discount_fraction:Q", "saved against on demand"),
            (
                "forward_usd_per_gpu_hour:Q",
                "implied for the months since the shorter term, USD/GPU-h",
            ),
            ("region:N", "region"),
            ("provider_count:Q", "providers with this term"),
            ("day:N", "last shown (UTC)"),
            ("source:N", "source"),
        ),
    )
    return finish(line, 260)
