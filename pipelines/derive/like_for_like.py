"""Makes ``marts.like_for_like_revision`` and ``marts.like_for_like_link``: the matched index.

Binds ``cost_engine.like_for_like`` to the item prices of each cell: an accelerator (or a class of
them), contract, market family and region. Months that nothing can have moved since the last build
stand; the others are made again, and a month that came out differently gets a new revision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from math import expm1, isclose
from typing import Any

import duckdb
import pyarrow as pa

from cost_engine.like_for_like import (
    BRACKET_MONTHS,
    WINDOW_MONTHS,
    ItemPrice,
    Level,
    Vote,
    index_levels,
    interval,
    time_product_dummy,
    with_bracketed,
)
from pipelines.derive.reference_tables import recorded_documents
from warehouse.models import SQL_FOLDER
from warehouse.reference.scenarios import scenario
from warehouse.reports import report_dicts, run_report

METHODOLOGY_VERSION = "1.0"
PROVIDER_MINIMUMS = (3, 2)
"""Fewest providers on a link, for a published and for a thin value. [1]"""

WHOLE_CLASS = "data_center"
"""The class whose accelerators are also measured together."""

MARKETPLACE = "marketplace"
TOLERANCE = 1e-12
SURE_DIGITS = 9  # decimals that do not depend on the order of sums


@dataclass(frozen=True, order=True)
class Cell:
    """What one index is about."""

    gpu_id: str | None
    gpu_class: str | None
    purchase_model: str
    commitment_months: int | None
    market_family: str
    reference_region: str


Standing = dict[int, tuple[Level | None, int]]
"""Month number to its newest level (None: it has lost it) and revision."""


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the months that may have changed; the day does not matter.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing, with ``marts.item_price_month`` made.
    on : date
        Not used.
    """
    connection.execute((SQL_FOLDER / "like_for_like.sql").read_text(encoding="utf-8"))
    first = _first_month(connection)
    if first is None:
        return
    standing = _standing(connection)
    noise = _noise(connection)
    revisions: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    cells = _items(connection, first - BRACKET_MONTHS - WINDOW_MONTHS)
    for cell, items in cells.items():
        for minimum in PROVIDER_MINIMUMS:
            before = standing.get((cell, minimum), {})
            stand = [
                level for month, (level, _) in before.items() if level is not None and month < first
            ]
            levels = index_levels(items, minimum, stand)
            made = [level for level in levels if level.month >= first]
            rows = _rows(levels, made, items, noise[cell.market_family], minimum)
            revisions += _revised(cell, minimum, rows, before, first)
            links += [_link(cell, minimum, *vote) for vote in _votes(made)]
    _write(connection, revisions, links, first)


def _first_month(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the first month to make again; None if nothing moved.

    A new price may tell what an item asked in the ``BRACKET_MONTHS`` before.
    """
    [(version, day)] = run_report(connection, "like_for_like_made").rows
    if version != METHODOLOGY_VERSION:
        return 0
    return None if day is None else day.year * 12 + day.month - 1 - BRACKET_MONTHS


def _noise(connection: duckdb.DuckDBPyConnection) -> Mapping[str, float]:
    documents = recorded_documents(connection)
    return {
        family: scenario(documents, "market_noise", family).number("log_variance_per_month")
        for family in ("hyperscaler", "neocloud", MARKETPLACE)
    }


def _items(connection: duckdb.DuckDBPyConnection, since: int) -> dict[Cell, list[ItemPrice]]:
    """Return the item prices of each cell since a month, silences between equal ones filled."""
    cells: defaultdict[Cell, list[ItemPrice]] = defaultdict(list)
    rows = report_dicts(connection, "like_for_like_items", since=_month(max(since, 12)))
    for _, group in groupby(rows, key=lambda row: row["item_id"]):
        own = list(group)
        prices = [
            ItemPrice(
                provider_id=row["provider_id"],
                item=row["item_id"],
                month=row["month_number"],
                usd_per_gpu_hour=row["usd_per_gpu_hour"],
                source_id=row["source_id"],
            )
            for row in own
        ]
        if own[0]["market_family"] != MARKETPLACE:
            prices = with_bracketed(prices)
        place = {name: own[0][name] for name in _CONTRACT}
        cells[Cell(own[0]["gpu_id"], None, **place)] += prices
        if own[0]["gpu_class"] == WHOLE_CLASS:
            cells[Cell(None, WHOLE_CLASS, **place)] += prices
    return dict(cells)


_CONTRACT = ("purchase_model", "commitment_months", "market_family", "reference_region")


def _standing(
    connection: duckdb.DuckDBPyConnection,
) -> dict[tuple[Cell, int], Standing]:
    """Return the newest level of each month and its revision, by cell and provider minimum."""
    votes: defaultdict[tuple[Any, ...], dict[str, Vote]] = defaultdict(dict)
    for row in report_dicts(connection, "like_for_like_votes"):
        votes[_key(row)][row["provider_id"]] = Vote(
            row["link_log_change"],
            row["item_count"],
            row["longest_gap_months"],
            row["source_count"],
        )
    found: defaultdict[tuple[Cell, int], Standing] = defaultdict(dict)
    for row in report_dicts(connection, "like_for_like_levels"):
        cell, minimum, month = key = _key(row)
        start = _number(row["segment_started_on"])
        level = None
        if row["log_level"] is not None:
            level = Level(month, start, row["log_level"], row["gap_months"], votes.get(key, {}))
        found[cell, minimum][month] = level, row["revision"]
    return dict(found)


def _key(row: Mapping[str, Any]) -> tuple[Cell, int, int]:
    cell = Cell(**{name: row[name] for name in Cell.__dataclass_fields__})
    return cell, row["provider_minimum"], _number(row["month"])


def _rows(
    levels: list[Level], made: Iterable[Level], items: list[ItemPrice], noise: float, minimum: int
) -> Iterator[dict[str, Any]]:
    """Yield what is published about each level that was made."""
    heard = {(price.month, price.provider_id) for price in items if price.is_heard}
    for level in made:
        start = level.segment_start
        own = [one for one in levels if one.segment_start == start and one.month <= level.month]
        width = interval(own, noise)
        sure = [vote.log_change for vote in level.votes.values() if not vote.is_unconfirmed]
        yield {
            "month": _month(level.month),
            "segment_started_on": _month(start),
            "log_level": level.log_level,
            "log_change": level.log_change,
            "gap_months": level.gap_months,
            "half_width_log": width.half_width_log if width else None,
            "without_unconfirmed_log_change": (
                sum(sure) / len(sure) if len(sure) >= minimum else None
            ),
            "drift_fraction": _drift(own, items) if minimum == max(PROVIDER_MINIMUMS) else None,
            "link_provider_count": len(level.votes),
            "heard_provider_count": sum((level.month, name) in heard for name in level.votes),
            "item_count": level.item_count,
        }


def _drift(own: list[Level], items: list[ItemPrice]) -> float | None:
    """Return how far the index is from the watch, both set equal on the months before."""
    last = own[-1].month
    window = {one.month: one.log_level for one in own if one.month > last - WINDOW_MONTHS}
    earlier = [month for month in window if month < last]
    if not earlier:
        return None
    watch = time_product_dummy(price for price in items if price.month in window)
    offset = sum(watch[month] - window[month] for month in earlier) / len(earlier)
    return round(expm1(window[last] - watch[last] + offset), SURE_DIGITS)


def _revised(
    cell: Cell,
    minimum: int,
    rows: Iterable[dict[str, Any]],
    before: Standing,
    first: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows that say something new; a month that lost its value gets one without it."""
    place = {**asdict(cell), "provider_minimum": minimum}
    made = set()
    for row in rows:
        month = _number(row["month"])
        made.add(month)
        stood, revision = before.get(month, (None, 0))
        is_same = (
            stood is not None
            and stood.segment_start == _number(row["segment_started_on"])
            and isclose(stood.log_level, row["log_level"], abs_tol=TOLERANCE)
            and len(stood.votes) == row["link_provider_count"]
        )
        if not is_same:
            reason = "answers of this month or before became known later" if revision else None
            yield {**place, **row, "revision": revision + 1, "revision_reason": reason}
    for month, (stood, revision) in before.items():
        if stood is not None and month >= first and month not in made:
            yield {
                **place,
                "month": _month(month),
                "segment_started_on": _month(stood.segment_start),
                "link_provider_count": 0,
                "heard_provider_count": 0,
                "item_count": 0,
                "revision": revision + 1,
                "revision_reason": "too few providers compare since answers were corrected",
            }


def _votes(made: Iterable[Level]) -> Iterator[tuple[Level, str, Vote]]:
    for level in made:
        for provider, vote in level.votes.items():
            yield level, provider, vote


def _link(cell: Cell, minimum: int, level: Level, provider: str, vote: Vote) -> dict[str, Any]:
    return {
        **asdict(cell),
        "provider_minimum": minimum,
        "month": _month(level.month),
        "provider_id": provider,
        "link_log_change": vote.log_change,
        "contribution_log": vote.log_change / len(level.votes),
        "item_count": vote.item_count,
        "longest_gap_months": vote.longest_gap_months,
        "source_count": vote.source_count,
        "is_unconfirmed": vote.is_unconfirmed,
    }


def _write(
    connection: duckdb.DuckDBPyConnection,
    revisions: list[dict[str, Any]],
    links: list[dict[str, Any]],
    first: int,
) -> None:
    """Add the new revisions, and replace the votes of the months that were made again."""
    connection.begin()
    connection.execute("delete from marts.like_for_like_link where month >= $1", [_month(first)])
    _insert(connection, "marts.like_for_like_link", links, "select * from new_rows")
    _insert(
        connection,
        "marts.like_for_like_revision",
        revisions,
        "select r.*, $version as methodology_version, k.now_at as recorded_at, k.run_id"
        " from new_rows as r cross join staged.build_clock as k",
        version=METHODOLOGY_VERSION,
    )
    connection.commit()


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: list[dict[str, Any]],
    select: str,
    **parameters: str,
) -> None:
    if not rows:
        return
    names = sorted({name for row in rows for name in row})
    columns = {name: [row.get(name) for row in rows] for name in names}
    connection.register("new_rows", pa.table(columns))
    connection.execute(f"insert into {table} by name {select}", parameters)
    connection.unregister("new_rows")


def _month(number: int) -> date:
    """Return the first day of a month, counted since year 0.

    Examples
    --------
    >>> _month(2026 * 12 + 10)
    datetime.date(2026, 11, 1)
    """
    return date(max(number // 12, 1), number % 12 + 1, 1)


def _number(month: date) -> int:
    return month.year * 12 + month.month - 1
