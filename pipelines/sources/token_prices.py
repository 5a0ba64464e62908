"""The price of tokens under one condition, from the fields that a list prints for it.

A list prints a base price and others by length of the prompt, service (batch, priority) and
modality. Each is a row of its own. Which fields a list has belongs to its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pipelines.sources.base import ApiPrice, Held
from pipelines.sources.fields import decimal_or_none

KINDS = ("input", "output", "cache_read", "cache_write")
MODALITIES = ("audio", "image", "video")


def token_price(
    model: Mapping[str, Any],
    printed: Mapping[str, tuple[str, object]],
    *,
    per_million: Decimal = Decimal(1),
    variant: str | None = None,
    **fields: Any,
) -> ApiPrice | Held:
    """Return a price, or the reason to hold it: no number, or neither input nor output.

    Parameters
    ----------
    model : mapping
        The row as printed, for a held one.
    printed : mapping
        Of each kind of token (``KINDS``) the name of the field and what it holds.
    per_million : Decimal
        What makes the printed figure the price of a million tokens.
    variant : str, optional
        The service. Zero on both sides of the plain endpoint is ``free``.
    **fields
        Further fields of the price.
    """
    amounts: dict[str, Decimal | None] = {}
    for kind, (name, value) in printed.items():
        amount = decimal_or_none(value)
        if value is not None and (amount is None or amount < 0):
            return Held(rule="price_not_a_number", reason=f"{name} is {value!r}", row=model)
        amounts[kind] = None if amount is None else amount * per_million
    per_input, per_output = amounts.get("input"), amounts.get("output")
    if per_input is None and per_output is None:
        names = " and ".join(name for name, _ in list(printed.values())[:2])
        return Held(rule="price_missing", reason=f"no price per token: no {names}", row=model)
    return ApiPrice(
        usd_per_million_input_tokens=per_input,
        usd_per_million_output_tokens=per_output,
        usd_per_million_cache_read_tokens=amounts.get("cache_read"),
        usd_per_million_cache_write_tokens=amounts.get("cache_write"),
        variant=variant if variant or per_input or per_output else "free",
        **fields,
    )
