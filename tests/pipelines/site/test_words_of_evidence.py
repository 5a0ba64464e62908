"""Which prices the words "cheapest", "today" and "from" may be said of, in titles and answers.

"rose" and "fell" have their rules in ``test_moves.py``. That no table and no command takes a stale
or a sold-out offer is held on a built home by ``tests/pipelines/commands/test_stale_offers.py``.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.site.pages.gpu import headline
from pipelines.site.pages.gpu_offers import offers_title, spread_title
from pipelines.site.pages.hero import gpus_title
from pipelines.site.pages.value import headline as value_headline
from pipelines.site.rows.market import widest_spread
from warehouse.models import SQL_FOLDER

PIPELINES = Path(__file__).parents[3] / "pipelines"
QUERIES = PIPELINES / "site" / "queries"
# Every text for people that says a word of evidence; a new one needs a rule, and a test of it.
SAID = {
    "cheapest": {
        "site/charts/prices.py", "site/pages/decide.py", "site/pages/gpu.py",
        "site/pages/gpu_costs.py", "site/pages/gpu_offers.py", "site/pages/hero.py",
        "site/pages/inference.py", "site/pages/market.py", "site/pages/model.py",
        "site/pages/pair.py", "site/pages/provider.py", "site/pages/training.py",
        "site/pages/value.py", "answers/headline.py", "answers/metrics.py",
        "commands/compare.py", "commands/headline.py", "commands/infer.py", "commands/quote.py",
        "commands/reserve_tables.py", "commands/train_tables.py",
    },
    "today": {
        "site/footer.py", "site/pages/decide.py", "site/pages/gpu.py", "site/pages/gpu_offers.py",
        "site/pages/inference.py", "site/pages/market.py", "site/pages/model.py",
        "site/pages/pair.py", "site/pages/value.py", "answers/headline.py",
        "commands/check_sources.py",
    },
}  # fmt: skip
# The selects whose cheapest row is printed, and how each leaves out what cannot be rented now.
FRESH_ONLY = {
    "reports/headline_offers.sql", "site/market/gpus.sql", "reports/quote.sql",
    "reports/alert_gpu_days.sql", "reports/metrics_cheapest.sql",
    "marts/provider_price_now.sql", "marts/gpu_set_offer.sql", "site/provider/prices.sql",
    "reports/compare_gpu.sql",
}  # fmt: skip


def texts(path: Path) -> list[str]:
    """Return the strings of a module that are not docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documented
    ]


@pytest.mark.parametrize("word", SAID)
def test_a_word_of_evidence_is_said_where_a_rule_is_known(word: str) -> None:
    said = {
        path.relative_to(PIPELINES).as_posix()
        for folder in ("site", "answers", "commands")
        for path in (PIPELINES / folder).rglob("*.py")
        if any(re.search(rf"\b{word}\b", text, re.IGNORECASE) for text in texts(path))
    }
    assert said == SAID[word]


@pytest.mark.parametrize("name", sorted(FRESH_ONLY))
def test_a_select_of_the_cheapest_leaves_out_what_is_stale_or_sold_out(name: str) -> None:
    folder = QUERIES if name.startswith("site/") else SQL_FOLDER
    text = (folder / name.removeprefix("site/")).read_text(encoding="utf-8")
    assert "not is_stale" in text.replace("o.", "")
    assert "is_available" in text


def offer(provider: str, usd: float, **other: Any) -> dict[str, Any]:
    return {
        "provider_id": provider, "provider_name": provider, "usd_per_gpu_hour": usd,
        "purchase_model": "on_demand",
        "is_stale": False, "is_witness": False, "is_available": None, **other,
    }  # fmt: skip


OFFERS = [
    offer("idle", 0.5, is_stale=True),
    offer("sold", 0.6, is_available=False),
    offer("second-hand", 0.7, is_witness=True),
    offer("spot", 0.8, purchase_model="spot"),
    offer("alpha", 2.0, is_available=True),
    offer("beta", 4.0),
]


def test_a_gpu_rents_from_the_cheapest_offer_that_can_be_rented() -> None:
    assert headline("X", [], OFFERS).startswith("X rents from $2.00 per GPU-hour at alpha;")
    assert "no offer on demand was confirmed" in headline("X", [], OFFERS[:4])
    assert "2.00 times the cheapest" in spread_title("X", OFFERS)


def test_offers_of_today_are_fresh() -> None:
    assert offers_title(OFFERS) == "5 offers today, 1 more when last seen"
    assert "today" not in offers_title(OFFERS[:1])
    assert "today" not in offers_title([])


def test_the_first_table_says_nothing_of_prices_that_it_does_not_have() -> None:
    assert gpus_title([]) == "No provider confirmed a price on demand in the last 30 hours"


def test_the_widest_spread_takes_fresh_prices_of_three_providers() -> None:
    def row(usd: float, age_hours: float) -> dict[str, Any]:
        return {"gpu_id": "X", "usd_per_gpu_hour": usd, "age_hours": age_hours}

    fresh = [row(2.0, 1.0), row(3.0, 2.0), row(4.0, 3.0)]
    assert widest_spread([*fresh, row(0.1, 100.0)], ["X"]) == 2.0
    assert widest_spread(fresh[:2], ["X"]) == 0.0


@pytest.mark.parametrize("providers", [1, 2])
def test_a_ranking_and_a_median_take_three_providers(providers: int) -> None:
    thin = {
        "gpu_id": "X", "purchase_model": "on_demand", "provider_count": providers,
        "median_usd_per_gpu_hour": 0.1, "p10_usd_per_gpu_hour": 0.1, "p90_usd_per_gpu_hour": 0.1,
        "effective": 0.1, "utilisation_fraction": 0.4, "precision": "bf16",
        "commitment_months": None, "market_family": "neocloud", "gpu_class": "data_center",
    }  # fmt: skip
    assert "not known" in value_headline([thin])
