"""A small published file, made by hand in the shape that the SQL files document, and its site."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.site.build import SiteReport, build_site
from warehouse.macros import run_formulas
from warehouse.migrations import SCHEMA_VERSION, SCHEMAS
from warehouse.models import SQL_FOLDER, TableModel, read_models
from warehouse.paths import Home

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC).replace(tzinfo=None)  # as tables hold times
TODAY = NOW.date()
EVIL = "<script>alert('evil')</script>"
FORMULA = '=HYPERLINK("http://evil.example","x")'
BREAKOUT = "</script><img src=x onerror=alert('evil')>\x07"
MONTH = 30


def column_type(name: str, unit: str | None) -> str:
    """Return the SQL type that a documented column surely can be read as."""
    if name.startswith(("is_", "has_", "may_")):
        return "boolean"
    if name in ("day", "month", "then_month") or name.endswith(("_on", "_day")):
        return "date"
    if name.endswith("_at") or name in ("valid_from", "valid_to", "source_time"):
        return "timestamp"
    if name.endswith(("_count", "_months", "_number")) or name in ("place", "compute_rank"):
        return "bigint"
    numeric = r"low|high|ratio|share|growth|^ci_|_fraction|_tokens|flops|watts|bytes|usd|r_squared"
    if unit is not None or re.search(numeric, name):
        return "double" if name not in ("unit", "currency") else "varchar"
    numbers = ("reported", "predicted", "multiplier", "parameters", "margin",
               "active_parameters")  # fmt: skip
    return "double" if name.startswith(numbers) else "varchar"


def make_empty(connection: duckdb.DuckDBPyConnection, without: tuple[str, ...] = ()) -> None:
    """Make every documented table, empty."""
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists {schema}")
    connection.execute((SQL_FOLDER / "ledgers.sql").read_text())
    models: dict[str, TableModel] = read_models()
    for name, model in models.items():
        if name in without or not model.columns:
            continue
        columns = ", ".join(
            f'"{column.name}" {column_type(column.name, column.unit)}' for column in model.columns
        )
        connection.execute(f"create table if not exists {name} ({columns})")
    connection.execute(
        f"""
        create table core.offer_open as from core.offer_price;
        create table staged.affected_day (entity varchar, day date);
        create table staged.build_clock as
            select timestamp '{NOW}' as now_at, 'run-1' as run_id,
            now_at as prices_at, false as is_bundled;
        create table meta.schema_version as
            select {SCHEMA_VERSION} as version, timestamp '{NOW}' as installed_at;
        create table meta.publication as
            select 'run-1' as run_id, timestamp '{NOW}' as published_at, '3.0.0' as data_version,
            'CC-BY-4.0' as licence, 'https://creativecommons.org/licenses/by/4.0/' as licence_url,
            'Truecost' as citation, null::varchar as doi;
        create table meta.reference_value (subject_kind varchar, subject varchar, field varchar,
            "value" varchar, unit varchar, source varchar, source_url varchar, retrieved_on varchar,
            note varchar);
        create table meta."column" (table_name varchar, column_name varchar, meaning varchar,
            unit varchar, grain varchar, made_by varchar);
        create table meta.source (source_id varchar, title varchar, homepage_url varchar,
            terms_url varchar, credit varchar, licence varchar, source_kind varchar,
            kind_rank bigint, is_enabled boolean, is_first_party boolean, cadence_hours bigint,
            frozen_after_hours bigint, verified_with varchar, verified_on date);
        """
    )
    connection.execute((SQL_FOLDER / "meta_views.sql").read_text())
    run_formulas(connection)


def insert(connection: duckdb.DuckDBPyConnection, table: str, **row: Any) -> None:
    """Insert one row by the names of its columns."""
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert a market of two GPUs, with costs, models and hostile text."""
    insert(connection, "meta.run", run_id="run-1", started_at=NOW, status="published",
           code_version="0.1.0")  # fmt: skip
    for source, kind, rank in (("shop", "api", 1), ("feed", "feed", 4)):
        insert(connection, "meta.source", source_id=source, title=f"{source} {EVIL}",
               homepage_url=f"https://{source}.example", terms_url="javascript:alert(1)",
               credit=f"Prices: {source}", licence="terms", source_kind=kind, kind_rank=rank,
               is_enabled=True)  # fmt: skip
        for day in (NOW - timedelta(days=1), NOW):
            insert(connection, "meta.capture", capture_id=f"{source}/{day}", source_id=source,
                   request_key="all", request_scope="all", is_scope_complete=True, seen_at=day,
                   recorded_at=day, status="ok", record_kind="offer", offers_kept=4, offers_held=1,
                   offers_duplicate=0, bytes=1000, run_id="run-1")  # fmt: skip
        insert(connection, "staged.scope_latest", source_id=source, request_key="all",
               last_good_at=NOW)  # fmt: skip
    insert(connection, "meta.capture", capture_id="feed/failed", source_id="feed",
           request_key="all", request_scope="all", seen_at=NOW - timedelta(days=2),
           recorded_at=NOW - timedelta(days=2), status="failed", offers_kept=0, offers_held=0,
           run_id="run-1")  # fmt: skip
    insert(connection, "meta.quarantine", held_id="1", source_id="shop", rule="price_zero",
           seen_at=NOW, reason=BREAKOUT, row_json=f'{{"name": "{EVIL}"}}', state="held",
           payload_sha256="ab" * 32)  # fmt: skip
    insert(connection, 'meta."column"', table_name="marts.offers_latest",
           column_name="usd_per_gpu_hour", meaning="price", unit="USD/(GPU h)")  # fmt: skip
    for gpu, architecture, memory in (("H100-SXM-80GB", "hopper", 80e9), ("L4-24GB", "ada", 24e9)):
        insert(connection, "core.gpu", gpu_id=gpu, name=f"NVIDIA {gpu}", vendor="nvidia",
               architecture=architecture, form_factor="SXM5", is_coarse=False,
               gpu_class="data_center", memory_bytes=memory, bandwidth_bytes_per_second=3.35e12,
               board_power_watts=700.0, released_on=date(2022, 9, 1))  # fmt: skip
        for is_sparse, peak in ((False, 989e12), (True, 1979e12)):
            insert(connection, "core.gpu_peak", gpu_id=gpu, precision="bf16", is_sparse=is_sparse,
                   flops_per_second=peak, source_url="https://vendor.example/a")  # fmt: skip
        insert(connection, "meta.reference_value", subject_kind="gpu", subject=gpu,
               field="memory_bytes", value=f"{memory:.0f}", unit="bytes", source=EVIL,
               source_url="javascript:alert(1)", retrieved_on="2026-11-20")  # fmt: skip
        for market, count in (("neocloud", 3), ("hyperscaler", 1)):
            insert(connection, "marts.gpu_price_now", gpu_id=gpu, purchase_model="on_demand",
                   market_family=market, reference_region="us", middle_usd_per_gpu_hour=3.0,
                   typical_low_usd_per_gpu_hour=2.5, typical_high_usd_per_gpu_hour=3.6,
                   provider_count=count,
                   evidence="market" if count >= 3 else "thin")  # fmt: skip
        for days, change in ((7, -0.01), (30, 0.02)):
            insert(connection, "marts.gpu_price_change", gpu_id=gpu, purchase_model="on_demand",
                   market_family="neocloud", reference_region="us", horizon_days=days,
                   change_fraction=change)  # fmt: skip
    for provider, name in (("alpha", "Alpha Cloud"), ("beta", EVIL)):
        insert(connection, "core.provider", provider_id=provider, name=name,
               market_family="neocloud")  # fmt: skip
        insert(connection, "marts.provider_price_now", provider_id=provider,
               gpu_id="H100-SXM-80GB", purchase_model="on_demand", reference_region="us",
               usd_per_gpu_hour=2.0 if provider == "alpha" else 3.0, age_days=0.1)  # fmt: skip
    insert(connection, "core.gpu_alias", source_family="generic_text",
           gpu_name_printed="hgx h100", canonical="H100-SXM-80GB")  # fmt: skip
    insert(connection, "core.model", model_id="llama-3.1-70b", name="Llama 3.1 70B")
    insert(connection, "marts.serving_point", model_id="llama-3.1-70b")
    fill_offers(connection)
    fill_history(connection)
    fill_costs(connection)


def fill_offers(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert offers of three providers, one stale, one hostile."""
    offers = (
        ("alpha", "on_demand", None, 2.0, False, "eu-1"),
        ("beta", "on_demand", None, 3.0, False, EVIL),
        ("gamma", "on_demand", None, 4.5, True, BREAKOUT),
        ("alpha", "spot", None, 1.25, False, "eu-1"),
        ("alpha", "reserved", 12, 1.5, False, FORMULA),
    )
    for gpu, scale in (("H100-SXM-80GB", 1.0), ("L4-24GB", 0.2)):
        for number, (provider, model, months, usd, is_stale, region) in enumerate(offers):
            insert(
                connection, "marts.offers_latest", offer_key=f"{gpu}-{number}",
                provider_id=provider, source_id="shop", source_kind="api", gpu_id=gpu,
                gpu_name_printed=EVIL, sku=FORMULA if number == 0 else f"sku-{number}",
                region=region, area="europe", gpu_count=8, purchase_model=model,
                commitment_months=months, market_tier="neocloud", market_family="neocloud",
                usd_per_gpu_hour=usd * scale, usd_per_node_hour=8 * usd * scale,
                is_available=None, valid_from=NOW, seen_at=NOW,
                age_hours=50.0 if is_stale else 0.2,
                is_stale=is_stale, is_witness=False, source_url="https://shop.example/prices",
                homepage_url="https://shop.example", payload_sha256="cd" * 32,
            )  # fmt: skip


def fill_history(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert a month of daily prices with a missing day, and one family of few providers."""
    for gpu, scale in (("H100-SXM-80GB", 1.0), ("L4-24GB", 0.2)):
        for back in range(MONTH, -1, -1):
            if back == 10:
                continue
            usd = scale * (3.0 + back / 10)
            for family, providers in (("all", 3), ("neocloud", 2)):
                insert(
                    connection, "marts.gpu_price_daily", gpu_id=gpu, day=TODAY - timedelta(back),
                    purchase_model="on_demand", market_family=family,
                    median_usd_per_gpu_hour=usd, p10_usd_per_gpu_hour=usd * 0.7,
                    p90_usd_per_gpu_hour=usd * 1.5, min_usd_per_gpu_hour=usd * 0.6,
                    max_usd_per_gpu_hour=usd * 2, provider_count=providers, offer_count=5,
                    oldest_seen_on=TODAY - timedelta(back),
                )  # fmt: skip
        for month, index in ((8, 100.0), (9, 97.0), (10, 98.0)):
            insert(connection, "marts.like_for_like_index", gpu_id=gpu, purchase_model="on_demand",
                   market_family="neocloud", reference_region="us", month=date(2026, month, 1),
                   evidence="published", segment_started_on=date(2026, 8, 1),
                   index_segment_start_100=index, low_80=index - 5, high_80=index + 5,
                   month_change_fraction=index / 100 - 1 if month > 8 else None,
                   link_provider_count=4, item_count=9)  # fmt: skip
        insert(connection, "marts.like_for_like_change", gpu_id=gpu, purchase_model="on_demand",
               market_family="neocloud", reference_region="us", horizon_months=1,
               month=TODAY.replace(day=1), then_month=TODAY.replace(month=1, day=1),
               evidence="published", like_for_like_change_fraction=-0.02, is_sure=None,
               link_provider_count=3, movers="beta -2.0 % (1)", median_change_fraction=-0.05,
               mix_change_fraction=-0.03, median_provider_count=4,
               then_median_provider_count=3)  # fmt: skip
        insert(connection, "marts.gpu_price_change_point", gpu_id=gpu, day=TODAY - timedelta(7),
               purchase_model="on_demand", market_family="all", before_day=TODAY - timedelta(8),
               usd_per_gpu_hour=scale * 3.7, before_usd_per_gpu_hour=scale * 3.8,
               change_fraction=-0.06, is_settled=True, provider_count=3, before_provider_count=3,
               raised_count=0, lowered_count=1, entered_count=0, left_count=0,
               mover_provider_id="beta", mover_move="lowered", is_price_move=True,
               same_offers_change_fraction=-0.05, compared_provider_count=3,
               movers=EVIL)  # fmt: skip


def fill_costs(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert one or two rows of every derived table."""
    for gpu, usd, speed in (("H100-SXM-80GB", 0.8, 1.5), ("L4-24GB", 1.1, 1.0)):
        insert(connection, "marts.cost_per_flop", gpu_id=gpu, precision="bf16",
               purchase_model="on_demand", market_family="neocloud", day=TODAY,
               reference_region="us", is_default_basis=True, evidence="market",
               usd_per_gpu_hour=3.0, usd_per_gpu_hour_low=2.0, usd_per_gpu_hour_high=4.0,
               flops_per_second=989e12, usd_per_exaflop_peak=usd, utilisation_fraction=0.4,
               usd_per_exaflop_effective=usd / 0.4, low=usd, high=usd * 5,
               usd_per_gigabyte_hour=0.0375, usd_per_terabyte_per_second_hour=0.9,
               provider_count=3)  # fmt: skip
        for level, pace, output in (
            ("interactive", 20.0 * speed, 0.0003 * speed), ("fast", 60.0 * speed, 0.0007 * speed),
        ):  # fmt: skip
            insert(connection, "marts.inference_cost", model_id="llama-3.1-70b", gpu_id=gpu,
                   gpu_count=4, precision="fp8", workload="chat",
                   service_level_id=level, purchase_model="on_demand", day=TODAY,
                   is_default_basis=True, evidence="market", set_provider_id="alpha",
                   set_usd_per_gpu_hour=2.5,
                   usd_per_gpu_hour=3.0, provider_count=3, tokens_per_second_per_user=pace,
                   tokens_per_second_per_gpu=800.0, usd_per_1k_input_tokens=output / 4,
                   usd_per_1k_output_tokens=output, usd_per_1k_tokens=output / 2,
                   low=output / 3, high=output, usd_per_1k_tokens_provisioned=output,
                   fleet_utilisation_fraction=0.5, binding_limit="bandwidth", is_efficient=True,
                   is_cheapest_set=True, is_extrapolated=False)  # fmt: skip
        insert(connection, "marts.own_vs_rent", gpu_id=gpu, gpu_count=1024, day=TODAY,
               rental_usd_per_gpu_hour=3.0, rental_usd_per_gpu_hour_low=2.0,
               rental_usd_per_gpu_hour_high=4.0, market_family="neocloud", is_default_basis=True,
               provider_count=3, purchase_usd_per_gpu=30000.0,
               fleet_utilisation_fraction=0.7, owned_usd_per_gpu_hour=2.0, low=1.2, high=3.4,
               break_even_utilisation_fraction=0.47, break_even_utilisation_low=0.3,
               break_even_utilisation_high=0.9, break_even_month=20.0,
               probability_owning_is_cheaper=0.8)  # fmt: skip
    for provider, listed in (("host-a", 0.9), ("host-b", 0.2), ("host-c", 90_000.0)):
        insert(connection, "marts.api_margin", model_id="llama-3.1-70b", api_source_id="feed",
               scenario_id="on_demand", provider_count=4, market_family="neocloud",
               api_provider_id=provider, api_model_id=EVIL, day=TODAY, is_relisted=False,
               usd_per_million_tokens_listed=listed, gpu_id="H100-SXM-80GB", gpu_count=4,
               precision="fp8", workload="chat", usd_per_million_tokens_cost=0.4,
               cost_low=0.3, cost_high=0.6, margin_fraction=1 - 0.4 / listed,
               margin_low=1 - 0.6 / listed, margin_high=1 - 0.3 / listed)  # fmt: skip
    for number, (reported, predicted) in enumerate(((100.0, 110.0), (4000.0, 3600.0))):
        insert(connection, "marts.inference_backtest", case_number=number, model="Llama",
               gpu="H100", metric="throughput", unit="token/s", reported=reported,
               predicted=predicted, ratio=predicted / reported, source="a table",
               source_url="https://bench.example")  # fmt: skip
        insert(connection, "marts.training_backtest", case_id=f"c{number}", model="Llama",
               quantity="gpu_hours", unit="h", reported=reported, predicted=predicted,
               ratio=predicted / reported, is_within_tolerance=True, source="a paper",
               source_url="https://paper.example")  # fmt: skip
    for year in range(2018, 2026):
        insert(connection, "marts.training_cost", model=f"TableModel {year}", model_number=year,
               method="amortized", price_basis="clean", published_on=date(year, 5, 1),
               hardware="NVIDIA H100", gpu_hours=1e6, gpu_hours_method="reported",
               usd_nominal=10.0 ** (year - 2015), usd_real=10.0 ** (year - 2015),
               real_month="2025-06", low=5.0 ** (year - 2015), high=15.0 ** (year - 2015),
               confidence="high", compute_rank=1, source_url="https://paper.example")  # fmt: skip
    insert(connection, "marts.training_cost_trend", selection="top 10", method="amortized",
           price_basis="clean", growth_per_year=2.9, ci_low=2.5, ci_high=3.4, ci_level=0.9,
           model_count=60, r_squared=0.8, slope_orders_per_year=0.46,
           residual_deviation_orders=0.7, usd_2027_mean=1e8,
           usd_1e9_reached_anchored_on=date(2027, 5, 1),
           usd_1e9_reached_mean_on=date(2028, 5, 1))  # fmt: skip
    for number, change in enumerate((-0.2, -0.1, 0.4)):
        insert(connection, "marts.training_then_and_now", model=f"TableModel {2020 + number}",
               model_number=number, published_on=date(2020 + number, 5, 1), hardware="NVIDIA H100",
               gpu_hours=1e6, purchase_model="on_demand", market_family="hyperscaler",
               then_provider_id="alpha", then_day=date(2020, 1, 1), then_usd_per_gpu_hour=3.0,
               then_usd=3e6, now_gpu_id="H100-SXM-80GB", is_same_chip=True,
               now_provider_count=3 if number < 2 else 2, now_day=TODAY,
               now_usd_per_gpu_hour=3 * (1 + change), now_usd=3e6 * (1 + change),
               now_low_80=2e6, now_high_80=5e6, change_fraction=change, change_low_80=-0.5,
               change_high_80=0.6, confidence="medium")  # fmt: skip
    for job in (1, 6, 12):
        insert(connection, "marts.reservation_multiplier", commitment_months=12, job_months=job,
               resale_fraction=0.0, multiplier=12.0 / job)  # fmt: skip
    for term, price, start in ((12, 3.0, 0), (36, 2.0, 12)):
        insert(connection, "marts.price_term_structure", provider_id="alpha", gpu_id="L4-24GB",
               market_family="neocloud", reference_region="us", commitment_months=term,
               usd_per_gpu_hour=price, usd_per_gpu_month=price * 730.5,
               on_demand_usd_per_gpu_hour=4.0, discount_fraction=1 - price / 4,
               forward_from_months=start, forward_usd_per_gpu_hour=3.0 if not start else 1.5,
               provider_count=1, matched_provider_count=1, reason="fewer than three providers",
               oldest_seen_at=date(2026, 11, 20),
               source_url="https://alpha.example")  # fmt: skip
    for factor, share in (("price", 0.6), ("utilisation", 0.4)):
        insert(connection, "marts.training_sensitivity", model="TableModel 2025", factor=factor,
               published_on=date(2025, 5, 1), variance_share_fraction=share)  # fmt: skip
    insert(connection, "marts.reconciliation", provider_id="alpha", gpu_id="L4-24GB",
           purchase_model="on_demand", commitment_months=0, area="europe", source_id="shop",
           usd_per_gpu_hour=0.4, worst_source_id="feed", worst_usd_per_gpu_hour=0.8,
           worst_ratio=2.0, verdict="disagree", likely_cause="per_node")  # fmt: skip


def fill_odd(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert the market, an extreme price, an empty trend, and names as long as they come."""
    fill(connection)
    connection.execute("delete from marts.training_cost_trend")
    connection.execute("delete from marts.api_margin where api_provider_id <> 'host-a'")
    long = f"{'very-long-name-' * 12}{EVIL}{'x' * 80}"
    for number, (usd, days) in enumerate(((250_000.0, 0.1), (0.0004, 90.0), (2.2, 4.0))):
        insert(
            connection, "marts.offers_latest", offer_key=f"odd-{number}", provider_id=long,
            source_id="feed", source_kind="feed", gpu_id="H100-SXM-80GB", gpu_name_printed=long,
            sku=long, region=long, area=long, gpu_count=1, purchase_model="on_demand",
            market_tier="marketplace_community", market_family="marketplace",
            usd_per_gpu_hour=usd, usd_per_node_hour=usd, valid_from=NOW, seen_at=NOW,
            source_time=NOW - timedelta(days=days), age_hours=1.0, is_stale=days > 3,
            is_witness=False, source_url=f"https://shop.example/{'x' * 900}",
            homepage_url="https://shop.example", payload_sha256="ef" * 32,
        )  # fmt: skip
    insert(connection, "marts.api_margin", model_id=long, api_source_id="feed",
           scenario_id="on_demand",
           api_provider_id=long, api_model_id=long, day=TODAY, is_relisted=False,
           usd_per_million_tokens_listed=1e-6, gpu_id="H100-SXM-80GB", gpu_count=4,
           precision="fp8", workload="chat", usd_per_million_tokens_cost=4e5,
           cost_low=3e5, cost_high=6e5, margin_fraction=-4e11, margin_low=-6e11,
           margin_high=-3e11)  # fmt: skip


def publish_by_hand(home: Home, fill_it: Any = fill, without: tuple[str, ...] = ()) -> Home:
    """Write a published file of this home."""
    home.published.mkdir(parents=True)
    path = home.published / "truecost-run-1.duckdb"
    with duckdb.connect(path) as connection:
        make_empty(connection, without)
        fill_it(connection)
    (home.published / "truecost.duckdb").symlink_to(path.name)
    return home


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home with a small published file."""
    return publish_by_hand(Home(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def odd_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a site of extremes."""
    home = publish_by_hand(Home(tmp_path_factory.mktemp("odd")), fill_odd)
    return build_site(home, now=NOW.replace(tzinfo=UTC)).folder


@pytest.fixture(scope="session")
def report(small_home: Home) -> SiteReport:
    """Return the site of the small home, built once."""
    return build_site(small_home, now=NOW.replace(tzinfo=UTC))


@pytest.fixture(scope="session")
def site(report: SiteReport) -> Path:
    """Return the folder of the small site."""
    return report.folder
