"""``truecost alert`` on a published home: what fires, what is withheld, and wrong files."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.answers.alert import alert
from pipelines.answers.alert_rules import Rule, RuleError, read_rules
from tests.pipelines.commands.conftest import NOW, Truecost
from warehouse.database import open_published
from warehouse.paths import Home

DAY = ("--as-of", "2026-08-10")
H100: dict[str, Any] = {"gpu": "H100-SXM-80GB"}


def rule(**said: Any) -> Rule:
    base: dict[str, Any] = {
        "place": "rules.yaml:1", "name": None, "gpu": None, "model": None,
        "purchase_model": "on_demand", "commitment_months": None, "market_family": "neocloud",
        "reference_region": "us", "provider": None, "tokens": "blended", "below_usd": None,
        "above_usd": None, "moves_by_fraction": None, "over_days": 30,
    }  # fmt: skip
    return Rule(**(base | said))


def judged(home: Home, judged_at: datetime | None = None, **said: Any) -> dict[str, Any]:
    with open_published(home) as connection:
        found = alert(connection, [rule(**said)], judged_at or NOW.replace(tzinfo=None))
    [one] = found.as_data()["rules"]
    assert found.is_fired == (one["state"] == "fired")
    answer: dict[str, Any] = one
    return answer


def written(folder: Path, text: str) -> str:
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_price_fires_below_and_above_and_is_quiet_on_the_other_side(answers_home: Home) -> None:
    value = judged(answers_home, **H100, below_usd=1e-3)["value"]
    with open_published(answers_home) as connection:
        [(middle,)] = connection.execute(
            "select middle_usd_per_gpu_hour from marts.gpu_price_now where gpu_id = 'H100-SXM-80GB'"
            " and purchase_model = 'on_demand' and market_family = 'neocloud'"
            " and reference_region = 'us'"
        ).fetchall()
    assert value == middle
    for name, sign in (("below_usd", 1), ("above_usd", -1)):
        beyond = judged(answers_home, **(H100 | {name: value * (1 + sign * 0.01)}))
        not_quite = judged(answers_home, **(H100 | {name: value * (1 - sign * 0.01)}))
        assert (beyond["state"], not_quite["state"]) == ("fired", "quiet")
        assert beyond["since"] is not None and not_quite["since"] is None
        assert beyond["provider_count"] >= 3
        assert judged(answers_home, **(H100 | {name: value}))["state"] == "quiet"


def test_the_parts_of_the_world_are_those_of_the_prices_now(answers_home: Home) -> None:
    with open_published(answers_home) as connection:
        there = connection.execute(
            "select distinct provider_id, gpu_id, reference_region_of(country, area) as place"
            " from marts.offers_latest where not is_stale and not is_witness"
            " and gpu_id is not null and is_available is distinct from false"
        )
        offered = set(there.fetchall())
        priced = connection.execute(
            "select distinct provider_id, gpu_id, reference_region from marts.provider_price_now"
        )
        assert set(priced.fetchall()) <= offered


def test_old_prices_fire_nothing(answers_home: Home) -> None:
    late = NOW.replace(tzinfo=None) + timedelta(days=30)
    one = judged(answers_home, late, **H100, above_usd=1e-3)
    assert one["state"] == "withheld"
    assert one["reason"] == "the prices are of 2026-08-10 06:00Z, not of now: truecost run"


def test_thin_prices_fire_nothing_and_say_how_many_there_are(answers_home: Home) -> None:
    with open_published(answers_home) as connection:
        [(gpu, family, count)] = connection.execute(
            "select gpu_id, market_family, provider_count from marts.gpu_price_now"
            " where purchase_model = 'on_demand' and reference_region = 'us'"
            " and market_family <> 'all' and provider_count < 3 order by all limit 1"
        ).fetchall()
    one = judged(answers_home, gpu=gpu, market_family=family, above_usd=1e-3)
    assert (one["state"], one["reason"]) == ("withheld", f"thin: {count} of 3 fresh providers")


def test_one_provider_is_asked_for_by_name(answers_home: Home) -> None:
    with open_published(answers_home) as connection:
        provider, usd = connection.execute(
            "select provider_id, usd_per_gpu_hour from marts.provider_price_now"
            " where gpu_id = 'H100-SXM-80GB' and purchase_model = 'on_demand'"
            " and reference_region = 'us' order by all limit 1"
        ).fetchall()[0]
    one = judged(answers_home, **H100, provider=provider, above_usd=usd * 0.99)
    assert (one["state"], one["value"], one["provider_ids"]) == ("fired", usd, provider)
    assert date.fromisoformat(one["since"]) <= NOW.date()
    gone = judged(answers_home, **H100, provider="nobody", above_usd=1e-3)
    assert (gone["state"], gone["reason"]) == ("withheld", "nobody offers it so")


def test_a_move_compares_the_same_offers(answers_home: Home) -> None:
    moves: dict[str, Any] = {"moves_by_fraction": 0.5, "over_days": 10}
    one = judged(answers_home, gpu="B200-180GB", **moves)
    assert one["state"] == "quiet" and abs(one["change_fraction"]) < 0.5
    early = judged(answers_home, gpu="B200-180GB", **(moves | {"over_days": 3000}))
    assert early["state"] == "withheld"
    assert early["reason"] == "thin: 0 of 3 providers had the same offers then"


def test_token_prices_fire_by_the_middle_of_what_is_confirmed(answers_home: Home) -> None:
    one = judged(answers_home, model="llama-3.3-70b", above_usd=1e-3)
    assert one["state"] == "fired" and one["unit"] == "USD/10^6 token"
    none = judged(answers_home, model="llama-65b", above_usd=1e-3)
    assert none["state"] == "withheld"


def test_the_status_says_whether_anything_fired(ask: Truecost, tmp_path: Path) -> None:
    quiet = "rules:\n- {gpu: H100 SXM, below_usd: 0.01}\n"
    fired = quiet + "- {name: 'A | <b>', gpu: H100-SXM-80GB, above_usd: 0.01}\n"
    assert ask("alert", written(tmp_path, quiet), *DAY).exit_code == 0
    answer = ask("alert", written(tmp_path, fired), *DAY)
    assert answer.exit_code == 1
    assert "## Fired (1)" in answer.stdout and "<b>" not in answer.stdout
    assert "`truecost offers H100-SXM-80GB --purchase on_demand`" in answer.stdout
    data = json.loads(ask("alert", written(tmp_path, fired), *DAY, "--json").stdout)
    assert data["is_fired"] and [one["state"] for one in data["rules"]] == ["quiet", "fired"]
    # A home whose prices are those of a day in the past does not speak of now.
    assert ask("alert", written(tmp_path, fired)).exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "rules.yaml is empty"),
        ("rules: 3\n", "rules.yaml:1: rules holds 3; allowed: a list"),
        ("rules:\n- gpu: x\n  belo_usd: 3\n", "rules.yaml:3: rules.0.belo_usd is unknown"),
        ("rules:\n- gpu: x\n  below_usd: '3'\n", "rules.yaml:3: rules.0.below_usd"),
        ("rules:\n- gpu: x\n  below_usd: .nan\n", "rules.yaml:3: rules.0.below_usd"),
        ("rules:\n- gpu: x\n", "below_usd, above_usd or moves_by_fraction, one of them"),
        ("rules:\n- below_usd: 1\n", "gpu or model, one of them"),
        ("rules:\n- gpu: x\n  below_usd: 1\n  tokens: input\n", "tokens only with model"),
        ("rules:\n- gpu: x\n  below_usd: 1\n  over_days: 3\n", "over_days only with moves_by"),
        (
            "rules:\n- gpu: x\n  below_usd: 1\n  purchase_model: reserved\n",
            "commitment_months with",
        ),
        ("rules: [\n", "not YAML"),
        ("&a [*a]\n", "cannot be read"),
        ("\ufffe", "rules.yaml"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RuleError, match=said.replace("[", r"\[").split(";")[0]) as refused:
        read_rules(Path(written(tmp_path, text)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules:\n- gpu: L4\n  below_usd: 1\n- gpu: h100\n  below_usd: 1\n", "rules.yaml:4: GPU"),
        ("rules:\n- model: nothing\n  below_usd: 1\n", "rules.yaml:2: unknown model"),
        (
            "rules:\n- gpu: L4\n  provider: nobody\n  below_usd: 1\n",
            "rules.yaml:2: unknown provider",
        ),
    ],
)
def test_a_name_that_means_nothing_is_refused_by_its_line(
    ask: Truecost, tmp_path: Path, text: str, said: str
) -> None:
    answer = ask("alert", written(tmp_path, text))
    assert answer.exit_code == 2
    assert said in answer.output
