"""``--currency``: the one place where answers in US dollars become answers in another currency.

``published`` finds the rate, ``answer`` prints; both call the functions here. What is money, and
how it is converted, is decided by ``pipelines.answers.currency``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands import Refused

if TYPE_CHECKING:
    from pipelines.answers.currency import Rate
    from warehouse.database import Connection

CURRENCY = "truecost.currency"  # that was asked for, in the context of click
RATE = "truecost.rate"  # of that currency


def currency_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--currency`` to a command, whose answer is then printed in it."""
    return click.option(
        "--currency",
        metavar="CODE",
        expose_value=False,
        callback=_remember,
        help="Print money in this currency, e.g. EUR, at the newest rate. Amounts given stay USD.",
    )(command)


def _remember(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None and value.strip().upper() != "USD":
        context.meta[CURRENCY] = value.strip().upper()


def find_rate(connection: Connection, on: date) -> None:
    """Find the rate of the currency that was asked for, or refuse one without a rate."""
    asked, context = currency_asked(), click.get_current_context(silent=True)
    if asked is None or context is None:
        return
    from pipelines.answers.currency import CurrencyError, rate_of

    try:
        context.meta[RATE] = rate_of(connection, asked, on)
    except CurrencyError as error:
        raise Refused(str(error)) from None


def currency_asked() -> str | None:
    """Return the currency that the running command was asked for, None for US dollars."""
    context = click.get_current_context(silent=True)
    return context.meta.get(CURRENCY) if context else None


def rate_told() -> Rate | None:
    """Return the rate of the running command, None where it prints US dollars."""
    context = click.get_current_context(silent=True)
    rate: Rate | None = context.meta.get(RATE) if context else None
    if rate is None and currency_asked():
        raise Refused("--currency needs the rates of a published file: truecost run makes one")
    return rate


def in_currency(answer: Any) -> Any:
    """Return an answer with its money in the currency that was asked for (``currency``)."""
    rate = rate_told()
    if rate is None:
        return answer
    from pipelines.answers.currency import converted

    return converted(answer, rate)


def rows_in_currency(
    columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> tuple[list[str], Iterable[Sequence[Any]]]:
    """Return a table with its money in the currency that was asked for."""
    rate = rate_told()
    if rate is None:
        return list(columns), rows
    from pipelines.answers.currency import converted, is_money, renamed

    names = [renamed(name, rate) if is_money(name) else name for name in columns]
    told = (list(converted(dict(zip(columns, row, strict=True)), rate).values()) for row in rows)
    return names, told


def title_in_currency(title: str) -> str:
    """Return a title that names US dollars with the currency that was asked for."""
    rate = rate_told()
    if rate is None:
        return title
    from pipelines.answers.currency import in_words

    return in_words(title, rate)


def rate_line() -> str:
    """Return the line above an answer in another currency: once, then it is empty."""
    rate, context = rate_told(), click.get_current_context(silent=True)
    if rate is None or context is None or context.meta.get(f"{RATE}.printed"):
        return ""
    context.meta[f"{RATE}.printed"] = True
    return str(rate)
