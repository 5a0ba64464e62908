"""The options that say which price a cost rests on, shared by every command that has a price.

``basis_options`` adds them and hands the command one ``PriceBasis``; ``price_option`` adds a price
of one's own. What a basis is belongs to ``pipelines.derive.price_basis``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands import Refused
from pipelines.commands.amounts import AMOUNT
from pipelines.commands.answer import print_rows, print_sentence, print_table
from pipelines.commands.arguments import AtLeast, is_typed
from pipelines.commands.opening import one_of
from pipelines.derive.price_basis import (
    DEFAULT_BASIS,
    MARKET_FAMILIES,
    PURCHASE_MODELS,
    REFERENCE_REGIONS,
    GpuPrice,
    PriceBasis,
    given_price,
)

if TYPE_CHECKING:
    from warehouse.database import Connection


def _of_basis(option: str, name: str, kind: click.ParamType[Any], said: str) -> Callable[..., Any]:
    """Return an option whose default is that of every derived cost."""
    default = getattr(DEFAULT_BASIS, name)
    return click.option(option, name, type=kind, default=default, show_default=True, help=said)


purchase_option = _of_basis(
    "--purchase", "purchase_model", click.Choice(PURCHASE_MODELS), "How it is bought."
)
market_option = _of_basis(
    "--market",
    "market_family",
    click.Choice(MARKET_FAMILIES),
    "Whose prices; all joins markets that differ by a factor of five.",
)
region_option = _of_basis(
    "--region", "reference_region", click.Choice(REFERENCE_REGIONS), "Part of the world."
)
min_providers_option = _of_basis(
    "--min-providers",
    "min_providers",
    AtLeast(1),
    "Fresh prices that a GPU needs to be ranked with others.",
)
provider_option = click.option(
    "--provider", "provider_id", help="The list prices of this provider instead of a market's."
)
term_option = click.option(
    "--commitment-months",
    type=AtLeast(1),
    help="Length of a reservation. Default: the shortest.",
)
data_center_option = click.option(
    "--data-center-only",
    "is_data_center_only",
    is_flag=True,
    help="Leave out workstation and consumer cards.",
)
one_market_option = click.option(
    "--market",
    "market_family",
    type=click.Choice([family for family in MARKET_FAMILIES if family != "all"]),
    help="Only this market. Default: each, apart.",
)
one_provider_option = click.option("--provider", "provider_id", help="Only this provider.")
price_option = click.option(
    "--price",
    "usd_per_gpu_hour",
    type=AMOUNT,
    help="Of the GPU, instead of a price of the warehouse. [USD/(GPU h)]",
)
OPTIONS = {
    "market_family": market_option,
    "reference_region": region_option,
    "purchase_model": purchase_option,
    "commitment_months": term_option,
    "provider_id": provider_option,
    "min_providers": min_providers_option,
    "is_data_center_only": data_center_option,
}


def basis_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as ``basis``."""
    return _adding(OPTIONS, command)


def basis_options_without_term(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command that has a ``--commitment-months`` of its own."""
    return _adding(
        {name: option for name, option in OPTIONS.items() if name != "commitment_months"}, command
    )


def _adding(
    options: Mapping[str, Callable[..., Any]], command: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(command)
    def asked(*args: Any, **values: Any) -> Any:
        chosen = {name: values.pop(name) for name in options}
        return command(*args, basis=basis_of(**chosen), **values)

    for option in reversed(list(options.values())):
        asked = option(asked)
    return asked


def basis_of(**chosen: Any) -> PriceBasis:
    """Return the basis that options name, or refuse those that exclude each other."""
    if chosen["provider_id"] is not None and is_typed("market_family"):
        raise Refused("--market and --provider both say whose price: give one of them")
    if chosen.get("commitment_months") is not None and chosen["purchase_model"] != "reserved":
        if is_typed("purchase_model"):
            raise Refused("--commitment-months is the length of a reservation: --purchase reserved")
        chosen["purchase_model"] = "reserved"
    is_asked = is_typed("market_family", "reference_region", "provider_id")
    return PriceBasis(**chosen, is_asked=is_asked)


def basis_meant(connection: Connection | None, basis: PriceBasis) -> PriceBasis:
    """Return the basis with the provider that was meant.

    Raises
    ------
    Refused
        If no provider, or more than one, is meant.
    """
    if connection is None:
        return basis
    return replace(basis, provider_id=provider_meant(connection, basis.provider_id))


def provider_meant(connection: Connection, asked: str | None) -> str | None:
    """Return the provider that was meant, None for none.

    Raises
    ------
    Refused
        If no provider, or more than one, is meant.
    """
    if asked is None:
        return None
    from pipelines.answers.offers import providers

    return one_of("provider", asked, providers(connection))


def refuse_other_class(connection: Connection, gpu_id: str, is_data_center_only: bool) -> None:
    """Refuse a card of another class beside ``--data-center-only``."""
    from pipelines.answers.gpu_facts import gpu_class

    if is_data_center_only and (found := gpu_class(connection, gpu_id)) != "data_center":
        raise Refused(f"--data-center-only leaves out {gpu_id}: it is a {found} card")


def refuse_price_and_basis(usd_per_gpu_hour: float | None) -> None:
    """Refuse a price of one's own beside an option that says whose price."""
    if usd_per_gpu_hour is not None and is_typed(
        "market_family", "reference_region", "provider_id", "purchase_model"
    ):
        raise Refused(
            "--price and --market, --region, --provider or --purchase all say what an hour costs:"
            " give one of them"
        )


def print_ranked(
    shown: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    output: str | None,
    title: str,
    basis: PriceBasis,
) -> None:
    """Print rows that are ranked, and apart those that are not; machines get one list.

    Parameters
    ----------
    shown : sequence of str
        The columns that people see.
    rows : sequence of mapping
        With ``is_ranked``, and ``market_family`` and ``reference_region`` of the price.
    output : str or None
    title : str
    basis : PriceBasis
        What the ranking rests on.
    """
    if output not in (None, "table"):
        names = list(rows[0]) if rows else []
        print_rows(names, [[row[name] for name in names] for row in rows], output)
        return
    ranked = [row for row in rows if row["is_ranked"]]
    apart = [row for row in rows if not row["is_ranked"]]
    if ranked or not apart:
        print_table(shown, [[row[name] for name in shown] for row in ranked], title)
    else:
        print_sentence(f"{title}: nothing to rank")
    if apart:
        names = [*shown, "market_family", "reference_region"]
        print_table(
            names,
            [[row[name] for name in names] for row in apart],
            f"not ranked: fewer than {basis.min_providers} providers, another market, or no price",
        )


def given(usd_per_gpu_hour: float | None, gpu_id: str | None) -> GpuPrice | None:
    """Return the price of ``--price``, None without one.

    Raises
    ------
    Refused
        If no GPU was named.
    """
    if usd_per_gpu_hour is None:
        return None
    if gpu_id is None:
        raise Refused("--price is the price of one GPU: name it with --gpu")
    return given_price(gpu_id, usd_per_gpu_hour, datetime.now(UTC).date())
