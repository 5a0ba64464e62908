"""``truecost infer`` and ``fit``: answers, and refusals that say what would work."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.answers.as_of import Past
from pipelines.commands import budget, fit, infer
from pipelines.derive.serving_reference import fitted
from tests.pipelines.clock import clock
from warehouse.models import SQL_FOLDER
from warehouse.reference import bundled
from warehouse.reference.recorded import record
from warehouse.reference.tables import reference_rows

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    made = duckdb.connect()
    for schema in ("core", "marts", "meta", "staged"):
        made.execute(f"create schema {schema}")
    made.execute((SQL_FOLDER / "ledgers.sql").read_text(encoding="utf-8"))
    record(made, bundled(), datetime.fromisoformat("2026-11-21T06:20:00"))
    for name, table in reference_rows().items():
        made.register("one", table)
        made.execute(f"create table {name} as from one")
    made.execute(
        """
        create table marts.gpu_price_now as
        select gpu_id, class as gpu_class, 'on_demand' as purchase_model,
            null::int as commitment_months, family as market_family, 'us' as reference_region,
            price::double as middle_usd_per_gpu_hour,
            price::double * 0.8 as ask_low_usd_per_gpu_hour,
            price::double / 0.8 as ask_high_usd_per_gpu_hour, providers as provider_count,
            timestamp '2026-08-09' as oldest_seen_at, date '2026-08-10' as day
        from (values
            ('H100-SXM-80GB', 'data_center', 'neocloud', 2.5, 6),
            ('H100-SXM-80GB', 'data_center', 'marketplace', 1.5, 9),
            ('H200-SXM-141GB', 'data_center', 'neocloud', 3.0, 5),
            ('L4-24GB', 'data_center', 'neocloud', 0.8, 2),
            ('B200-180GB', 'data_center', 'neocloud', 5.0, 7),
            ('RTX4090-24GB', 'consumer', 'marketplace', 0.4, 4)
        ) as t (gpu_id, class, family, price, providers);
        create table marts.gpu_set_offer as
        select provider as provider_id, gpu_id, gpu_count, purchase_model, commitment_months,
            market_family, reference_region, middle_usd_per_gpu_hour * factor as usd_per_gpu_hour,
            gpu_count as gpus_per_instance, oldest_seen_at as seen_at
        from marts.gpu_price_now
        cross join (values ('cheap', 1, 0.9), ('cheap', 2, 0.9), ('dear', 2, 1.2), ('dear', 4, 1.2),
            ('dear', 8, 1.2), ('dear', 16, 1.2)) as t (provider, gpu_count, factor)
        where gpu_class = 'data_center' or gpu_count <= 2;
        create table marts.provider_price_now as
        select 'dear' as provider_id, * exclude (provider_count, gpu_class),
            middle_usd_per_gpu_hour * 1.2 as usd_per_gpu_hour
        from marts.gpu_price_now;
        create table marts.offers_latest as
        select provider_id, 'north_america' as area from marts.gpu_set_offer;
        """
        + clock("2026-11-21 06:20")
    )
    yield made
    made.close()


@pytest.fixture
def ask(connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> Ask:
    @contextmanager
    def published(_past: Past | None) -> Iterator[duckdb.DuckDBPyConnection]:
        yield connection

    commands = {"infer": infer, "fit": fit, "budget": budget}
    for module in commands.values():
        monkeypatch.setattr(module, "published", published)

    def run(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(getattr(commands[command], command), list(arguments))

    return run


def answer(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.output)
    return rows


def test_infer_prints_the_cheapest_set_of_each_gpu_first(ask: Ask) -> None:
    rows = answer(ask("infer", "llama-3.3-70b", "--json"))
    for is_ranked in (True, False):
        costs = [row["usd_per_1k_tokens"] for row in rows if row["is_ranked"] == is_ranked]
        assert costs == sorted(costs)
    assert [row["is_ranked"] for row in rows] == sorted(row["is_ranked"] for row in rows)[::-1]
    assert len({row["gpu_id"] for row in rows}) == len(rows)
    for row in rows:
        assert 0 < row["low"] < row["usd_per_1k_tokens"] < row["high"]
        assert row["tokens_per_second_per_user"] >= 25 * 0.999
        assert row["usd_per_1k_tokens_provisioned"] == pytest.approx(2 * row["usd_per_1k_tokens"])
        parts = 3 * row["usd_per_1k_input_tokens"] + row["usd_per_1k_output_tokens"]
        assert parts == pytest.approx(4 * row["usd_per_1k_tokens"])
        assert row["watt_hours_per_request"] == pytest.approx(4 * row["watt_hours_per_1k_tokens"])


def test_only_sets_that_one_provider_offers_and_whose_they_are(ask: Ask) -> None:
    rows = answer(ask("infer", "llama-3.1-8b", "--gpu", "RTX4090-24GB", "--json"))
    assert {row["gpu_count"] for row in rows} == {1, 2}
    assert {row["set_provider_id"] for row in rows} == {"cheap"}
    assert rows[0]["set_usd_per_gpu_hour"] == pytest.approx(0.36)
    refused = ask("infer", "llama-3.1-8b", "--gpu", "RTX4090-24GB", "-n", "8")
    assert refused.exit_code == 2
    assert "nobody offers 8 x RTX4090-24GB as one set" in refused.output
    assert "there are sets of 1, 2" in refused.output


@pytest.mark.parametrize("command", ["infer", "fit"])
def test_a_set_costs_what_its_only_seller_asks_where_that_is_more(ask: Ask, command: str) -> None:
    for model, seller, usd in (
        ("llama-3.1-405b", "dear", 2.5 * 1.2),
        ("llama-3.1-8b", "cheap", 2.5),
    ):
        rows = answer(ask(command, model, "--gpu", "H100-SXM-80GB", "--json"))
        asked = {row["usd_per_gpu_hour"] for row in rows if row["set_provider_id"] == seller}
        assert list(asked) == pytest.approx([usd])


def test_gpus_of_another_market_or_of_few_providers_stand_apart(ask: Ask) -> None:
    rows = {row["gpu_id"]: row for row in answer(ask("infer", "llama-3.1-8b", "--json"))}
    assert rows["H100-SXM-80GB"]["market_family"] == "neocloud"
    card, thin = rows["RTX4090-24GB"], rows["L4-24GB"]
    assert (card["market_family"], card["is_ranked"]) == ("marketplace", False)
    assert (thin["market_family"], thin["provider_count"], thin["is_ranked"]) == (
        "neocloud", 2, False,
    )  # fmt: skip
    less = answer(ask("infer", "llama-3.1-8b", "--min-providers", "2", "--json"))
    assert {row["gpu_id"] for row in less if not row["is_ranked"]} == {"RTX4090-24GB"}
    centre = answer(ask("infer", "llama-3.1-8b", "--data-center-only", "--json"))
    assert "RTX4090-24GB" not in {row["gpu_id"] for row in centre}
    printed = ask("infer", "llama-3.1-8b").output
    assert printed.index("H100-SXM-80GB") < printed.index("not ranked") < printed.index("RTX4090")


def test_the_market_that_was_asked_for_is_the_only_one(ask: Ask) -> None:
    rows = answer(ask("infer", "llama-3.1-8b", "--market", "marketplace", "--json"))
    assert {row["market_family"] for row in rows} == {"marketplace"}
    assert {row["gpu_id"] for row in rows} == {"RTX4090-24GB", "H100-SXM-80GB"}
    refused = ask("infer", "llama-3.1-8b", "--gpu", "RTX4090-24GB", "--market", "neocloud")
    assert refused.exit_code == 2 and "neoclouds, US" in refused.output


@pytest.mark.parametrize("command", ["infer", "fit"])
def test_the_price_of_one_provider_has_no_spread(ask: Ask, command: str) -> None:
    rows = answer(
        ask(command, "llama-3.3-70b", "--gpu", "h200-sxm", "--provider", "dear", "--json")
    )
    assert {round(row["usd_per_gpu_hour"], 9) for row in rows} == {3.6}
    assert {row["set_provider_id"] for row in rows} == {"dear"}
    for extra in (("--market", "neocloud"), ("--price", "2")):
        refused = ask(command, "llama-3.3-70b", "--gpu", "h200-sxm", "--provider", "dear", *extra)
        assert refused.exit_code == 2 and "give one of them" in refused.output


def test_separate_pools_are_priced_and_said_to_be_such(ask: Ask) -> None:
    rows = answer(ask("infer", "deepseek-v3", "--serving-mode", "disaggregated", "--json"))
    assert rows and {row["serving_mode"] for row in rows} == {"disaggregated"}
    for row in rows:
        prefill = row["prefill_workers"] * row["prefill_worker_gpus"]
        decode = row["decode_workers"] * row["decode_worker_gpus"]
        assert row["gpu_count"] == prefill + decode <= 72
        assert row["tokens_per_second_per_user"] >= 25 * 0.999
        parts = 3 * row["usd_per_1k_input_tokens"] + row["usd_per_1k_output_tokens"]
        assert parts == pytest.approx(4 * row["usd_per_1k_tokens"])
        low, high = row["tokens_per_second_per_gpu_low"], row["tokens_per_second_per_gpu_high"]
        assert 0 < low < row["tokens_per_second_per_gpu"] < high
    of_b200 = next(row for row in rows if row["gpu_id"] == "B200-180GB")
    assert "for prefill and" in of_b200["nearest_measured"]


def test_either_mode_is_the_cheaper_of_both_and_names_which(ask: Ask) -> None:
    cost = {
        mode: answer(
            ask("infer", "deepseek-v3", "--gpu", "B200-180GB", "--serving-mode", mode, "--json")
        )[0]
        for mode in ("aggregated", "disaggregated", "either")
    }
    cheaper = min(("aggregated", "disaggregated"), key=lambda m: cost[m]["usd_per_1k_tokens"])
    assert cost["either"] == cost[cheaper]
    assert cost["aggregated"]["prefill_workers"] is None


def test_pools_of_a_count_have_it_and_cards_without_a_network_stay_in_one_machine(
    ask: Ask,
) -> None:
    pools = ("--serving-mode", "disaggregated", "--json")
    rows = answer(ask("infer", "llama-3.1-8b", "--gpu", "h200-sxm", "-n", "6", *pools))
    assert {row["gpu_count"] for row in rows} == {6}
    rows = answer(ask("infer", "llama-3.1-8b", "--gpu", "L4-24GB", "--limit", "99", *pools))
    assert max(row["gpu_count"] for row in rows) <= 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--gpu", "h200-sxm", "-n", "5"), "no separate pools of 5 GPUs; leave the count out"),
        (("--tokens-per-second-per-user", "5000"), "the most, with one user alone, is"),
        (("--gpu", "L4-24GB"), "does not fit on L4-24GB; it fits on"),
    ],
)
def test_pools_that_cannot_be_are_refused_with_what_would(
    ask: Ask, arguments: tuple[str, ...], said: str
) -> None:
    result = ask("infer", "deepseek-v3", "--serving-mode", "disaggregated", *arguments)
    assert result.exit_code == 2 and said in result.output


def test_a_faster_pace_costs_more_and_no_pace_least(ask: Ask) -> None:
    costs = [
        answer(
            ask(
                "infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--precision", "fp8", "-n", "8",
                "--tokens-per-second-per-user", pace, "--json",
            )
        )[0]["usd_per_1k_tokens"]
        for pace in ("0", "30", "60")
    ]  # fmt: skip
    assert costs == sorted(costs) and costs[0] < costs[2]


def test_a_cached_prefix_and_a_cleaner_grid_count(ask: Ask) -> None:
    plain = answer(ask("infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--json"))[0]
    cached = answer(
        ask("infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--cached", "0.8", "--json")
    )[0]
    assert cached["usd_per_request"] < plain["usd_per_request"]
    clean = answer(ask("infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--country", "FR", "--json"))
    assert clean[0]["grams_co2e_per_1k_tokens"] < plain["grams_co2e_per_1k_tokens"]
    state = answer(
        ask("infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--country", "us-tx", "--json")
    )
    assert state[0]["grams_co2e_per_1k_tokens_low"] < state[0]["grams_co2e_per_1k_tokens"]
    assert "embodied carbon" in state[0]["unknown"]


def test_a_load_takes_whole_replicas_and_waits_longer_when_they_are_fuller(ask: Ask) -> None:
    asked = ("infer", "llama-3.3-70b", "--gpu", "h200-sxm", "--json")
    closed = answer(ask(*asked))[0]
    assert closed["replica_count"] is None
    small, large = (
        answer(ask(*asked, "--requests-per-second", rate))[0] for rate in ("0.01", "1000")
    )
    assert small["replica_count"] == 1 and small["usd_per_1k_tokens_at_load"] > 1e-3
    assert 0.5 < large["utilisation_fraction"] <= 0.9
    assert large["usd_per_1k_tokens_at_load"] > closed["usd_per_1k_tokens"]
    assert (
        small["open_loop_time_to_first_token_seconds"]
        < large["open_loop_time_to_first_token_seconds"]
    )
    assert ask(*asked, "--requests-per-second", "5", "--serving-mode", "either").exit_code == 2


def test_fit_prints_the_smallest_sets_cheapest_first(ask: Ask) -> None:
    rows = answer(
        ask(
            "fit",
            "llama-3.1-70b",
            "--context",
            "32768",
            "--precision",
            "fp8",
            "--sequences",
            "8",
            "--limit",
            "40",
            "--json",
        )
    )
    by_gpu = {row["gpu_id"]: row for row in rows}
    assert by_gpu["H100-SXM-80GB"]["gpu_count"] == 2  # 70.6 GB of weights, 8 x 5.4 GB of cache
    assert by_gpu["H200-SXM-141GB"]["gpu_count"] == 1
    priced = [row for row in rows if row["usd_per_hour"] is not None]
    ranked = [row["usd_per_hour"] for row in priced if row["is_ranked"]]
    assert ranked == sorted(ranked) and len(ranked) == 3
    assert {row["gpu_id"] for row in priced if not row["is_ranked"]} <= {"L4-24GB", "RTX4090-24GB"}
    assert by_gpu["H100-SXM-80GB"]["usd_per_hour"] == pytest.approx(5.0)


def fit_rows(ask: Ask, *arguments: str) -> list[dict[str, Any]]:
    return answer(ask("fit", "llama-3.1-405b", "--gpu", "h200-sxm", *arguments, "--json"))


LONG = ("--context", "131072", "--precision", "fp8")


def test_a_set_that_holds_too_few_says_how_many_and_what_is_missing(ask: Ask) -> None:
    (row,) = fit_rows(ask, *LONG, "-n", "8", "--sequences", "32")
    assert not row["fits"]
    assert row["gpu_count"] == 8
    assert 15 < row["sequences_that_fit"] < 32
    lacking = (32 - row["sequences_that_fit"]) * row["kv_bytes_per_sequence"]
    assert 0 < row["missing_bytes"] <= lacking * 1.01
    (less,) = fit_rows(ask, *LONG, "-n", "8", "--sequences", str(row["sequences_that_fit"]))
    assert less["fits"] and less["missing_bytes"] is None


def test_two_replicas_hold_more_than_one_that_is_twice_as_wide(ask: Ask) -> None:
    (row,) = fit_rows(ask, *LONG, "--sequences", "32")
    assert row["fits"]
    assert (row["replicas"], row["gpus_per_replica"], row["gpu_count"]) == (2, 8, 16)


def test_a_model_that_fits_nowhere_is_answered_too(ask: Ask) -> None:
    result = ask("fit", "kimi-k2", "--gpu", "l4-24gb", "--precision", "bf16", "--json")
    (row,) = answer(result)
    assert row["fits"] is False and row["sequences_that_fit"] == 0
    assert row["missing_bytes"] > 1e12  # 2 TB of weights, 16 x 24 GB of memory


def test_the_precision_of_the_cache_is_told(ask: Ask) -> None:
    bits = {
        row["precision"]: row["kv_bits_per_value"]
        for row in fit_rows(ask, "--context", "8192", "-n", "16")
    }
    assert bits["bf16"] == 16 and bits["fp8"] == 8


OWN_MODEL = (
    '{"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,'
    ' "vocab_size": 128256, "num_key_value_heads": 8, "intermediate_size": 14336,'
    ' "tie_word_embeddings": false}'
)
OWN_GPU = """
gpus:
  - gpu_id: OWNCARD-48GB
    name: A card of my own
    vendor: nvidia
    architecture: hopper
    gpu_class: data_center
    form_factor: PCIe
    memory_bytes: {value: 48, unit: gigabytes, source: assumption, note: "the label"}
    bandwidth_bytes_per_second:
      {value: 1000, unit: gigabytes_per_second, source: assumption, note: "the label"}
    board_power_watts: {value: 300, unit: watts, source: assumption, note: "the label"}
    peaks:
      bf16:
        dense: {value: 300, unit: teraflops_per_second, source: assumption, note: "the label"}
"""


def test_a_model_and_a_gpu_of_ones_own_are_answered(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(OWN_MODEL, encoding="utf-8")
    (tmp_path / "own.yaml").write_text(OWN_GPU, encoding="utf-8")
    model, gpu = ("--model-file", str(tmp_path / "config.json")), ("--gpu-file",)
    own = answer(ask("fit", *model, "--gpu", "h100-sxm", "--precision", "bf16", "--json"))[0]
    known = answer(
        ask("fit", "llama-3.1-8b", "--gpu", "h100-sxm", "--precision", "bf16", "--json")
    )[0]
    assert own["weight_bytes"] == known["weight_bytes"]
    assert own["sequences_that_fit"] == known["sequences_that_fit"]
    arguments = (*gpu, str(tmp_path / "own.yaml"), "--price", "0.7", "--precision", "bf16")
    (row,) = answer(ask("fit", *model, *arguments, "--json"))
    assert (row["gpu_id"], row["gpu_count"], row["usd_per_hour"]) == ("OWNCARD-48GB", 1, 0.7)
    quote = answer(ask("infer", *model, *arguments, "--json"))[0]
    assert (quote["gpu_id"], quote["usd_per_gpu_hour"]) == ("OWNCARD-48GB", 0.7)


def test_files_of_ones_own_are_refused_in_one_line(ask: Ask, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("gpus: [{gpu_id: X}]", encoding="utf-8")
    for arguments, says in (
        (("--model-file", str(tmp_path / "none")), "No such file"),
        (("llama-3.1-8b", "--model-file", "config.json"), "one of the two"),
        ((), "give a MODEL or --model-file"),
        (("llama-3.1-8b", "--gpu-file", str(wrong)), "gpus/wrong.yaml"),
        (("llama-3.1-8b", "--price", "2"), "name it with --gpu"),
    ):
        result = ask("fit", *arguments)
        assert result.exit_code == 2, result.output
        (error,) = [line for line in result.output.splitlines() if line.startswith("Error:")]
        assert says in error


def test_a_model_of_a_short_context_is_served_within_it(ask: Ask) -> None:
    result = ask("infer", "gpt-3-175b", "--json")
    assert result.exit_code == 0, result.output
    assert "1,536 in and 512 out" in result.stderr
    assert ask("infer", "gpt-3-175b", "--input", "3000").exit_code == 2


def test_tables_for_people_print(ask: Ask) -> None:
    result = ask("infer", "gpt-oss-120b", "--limit", "3")
    assert result.exit_code == 0, result.output
    assert "median error" in result.output
    assert ask("fit", "gpt-oss-120b").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("infer", "llama-9"), "unknown model 'llama-9'"),
        (("infer", "gpt-4"), "not published"),
        (("infer", "llama-3.3-70b", "--gpu", "Q7"), "unknown GPU 'Q7'"),
        (("infer", "llama-3.3-70b", "--gpu", "h100"), "is not one thing"),
        (
            ("infer", "llama-3.3-70b", "--gpu", "l4-24gb", "--precision", "fp4"),
            "has no fp4; it has",
        ),
        (("infer", "llama-3.3-70b", "--precision", "fp3"), "unknown precision 'fp3'; there are"),
        (("infer", "llama-3.3-70b", "--input", "200000"), "reads at most 131,072 tokens"),
        (("infer", "kimi-k2", "--gpu", "rtx4090-24gb"), "does not fit on RTX4090-24GB; it fits on"),
        (
            ("infer", "llama-3.1-405b", "--gpu", "h100-sxm", "--tokens-per-second-per-user", "900"),
            "the most, with one user alone, is",
        ),
        (("infer", "llama-3.3-70b", "--purchase", "spot"), "no fresh price, spot"),
        (
            ("infer", "llama-3.3-70b", "--gpu", "h100-sxm", "--purchase", "spot"),
            "try another --market, --region or --purchase",
        ),
        (("infer", "llama-3.3-70b", "--country", "XX"), "no grid intensity for 'XX'; there are"),
        (("infer", "llama-3.3-70b", "--gpu", "A100-SXM-80GB"), "there are prices of B200-180GB"),
        (("fit", "llama-3.1-8b", "--context", "999999"), "reads at most"),
    ],
)
def test_refusals_are_one_line_that_says_what_would_work(
    ask: Ask, arguments: tuple[str, ...], says: str
) -> None:
    result = ask(*arguments)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.output.split())


def test_assumptions_are_set_by_the_name_they_are_printed_under(ask: Ask) -> None:
    question = ("infer", "llama-3.1-8b", "--gpu", "h100-sxm", "-n", "1", "--precision", "fp8")
    [plain, *_] = answer(ask(*question, "--json"))
    settings = {
        "usd_per_gpu_hour": 5.0, "fleet_utilisation_fraction": 0.25, "pue": 1.5,
        "server_power_ratio": 1.3, "board_power_watts": 350.0, "grams_co2e_per_kwh": 1000.0,
        "usable_memory_fraction": 0.5, "workspace_bytes": 1e9,
    }  # fmt: skip
    given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    [own, *_] = answer(ask(*question, *given, "--json"))
    known = {one["name"]: one for one in own["assumptions"]}
    for name, value in settings.items():
        if name == "usd_per_gpu_hour":
            assert (own[name], own["market_family"]) == (value, None)
        else:
            assert (known[name]["value"], known[name]["source"]) == (value, "given")
    # The published all-in power of an H100 stands in for what is not set of it.
    power = {"pue", "server_power_ratio", "board_power_watts"}
    assert {one["name"] for one in plain["assumptions"]} == known.keys() - power | {
        "facility_watts"
    }
    assert own["usd_per_1k_tokens_provisioned"] == pytest.approx(4 * own["usd_per_1k_tokens"])
    grams = own["watt_hours_per_1k_tokens"] * 1000.0 / 1e3
    assert own["grams_co2e_per_1k_tokens"] == pytest.approx(grams)
    assert own["concurrency"] <= plain["concurrency"]
    told = ask(*question, "--set", "pue=1.5", "--fleet-utilisation-fraction", "0.25").output
    assert re.search(r"pue +1\.5 .*given", told)
    assert re.search(r"fleet_utilisation_fraction +0\.25 .*given", told)


def test_less_usable_memory_holds_fewer_sequences(ask: Ask) -> None:
    question = ("fit", "llama-3.1-8b", "--gpu", "L4", "-n", "1", "--precision", "fp8", "--json")
    [plain] = answer(ask(*question))
    [own] = answer(ask(*question, "--set", "usable_memory_fraction=0.5"))
    assert 0 < own["sequences_that_fit"] < plain["sequences_that_fit"]
    assert own["assumptions"][0]["source"] == "given"


@pytest.mark.parametrize(
    ("command", "settings", "says"),
    [
        ("infer", ["--set", "goodput=1"], "no such assumption; there are: usd_per_gpu_hour,"),
        ("fit", ["--set", "pue=1.2"], "no such assumption; there are: usd_per_gpu_hour,"),
        ("infer", ["--set", "pue=1.1", "--set", "pue=1.2"], "--set pue: given twice"),
        ("infer", ["--set", "pue=0.9"], "pue = 0.9: must be 1 or more"),
        ("infer", ["--set", "pue=nan"], "must be a number"),
        ("infer", ["--set", "usable_memory_fraction=1.1"], "must be between 0 and 1"),
        ("infer", ["--set", "board_power_watts=300"], "name it with --gpu"),
        ("infer", ["--set", "usd_per_gpu_hour=2"], "name it with --gpu"),
        ("infer", ["--set", "usd_per_gpu_hour=2", "--market", "all"], "give one of them"),
        ("infer", ["--set", "grams_co2e_per_kwh=2", "--country", "FR"], "give one of them"),
        ("infer", ["--set", "fleet_utilisation_fraction=1", "--utilisation", "1"], "given twice"),
        ("fit", ["--set", "usd_per_gpu_hour=2", "--price", "2", "--gpu", "L4"], "given twice"),
    ],
)
def test_what_cannot_be_set_is_refused(
    ask: Ask, command: str, settings: list[str], says: str
) -> None:
    result = ask(command, "llama-3.1-8b", *settings)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.output.split())


def test_prices_of_the_fixture_are_those_of_the_newest_day(ask: Ask) -> None:
    rows = answer(ask("infer", "llama-3.1-8b", "--json"))
    assert {row["priced_on"] for row in rows} == {date(2026, 8, 10).isoformat()}
    assert fitted(bundled()).rows > 400


def test_a_budget_adds_training_and_the_months_of_serving(ask: Ask) -> None:
    arguments = ("llama-3.1-8b", "--requests-per-day", "100K", "--serving-months", "3", "--json")
    served = json.loads(ask("budget", *arguments).stdout)
    tuned = json.loads(ask("budget", *arguments, "--tokens", "10B", "-n", "8").stdout)
    parts = {row["part"]: row for row in tuned["parts"]}
    assert set(parts) == {"serving", "training", "total"}
    assert parts["total"]["usd"] == pytest.approx(
        parts["serving"]["usd"] + parts["training"]["usd"]
    )
    assert [row["usd"] for row in served["by_month"]] == [0.0, *[tuned["by_month"][1]["usd"]] * 3]
    assert tuned["by_month"][0]["usd"] == parts["training"]["usd"]
    assert parts["total"]["low_80"] < parts["total"]["usd"] < parts["total"]["high_80"]
    assert ask("budget", *arguments, "-n", "8").exit_code == 2
    assert served["runway_months"] is None


def test_capital_lasts_as_long_as_it_pays_for_compute(ask: Ask) -> None:
    arguments = ("llama-3.1-8b", "--requests-per-day", "100K", "--tokens", "10B", "-n", "8")
    priced = (*arguments, "--set", "usd_per_gpu_hour=2", "--json")
    got = json.loads(ask("budget", *priced, "--capital", "1M").stdout)
    first, monthly = got["by_month"][0]["usd"], got["by_month"][1]["usd"]
    assert got["runway_months"] == pytest.approx((1e6 - first) / monthly)
    assert got["capital_fraction"] == pytest.approx((first + 12 * monthly) / 1e6)
    dearer = (*arguments, "--set", "usd_per_gpu_hour=4", "--json")
    twice = json.loads(ask("budget", *dearer).stdout)
    assert twice["by_month"][0]["usd"] == pytest.approx(2 * first)
    assert twice["by_month"][1]["usd"] == pytest.approx(2 * monthly)
    slow = json.loads(ask("budget", *priced, "--set", "utilisation_fraction=0.1").stdout)
    fast = json.loads(ask("budget", *priced, "--set", "utilisation_fraction=0.2").stdout)
    assert slow["by_month"][0]["usd"] == pytest.approx(2 * fast["by_month"][0]["usd"])
    refused = ask("budget", *arguments[:3], "--set", "pue=1.2")
    assert refused.exit_code == 2 and "give --tokens" in refused.stderr


def test_a_budget_without_requests_is_refused(ask: Ask) -> None:
    assert ask("budget", "llama-3.1-8b", "--requests-per-day", "0").exit_code == 2
