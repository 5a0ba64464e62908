"""Wording that pages share: the notice on list prices, medians, changes, names of GPUs."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from pipelines.site import numbers
from pipelines.site.markup import dash, link, slug
from pipelines.site.published import Row
from pipelines.site.rows.prices import PROVIDERS_NEEDED, has_enough

LIST_PRICES = (
    "List prices: what is asked in public, not what anyone paid. Negotiated and"
    " private prices are not in it."
)

LONGEST_NAME = 80  # characters of the name of a file


def moved(value: float, _: Row) -> str:
    """Return a change as a bare percentage with its sign."""
    return numbers.percent(value, signed=True).removesuffix("\u00a0%")


def gpu_link(gpu_id: Any, row: Row, root: str = "") -> Markup:
    """Return a link to the page of a GPU; ``root`` is the path to the top of the site."""
    name = numbers.gpu_name(gpu_id)
    text = f"{name} (variant not said)" if row.get("is_coarse") else name
    return link(f"{root}{gpu_path(gpu_id)}", text)


def model_link(model_id: Any, _: Row) -> Markup:
    """Return a link to the page of a model, from the top of the site."""
    return link(model_path(model_id), model_id)


def gpu_path(gpu_id: Any) -> str:
    """Return the path of the page of a GPU from the top of the site."""
    return f"gpu/{slug(str(gpu_id))}.html"


def model_path(model_id: Any) -> str:
    """Return the path of the page of a model from the top of the site."""
    return f"model/{slug(str(model_id))[:LONGEST_NAME]}.html"


def provider_path(provider_id: str) -> str:
    """Return the path of the page of a provider from the top of the site."""
    return f"provider/{slug(provider_id)[:LONGEST_NAME]}.html"


def withheld(row: Row) -> str:
    """Return the reason for which a median is not shown."""
    return f"withheld: {row['provider_count']} of {PROVIDERS_NEEDED} providers"


def median_cell(value: Any, row: Row) -> Any:
    """Return a median, or a dash where too few providers are behind it."""
    return numbers.figure(value) if has_enough(row) else dash(withheld(row))


PLACES = {"us": "US", "europe": "Europe", "asia": "Asia"}


def place(reference_region: str, _: object = None) -> str:
    """Return the part of the world in which prices are compared, for people."""
    return PLACES[reference_region]
