"""The tables of serving: made once, joined to the prices of a day, equal to the Python sums."""

import statistics
from collections.abc import Iterator
from datetime import date
from statistics import NormalDist

import duckdb
import numpy as np
import pytest

from cost_engine import hardware, units
from cost_engine import images as image_engine
from cost_engine.energy import server_kilowatts_per_chip
from cost_engine.serving import cost as engine
from cost_engine.serving.calibration import INTERVAL_80_DEVIATIONS
from cost_engine.serving.replicas import Request, with_room
from pipelines.derive import (
    flop_trend,
    gpu_sets,
    image_point,
    inference_backtest,
    serving_point,
    serving_reference,
)
from pipelines.derive.serving_names import known_gpus, known_models
from warehouse.macros import run_formulas
from warehouse.models import (
    SQL_FOLDER,
    comment,
    read_models,
    run_checks,
    run_models,
)
from warehouse.reference import bundled
from warehouse.reference.tables import reference_rows

MODELS = ("serving_point", "flop_trend", "inference_backtest", "image_point")
VIEWS = ("cost_per_flop", "inference_cost", "image_cost")
NEWEST = date(2026, 8, 10)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    for schema in ("core", "marts", "meta", "staged"):
        connection.execute(f"create schema {schema}")
    for name, table in reference_rows().items():
        connection.register("one", table)
        connection.execute(f"create table {name} as from one")
    connection.execute(
        """
        create table marts.gpu_price_daily as
        select gpu_id, day::date as day, 'on_demand' as purchase_model,
            null::int as commitment_months, 'neocloud' as market_family,
            price::double as median_usd_per_gpu_hour, price * 0.8e0 as p10_usd_per_gpu_hour,
            price * 1.5e0 as p90_usd_per_gpu_hour, 3 as provider_count, 5 as offer_count
        from (values
            ('H100-SXM-80GB', '2026-08-10', 2.5), ('H100-SXM-80GB', '2026-07-30', 2.7),
            ('L4-24GB', '2026-08-10', 0.8), ('H100', '2026-08-10', 2.0),
            ('TPU-V5E', '2026-08-10', 1.2)
        ) as t (gpu_id, day, price);
        create table marts.gpu_price_now as
        select gpu_id, 'data_center' as gpu_class, purchase_model,
            months::int as commitment_months, family as market_family, 'us' as reference_region,
            price::double as middle_usd_per_gpu_hour, price * 0.6e0 as ask_low_usd_per_gpu_hour,
            price / 0.6e0 as ask_high_usd_per_gpu_hour, 3 as provider_count,
            timestamp '2026-08-10' as oldest_seen_at, 'market' as evidence,
            family = 'neocloud' as is_default_basis, date '2026-08-10' as day
        from (values
            ('H100-SXM-80GB', 'on_demand', null, 'neocloud', 2.5),
            ('H100-SXM-80GB', 'on_demand', null, 'all', 2.9),
            ('H100-SXM-80GB', 'spot', null, 'neocloud', 1.5),
            ('H100-SXM-80GB', 'reserved', 36, 'neocloud', 1.9),
            ('H100-SXM-80GB', 'reserved', 7, 'neocloud', 2.1),
            ('L4-24GB', 'on_demand', null, 'neocloud', 0.8),
            ('H100', 'on_demand', null, 'neocloud', 2.0),
            ('TPU-V5E', 'on_demand', null, 'neocloud', 1.2)
        ) as t (gpu_id, purchase_model, months, family, price);
        create table marts.gpu_set_offer as
        select provider as provider_id, gpu_id, gpu_count, purchase_model, commitment_months,
            market_family, reference_region, middle_usd_per_gpu_hour * factor as usd_per_gpu_hour,
            gpu_count as gpus_per_instance, oldest_seen_at as seen_at
        from marts.gpu_price_now
        cross join (values
            ('dear', 1, 1.1), ('cheap', 2, 0.9), ('cheap', 8, 0.9), ('dear', 8, 1.2)
        ) as t (provider, gpu_count, factor)
        where market_family <> 'all'
        """
    )
    models = {
        model_id: known_models(bundled())[model_id]
        for model_id in ("llama-3.1-8b", "llama-3.3-70b", "deepseek-v3", "gpt-oss-120b")
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving_point, "servable_models", lambda _: list(models.values()))
        for module in (serving_point, flop_trend, inference_backtest, image_point):
            module.derive(connection, NEWEST)
        run_formulas(connection)
        connection.execute((SQL_FOLDER / "macros" / "inference.sql").read_text(encoding="utf-8"))
        run_models(connection, [read_models()[f"marts.{name}"] for name in VIEWS])
        for name in MODELS:
            comment(connection, read_models()[f"marts.{name}"])
        yield connection
    connection.close()


def test_every_check_of_the_files_passes(warehouse: duckdb.DuckDBPyConnection) -> None:
    models = [read_models()[f"marts.{name}"] for name in MODELS + VIEWS]
    assert [result for result in run_checks(warehouse, models) if result.wrong_rows] == []
    for model in models:
        assert warehouse.execute(f"select count(*) from {model.name}").fetchall()[0][0] > 0


def test_points_depend_on_no_price_and_are_made_once(warehouse: duckdb.DuckDBPyConnection) -> None:
    before = warehouse.execute("select count(*), max(reference_hash) from marts.serving_point")
    count = before.fetchall()
    warehouse.execute("update marts.serving_point set concurrency = concurrency")
    serving_point.derive(warehouse, NEWEST)
    after = warehouse.execute("select count(*), max(reference_hash) from marts.serving_point")
    assert after.fetchall() == count
    gpus = warehouse.execute("select distinct gpu_id from marts.serving_point order by 1")
    assert gpus.fetchall() == [("H100-SXM-80GB",), ("L4-24GB",)]  # no coarse one, no TPU


def test_only_offered_sets_have_a_cost_and_name_the_cheapest_provider(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = warehouse.execute(
        "select distinct gpu_count, set_provider_count, set_provider_id, set_usd_per_gpu_hour"
        " from marts.inference_cost where gpu_id = 'H100-SXM-80GB' and is_default_basis"
        " and purchase_model = 'on_demand' order by 1"
    ).fetchall()
    assert found == [
        (1, 1, "dear", pytest.approx(2.75)),
        (2, 1, "cheap", pytest.approx(2.25)),
        (8, 2, "cheap", pytest.approx(2.25)),
    ]


def test_the_cheapest_set_is_the_fastest_of_those_on_offer(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    wrong = warehouse.execute(
        """
        select count(*)
        from marts.inference_cost as c
        inner join marts.inference_cost as o
            using (model_id, gpu_id, workload, service_level_id, purchase_model, market_family)
        where c.is_cheapest_set and o.usd_per_1k_tokens < c.usd_per_1k_tokens * (1 - 1e-12)
            and c.commitment_months is not distinct from o.commitment_months
        """
    ).fetchall()[0][0]
    assert wrong == 0


def test_a_past_day_has_the_prices_of_neoclouds(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = warehouse.execute(
        "select distinct usd_per_gpu_hour from inference_cost_on('2026-07-30')"
    ).fetchall()
    assert found == [(2.7,)]


def test_a_past_day_has_the_facility_power_that_was_assumed_then(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    mean = "select avg(watt_hours_per_1k_tokens) from inference_cost_on('2026-07-30')"
    ((after,),) = warehouse.execute(mean).fetchall()
    warehouse.execute("begin")
    warehouse.execute(
        "update marts.gpu_price_daily set day = '2026-06-30' where day < '2026-08-01'"
    )
    ((before,),) = warehouse.execute(mean.replace("07-30", "06-30")).fetchall()
    warehouse.execute("rollback")
    assert before / after == pytest.approx(1.73 / 1.37)


def test_a_cost_can_be_redone_by_hand(warehouse: duckdb.DuckDBPyConnection) -> None:
    row = warehouse.execute(
        """
        select usd_per_gpu_hour, tokens_per_second_per_gpu, usd_per_1k_tokens, prefill_fraction,
            usd_per_1k_input_tokens, usd_per_1k_output_tokens, usd_per_1k_tokens_provisioned,
            fleet_utilisation_fraction, input_tokens, output_tokens, gpu_count
        from marts.inference_cost
        where model_id = 'llama-3.3-70b' and gpu_id = 'H100-SXM-80GB' and workload = 'long'
            and service_level_id = 'interactive' and purchase_model = 'spot' and is_cheapest_set
        """
    ).fetchall()[0]
    price, speed, usd, share, into, out, provisioned, use, prompt, answer, gpus = row
    assert usd == pytest.approx(engine.serving_usd_per_1k_tokens(price, speed), rel=1e-12)
    assert provisioned == pytest.approx(
        engine.serving_usd_per_1k_tokens(price, speed, use), rel=1e-12
    )
    requests = speed * gpus / (prompt + answer)
    split = engine.usd_per_1k_tokens_split(price, gpus, requests, share, prompt, answer)
    assert (into, out) == pytest.approx(split, rel=1e-12)


def test_the_interval_holds_both_the_prices_and_the_model(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    narrow, wide = warehouse.execute(
        "select min(high / low), min(1 / 0.36) from marts.inference_cost"
    ).fetchall()[0]
    assert narrow > float(wide)


@pytest.mark.parametrize(
    ("sql", "ours"),
    [
        ("serving_usd_per_1k_tokens(2.5, 3000)", engine.serving_usd_per_1k_tokens(2.5, 3000)),
        (
            "serving_usd_per_1k_tokens(2.5, 3000, fleet_utilisation_fraction := 0.5)",
            engine.serving_usd_per_1k_tokens(2.5, 3000, 0.5),
        ),
        ("usd_per_exaflop(1.3, 989e12, 0.4)", hardware.usd_per_exaflop(1.3, 989e12, 0.4)),
        (
            "facility_watts(700, server_power_ratio := 1.5, pue := 1.2)",
            1e3 * server_kilowatts_per_chip(700, 1.5, 1.2),
        ),
        (
            "watt_hours_per_1k_tokens(1730, 3000, 0.5)",
            engine.watt_hours_per_1k_tokens(1730, 3000, 0.5),
        ),
        ("usd_per_1k_images(0.8, 0.69, 0.5)", image_engine.usd_per_1k_images(0.8, 0.69, 0.5)),
        ("margin_fraction(87072, 562027)", engine.margin_fraction(87072, 562027)),
        ("markup_fraction(87072, 562027)", engine.markup_fraction(87072, 562027)),
        ("seconds_per_hour()", units.SECONDS_PER_HOUR),
        ("hours_per_month()", units.HOURS_PER_MONTH),
        ("hours_per_month_of_365_days()", units.HOURS_PER_MONTH_OF_365_DAYS),
        ("hours_per_price('hour', null)", 1),
        ("hours_per_price('minute', null)", 1 / 60),
        ("hours_per_price('second', null)", 1 / units.SECONDS_PER_HOUR),
        ("hours_per_price('month', null)", units.HOURS_PER_MONTH_OF_365_DAYS),
        ("hours_per_price('term', 36)", 3 * 8760),
        ("interval_80_deviations()", INTERVAL_80_DEVIATIONS),
        ("interval_90_deviations()", round(NormalDist().inv_cdf(0.95), 4)),
        ("blended_usd(1e0, 5e0)", engine.blended_usd(1.0, 5.0)),
        ("cached_input_usd(0.55e0, 0.14e0, 0.563e0)", engine.cached_input_usd(0.55, 0.14, 0.563)),
    ],
)
def test_macros_equal_the_python_functions(
    warehouse: duckdb.DuckDBPyConnection, sql: str, ours: float
) -> None:
    assert warehouse.execute(f"select {sql}").fetchall()[0][0] == pytest.approx(ours, rel=1e-12)


def test_cost_per_flop_uses_dense_peaks_and_equals_the_function(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    rows = warehouse.execute(
        "select precision, flops_per_second, usd_per_gpu_hour, usd_per_exaflop_peak,"
        " usd_per_gigabyte_hour, usd_per_terabyte_per_second_hour, flops_per_byte"
        " from marts.cost_per_flop where gpu_id = 'H100-SXM-80GB' and purchase_model = 'on_demand'"
        " and is_default_basis"
    ).fetchall()
    by_precision = {row[0]: row[1:] for row in rows}
    flops, price, peak, memory, bandwidth, balance = by_precision["bf16"]
    assert flops == pytest.approx(989.4e12)
    assert peak == pytest.approx(hardware.usd_per_exaflop(price, flops))
    assert memory == pytest.approx(hardware.usd_per_gigabyte_hour(price, 80e9))
    assert bandwidth == pytest.approx(hardware.usd_per_terabyte_per_second_hour(price, 3.35e12))
    assert balance == pytest.approx(hardware.balance_intensity(flops, 3.35e12))
    assert "fp4" not in by_precision


def test_efficient_points_are_beaten_by_none(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select tokens_per_second_per_gpu, tokens_per_second_per_user, is_efficient"
        " from marts.serving_point where model_id = 'gpt-oss-120b' and gpu_id = 'H100-SXM-80GB'"
        " and workload = 'chat'"
    ).fetchall()
    table = np.array([row[:2] for row in rows])
    kept = np.array([row[:2] for row in rows if row[2]])
    for speed, pace, is_efficient in rows:
        is_beaten = np.any(
            (table[:, 0] >= speed)
            & (table[:, 1] >= pace)
            & ((table[:, 0] > speed) | (table[:, 1] > pace))
        )
        is_kept_elsewhere = np.any((kept[:, 0] == speed) & (kept[:, 1] == pace))
        assert not is_beaten if is_efficient else is_beaten or is_kept_elsewhere


def test_a_thousand_images_cost_what_the_function_says(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    price, speed, usd = warehouse.execute(
        "select usd_per_gpu_hour, images_per_second_per_gpu, usd_per_1k_images"
        " from marts.image_cost where image_model_id = 'sdxl' and gpu_id = 'L4-24GB'"
    ).fetchall()[0]
    assert speed == pytest.approx(0.2516)  # four L4 made 1.006 images a second in MLPerf v5.1
    assert usd == pytest.approx(image_engine.usd_per_1k_images(price, speed))


def test_speeds_of_measured_gpus_left_out_are_met_within_a_third() -> None:
    reached = image_point.reached_fractions(bundled())
    assert len(reached) == 8
    for key, fraction in reached.items():
        others = [value for other, value in reached.items() if other != key]
        assert statistics.median(others) / fraction == pytest.approx(1, abs=0.35)


def test_flux_does_not_fit_where_its_weights_do_not() -> None:
    cards = [known_gpus(bundled())[name] for name in ("L4-24GB", "L40S-48GB")]
    table = image_point.image_points(bundled(), cards)
    flux = [row["gpu_id"] for row in table.to_pylist() if row["image_model_id"] == "flux.1-dev"]
    assert flux == ["L40S-48GB"]


def test_extrapolation_widens_the_interval_and_says_so() -> None:
    fit = serving_reference.fitted(bundled())
    model = known_models(bundled())["llama-3.1-8b"]
    sets = gpu_sets.gpu_sets(
        bundled(), [model], gpu_sets.servable_gpus(bundled(), ["H100-SXM-80GB"]), (1,)
    )
    inside, outside = Request(1024, 1024), Request(200_000, 1024)
    near, far = (sets.error_log_sd(request, fit) for request in (inside, outside))
    assert not near[1].any() and far[1].all()
    assert (far[0] > near[0]).all()


def test_two_nodes_are_tried_only_where_one_is_too_small() -> None:
    fit = serving_reference.fitted(bundled())
    models = [known_models(bundled())[name] for name in ("llama-3.1-8b", "kimi-k2")]
    gpus = gpu_sets.servable_gpus(bundled(), ["H100-SXM-80GB"])
    room = with_room(gpu_sets.gpu_sets(bundled(), models, gpus), Request(1024, 1024), fit, 16)
    largest = {
        (name, precision): max(
            room.gpu_count[(room.model.values == name) & (room.precision.values == precision)],
            default=0,
        )
        for name in ("llama-3.1-8b", "kimi-k2")
        for precision in ("fp8", "int4")
    }
    assert largest[("llama-3.1-8b", "fp8")] == 8
    assert largest[("kimi-k2", "fp8")] == 16  # 1,026 GB of weights and 684 GB on one node


def test_cards_without_a_fast_link_do_not_span_machines() -> None:
    model = known_models(bundled())["kimi-k2"]
    cards = gpu_sets.servable_gpus(bundled(), ["L40S-48GB", "H100-SXM-80GB", "GB200-186GB"])
    sets = gpu_sets.gpu_sets(bundled(), [model], cards)
    names = sets.gpu.values
    assert sets.gpu_count[names == "L40S-48GB"].max() == 8
    links = np.asarray(sets.chip.link_bandwidth_bytes_per_second)
    pair = sets.gpu_count == 16
    assert set(links[pair & (names == "H100-SXM-80GB")]) == {50e9}
    assert set(links[pair & (names == "GB200-186GB")]) == {900e9}
