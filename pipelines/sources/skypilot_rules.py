"""Prices in SkyPilot's catalogues that nobody quoted: fillers, and spot prices by a rule.

Reading the files belongs to ``skypilot_format``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from pipelines.sources.fields import decimal_or_none

FILLERS = {Decimal("0.5"), Decimal(1), Decimal(8)}  # [USD/h] seen on models that were not offered
FILLER_MODELS = 5
PLACEHOLDER_MODELS = 2  # so many models, and no other price in the catalogue, or
PLACEHOLDER_SIZES = 3  # so many sizes of one accelerator for one price
RULE_MODELS = 2  # so many models at so many prices, and one ratio of spot to on demand: a rule
RULE_PRICES = 3


class Printed(Protocol):
    """A machine of a catalogue with its line."""

    @property
    def gpu(self) -> str:
        """Name of the accelerator."""

    @property
    def gpu_count(self) -> int:
        """Accelerators of the machine."""

    @property
    def row(self) -> Mapping[str, str]:
        """The line, by column."""


def placeholders(machines: Iterable[Printed]) -> set[tuple[str, Decimal]]:
    """Return (accelerator, whole price) pairs that were filled in, not quoted."""
    per_gpu: dict[str, set[Decimal]] = defaultdict(set)
    sizes: dict[tuple[str, Decimal], set[int]] = defaultdict(set)
    for machine in machines:
        price = decimal_or_none(machine.row["Price"])
        if price:
            per_gpu[machine.gpu].add(price / machine.gpu_count)
            sizes[machine.gpu, price].add(machine.gpu_count)
    found = {key for key, counts in sizes.items() if len(counts) >= PLACEHOLDER_SIZES}
    for filler in FILLERS:
        models = {gpu for gpu, prices in per_gpu.items() if filler in prices}
        if len(models) >= FILLER_MODELS:
            found |= {(gpu, price) for gpu, price in sizes if gpu in models and price == filler}
    prices = set().union(*per_gpu.values())
    if len(per_gpu) >= PLACEHOLDER_MODELS and len(prices) == 1:
        found |= set(sizes)
    return found


def has_spot_by_rule(machines: Iterable[Printed]) -> bool:
    """Return whether every spot price is one and the same share of on demand, for unlike machines.

    The share is compared to the rounding of the printed spot price.
    """
    quoted = []
    for machine in machines:
        price, spot = (
            decimal_or_none(machine.row.get(name, "")) for name in ("Price", "SpotPrice")
        )
        if price and spot and 0 < spot < price:
            quoted.append((machine.gpu, price, spot))
    models, prices = {gpu for gpu, _, _ in quoted}, {price for _, price, _ in quoted}
    if len(models) < RULE_MODELS or len(prices) < RULE_PRICES:
        return False
    _, dearest, its_spot = max(quoted, key=lambda quote: quote[1])
    return all(
        abs(price * its_spot / dearest - spot) <= _half_digit(spot) for _, price, spot in quoted
    )


def _half_digit(number: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    return Decimal("0.5").scaleb(exponent if isinstance(exponent, int) else 0)
