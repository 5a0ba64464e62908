"""The parts that charts share: scales, axes, colours, tooltips, intervals, and the last step.

A chart is a Vega-Lite specification over the named data ``rows``, which the page puts in later. It
knows columns and units, not values. The charts themselves belong to the modules beside this one,
colours and type to ``theme``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from pipelines.site.theme import AGES, FAMILY_COLOURS, KIND_COLOURS, TIER_SHAPES

Spec = dict[str, Any]
Kinds = frozenset[str]  # values of a field in one chart, for its legend
PALETTE = KIND_COLOURS.keys() | TIER_SHAPES.keys()  # values that a chart may lack
ROWS = alt.NamedData("rows")
LOG_FROM = 10.0  # a wider range gets a log axis
USD_HOUR = "USD per GPU-hour"
UTC = alt.Scale(type="utc")  # days are UTC days, whatever the time zone of the reader
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
    """Return the encoding of a number, with its unit, and the word log, in the title."""
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
    A test checks that it is Vega-Lite; here that would take most of the time.
    """
    spec: Spec = chart.properties(width="container", height=height).to_dict(validate=False)
    spec.pop("config", None)
    if each:
        spec["usermeta"] = {"heightOfEach": each}
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["padding"] = {"left": 2, "right": 8, "top": 12, "bottom": 4}
    return spec


def palette(colours: dict[str, str], present: Iterable[str]) -> alt.Scale:
    """Return the scale of the values in a chart; a value has one colour on all charts."""
    names = [name for name in colours if name in set(present)]
    return alt.Scale(domain=names, range=[colours[name] for name in names])


def narrowed(spec: Any, present: Kinds) -> Any:
    """Return a specification whose palettes have only the values that are present.

    Making one specification for all charts and narrowing it takes a tenth of making each.
    """
    if isinstance(spec, list):
        return [narrowed(part, present) for part in spec]
    if not isinstance(spec, dict):
        return spec
    domain = spec.get("domain")
    if isinstance(domain, list) and PALETTE.issuperset(domain):
        kept = {
            name: shown
            for name, shown in zip(domain, spec["range"], strict=True)
            if name in present
        }
        return {"domain": list(kept), "range": list(kept.values())}
    return {name: narrowed(part, present) for name, part in spec.items()}


def kind_colour() -> alt.Color:
    """Return the colour of a purchase model; ``narrowed`` leaves those that a chart has."""
    return alt.Color(
        "purchase_model:N",
        title="bought",
        scale=palette(KIND_COLOURS, KIND_COLOURS),
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
    """Return the opacity of a mark by the band of its age."""
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
    """Return a chart whose rows name their table in the field ``source``."""
    return alt.Chart(ROWS).transform_calculate(source=f"'{table}'")


def interval_bars(
    base: alt.Chart, low: str, high: str, mark: Mapping[str, Any], **channels: Any
) -> alt.Chart:
    """Return one bar for each row, from its low to its high value.

    Parameters
    ----------
    base : alt.Chart
        The rows.
    low, high : str
        Fields of the ends.
    mark : dict
        Opacity and width of the bars.
    **channels
        Colour and the other axis: with ``x`` the bars stand upright, with ``y`` they lie.
    """
    rule = base.mark_rule(**mark)
    if "x" in channels:
        bars: alt.Chart = rule.encode(y=alt.Y(f"{low}:Q"), y2=f"{high}:Q", **channels)
    else:
        bars = rule.encode(x=alt.X(f"{low}:Q"), x2=f"{high}:Q", **channels)
    return bars


def interval_points(
    base: alt.Chart,
    x: alt.X,
    y: alt.Y,
    low: str,
    high: str,
    *,
    bar_opacity: float,
    colour: alt.Color,
    **channels: Any,
) -> alt.LayerChart:
    """Return hollow points, each with an upright bar from its low to its high value.

    Parameters
    ----------
    base : alt.Chart
        The rows.
    x, y : alt.X, alt.Y
        Where the points are.
    low, high : str
        Fields of the ends of the interval of ``y``.
    bar_opacity : float
        Opacity of the bars. [1]
    colour : alt.Color
        Colour of points and bars.
    **channels
        Further channels of the points: their tooltip and shape.
    """
    bars = interval_bars(base, low, high, {"opacity": bar_opacity}, x=x, color=colour)
    points = base.mark_point(filled=False, size=70, strokeWidth=2)
    chart: alt.LayerChart = bars + points.encode(x=x, y=y, color=colour, **channels)
    return chart
