"""``train``, ``own-vs-rent`` and ``reserve``: answers, their JSON, refusals in one line."""

import json

import duckdb
import pytest

from pipelines.cli import main
from pipelines.costing.planner import sizing


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    (folder / "published").mkdir()
    with duckdb.connect(folder / "published" / "truecost.duckdb") as connection:
        connection.execute(
            """
            create schema core;
            create schema marts;
            create table core.gpu as
                select 'H100-SXM-80GB' as gpu_id, 80000000000 as memory_bytes,
                    700.0::double as board_power_watts
                union all select 'B200-180GB', 180000000000, 1000.0;
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
            create table marts.offers_latest as
                select gpu_id, provider_id, 'r' as region, 8 as gpu_count,
                    'on_demand' as purchase_model, null::int as commitment_months,
                    usd::double as usd_per_gpu_hour, true as is_available, false as is_stale,
                    'https://example.org' as source_url
                from (values ('H100-SXM-80GB', 'acme', 2.0), ('B200-180GB', 'acme', 4.0))
                    as t (gpu_id, provider_id, usd);
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
                    ('Llama 3.1-405B', 'rental', '2025-06', 170559406)
                ) as t (model, method, price_basis, usd);
            """
        )
    return folder


@pytest.fixture
def answer(home, monkeypatch, capsys):
    monkeypatch.setenv("TRUECOST_HOME", str(home))

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        printed = capsys.readouterr()
        return end.value.code, printed.out, printed.err

    return run


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
    assert plan["usd_low"] < plan["usd_low_80"] < plan["usd_high_80"] < plan["usd_high"]
    assert all(row["source"] for row in got["assumptions"])
    assert got["offers"][0]["gpu_id"] == "B200-180GB"  # dearer an hour, cheaper a FLOP


def test_all_runs_cost_more_and_are_less_certain_than_the_final_one(answer):
    arguments = ("train", "--parameters", "7B", "--tokens", "2T")
    final = as_json(answer, *arguments)["plan"]
    everything = as_json(answer, *arguments, "--runs", "all")["plan"]
    assert everything["usd"] == pytest.approx(final["usd"] * 2.19, rel=0.01)
    assert everything["days"] == final["days"]
    assert everything["usd_high"] / everything["usd_low"] > final["usd_high"] / final["usd_low"]


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
    assert got["model"]["flops"] == pytest.approx(3.8e25)
    assert got["memory"]["activation_bytes_per_gpu"] > 0
    assert {row["method"] for row in got["history"]} >= {"amortized", "rental"}
    assert 60 < got["plan"]["days"] < 120  # took 54 days of pre-training at 43 % MFU


def test_a_known_model_is_shown_at_its_date_and_today(answer):
    got = as_json(answer, "train", "gpt-3 175b (davinci)")["history"]
    by_basis = {(row["method"], row["price_basis"]): row for row in got}
    assert by_basis["rental", "2024-12"]["usd_real"] == 4_324_848
    assert by_basis["rental", "tracked_h100"]["usd_nominal"] == 565_000


def test_fp8_doubles_the_peak_but_not_what_is_reached_of_it(answer):
    wide = as_json(answer, "train", "--parameters", "70B", "--gpus", "512")["plan"]
    narrow = as_json(answer, "train", "--parameters", "70B", "--gpus", "512", "--precision", "fp8")
    assert narrow["plan"]["usd"] / wide["usd"] == pytest.approx(0.4 / (2 * 0.1947), rel=0.01)


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
    (row,) = as_json(answer, "reserve", "--job-months", "2", "--term-months", "24")
    assert row["multiplier"] == 12


def test_reservations_are_compared_at_tracked_prices(answer):
    rows = as_json(answer, "reserve", "--job-months", "24", "--gpu", "h100-sxm-80gb")
    by_term = {row["term_months"]: row for row in rows}
    assert by_term[12]["effective_usd_per_gpu_hour"] == pytest.approx(1.8)
    assert by_term[36]["effective_usd_per_gpu_hour"] == pytest.approx(1.8)
    assert by_term[36]["break_even_months"] == pytest.approx(18)
    assert all(row["cheaper"] == "reserved" for row in rows)


def test_owning_has_a_band_and_tests_the_rule_of_thumb(answer):
    got = as_json(answer, "own-vs-rent", "--gpus", "4096")
    assert got["low"] < got["owned_usd_per_gpu_hour"] < got["high"]
    assert isinstance(got["rule_50_million_is_in_band"], bool)
    dear = as_json(answer, "own-vs-rent", "--gpus", "4096", "--usd-per-kwh", "0.5")
    assert dear["owned_usd_per_gpu_hour"] > got["owned_usd_per_gpu_hour"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("train",), "give --parameters"),
        (("train", "--parameters", "0"), "above 0"),
        (("train", "--parameters", "nan"), "above 0"),
        (("train", "--parameters", "1T", "--gpus", "8"), "must be at least 240"),
        (("train", "--parameters", "7B", "--gpu", "H900"), "unknown GPU 'H900'"),
        (("train", "--parameters", "7B", "--precision", "fp2"), "there are bf16"),
        (("train", "--parameters", "7B", "--precision", "fp4"), "give --mfu"),
        (("train", "--parameters", "7B", "--mfu", "40"), "(0, 1]"),
        (("train", "--parameters", "7B", "--country", "ZZ"), "there are CY, FI, IE, US"),
        (("train", "--parameters", "7B", "--gpu", "B200-180GB"), "give one with --price"),
        (("train", "--target-loss", "1.2"), "irreducible loss"),
        (("train", "nonesuch-9"), "unknown model 'nonesuch-9'"),
        (("reserve", "--job-months", "-1"), "above 0"),
        (("reserve", "--job-months", "2", "--as-of", "2026-08-01"), "--as-of needs --gpu"),
        (("reserve", "--job-months", "3", "--gpu", "B200-180GB"), "there are: none"),
        (("own-vs-rent", "--gpu", "H100-SXM-80GB", "--utilisation", "7"), "fraction"),
    ],
)
def test_bad_input_is_one_line_and_status_2(answer, arguments, hint):
    status, out, err = answer(*arguments)
    assert (status, out) == (2, "")
    assert hint in err and err.count("\n") == 1


def test_without_a_published_file_a_given_price_is_enough(answer, monkeypatch, tmp_path):
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path))
    status, out, _ = answer("train", "--parameters", "7B", "--price", "2")
    assert status == 0 and "90 % interval" in out
    status, _, err = answer("train", "--parameters", "7B")
    assert status == 2 and "truecost run" in err


def test_the_tables_name_their_assumptions(answer):
    status, out, _ = answer("own-vs-rent")
    assert status == 0 and "assumption: cost of capital" in out
    status, out, _ = answer("train", "--parameters", "7B")
    assert status == 0 and "arXiv:1910.02054" in out


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
    size = sizing(**given)
    assert size.flops == pytest.approx(flops)
    assert size.active_parameters * size.tokens * 6 == pytest.approx(flops)


def test_more_active_than_total_parameters_are_refused():
    with pytest.raises(ValueError, match="must not be above"):
        sizing(parameters=1e9, active_parameters=2e9)
