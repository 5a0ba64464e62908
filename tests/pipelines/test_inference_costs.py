"""The tables of serving: made once, joined to the prices of a day, equal to the Python sums."""

import statistics
from collections.abc import Iterator
from datetime import date

import duckdb
import numpy as np
import pytest

from cost_engine import images as image_engine
from cost_engine import inference as engine
from pipelines.costing import images, inference
from pipelines.costing import serving_reference as reference
from warehouse.models import comment, read_models, run_checks, run_models
from warehouse.reference import reference_rows

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
        select gpu_id, day::date as day, purchase_model,
            commitment_months::int as commitment_months, 'all' as market_family,
            price as median_usd_per_gpu_hour,
            price * 0.8 as p10_usd_per_gpu_hour, price * 1.5 as p90_usd_per_gpu_hour,
            3 as provider_count, 5 as offer_count
        from (values
            ('H100-SXM-80GB', '2026-08-10', 'on_demand', null, 2.5),
            ('H100-SXM-80GB', '2026-08-10', 'spot', null, 1.5),
            ('H100-SXM-80GB', '2026-08-10', 'reserved', 36, 1.9),
            ('H100-SXM-80GB', '2026-08-10', 'reserved', 7, 2.1),
            ('H100-SXM-80GB', '2026-07-31', 'on_demand', null, 2.6),
            ('H100-SXM-80GB', '2026-07-30', 'on_demand', null, 2.7),
            ('L4-24GB', '2026-08-10', 'on_demand', null, 0.8),
            ('H100', '2026-08-10', 'on_demand', null, 2.0),
            ('TPU-V5E', '2026-08-10', 'on_demand', null, 1.2)
        ) as t (gpu_id, day, purchase_model, commitment_months, decimal_price),
        lateral (select decimal_price::double as price)
        """
    )
    models = {
        model_id: reference.known_models()[model_id]
        for model_id in ("llama-3.1-8b", "llama-3.3-70b", "deepseek-v3", "gpt-oss-120b")
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "servable_models", lambda: list(models.values()))
        inference.derive(connection, NEWEST)
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


def test_points_hang_on_no_price_and_are_made_once(warehouse: duckdb.DuckDBPyConnection) -> None:
    before = warehouse.execute("select count(*), max(reference_hash) from marts.serving_point")
    count = before.fetchall()
    warehouse.execute("update marts.serving_point set concurrency = concurrency")
    inference.derive(warehouse, NEWEST)
    after = warehouse.execute("select count(*), max(reference_hash) from marts.serving_point")
    assert after.fetchall() == count
    gpus = warehouse.execute("select distinct gpu_id from marts.serving_point order by 1")
    assert gpus.fetchall() == [("H100-SXM-80GB",), ("L4-24GB",)]  # no coarse one, no TPU


def test_the_newest_day_is_there_in_full_and_month_ends_with_the_cheapest_set(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    days = warehouse.execute(
        "select day, count(*), bool_and(is_cheapest_set) from marts.inference_cost"
        " group by day order by day"
    ).fetchall()
    assert [day for day, _, _ in days] == [date(2026, 7, 31), NEWEST]
    assert [only_cheapest for _, _, only_cheapest in days] == [True, False]
    other = warehouse.execute("select count(*) from inference_cost_on('2026-07-30')").fetchall()
    assert other[0][0] > days[0][1]


def test_a_cost_can_be_redone_by_hand(warehouse: duckdb.DuckDBPyConnection) -> None:
    row = warehouse.execute(
        """
        select usd_per_gpu_hour, tokens_per_second_per_gpu, usd_per_1k_tokens, prefill_fraction,
            usd_per_1k_input_tokens, usd_per_1k_output_tokens, usd_per_1k_tokens_provisioned,
            utilisation_fraction, input_tokens, output_tokens, gpu_count
        from marts.inference_cost
        where model_id = 'llama-3.3-70b' and gpu_id = 'H100-SXM-80GB' and workload_id = 'long'
            and service_level_id = 'interactive' and purchase_model = 'spot' and is_cheapest_set
            and day = '2026-08-10'
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
        "select min(high / low), min(1.5 / 0.8) from marts.inference_cost"
    ).fetchall()[0]
    assert narrow > float(wide)


@pytest.mark.parametrize(
    ("sql", "ours"),
    [
        ("serving_usd_per_1k_tokens(2.5, 3000)", engine.serving_usd_per_1k_tokens(2.5, 3000)),
        (
            "serving_usd_per_1k_tokens(2.5, 3000, utilisation_fraction := 0.5)",
            engine.serving_usd_per_1k_tokens(2.5, 3000, 0.5),
        ),
        ("usd_per_exaflop(1.3, 989e12, 0.4)", engine.usd_per_exaflop(1.3, 989e12, 0.4)),
        (
            "watt_hours_per_1k_tokens(1730, 3000, 0.5)",
            engine.watt_hours_per_1k_tokens(1730, 3000, 0.5),
        ),
        ("margin_fraction(87072, 562027)", engine.margin_fraction(87072, 562027)),
        ("markup_fraction(87072, 562027)", engine.markup_fraction(87072, 562027)),
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
        " and day = '2026-08-10'"
    ).fetchall()
    by_precision = {row[0]: row[1:] for row in rows}
    flops, price, peak, memory, bandwidth, balance = by_precision["bf16"]
    assert flops == pytest.approx(989.4e12)
    assert peak == pytest.approx(engine.usd_per_exaflop(price, flops))
    assert memory == pytest.approx(engine.usd_per_gigabyte_hour(price, 80e9))
    assert bandwidth == pytest.approx(engine.usd_per_terabyte_per_second_hour(price, 3.35e12))
    assert balance == pytest.approx(engine.balance_intensity(flops, 3.35e12))
    assert "fp4" not in by_precision


def test_efficient_points_are_beaten_by_none(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select tokens_per_second_per_gpu, tokens_per_second_per_user, is_efficient"
        " from marts.serving_point where model_id = 'gpt-oss-120b' and gpu_id = 'H100-SXM-80GB'"
        " and workload_id = 'chat'"
    ).fetchall()
    table = np.array([row[:2] for row in rows])
    for speed, pace, is_efficient in rows:
        is_beaten = np.any(
            (table[:, 0] >= speed)
            & (table[:, 1] >= pace)
            & ((table[:, 0] > speed) | (table[:, 1] > pace))
        )
        assert is_efficient != is_beaten


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
    reached = images.reached_fractions()
    assert len(reached) == 8
    for key, fraction in reached.items():
        others = [value for other, value in reached.items() if other != key]
        assert statistics.median(others) / fraction == pytest.approx(1, abs=0.35)


def test_flux_does_not_fit_where_its_weights_do_not() -> None:
    table = images.image_points(reference.known_gpus()[name] for name in ("L4-24GB", "L40S-48GB"))
    flux = [row["gpu_id"] for row in table.to_pylist() if row["image_model_id"] == "flux.1-dev"]
    assert flux == ["L40S-48GB"]


def test_extrapolation_widens_the_interval_and_says_so() -> None:
    fit = reference.load_fit()
    model = reference.known_models()["llama-3.1-8b"]
    sets = inference.sets_of([model], inference.servable_gpus(["H100-SXM-80GB"]), (1,))
    inside = inference.Workload("a", "a", 1024, 1024, "batch")
    outside = inference.Workload("b", "b", 200_000, 1024, "batch")
    near, far = (inference.error_log_sd(sets, load, fit) for load in (inside, outside))
    assert not near[1].any() and far[1].all()
    assert (far[0] > near[0]).all()


def test_two_nodes_are_tried_only_where_one_is_too_small() -> None:
    fit = reference.load_fit()
    models = [reference.known_models()[name] for name in ("llama-3.1-8b", "kimi-k2")]
    chat = inference.Workload("chat", "chat", 1024, 1024, "batch")
    gpus = inference.servable_gpus(["H100-SXM-80GB"])
    room = inference.with_room(inference.sets_of(models, gpus), chat, fit)
    largest = {
        (name, precision): max(
            room.gpu_count[
                (np.array(room.model.names)[room.model.codes] == name)
                & (np.array(room.precision.names)[room.precision.codes] == precision)
            ],
            default=0,
        )
        for name in ("llama-3.1-8b", "kimi-k2")
        for precision in ("fp8", "int4")
    }
    assert largest[("llama-3.1-8b", "fp8")] == 8
    assert largest[("kimi-k2", "fp8")] == 16  # 1,026 GB of weights and 684 GB on one node


def test_cards_without_a_fast_link_do_not_span_machines() -> None:
    model = reference.known_models()["kimi-k2"]
    cards = inference.servable_gpus(["L40S-48GB", "H100-SXM-80GB", "GB200-186GB"])
    sets = inference.sets_of([model], cards)
    names = np.array(sets.gpu.names)[sets.gpu.codes]
    assert sets.gpu_count[names == "L40S-48GB"].max() == 8
    links = np.asarray(sets.chip.link_bandwidth_bytes_per_second)
    pair = sets.gpu_count == 16
    assert set(links[pair & (names == "H100-SXM-80GB")]) == {50e9}
    assert set(links[pair & (names == "GB200-186GB")]) == {900e9}
