"""Lists of token prices as a load judges them, and the mutations that the gates must hold.

For the tests of the gates and for ``benchmarks/token_price_gates.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.reading.contract import SCHEMAS
from warehouse import history
from warehouse.api_price_quality import hold_api_prices
from warehouse.models import SQL_FOLDER
from warehouse.reference.tables import reference_rows
from warehouse.working import keep

Row = Mapping[str, Any]
INPUT, OUTPUT, CACHE_READ = (
    f"usd_per_million_{kind}_tokens" for kind in ("input", "output", "cache_read")
)
DIGITS = Decimal(1).scaleb(-18)


@dataclass(frozen=True)
class Holding:
    """One new entry of the quarantine."""

    source_id: str
    scope: str
    rule: str
    reason: str


class TokenLists:
    """What a build does with the lists of one moment, on plain rows."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute((SQL_FOLDER / "ledgers.sql").read_text(encoding="utf-8"))
        reference = reference_rows()
        for name in ("core.model_alias", "core.api_price_median"):
            self.connection.register("reference_table", reference[name])
            self.connection.execute(f"create table {name} as from reference_table")
            self.connection.unregister("reference_table")
        self.connection.execute("create table staged.build_clock as select 'test' as run_id")
        history.create(self.connection, history.API_PRICE)
        self.captures = 0
        self.is_rolled_back = False

    @contextmanager
    def rolled_back(self) -> Iterator[TokenLists]:
        """Give these lists, and take back what is done to them."""
        captures = self.captures
        self.is_rolled_back = True
        self.connection.execute("begin")
        try:
            yield self
        finally:
            self.connection.execute("rollback")
            self.captures, self.is_rolled_back = captures, False

    def see(
        self, at: datetime, lists: Mapping[str, Sequence[Row]], payload_sha256: str | None = None
    ) -> list[Holding]:
        """Load lists by their source, and return what was held; each day has bytes of its own."""
        self.captures += 1
        moment = {"recorded_at": at, "seen_at": at}
        names = {source_id: f"{source_id}/{self.captures}" for source_id in lists}
        arrived = [
            moment
            | dict.fromkeys(("scope_capture_id", "observation_file"), name)
            | {"payload_sha256": payload_sha256 or name, "source_id": source_id,
               "request_scope": "prices", "parser_version": 1, "is_scope_complete": True,
               "record_kind": "api_price"}
            for source_id, name in names.items()
        ]  # fmt: skip
        self.connection.register("arriving", pa.Table.from_pylist(arrived))
        self.connection.execute("create or replace temp table arrived as from arriving")
        self.connection.register(
            "observed",
            pa.concat_tables(
                _table(rows, names[source_id], payload_sha256, at)
                for source_id, rows in lists.items()
            ),
        )
        keep(self.connection, "good_api_capture", **moment)
        keep(self.connection, "api_price_observation", **moment)
        self.connection.unregister("observed")
        before = len(self.held())
        hold_api_prices(self.connection, at)
        history.merge(
            self.connection, "api_price_observation", "good_api_capture", history.API_PRICE,
            is_in_transaction=self.is_rolled_back,
        )  # fmt: skip
        return self.held()[before:]

    def held(self) -> list[Holding]:
        """Return everything that was ever held, in order."""
        rows = self.connection.execute(
            "select source_id, scope, rule, reason from meta.quarantine"
        ).fetchall()
        return [Holding(*row) for row in rows]

    def standing(self, source_id: str) -> dict[str, tuple[float | None, float | None]]:
        """Return input and output price by printed name, of the plain endpoints that stand."""
        rows = self.connection.execute(
            f"select api_model_id, {INPUT}, {OUTPUT} from core.api_price_open"
            " where source_id = ? and variant is null",
            [source_id],
        ).fetchall()
        return {name: (per_input, per_output) for name, per_input, per_output in rows}


def _table(rows: Sequence[Row], name: str, payload_sha256: str | None, at: datetime) -> pa.Table:
    origin = {
        "record_kind": "api_price", "source_id": "", "request_key": "prices", "source_url": "",
        "payload_sha256": payload_sha256 or name, "parser_version": 1,
        "captured_at": at.replace(tzinfo=UTC),
    }  # fmt: skip
    table = pa.Table.from_pylist([{**row, **origin} for row in rows], SCHEMAS["api_price"])
    return table.append_column("filename", pa.array([name] * len(table), pa.string()))


def times(factor: Decimal) -> Callable[[Sequence[Row]], list[Row]]:
    """Return a mutation: every price by a factor; what the contract of a row refuses is gone."""

    def mutate(rows: Sequence[Row]) -> list[Row]:
        moved = [
            {**row, **{name: (row[name] * factor).quantize(DIGITS)
                       for name in (INPUT, OUTPUT, CACHE_READ) if row.get(name) is not None}}
            for row in rows
        ]  # fmt: skip
        return [row for row in moved if max(row[INPUT] or 0, row[OUTPUT] or 0) <= 5000]

    return mutate


def halved(rows: Sequence[Row]) -> list[Row]:
    """Return every second row."""
    return list(rows[::2])


def swapped(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the price of input for that of output."""
    return [{**row, INPUT: row[OUTPUT], OUTPUT: row[INPUT]} for row in rows]


def seller(row: Row) -> str:
    """Return who sells: the provider, or the maker where one provider lists the models of many."""
    maker = row["api_model_id"].rpartition("/")[0]
    return f"{row['api_provider_id']}/{maker}" if row["api_provider_id"] == "openrouter" else (
        row["api_provider_id"]
    )  # fmt: skip


def vendor_at_zero(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the largest seller at zero, as a parser reads that: free."""
    sellers = Counter(seller(row) for row in rows if row.get("variant") is None)
    [(largest, _)] = sellers.most_common(1)
    free = {INPUT: Decimal(0), OUTPUT: Decimal(0), "variant": "free"}
    return [
        {**row, **free} if seller(row) == largest and row.get("variant") is None else row
        for row in rows
    ]


def keys_doubled(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, and the first tenth of them again at a third of the price."""
    again = times(Decimal(1) / 3)([row for row in rows if row[INPUT]])
    return [*rows, *again[: max(3, len(again) // 10)]]


MUTATIONS: Mapping[str, Callable[[Sequence[Row]], list[Row]]] = {
    "x1000": times(Decimal(1000)),
    "/1000": times(Decimal("0.001")),
    "x100": times(Decimal(100)),
    "/100": times(Decimal("0.01")),
    "halved list": halved,
    "input and output swapped": swapped,
    "a vendor at zero": vendor_at_zero,
    "duplicated keys": keys_doubled,
}


def wrong_prices(rows: Sequence[Row], mutated: Sequence[Row]) -> set[tuple[str, float, float]]:
    """Return name and prices of the plain rows of a mutated list that the true list has not."""

    def plain(of: Sequence[Row]) -> set[tuple[str, float, float]]:
        return {
            (row["api_model_id"], float(row[INPUT]), float(row[OUTPUT]))
            for row in of
            if row.get("variant") is None and row[INPUT] is not None and row[OUTPUT] is not None
        }

    return plain(mutated) - plain(rows)


def day_after(at: datetime) -> datetime:
    """Return the same time on the next day."""
    return at + timedelta(days=1)
