"""Facts about the gates of token prices: what they hold, whom they name, and what they let pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import pytest

from tests.warehouse.token_lists import (
    INPUT,
    MUTATIONS,
    OUTPUT,
    Holding,
    Row,
    TokenLists,
    day_after,
    times,
    wrong_prices,
)
from warehouse import quality
from warehouse.api_price_quality import BATCH_RULES, ROW_RULES
from warehouse.models import SQL_FOLDER
from warehouse.reference import load_csv

NOON = datetime(2026, 7, 1, 12)  # noqa: DTZ001 - the tables hold UTC without a zone
LISTS = ("litellm", "genai_prices", "openrouter")
PROVIDERS = ("together", "deepinfra", "fireworks")
# Spellings of three reference models with a known middle price, and models that nobody knows.
KNOWN = {
    "meta-llama/Llama-3.3-70B-Instruct": ("0.6", "1.0"),
    "openai/gpt-oss-120b": ("0.15", "0.6"),
    "meta-llama/Llama-3.1-8B-Instruct": ("0.1", "0.2"),
}
OTHERS = {f"acme/acme-{n}": (str(0.1 * n), str(0.35 * n)) for n in range(1, 10)}


def price(provider: str, model: str, per_input: str, per_output: str, **more: object) -> Row:
    return {
        "api_provider_id": provider,
        "api_model_id": model,
        INPUT: Decimal(per_input),
        OUTPUT: Decimal(per_output),
        **more,
    }


def rows_of(source_id: str) -> list[Row]:
    models = KNOWN | OTHERS
    own = [price("openrouter", name, *amounts) for name, amounts in models.items()]
    if source_id == "openrouter":
        return own
    return [price(p, name, *a) for p in PROVIDERS for name, a in models.items()] + own


ROWS = {source_id: rows_of(source_id) for source_id in LISTS}


def rules(found: Sequence[Holding], source_id: str = "") -> set[str]:
    return {h.rule for h in found if source_id in ("", h.source_id)}


@pytest.fixture(scope="module")
def empty_lists() -> TokenLists:
    return TokenLists()


@pytest.fixture(scope="module")
def day_old_lists() -> TokenLists:
    lists = TokenLists()
    assert lists.see(NOON, ROWS) == []
    return lists


@pytest.fixture
def lists(empty_lists: TokenLists) -> Iterator[TokenLists]:
    """Lists that have seen nothing."""
    with empty_lists.rolled_back() as given:
        yield given


@pytest.fixture
def seen(day_old_lists: TokenLists) -> Iterator[TokenLists]:
    """Lists that have seen one day."""
    with day_old_lists.rolled_back() as given:
        yield given


def test_the_same_lists_on_two_days_are_held_nowhere(lists: TokenLists) -> None:
    assert lists.see(NOON, ROWS) == []
    assert lists.see(day_after(NOON), ROWS) == []
    assert len(lists.standing("openrouter")) == len(ROWS["openrouter"])


@pytest.mark.parametrize("source_id", LISTS)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutated_list_publishes_no_wrong_price(
    seen: TokenLists, source_id: str, mutation: str
) -> None:
    before = seen.standing(source_id)
    mutated = MUTATIONS[mutation](ROWS[source_id])
    found = seen.see(day_after(NOON), ROWS | {source_id: mutated})
    assert {h.source_id for h in found} == {source_id}
    assert seen.standing(source_id) == before


@pytest.mark.parametrize("source_id", LISTS)
@pytest.mark.parametrize("with_others", [False, True], ids=["alone", "beside the others"])
@pytest.mark.parametrize("mutation", ["x1000", "/1000", "x100", "/100", "input and output swapped"])
def test_a_first_list_in_another_unit_is_held(
    lists: TokenLists, source_id: str, with_others: bool, mutation: str
) -> None:
    mutated = MUTATIONS[mutation](ROWS[source_id])
    found = lists.see(NOON, (ROWS if with_others else {}) | {source_id: mutated})
    assert {h.source_id for h in found} == {source_id}
    assert lists.standing(source_id) == {}
    assert wrong_prices(ROWS[source_id], mutated)


def test_without_a_reference_model_two_lists_name_the_third(lists: TokenLists) -> None:
    unknown = {
        source_id: [price("openrouter", name, *a) for name, a in OTHERS.items()]
        for source_id in LISTS
    }
    wrong = unknown | {"genai_prices": times(Decimal(3))(unknown["genai_prices"])}
    [held] = lists.see(NOON, wrong)
    assert (held.source_id, held.rule) == ("genai_prices", "witness_factor")
    assert "3 times those of litellm and openrouter" in held.reason


def test_a_list_that_a_rule_suspects_bears_no_witness(lists: TokenLists) -> None:
    lists.see(NOON, {"litellm": ROWS["litellm"]})
    wrong = times(Decimal("0.001"))(ROWS["litellm"])
    found = lists.see(day_after(NOON), ROWS | {"litellm": wrong})
    assert {h.source_id for h in found} == {"litellm"}


def test_a_provider_in_another_unit_is_held_and_the_others_stay(lists: TokenLists) -> None:
    rows = [
        row if row["api_provider_id"] != "together" else times(Decimal("0.001"))([row])[0]
        for row in ROWS["litellm"]
    ]
    found = lists.see(NOON, {"litellm": rows})
    assert rules(found) == {"provider_unit"}
    assert len(found) == len(KNOWN | OTHERS)
    assert "together" in found[0].reason


def test_a_price_far_above_all_of_its_provider_is_held_without_a_peer(lists: TokenLists) -> None:
    found = lists.see(NOON, {"litellm": [*ROWS["litellm"], price("together", "x", "500", "2000")]})
    assert rules(found) == {"far_from_provider"}


@pytest.mark.parametrize("factor", ["1000", "0.001", "100", "0.01", "10", "0.1"])
def test_one_price_by_a_factor_is_held_and_the_earlier_one_stays(
    lists: TokenLists, factor: str
) -> None:
    alone = price("together", "alone-1", "0.4", "1.2")
    lists.see(NOON, {"litellm": [*ROWS["litellm"], alone]})
    moved = times(Decimal(factor))([alone])
    found = lists.see(day_after(NOON), {"litellm": [*ROWS["litellm"], *moved]})
    assert len(found) == 1
    assert lists.standing("litellm")["alone-1"] == (0.4, 1.2)


def test_a_cut_to_a_fifth_passes(lists: TokenLists) -> None:
    alone = price("together", "alone-1", "1", "6")
    lists.see(NOON, {"litellm": [*ROWS["litellm"], alone]})
    cut = times(Decimal("0.2"))([alone])
    assert lists.see(day_after(NOON), {"litellm": [*ROWS["litellm"], *cut]}) == []


def test_a_correction_to_what_others_ask_passes(lists: TokenLists) -> None:
    wrong = [price("wandb", "acme/acme-3", "3", "10.5")]
    lists.see(NOON, {"litellm": [*ROWS["litellm"], *wrong]})
    right = [price("wandb", "acme/acme-3", "0.3", "1.05")]
    assert lists.see(day_after(NOON), {"litellm": [*ROWS["litellm"], *right]}) == []


def test_a_jump_that_three_days_confirm_is_a_price(lists: TokenLists) -> None:
    lists.see(NOON, {"litellm": [*ROWS["litellm"], price("together", "alone-1", "0.4", "1.2")]})
    day, new = NOON, [*ROWS["litellm"], price("together", "alone-1", "4", "12")]
    seen = []
    for _ in range(3):
        day = day_after(day)
        seen.append(rules(lists.see(day, {"litellm": new})))
    assert seen == [{"price_jump"}, {"price_jump"}, set()]
    assert lists.standing("litellm")["alone-1"] == (4, 12)


@pytest.mark.parametrize("prices", [("0", "0.28"), ("0.1", "0")])
def test_zero_on_one_side_is_held(lists: TokenLists, prices: tuple[str, str]) -> None:
    found = lists.see(NOON, {"litellm": [*ROWS["litellm"], price("perplexity", "s", *prices)]})
    assert rules(found) == {"price_zero"}


def test_a_model_that_was_always_free_stays_free(lists: TokenLists) -> None:
    free = price("ollama", "acme/acme-1", "0", "0", variant="free")
    assert lists.see(NOON, {"litellm": [*ROWS["litellm"], free]}) == []


def test_output_far_below_input_is_held(lists: TokenLists) -> None:
    found = lists.see(NOON, {"litellm": [*ROWS["litellm"], price("oci", "g", "3", "0.15")]})
    assert rules(found) == {"output_below_input"}


def test_a_reference_model_outside_its_band_is_held(lists: TokenLists) -> None:
    odd = price("lone", "meta-llama/Llama-3.1-405B-Instruct", "0.12", "0.3")
    found = lists.see(NOON, {"litellm": [*ROWS["litellm"], odd]})
    assert rules(found) == {"price_out_of_band"}
    assert "llama-3.1-405b" in found[0].reason


def test_a_shorter_list_is_believed_when_another_day_confirms_it(lists: TokenLists) -> None:
    lists.see(NOON, {"openrouter": ROWS["openrouter"]})
    short = ROWS["openrouter"][:5]
    assert rules(lists.see(day_after(NOON), {"openrouter": short})) == {"row_count_fall"}
    assert lists.see(day_after(day_after(NOON)), {"openrouter": short}) == []
    assert len(lists.standing("openrouter")) == 5


@pytest.mark.parametrize("scope", ["batch", "row"])
def test_an_accepted_entry_passes_when_its_capture_is_read_again(scope: str) -> None:
    lists = TokenLists()  # a decision has a transaction of its own
    lists.see(NOON, ROWS)
    moved = ROWS["openrouter"][:-1] + times(Decimal(10))(ROWS["openrouter"][-1:])
    rows = times(Decimal(2))(ROWS["openrouter"]) if scope == "batch" else moved
    lists.see(day_after(NOON), {"openrouter": rows}, "bytes")
    con = lists.connection
    for (held_id,) in con.execute("select held_id from meta.quarantine").fetchall():
        assert quality.decide(con, held_id, "accepted", "checked", NOON) == 1
    assert lists.see(day_after(day_after(NOON)), {"openrouter": rows}, "bytes") == []
    standing = lists.standing("openrouter")
    assert {name: per_input for name, (per_input, _) in standing.items()} == pytest.approx(
        {row["api_model_id"]: float(row[INPUT]) for row in rows}
    )


def test_every_rule_is_in_its_select_and_every_reference_price_in_the_names() -> None:
    folder = SQL_FOLDER / "quality"
    batch = (folder / "api_price_batch.sql").read_text(encoding="utf-8")
    row = (folder / "api_price_row.sql").read_text(encoding="utf-8")
    assert [rule for rule in BATCH_RULES if f"'{rule}'" not in batch] == []
    assert [rule for rule in ROW_RULES if f"'{rule}'" not in row] == []
    named = {row["model_id"] for row in load_csv("model_aliases") if row["source_family"] == "api"}
    assert {row["model_id"] for row in load_csv("api_price_medians")} <= named
