"""``--prices``: the prices of one's own, in the one place where commands open the published file.

``published`` enters them, ``answer`` says that they are private. What a price book is, is decided
by ``pipelines.answers.price_book``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands import Refused

if TYPE_CHECKING:
    from pipelines.answers.price_book import OwnPrice
    from warehouse.database import Connection

VARIABLE = "TRUECOST_PRICES"
BOOK = "truecost.prices"  # the file that was asked for, in the context of click
TOLD = "truecost.prices.told"  # its name, and the offers that have one of its prices


def prices_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--prices`` to a command, whose prices of now are then those of the file, too."""
    return click.option(
        "--prices",
        metavar="FILE",
        type=click.Path(path_type=Path),
        envvar=VARIABLE,
        show_envvar=True,
        expose_value=False,
        callback=_remember,
        help="A price book of your own, CSV or YAML: docs/how-to/price_book.md.",
    )(command)


def _remember(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.meta[BOOK] = value


@contextmanager
def own_prices(connection: Connection, at: datetime, *, is_past: bool) -> Iterator[Connection]:
    """Open the same file with the prices of the book that was asked for, if any.

    Raises
    ------
    Refused
        If the file is no price book; the line names row and column.
    """
    context = click.get_current_context(silent=True)
    path: Path | None = context.meta.get(BOOK) if context else None
    if context is None or path is None:
        yield connection
        return
    from pipelines.answers.price_book import with_prices

    prices = [one for one in book_prices(connection, at) if one.is_valid_on(at.date())]
    with with_prices(connection, prices, at, is_past=is_past) as (covered, count):
        context.meta[TOLD] = {"file": path.name, "price_count": len(prices), "offer_count": count}
        yield covered


def book_prices(connection: Connection, at: datetime) -> list[OwnPrice]:
    """Return the prices of the book that was asked for, of all days; none without a book.

    Raises
    ------
    Refused
        If the file is no price book; the line names row and column.
    """
    context = click.get_current_context(silent=True)
    path: Path | None = context.meta.get(BOOK) if context else None
    if path is None:
        return []
    from pipelines.answers.price_book import read_book
    from pipelines.answers.price_book_file import PriceBookError

    try:
        return read_book(path).resolved(connection, at.date())
    except PriceBookError as error:
        raise Refused(str(error)) from None


def prices_told() -> dict[str, Any] | None:
    """Return the facts on private prices: file, prices and offers; None without a book."""
    context = click.get_current_context(silent=True)
    return context.meta.get(TOLD) if context else None


def prices_line() -> str:
    """Return the line above an answer with private prices: once, then it is empty."""
    told, context = prices_told(), click.get_current_context(silent=True)
    if told is None or context is None or context.meta.get(f"{TOLD}.printed"):
        return ""
    context.meta[f"{TOLD}.printed"] = True
    return (
        f"private prices of {told['file']}: {told['price_count']} valid,"
        f" {told['offer_count']} offers have one"
    )
