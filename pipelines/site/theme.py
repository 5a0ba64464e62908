"""The look of all charts and pages: colours by family of chips, type, grid.

The colours are those of Okabe and Ito, which people with colour-blindness can distinguish, darker
where they would be too light on white. https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from typing import Any

OLDER = "Older and other"
# architecture in core.gpu -> name of its family
FAMILIES = {
    "blackwell": "Blackwell", "blackwell_ultra": "Blackwell", "rubin": "Rubin",
    "hopper": "Hopper", "ada": "Ada Lovelace", "ampere": "Ampere",
    "cdna": "AMD Instinct", "cdna2": "AMD Instinct", "cdna3": "AMD Instinct",
    "cdna4": "AMD Instinct", "cdna5": "AMD Instinct", "tpu": "TPU",
    "turing": OLDER, "volta": OLDER, "pascal": OLDER, "maxwell": OLDER, "kepler": OLDER,
    "rdna": OLDER, "rdna2": OLDER, "rdna3": OLDER, "vega": OLDER, "gaudi": OLDER,
    "neuron": OLDER, "cloud_ai_100": OLDER, "grayskull": OLDER,
    "battlemage": OLDER, "ascend": OLDER,
}  # fmt: skip
FAMILY_COLOURS = {
    "Blackwell": "#1f84c6",
    "Hopper": "#009e73",
    "Ada Lovelace": "#56b4e9",
    "Ampere": "#e69f00",
    "AMD Instinct": "#d55e00",
    "TPU": "#cc79a7",
    "Rubin": "#b8a900",
    OLDER: "#8a8f98",
}
KIND_COLOURS = {
    "on_demand": "#1f84c6",
    "spot": "#d55e00",
    "reserved": "#009e73",
    "capacity_block": "#cc79a7",
}
TIER_SHAPES = {
    "hyperscaler": "square",
    "neocloud": "circle",
    "marketplace": "triangle-up",
}
# Bands of the age of a price, those of the index rules. Name -> [upper end in h, opacity]
AGES = {
    "up to 30 h": (30.0, 0.95),
    "30 to 72 h": (72.0, 0.65),
    "3 to 7 days": (168.0, 0.45),
    "over 7 days": (float("inf"), 0.28),
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def family(architecture: str | None) -> str:
    """Return the family of a chip, which sets its colour on every page.

    Examples
    --------
    >>> family("hopper"), family("volta"), family(None)
    ('Hopper', 'Older and other', 'Older and other')
    """
    return FAMILIES.get(architecture or "", OLDER)


def age_band(hours: float | None) -> int:
    """Return the number of the band of an age, from 0; an unknown age counts as fresh.

    Examples
    --------
    >>> age_band(None), age_band(30), age_band(30.1), age_band(100), age_band(1000)
    (0, 0, 1, 2, 3)
    """
    return 0 if hours is None else sum(hours > until for until, _ in AGES.values())


def age_name(hours: float | None) -> str:
    """Return the name of the band of an age, for legends.

    Examples
    --------
    >>> age_name(31)
    '30 to 72 h'
    """
    return list(AGES)[age_band(hours)]


def vega_config(is_dark: bool) -> dict[str, Any]:
    """Return the Vega-Lite configuration of all charts, on light or on dark ground."""
    ink, quiet, grid = (
        ("#e8eaed", "#a8b0bb", "#333a44") if is_dark else ("#1b1f24", "#57606a", "#e4e7eb")
    )
    ground = "#14181d" if is_dark else "#ffffff"
    return {
        "font": FONT,
        "background": ground,
        "view": {"stroke": None},
        "axis": {
            "labelColor": quiet, "titleColor": ink, "gridColor": grid, "domainColor": grid,
            "tickColor": grid, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 600,
            "titlePadding": 8, "labelLimit": 150, "labelOverlap": "greedy",
            "labelSeparation": 6,
        },
        "axisX": {"titleAnchor": "start", "labelBound": 6},
        "axisY": {
            "titleAngle": 0, "titleAlign": "left", "titleBaseline": "bottom", "titleX": 0,
            "titleY": -8,
        },
        "legend": {
            "labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12,
            "orient": "top", "columns": 4, "symbolOpacity": 1, "symbolStrokeWidth": 2,
            "labelLimit": 260, "symbolSize": 90, "offset": 26,
            "titleLimit": 320, "symbolBaseFillColor": quiet, "symbolBaseStrokeColor": quiet,
            "layout": {"top": {"direction": "horizontal", "margin": 24, "anchor": "start"}},
        },
        "text": {"color": ink, "fontSize": 11},
        "rule": {"color": quiet},
        "tick": {"color": ink, "thickness": 2},
        "line": {"strokeWidth": 2},
        "point": {"size": 60, "filled": True},
        "range": {"heatmap": ["#2c7fb8", "#7fcdbb", "#edf8b1"]},
    }  # fmt: skip
