"""Prices of one's own beside those of the lists, in one place for every answer.

A price book enters ``marts.offers_latest`` of one connection, from which every price of now is
made. Nothing of it is written to the data folder, and no published file is changed. Reading the
file belongs to ``price_book_file``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.answers.as_of import covered_by_present, prices_made_again
from pipelines.answers.compare import provider_names
from pipelines.answers.currency import Rate, newest_rates
from pipelines.answers.gpu_named import GpuUnclearError, gpu_named, names_of
from pipelines.answers.offers import PRIVATE
from pipelines.answers.price_book_file import PriceBookError, read_rows
from pipelines.derive.serving_names import folded
from warehouse.models import SQL_FOLDER
from warehouse.reference.gpu_names import GpuNames

OFFERS = "marts.offers_latest"
SCHEMA = pa.schema(
    [
        ("place", pa.string()),
        ("provider_id", pa.string()),
        ("gpu_id", pa.string()),
        ("gpu_count", pa.int32()),
        ("region", pa.string()),
        ("purchase_model", pa.string()),
        ("commitment_months", pa.int32()),
        ("usd_per_gpu_hour", pa.float64()),
        ("discount_fraction", pa.float64()),
        ("row_number", pa.int32()),
        ("told_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class OwnPrice:
    """A price of a book, its names resolved.

    Attributes
    ----------
    place : str
        File and row.
    gpu_id, gpu_count, region : optional
        None stands for any.
    usd_per_gpu_hour : float or None
        After the discount; None takes the list price less the discount. [USD / (GPU h)]
    valid_from, valid_to : str or None
        First and last day, ISO 8601; None for always.
    """

    place: str
    provider_id: str
    gpu_id: str | None
    gpu_count: int | None
    region: str | None
    purchase_model: str
    commitment_months: int | None
    usd_per_gpu_hour: float | None
    discount_fraction: float
    valid_from: str | None = None
    valid_to: str | None = None

    def is_valid_on(self, day: date) -> bool:
        """Return whether the price holds on a day."""
        return (self.valid_from or "") <= day.isoformat() <= (self.valid_to or "9999")


@dataclass(frozen=True)
class PriceBook:
    """The rows of a file, as written."""

    name: str
    rows: tuple[Mapping[str, Any], ...]

    def resolved(self, connection: duckdb.DuckDBPyConnection, on: date) -> list[OwnPrice]:
        """Return the prices by the names of a published file, at the rates of a day.

        Raises
        ------
        PriceBookError
            If a GPU is not one thing, or a currency has no rate.
        """
        providers, gpus = provider_names(connection), names_of(connection)
        rates = newest_rates(connection, on)
        return [self._one(row, providers, gpus, rates) for row in self.rows]

    def _one(
        self,
        row: Mapping[str, Any],
        providers: Mapping[str, set[str]],
        gpus: GpuNames,
        rates: Mapping[str, Rate],
    ) -> OwnPrice:
        name = folded(row["provider"])
        known = sorted(one for one, spelled in providers.items() if name in spelled)
        if not name:
            raise PriceBookError(f"{row['place']}: provider {row['provider']!r} is no name")
        try:
            gpu_id = row["gpu"] and gpu_named(gpus, row["gpu"])
        except GpuUnclearError as error:
            raise PriceBookError(f"{row['place']}: {error}") from None
        currency, usd = row["currency"].upper(), row["price"]
        if currency not in rates:
            raise PriceBookError(
                f"{row['place']}: no rate of {currency}; there are: {', '.join(sorted(rates))}"
            )
        if usd is not None:
            count = row["gpu_count"] if row["per"] == "node_hour" else 1
            usd = usd * rates[currency].usd_per_unit / count * (1 - row["discount_fraction"])
        return OwnPrice(
            place=row["place"],
            provider_id=known[0] if known else name,
            gpu_id=gpu_id,
            gpu_count=row["gpu_count"],
            region=row["region"],
            purchase_model=row["purchase_model"],
            commitment_months=row["commitment_months"],
            usd_per_gpu_hour=usd,
            discount_fraction=row["discount_fraction"],
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
        )


def read_book(path: Path) -> PriceBook:
    """Return the prices of a CSV or YAML file.

    Raises
    ------
    PriceBookError
        If it is no file that is read, or a row is no price.
    """
    return PriceBook(path.name, tuple(read_rows(path)))


# --- where it enters


@contextmanager
def with_prices(
    connection: duckdb.DuckDBPyConnection,
    prices: Sequence[OwnPrice],
    at: datetime,
    *,
    is_past: bool,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
    """Open the same file with the prices of a book among its offers.

    A price of a book stands in for the list prices of the same provider, GPU, contract, region and
    number of GPUs; one that no list has is an offer more. A discount is taken off the list prices
    that it names.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    prices : sequence of OwnPrice
    at : datetime
        The moment that prices are stated for. [UTC, without a zone]
    is_past : bool
        Whether the connection is a past, whose views are its own.

    Yields
    ------
    tuple of DuckDBPyConnection and int
        The file with these prices, and how many of its offers have one of them.
    """
    if is_past:
        yield connection, enter(connection, prices, at)
        return
    with covered_by_present(connection, OFFERS) as covered:
        yield covered, enter(covered, prices, at)


def enter(connection: duckdb.DuckDBPyConnection, prices: Sequence[OwnPrice], at: datetime) -> int:
    """Put prices among the offers of a connection of views, and make the prices of now again.

    Returns
    -------
    int
        Offers that have one of them.
    """
    rows = [
        asdict(one) | {"row_number": number, "told_at": at} for number, one in enumerate(prices)
    ]
    connection.register("own_price", pa.Table.from_pylist(rows, schema=SCHEMA))
    connection.execute((SQL_FOLDER / "past" / "own_prices.sql").read_text(encoding="utf-8"))
    connection.unregister("own_price")
    prices_made_again(connection)
    found = connection.execute(f"select count(*) from {OFFERS} where source_id = ?", [PRIVATE])
    return int(found.fetchall()[0][0])
