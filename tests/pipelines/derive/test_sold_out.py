"""What is sold out has no say in any price: no table and no report moves with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.derive.make import phases
from tests.pipelines.commands.conftest import without_parquet
from tests.pipelines.derive.test_build import history_macros, land, run
from warehouse.database import open_published
from warehouse.models import SQL_FOLDER, read_models
from warehouse.paths import Home
from warehouse.reports import ReportRows, read_reports, run_report

DAYS = [datetime(2026, 7, day, 6, tzinfo=UTC) for day in range(1, 4)]
PROVIDERS = {"Lambda": 3.0, "Nebius": 3.1, "Crusoe": 3.2, "AWS": 3.3, "Vast.ai": 2.9}
# Tables that list offers, with their availability, or compare what sources say of one thing.
LISTS = {
    "marts.offers_latest", "marts.reconciliation", "marts.source_agreement",
    "marts.gpu_price_index_input", "reports.compare_provider",
}  # fmt: skip
PARAMETERS: dict[str, Any] = {
    "gpu_id": "B200-180GB",
    "gpu_ids": ["B200-180GB"],
    "purchase_model": "on_demand",
    "commitment_months": None,
    "market_family": "neocloud",
    "reference_region": "us",
    "provider_id": "lambda",
    "over_days": 1,
    "since": DAYS[0].date(),
    "until": DAYS[-1].date(),
    "threshold": 0.001,
}


def answer(day: datetime, others: list[dict[str, Any]]) -> bytes:
    """Return an answer of gputable.dev: prices that rise a little each day, and further rows."""
    rise = 1 + 0.002 * DAYS.index(day)
    rows = [
        row(name, model, round(usd * rise * share, 4), month)
        for name, usd in PROVIDERS.items()
        for model, share, month in (
            ("on_demand", 1, None),
            ("spot", 0.6, None),
            ("reserved", 0.7, 12),
        )
    ]
    stated = {name.lower(): {"ok": True, "fetched_at": day.isoformat()} for name in PROVIDERS}
    return json.dumps({"providers": stated, "data": [*rows, *others]}).encode()


def row(
    name: str, model: str, usd: float, month: int | None, is_available: bool = True, count: int = 1
) -> dict[str, Any]:
    return {
        "gpu": "B200", "vram_gb": 180, "provider": name, "gpu_count": count,
        "price_per_hour_usd": usd, "pricing_type": model, "commitment_months": month,
        "available": is_available, "source_url": "https://x.example/pricing",
    }  # fmt: skip


def others(day: datetime, is_available: bool) -> list[dict[str, Any]]:
    """Return rows of nodes that cost less than everything else."""
    usd = 2.2 * (1 - 0.003 * DAYS.index(day))
    return [
        row(name, model, round(usd * share, 4), month, is_available, 8)
        for name in (*PROVIDERS, *(["Hyperstack"] if day > DAYS[0] else []))
        for model, share, month in (
            ("on_demand", 1, None),
            ("spot", 0.5, None),
            ("reserved", 0.6, 12),
        )
    ]


def told(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, list[Any]]]:
    """Yield the prices of every table and report, each with its name."""
    tables = {
        f"{schema}.{table}"
        for schema, table in connection.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
    }
    for name in sorted(tables - LISTS):
        if name.startswith("marts."):
            yield name, prices(connection.sql(f"from {name} order by all"))
    for name, asked in read_reports().items():
        if set(asked.parameters) <= set(PARAMETERS) and asked.depends_on <= tables:
            given = {each: PARAMETERS[each] for each in asked.parameters}
            if name not in LISTS and not name.startswith("reports.bill"):  # they read a bill
                yield name, prices(run_report(connection, name.removeprefix("reports."), **given))


def prices(found: duckdb.DuckDBPyRelation | ReportRows) -> list[list[Any]]:
    """Return the columns with a price, of the rows that have one."""
    rows = found.rows if isinstance(found, ReportRows) else found.fetchall()
    kept = [at for at, name in enumerate(found.columns) if "usd" in name or name == "value"]
    some = [[row[at] for at in kept] for row in rows]
    return [list(map(rounded, row)) for row in some if any(value is not None for value in row)]


def rounded(value: Any) -> Any:
    """Round what a sum gives: its last digit depends on the order of the rows."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def price_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros of prices, which read no table of the cost engine."""
    history_macros(connection)
    connection.execute((SQL_FOLDER / "macros" / "price_index.sql").read_text())


@pytest.fixture(autouse=True)
def no_cost_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pipelines.derive.make.DERIVATIONS", {})
    monkeypatch.setattr("pipelines.derive.make.run_macros", price_macros)
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", tmp_path / "no_snapshot")
    monkeypatch.setattr("warehouse.publication.export", without_parquet)


def published(home: Home, is_available: bool | None) -> dict[str, list[Any]]:
    """Return the priced columns of a home with further offers: on sale, sold out, or none."""
    for day in DAYS:
        more = [] if is_available is None else others(day, is_available)
        land(home, "gputable", "data", day, answer(day, more))
    run(home, DAYS[-1] + timedelta(hours=1), "all", phases(read_models()))
    with open_published(home) as connection:
        return dict(told(connection))


@pytest.mark.slow
def test_no_price_moves_with_what_is_sold_out(tmp_path: Path) -> None:
    without = published(Home(tmp_path / "without"), None)
    sold_out = published(Home(tmp_path / "sold_out"), False)
    on_sale = published(Home(tmp_path / "on_sale"), True)
    assert {name for name in without if sold_out[name] != without[name]} == set()
    moved = {name for name in without if on_sale[name] != without[name]}
    assert moved >= {
        "marts.gpu_price_daily", "marts.gpu_price_index", "marts.item_price_month",
        "marts.provider_price_now", "reports.headline_offers",
        "reports.alert_gpu_moves", "reports.digest_offers", "reports.digest_provider_moves",
    }  # fmt: skip
