"""``train``, ``own-vs-rent`` and ``reserve``: answers, their JSON, refusals in one line."""

import json
from datetime import date, datetime
from functools import partial

import duckdb
import pytest

from pipelines.answers.gpu_facts import GpuFacts
from pipelines.answers.training_choices import ModelChoices, RunChoices, sizing
from pipelines.answers.training_utilisation import RunUtilisation
from pipelines.derive.own_vs_rent import purchase_price
from pipelines.derive.price_basis import given_price
from tests.pipelines.clock import clock
from warehouse.models import SQL_FOLDER
from warehouse.reference import bundled
from warehouse.reference.recorded import record


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    (folder / "published").mkdir()
    with duckdb.connect(folder / "published" / "truecost.duckdb") as connection:
        connection.execute(clock("2026-11-21 06:20"))
        connection.execute(
            """
            create schema marts;
            create table core.gpu as
                select 'H100-SXM-80GB' as gpu_id, 80000000000 as memory_bytes,
                    700.0::double as board_power_watts, 'NVIDIA H100 SXM' as "name",
                    false as is_coarse
                union all select 'B200-180GB', 180000000000, 1000.0, 'NVIDIA B200', false;
            create table core.gpu_alias (
                source_family text, gpu_name_printed text, canonical text
            );
            create table core.gpu_peak as
                select 'H100-SXM-80GB' as gpu_id, 'bf16' as "precision", false as is_sparse,
                    989.4e12::double as flops_per_second
                union all select 'H100-SXM-80GB', 'fp8', false, 1978.9e12
                union all select 'H100-SXM-80GB', 'fp4', false, 3957.8e12
                union all select 'B200-180GB', 'bf16', false, 2250e12;
            create table core.model as
                select 'llama-3.1-405b' as model_id, 'Llama 3.1 405B' as name,
                    'Llama 3.1-405B' as epoch_model_name, 405e9 as parameters,
                    405e9 as active_parameters, 15.6e12 as training_tokens,
                    3.8e25 as training_flops, 126 as layers, 16384 as hidden_size,
                    128 as attention_heads;
            create table marts.gpu_price_daily as
                select 'H100-SXM-80GB' as gpu_id, date '2026-11-20' as day,
                    'on_demand' as purchase_model, null::int as commitment_months,
                    'all' as market_family, 2.4::double as median_usd_per_gpu_hour,
                    1.9::double as p10_usd_per_gpu_hour, 3.9::double as p90_usd_per_gpu_hour,
                    9 as provider_count, 40 as offer_count
                union all select 'H100-SXM-80GB', date '2024-01-10', 'on_demand', null, 'all', 4.8,
                    3.9, 6.0, 5, 9
                union all select 'H100-SXM-80GB', date '2026-11-20', 'on_demand', null, 'neocloud',
                    2.4, 1.9, 3.9, 9, 40
                union all select 'H100-SXM-80GB', date '2026-11-20', 'reserved', 12, 'neocloud',
                    1.8, 1.6, 2.1, 5, 9
                union all select 'H100-SXM-80GB', date '2026-11-20', 'reserved', 36, 'neocloud',
                    1.2, 1.1, 1.5, 5, 9;
            create table marts.gpu_price_now as
                select 'H100-SXM-80GB' as gpu_id, 'data_center' as gpu_class, purchase_model,
                    months as commitment_months, 'neocloud' as market_family,
                    'us' as reference_region, middle::double as middle_usd_per_gpu_hour,
                    low::double as ask_low_usd_per_gpu_hour,
                    high::double as ask_high_usd_per_gpu_hour, 9 as provider_count,
                    timestamp '2026-11-20' as oldest_seen_at, date '2026-11-20' as day
                from (values
                    ('on_demand', null::int, 2.4, 1.9, 3.9), ('reserved', 12, 1.8, 1.6, 2.1)
                ) as t (purchase_model, months, middle, low, high);
            create table marts.gpu_set_offer as
                select 'acme' as provider_id, gpu_id, 8 as gpu_count,
                    'on_demand' as purchase_model, null::int as commitment_months,
                    'neocloud' as market_family, 'us' as reference_region,
                    usd::double as usd_per_gpu_hour, 8 as gpus_per_instance, 'r' as region,
                    timestamp '2026-11-20' as seen_at, true as is_available,
                    'https://example.org' as source_url
                from (values ('H100-SXM-80GB', 2.0), ('B200-180GB', 4.0)) as t (gpu_id, usd);
            create table marts.training_cost as
                select model, method, price_basis, date '2019-10-01' as day, 'chip' as hardware,
                    'H100-SXM-80GB' as gpu_id,
                    1e6 as gpu_hours, usd::double as usd_nominal, usd::double as usd_real,
                    '2023-12' as real_month, usd * 0.5e0 as low, usd * 2e0 as high,
                    usd * 0.6e0 as low_80, usd * 1.6e0 as high_80, null::double as energy_kwh,
                    null::double as carbon_kg, 'high' as confidence, null::varchar as reason,
                    'https://example.org' as source_url
                from (values
                    ('GPT-3 175B (davinci)', 'rental', '2024-12', 4324848),
                    ('GPT-3 175B (davinci)', 'rental', 'tracked_h100', 565000),
                    ('Llama 3.1-405B', 'amortized', 'clean', 45000000),
                    ('Llama 3.1-405B', 'rental', '2025-06', 170559406),
                    ('Epoch only', 'rental', '2025-06', 1),
                    ('Epoch blank', 'rental', '2025-06', 1)
                ) as t (model, method, price_basis, usd);
            create table marts.training_then_and_now as
                select model, 0 as model_number, 'on_demand' as purchase_model,
                    null::int as commitment_months, 'hyperscaler' as market_family,
                    'azure' as then_provider_id, 'NVIDIA V100' as then_hardware,
                    date '2019-08-06' as then_day, 3.06 as then_usd_per_gpu_hour,
                    10.9e6 as then_usd, null::varchar as then_reason, 'V100-SXM-32GB' as now_gpu_id,
                    false as is_same_chip, 3 as now_provider_count, date '2026-11-20' as now_day,
                    2.754 as now_usd_per_gpu_hour, 9.8e6 as now_usd, 6e6 as now_low_80,
                    14e6 as now_high_80, null::varchar as now_reason, -0.1e0 as change_fraction,
                    -0.4e0 as change_low_80, 0.3e0 as change_high_80, 'low' as confidence
                from (values ('GPT-3 175B (davinci)')) as t (model);
            create table core.training_run as
                select * from (values
                    ('Epoch only', 40e9::double, 2.4e23::double), ('Epoch blank', null, null)
                ) as t (model, parameters, training_flops);
            """
        )
        connection.execute((SQL_FOLDER / "ledgers.sql").read_text(encoding="utf-8"))
        record(connection, bundled(), datetime.fromisoformat("2026-11-20T06:00:00"))
    return folder


@pytest.fixture
def answer(home, main_on):
    return partial(main_on, home)


def as_json(answer, *arguments):
    status, out, err = answer(*arguments, "--json")
    assert status == 0, err
    return json.loads(out)


def test_a_plan_takes_the_tracked_price_and_has_an_interval(answer):
    got = as_json(answer, "train", "--parameters", "70B", "--tokens", "15T", "--gpus", "4096")
    plan = got["plan"]
    assert got["model"]["flops"] == pytest.approx(6.3e24)
    assert plan["usd"] == pytest.approx(plan["gpu_hours"] * 2.4)
    assert plan["days"] == pytest.approx(plan["gpu_hours"] / 4096 / 24)
    assert plan["low"] < plan["low_80"] < plan["high_80"] < plan["high"]
    assert all(row["source"] for row in got["assumptions"])
    assert got["offers"][0]["gpu_id"] == "B200-180GB"  # dearer an hour, cheaper a FLOP


def test_all_runs_cost_more_and_are_less_certain_than_the_final_one(answer):
    arguments = ("train", "--parameters", "7B", "--tokens", "2T")
    final = as_json(answer, *arguments)["plan"]
    everything = as_json(answer, *arguments, "--runs", "all")["plan"]
    assert everything["usd"] == pytest.approx(final["usd"] * 2.19, rel=0.01)
    assert everything["days"] == final["days"]
    assert everything["high"] / everything["low"] > final["high"] / final["low"]


RUN = ("train", "--parameters", "70B", "--tokens", "15T", "--gpus", "4096", "--price", "2")


def test_staff_is_a_share_of_the_whole_development(answer):
    got = as_json(answer, *RUN, "--staff")
    whole, plan = got["development"], got["plan"]
    assert whole["staff_usd"] / whole["usd"] == pytest.approx(0.38)
    assert whole["compute_usd"] == pytest.approx(plan["usd"] + got["test_runs"]["usd"])
    assert whole["low_80"] < whole["usd"] < whole["high_80"]
    all_runs = as_json(answer, *RUN, "--staff", "--runs", "all")
    assert all_runs["development"]["usd"] == pytest.approx(whole["usd"])
    assert all_runs["test_runs"] == got["test_runs"] | {"is_in_cost": True}
    fixed = as_json(answer, *RUN, "--staff", "--set", "staff_fraction=0.5")["development"]
    assert fixed["staff_usd"] == pytest.approx(fixed["compute_usd"])
    assert "development" not in as_json(answer, *RUN)


def test_the_site_must_power_all_boards_at_their_limit(answer):
    got = as_json(answer, *RUN, "--set", "pue=1.2", "--set", "server_power_ratio=2")
    assert got["cluster_megawatts"] == pytest.approx(4096 * 0.7 * 2 * 1.2 / 1000)
    half = as_json(answer, *RUN, "--set", "average_power_fraction=0.5")
    full = as_json(answer, *RUN, "--set", "average_power_fraction=1")
    assert half["cluster_megawatts"] == full["cluster_megawatts"]


def test_text_ends_before_a_hundred_times_the_tokens(answer):
    share = as_json(answer, *RUN)["text"]
    assert share["share_of_stock"] == pytest.approx(15 / 300)
    assert share["low"] < share["share_of_stock"] < share["high"] < 1
    huge = (*RUN[:4], "1500T", *RUN[5:])
    assert "More tokens than there is public text" in answer(*huge)[1]
    assert "More tokens" not in answer(*RUN)[1]


def test_a_budget_is_spent(answer):
    got = as_json(answer, "train", "--budget", "10M", "--gpus", "1024")
    assert got["plan"]["usd"] == pytest.approx(10e6, rel=0.01)
    assert got["model"]["tokens"] / got["model"]["parameters"] == pytest.approx(20)


def test_a_target_loss_is_reached_and_a_deadline_met(answer):
    got = as_json(
        answer, "train", "--target-loss", "2.0", "--fit", "corrected", "--deadline-days", "30"
    )
    assert got["model"]["losses"]["corrected"] == pytest.approx(2.0)
    assert got["plan"]["days"] <= 30


def test_a_reference_model_is_planned_and_its_history_shown(answer):
    got = as_json(answer, "train", "llama-3.1-405b", "--gpus", "16384")
    assert got["model"]["flops"] == pytest.approx(6 * 405e9 * 15.6e12)
    assert got["memory"]["activation_bytes_per_gpu"] > 0
    assert {row["method"] for row in got["history"]} >= {"amortized", "rental"}
    assert 60 < got["plan"]["days"] < 120  # took 54 days of pre-training at 43 % MFU


def test_a_known_model_is_shown_at_its_date_and_today(answer):
    got = as_json(answer, "train", "gpt-3 175b (davinci)")["history"]
    by_basis = {(row["method"], row["price_basis"]): row for row in got}
    assert by_basis["rental", "2024-12"]["usd_real"] == 4_324_848
    assert by_basis["rental", "tracked_h100"]["usd_nominal"] == 565_000


def test_a_known_model_shows_the_same_contract_then_and_now(answer):
    (pair,) = as_json(answer, "train", "gpt-3 175b (davinci)")["then_and_now"]
    assert (pair["then_provider_id"], pair["now_gpu_id"]) == ("azure", "V100-SXM-32GB")
    _, shown, _ = answer("train", "gpt-3 175b (davinci)")
    assert "rented on demand, then and now: -10% (low confidence)" in shown
    assert "3 hyperscalers" in shown and "2019-08-06" in shown


def test_a_model_on_other_tokens_takes_their_compute_and_not_that_of_its_pretraining(answer):
    got = as_json(answer, "train", "llama-3.1-405b", "--tokens", "1B", "--gpus", "512")
    bare = as_json(
        answer, "train", "--params", "405B", "--tokens", "1B", "--gpus", "512", "--price", "2.4"
    )
    assert got["model"]["flops"] == pytest.approx(6 * 405e9 * 1e9)
    assert got["plan"]["usd"] == pytest.approx(bare["plan"]["usd"])


def test_a_compute_given_for_a_model_is_honoured_and_its_tokens_follow(answer):
    got = as_json(answer, "train", "llama-3.1-405b", "--flops", "2.43e24", "--gpus", "512")
    assert got["model"]["flops"] == 2.43e24
    assert got["model"]["tokens"] == pytest.approx(1e12)


def test_the_options_are_honoured_for_a_model_by_any_of_its_names(answer):
    arguments = ("--utilisation-fraction", "0.3", "--price", "1.5", "--gpus", "512")
    by_id = as_json(answer, "train", "llama-3.1-405b", *arguments)["plan"]
    by_epoch_name = as_json(answer, "train", "Llama 3.1-405B", *arguments)["plan"]
    assert by_id == by_epoch_name


def test_a_model_that_only_epoch_knows_is_planned_where_an_option_is_given(answer):
    assert list(as_json(answer, "train", "Epoch only")) == ["history", "then_and_now", "moment"]
    got = as_json(answer, "train", "Epoch only", "--price", "1.5", "--gpus", "64")
    assert got["model"]["flops"] == 2.4e23
    assert got["plan"]["usd"] == pytest.approx(1.5 * got["plan"]["gpu_hours"])


def test_a_model_of_ones_own_is_planned_from_its_configuration(answer, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(
        '{"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,'
        ' "vocab_size": 128256, "num_key_value_heads": 8, "intermediate_size": 14336,'
        ' "tie_word_embeddings": false}',
        encoding="utf-8",
    )
    got = as_json(answer, "train", "--model-file", str(path), "--tokens", "1B", "-n", "64")
    assert got["model"]["flops"] == pytest.approx(6 * 8.03e9 * 1e9, rel=1e-3)
    assert got["memory"]["activation_bytes_per_gpu"] > 0


def test_an_id_of_hugging_face_names_a_known_model(answer):
    arguments = ("--tokens", "1B", "--gpus", "512")
    spelled = as_json(answer, "train", "meta-llama/Llama-3.1-405B-Instruct", *arguments)
    assert spelled["plan"] == as_json(answer, "train", "llama-3.1-405b", *arguments)["plan"]


def test_a_later_stage_trains_on_its_own_tokens(answer):
    arguments = ("train", "llama-3.1-405b", "--tokens", "1B", "--price", "2")
    full = as_json(answer, *arguments, "-n", "512", "--stage", "sft")
    lora = as_json(answer, *arguments, "-n", "512", "--stage", "lora")
    assert full["model"]["flops"] == pytest.approx(6 * 405e9 * 1e9)
    assert lora["plan"]["usd"] == pytest.approx(full["plan"]["usd"] * 2 / 3)
    assert lora["memory"]["minimum_gpus"] < full["memory"]["minimum_gpus"]
    sampled = as_json(answer, *arguments, "-n", "512", "--stage", "rl")["plan"]
    assert sampled["utilisation_fraction"] < full["plan"]["utilisation_fraction"]
    status, out, err = answer(*arguments, "-n", "512", "--stage", "dpo")
    assert status == 0 and "arXiv:2305.18290" in out, err


def test_fp8_is_faster_than_bf16_but_not_by_its_peak(answer):
    arguments = ("train", "--parameters", "70B", "--gpus", "512")
    wide = as_json(answer, *arguments)["plan"]
    narrow = as_json(answer, *arguments, "--precision", "fp8")["plan"]
    assert wide["usd"] / 2 < narrow["usd"] < wide["usd"]


def test_a_given_utilisation_holds_for_the_cluster_that_is_asked_for(answer):
    arguments = ("train", "--parameters", "70B", "--tokens", "1T", "--gpus", "16384")
    given = as_json(answer, *arguments, "--utilisation-fraction", "0.4")["plan"]
    assert given["utilisation_fraction"] == 0.4
    reported = as_json(answer, *arguments)["plan"]
    assert reported["gpu_hours_high"] / reported["gpu_hours_low"] > 2
    assert given["gpu_hours_high"] / given["gpu_hours_low"] < 1.2


def test_each_offer_says_what_the_run_would_cost_on_it(answer):
    got = as_json(answer, "train", "--parameters", "70B", "--tokens", "2T", "--gpus", "512")
    blackwell, hopper = got["offers"]
    assert blackwell["gpu_hours"] * 2250 == pytest.approx(hopper["gpu_hours"] * 989.4)
    assert blackwell["usd"] < hopper["usd"]
    assert blackwell["minimum_gpus"] < hopper["minimum_gpus"]


def test_activations_that_nobody_can_tell_are_not_zero(answer):
    got = as_json(answer, "train", "--parameters", "7B", "--gpus", "64")
    assert got["memory"]["activation_bytes_per_gpu"] is None
    status, out, err = answer("train", "--parameters", "7B", "--gpus", "64")
    assert status == 0, err
    assert "activations on each" in out
    assert not [
        line for line in out.splitlines() if line.startswith("activations") and " 0 " in line
    ]


def test_twenty_four_over_two_is_twelve(answer):
    (row,) = as_json(answer, "reserve", "--job-months", "2", "--commitment-months", "24")
    assert row["multiplier"] == 12


def test_a_load_file_is_planned_at_given_prices(answer, tmp_path):
    file = tmp_path / "load.csv"
    file.write_text("gpu_count,hours\n2,18\n8,6\n")
    given = ("--on-demand-price", "2", "--reserved-price", "1", "--commitment-months", "12")
    rows = as_json(answer, "reserve", "--job-months", "12", "--load", str(file), *given)
    mix = next(row for row in rows if row["plan"] == "mix")
    assert (mix["reserved_gpu_count"], mix["burst_gpu_count"]) == (2, 6)
    assert mix["is_cheapest"] and mix["burst_fraction"] == pytest.approx(1.5 / 3.5, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("gpus\n1\n", "no column gpu_count"),
        ("gpu_count\n1\nmany\n", "line 3, gpu_count: 'many'"),
        ("gpu_count,hours\n1,0\n", "line 2, hours"),
        ("gpu_count\n", "no row"),
        ("gpu_count\n0\n", "not all 0"),
    ],
)
def test_a_wrong_load_is_one_line_that_says_where(answer, tmp_path, text, hint):
    file = tmp_path / "load.csv"
    file.write_text(text)
    given = ("--on-demand-price", "2", "--reserved-price", "1", "--job-months", "12")
    status, _, err = answer("reserve", "--load", str(file), *given)
    assert status == 2 and hint in err and err.count("\n") == 1


def test_two_cards_at_a_desk_are_not_charged_for_a_hall(answer):
    card = ("own-vs-rent", "--purchase-usd", "1500", "--price", "0.2", "--board-power-watts", "350")
    desk, server = (as_json(answer, *card, "-n", count) for count in ("2", "8"))
    assert desk["owned_usd_per_gpu_hour"] < server["owned_usd_per_gpu_hour"] / 2
    assert desk["low"] < desk["owned_usd_per_gpu_hour"] < desk["high"]
    one = as_json(answer, *card, "-n", "1")
    assert one["owned_usd_per_gpu_hour"] > desk["owned_usd_per_gpu_hour"]


@pytest.mark.parametrize(
    ("place", "usd_per_kwh", "grams"), [("us-va", 0.0892, 245.0), ("FR", None, 44.0)]
)
def test_the_place_sets_electricity_and_carbon_or_says_that_it_has_none(
    answer, place, usd_per_kwh, grams
):
    got = as_json(answer, "train", "--parameters", "7B", "--country", place)
    assert got["energy"]["carbon_kg"] == pytest.approx(got["energy"]["kwh"] * grams / 1000)
    bill = None if usd_per_kwh is None else got["energy"]["kwh"] * usd_per_kwh
    assert got["energy"]["electricity_usd"] == (bill and pytest.approx(bill))
    [told] = [row for row in got["assumptions"] if row["name"] == "usd_per_kwh"]
    assert told["value"] == usd_per_kwh
    assert told["source"].endswith("has none") == (usd_per_kwh is None)


def test_owning_where_no_electricity_price_was_read_takes_a_given_one(answer):
    assert answer("own-vs-rent", "--country", "GB")[0] == 2
    got = as_json(answer, "own-vs-rent", "--country", "GB", "--usd-per-kwh", "0.2")
    assert ("usd_per_kwh", 0.2) in {(row["name"], row["value"]) for row in got["assumptions"]}


def test_owning_has_a_band_and_tests_the_rule_of_thumb(answer):
    got = as_json(answer, "own-vs-rent", "--gpus", "4096")
    assert got["low"] < got["owned_usd_per_gpu_hour"] < got["high"]
    assert isinstance(got["rule_50_million_is_in_band"], bool)
    at_high_price = as_json(answer, "own-vs-rent", "--gpus", "4096", "--usd-per-kwh", "0.5")
    assert at_high_price["owned_usd_per_gpu_hour"] > got["owned_usd_per_gpu_hour"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("train",), "give --parameters"),
        (("train", "--parameters", "0"), "above 0"),
        (("train", "--parameters", "nan"), "above 0"),
        (("train", "--parameters", "1T", "--gpus", "8"), "must be at least 240"),
        (("train", "--parameters", "7B", "--gpu", "H900"), "unknown GPU 'H900'"),
        (("train", "--parameters", "7B", "--precision", "fp2"), "there are bf16"),
        (("train", "--parameters", "7B", "--precision", "fp4"), "give --utilisation-fraction"),
        (("train", "--parameters", "7B", "--utilisation-fraction", "40"), "(0, 1]"),
        (("train", "--parameters", "7B", "--country", "ZZ"), "neither an electricity price nor"),
        (("train", "--parameters", "7B", "--gpu", "B200-180GB"), "give one with --price"),
        (("train", "--target-loss", "1.2"), "irreducible loss"),
        (("train", "llama-3.1-405b", "--stage", "sft"), "--tokens: tokens of the examples"),
        (("train", "--parameters", "7B", "--stage", "sft", "--flops", "1e20"), "give --tokens"),
        (
            ("train", "--parameters", "7B", "--tokens", "1B", "--stage", "long-context"),
            "--hidden-size",
        ),
        (("train", "--parameters", "7B", "--set", "pue=0.5"), "pue = 0.5: must be 1 or more"),
        (("train", "--parameters", "7B", "--set", "pue"), "give NAME=VALUE"),
        (("train", "--parameters", "7B", "--set", "pue=x"), "must be a number"),
        (("train", "--parameters", "7B", "--set", "mood=1"), "there are: utilisation_fraction"),
        (
            ("train", "--parameters", "7B", "--price", "2", "--set", "usd_per_gpu_hour=3"),
            "given twice",
        ),
        (("own-vs-rent", "--set", "residual_fraction=1.5"), "residual_fraction"),
        (("own-vs-rent", "--country", "FR"), "no electricity price; give one in USD per kWh"),
        (("own-vs-rent", "--price", "1,5"), "a comma groups three digits"),
        (("train", "llama-3.1-405b", "--parameters", "70B"), "contradicts Llama 3.1 405B"),
        (("train", "llama-3.1-405b", "--layers", "80"), "contradicts Llama 3.1 405B"),
        (("train", "llama-3.1-405b", "--budget", "1M"), "--budget sizes a model"),
        (("train", "llama-3.1-405b", "--tokens", "1B", "--flops", "1e25"), "contradict each other"),
        (("train", "Epoch only", "--tokens", "1B"), "active parameters of Epoch only"),
        (("train", "Epoch blank", "--price", "2"), "compute of Epoch blank is not known"),
        (("train", "--parameters", "7B", "--tokens", "1T", "--flops", "1e23"), "contradict each"),
        (("train", "--parameters", "7B", "--target-loss", "2"), "without --parameters"),
        (("train", "--budget", "1M", "--tokens", "1T"), "without --tokens"),
        (("train", "--flops", "1e23", "--active-parameters", "1B"), "needs --parameters"),
        (("train", "--parameters", "7B", "--fit", "corrected"), "without --parameters"),
        (("train", "--parameters", "7B", "--layers", "32"), "--attention-heads"),
        (("train", "--parameters", "7B", "-n", "64", "--deadline-days", "9"), "--deadline-days"),
        (("train", "--parameters", "7B", "--resale", "0.5"), "needs --commitment-months"),
        (("train", "--parameters", "7B", "--price", "2", "--purchase", "spot"), "--purchase"),
        ((*RUN, "--teacher-parameters", "70B"), "needs --stage distillation"),
        ((*RUN, "--stage", "distillation"), "needs --teacher-parameters"),
        ((*RUN, "--set", "staff_fraction=0.3"), "--set staff_fraction needs --staff"),
        ((*RUN, "--staff", "--set", "staff_fraction=1"), "staff_fraction = 1: must be"),
        (("train", "nonesuch-9"), "unknown model 'nonesuch-9'"),
        (("reserve", "--job-months", "-1"), "above 0"),
        (("reserve", "--job-months", "2", "--as-of", "2026-08-01"), "--as-of needs --gpu"),
        (("reserve", "--job-months", "3", "-n", "8"), "-n needs --gpu"),
        (("reserve", "--gpu", "H100-SXM-80GB"), "--job-months is missing"),
        (("reserve", "--job-months", "3", "--reserved-price", "2"), "--reserved-price needs"),
        (("reserve", "--terms"), "--terms needs --gpu"),
        (
            ("reserve", "--job-months", "3", "--gpu", "H100-SXM-80GB", "--base-gpus", "2"),
            "give both",
        ),
        (
            ("own-vs-rent", "--gpu", "H100-SXM-80GB", "--fleet-utilisation-fraction", "7"),
            "fraction",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(answer, arguments, hint):
    status, out, err = answer(*arguments)
    assert (status, out) == (2, "")
    assert hint in err and err.count("\n") == 1


def test_without_a_published_file_a_given_price_is_enough(main_on, tmp_path):
    status, out, _ = main_on(tmp_path, "train", "--parameters", "7B", "--price", "2")
    assert status == 0 and "90 % interval" in out
    status, _, err = main_on(tmp_path, "train", "--parameters", "7B")
    assert status == 2 and "truecost run" in err


def test_the_tables_name_their_assumptions(answer):
    status, out, _ = answer("own-vs-rent")
    assert status == 0 and "assumption: cost of capital" in out
    status, out, _ = answer("train", "--parameters", "7B")
    assert status == 0 and "arXiv:1910.02054" in out


@pytest.mark.parametrize(
    ("name", "value"),
    [("utilisation_fraction", 0.3), ("goodput_fraction", 0.8), ("usd_per_gpu_hour", 1.5)],
)
def test_an_assumption_that_is_set_makes_the_plan_and_is_printed_as_given(answer, name, value):
    got = as_json(answer, "train", "--parameters", "7B", "-n", "64", "--set", f"{name}={value}")
    rows = {row["name"]: row for row in got["assumptions"]}
    assert (rows[name]["value"], rows[name]["source"]) == (value, "given")
    assert (got["plan"] | got["gpu"])[name] == value


def test_the_power_of_a_plan_follows_what_is_set(answer):
    arguments = ("train", "--parameters", "7B", "-n", "64", "--price", "2")
    plain = as_json(answer, *arguments)
    changed = as_json(answer, *arguments, "--set", "pue=2.5", "--set", "usd_per_kwh=0.2")
    assert changed["energy"]["kwh"] == pytest.approx(2 * plain["energy"]["kwh"])  # PUE is 1.25
    assert changed["energy"]["electricity_usd"] == pytest.approx(0.2 * changed["energy"]["kwh"])
    twice = as_json(answer, *arguments, "--set", "runs_multiplier=2")
    assert twice["plan"]["usd"] == pytest.approx(2 * plain["plan"]["usd"])


def test_a_small_cluster_does_not_pay_for_the_people_of_a_large_one(answer):
    sizes = {
        count: as_json(answer, "own-vs-rent", "--gpus", str(count))
        for count in (8, 64, 1024, 16384)
    }
    team = {count: found["team_usd_per_gpu_hour"] for count, found in sizes.items()}
    assert list(team.values()) == sorted(team.values(), reverse=True)
    assert team[8] < 1.0
    for found in sizes.values():
        parts = ("capital", "team", "space", "maintenance", "power")
        assert found["owned_usd_per_gpu_hour"] == pytest.approx(
            sum(found[f"{part}_usd_per_gpu_hour"] for part in parts)
        )


def test_one_server_and_a_hall_of_ones_own_are_cases_of_owning(answer):
    found = as_json(answer, "own-vs-rent", "--gpus", "1024")
    cases = {row["case"]: row for row in found["cases"]}
    rented, own = cases["cluster, colocation"], cases["cluster, own hall"]
    assert rented["owned_usd_per_gpu_hour"] == found["owned_usd_per_gpu_hour"]
    assert rented["break_even_month"] == found["break_even_month"]
    assert own["gpu_count"] == 1024
    assert own["owned_usd_per_gpu_hour"] < rented["owned_usd_per_gpu_hour"]
    server = as_json(answer, "own-vs-rent", "--gpus", "8")
    assert (
        cases["one server, colocation"]["owned_usd_per_gpu_hour"]
        == (server["owned_usd_per_gpu_hour"])
    )
    given = as_json(answer, "own-vs-rent", "--set", "space_usd_per_kilowatt_month=100")["cases"]
    assert given[1]["owned_usd_per_gpu_hour"] == given[2]["owned_usd_per_gpu_hour"]


def test_a_consumer_card_has_the_price_that_its_maker_announced():
    found = purchase_price("RTX4090-24GB", date(2026, 8, 10), bundled())
    assert (found.priced_on, found.usd > 1599) == (date(2022, 9, 20), True)


def test_owning_that_never_pays_says_why(answer):
    got = as_json(answer, "own-vs-rent", "--price", "0.5")
    assert got["break_even_utilisation_fraction"] is None
    assert "largest part is the capital" in got["never_reason"]
    assert as_json(answer, "own-vs-rent", "--price", "5")["never_reason"] is None
    status, out, _ = answer("own-vs-rent", "--price", "0.5")
    assert status == 0 and "Owning is never cheaper" in out


def test_every_assumption_of_owning_can_be_set_by_the_name_it_is_printed_under(answer):
    plain = as_json(answer, "own-vs-rent", "--gpus", "64")
    for row in plain["assumptions"]:
        value = 1.1 * row["value"] if row["name"] != "fleet_utilisation_fraction" else 0.9
        got = as_json(answer, "own-vs-rent", "--gpus", "64", "--set", f"{row['name']}={value}")
        found = {one["name"]: one for one in got["assumptions"]}[row["name"]]
        assert (found["value"], found["source"]) == (pytest.approx(value), "given")
        assert got != plain


def size_of(**given):
    gpu = GpuFacts(
        "H100-SXM-80GB",
        80e9,
        989.4e12,
        700.0,
        2.0,
        given_price("H100-SXM-80GB", 2.0, date(2026, 11, 20)),
    )
    utilisation = RunUtilisation(gpu, None, date(2026, 11, 20), bundled())
    return sizing(ModelChoices(**given), gpu, RunChoices(), utilisation)


@pytest.mark.parametrize(
    ("given", "flops"),
    [
        ({"parameters": 1e9, "tokens": 2e10}, 1.2e20),
        ({"parameters": 8e9, "active_parameters": 1e9, "tokens": 2e10}, 1.2e20),
        ({"parameters": 1e9}, 1.2e20),
        ({"flops": 1.2e20, "tokens": 2e10}, 1.2e20),
        ({"flops": 1.2e20}, 1.2e20),
    ],
)
def test_a_size_follows_from_what_is_given(given, flops):
    size = size_of(**given)
    assert size.flops == pytest.approx(flops)
    assert size.active_parameters * size.tokens * 6 == pytest.approx(flops)


def test_more_active_than_total_parameters_are_refused():
    with pytest.raises(ValueError, match="must not be above"):
        size_of(parameters=1e9, active_parameters=2e9)
