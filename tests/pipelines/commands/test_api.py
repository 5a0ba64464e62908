"""``truecost api`` on a published home: list prices beside own serving, and what a name means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cost_engine.serving.cost import break_even_tokens_per_day
from tests.pipelines.commands.conftest import Truecost
from warehouse.database import open_published
from warehouse.paths import Home


def listed(ask: Truecost, *arguments: str) -> list[dict[str, Any]]:
    answer = ask("api", *arguments, "--limit", "1000", "--json")
    assert answer.exit_code == 0, answer.output
    rows: list[dict[str, Any]] = json.loads(answer.stdout)
    return rows


def test_every_price_list_of_a_model_is_there_once(ask: Truecost, answers_home: Home) -> None:
    rows = listed(ask, "Llama 3.3 70B", "--all")
    with open_published(answers_home) as connection:
        expected = connection.execute(
            "select count(*) from marts.api_price where model_id = 'llama-3.3-70b'"
            " and relation = 'same' and modality is null"
            " and day = (select max(day) from marts.api_price)"
        ).fetchall()[0][0]
    assert sum(row["listing_count"] for row in rows) == expected > 10
    prices = [
        (row["api_provider_id"], row["variant"], row["above_input_tokens"],
         row["up_to_input_tokens"], row["usd_per_million_input_tokens"],
         row["usd_per_million_output_tokens"], row["usd_per_million_cache_read_tokens"],
         row["usd_per_million_cache_write_tokens"])
        for row in rows
    ]  # fmt: skip
    assert len(prices) == len(set(prices))


def test_doubtful_prices_are_listed_only_when_asked_for(ask: Truecost) -> None:
    few, every = listed(ask, "llama-3.3-70b"), listed(ask, "llama-3.3-70b", "--all")
    assert few == [
        row for row in every
        if row["is_confirmed"] and not row["is_deprecated"] and not row["is_relisted"]
    ]  # fmt: skip
    assert len(few) < len(every)
    hidden = f"{len(every) - len(few)} deprecated, unconfirmed or re-listed prices are left out"
    assert hidden in ask("api", "llama-3.3-70b").stdout


def test_own_serving_and_break_even_follow_from_one_another(ask: Truecost) -> None:
    rows = listed(ask, "llama-3.3-70b", "--all")
    priced = [row for row in rows if row["usd_per_million_tokens"]]
    assert priced
    for row in priced:
        mix = (
            0.75 * row["usd_per_million_input_tokens"] + 0.25 * row["usd_per_million_output_tokens"]
        )
        assert row["usd_per_million_tokens"] == pytest.approx(mix)
        own = row["own_usd_per_million_tokens"]
        assert row["price_to_own_cost"] == pytest.approx(mix / own)
        # A replica pays off at some load exactly where the price is above its cost at full load.
        assert (row["break_even_tokens_per_day"] is None) == (mix < own)
        assert (row["never_reason"] is None) == (mix >= own)
        if row["break_even_tokens_per_day"] is not None:
            assert row["break_even_tokens_per_day"] == pytest.approx(
                break_even_tokens_per_day(row["own_usd_per_gpu_hour"], row["own_gpu_count"], mix)
            )


def test_what_is_dearer_at_full_load_never_breaks_even(ask: Truecost) -> None:
    rows = listed(ask, "llama-3.3-70b", "--service-level", "fast", "--all")
    assert any(row["never_reason"] for row in rows)


def test_a_model_that_only_price_lists_know_has_no_own_serving(ask: Truecost) -> None:
    rows = listed(ask, "claude-haiku-4-5")
    assert rows and all(row["own_usd_per_million_tokens"] is None for row in rows)
    assert {row["own_reason"] for row in rows} == {"claude-haiku-4-5 is not a reference model"}
    assert "Own serving: not known" in ask("api", "claude-haiku-4-5").stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("claude", "model 'claude' is not one thing: claude-"),
        ("claude-haiku-4-6", "no price list has a model 'claude-haiku-4-6'; did you mean: claude-"),
        ("", "no price list has a model ''"),
    ],
)
def test_a_name_that_means_no_model_is_refused_in_one_line(
    ask: Truecost, name: str, said: str
) -> None:
    answer = ask("api", name)
    assert answer.exit_code == 2
    assert said in answer.output
