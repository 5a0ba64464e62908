"""Which words a movement of prices may be told in."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.site.pages.gpu_history import changes_title, matched_title
from pipelines.site.rows.moves import told, verb

ROOT = Path(__file__).parents[3]
SURE: dict[str, Any] = {
    "gpu_id": "H100-SXM-80GB", "market_family": "neocloud", "horizon_months": None,
    "then_month": date(2026, 2, 1), "month": date(2026, 8, 1), "evidence": "published",
    "like_for_like_change_fraction": -0.14, "is_sure": True, "drift_fraction": 0.01,
    "link_provider_count": 4,
}  # fmt: skip
STEP: dict[str, Any] = {
    "day": date(2026, 8, 1), "purchase_model": "on_demand", "change_fraction": 0.081,
    "same_offers_change_fraction": -0.02, "compared_provider_count": 5, "is_price_move": False,
    "method_break": None,
    "mover_provider_id": "runpod", "mover_move": "lowered",
}  # fmt: skip


def test_the_same_offers_fell_where_their_interval_leaves_out_no_change() -> None:
    title = matched_title("H100-SXM-80GB", [SURE])
    assert title == (
        "The same offers of 4 neoclouds or more fell by 14\u00a0% from 2026-02 to 2026-08"
    )
    assert "rose by" in str(told([SURE | {"like_for_like_change_fraction": 0.2}]))


@pytest.mark.parametrize(
    "doubt",
    [
        {"is_sure": False},
        {"is_sure": None},
        {"link_provider_count": 2},
        {"evidence": "thin"},
        {"like_for_like_change_fraction": 0.0},
    ],
    ids=str,
)
def test_without_the_evidence_nothing_fell(doubt: dict[str, Any]) -> None:
    assert verb(SURE | doubt) is None
    assert not re.search(r"\b(fell|rose)\b", matched_title("X", [SURE | doubt]))


def test_a_drifting_index_is_told_with_about() -> None:
    assert "fell by about 14" in str(told([SURE | {"drift_fraction": -0.06}]))


def test_the_family_that_most_providers_link_is_told() -> None:
    other = SURE | {"market_family": "hyperscaler", "link_provider_count": 3}
    assert "neoclouds" in str(told([other, SURE]))


def test_a_step_of_the_median_by_other_sellers_is_told_as_such() -> None:
    title = changes_title([STEP])
    assert "the sellers changed; the same offers −2" in title
    assert "runpod" not in title
    assert "too few providers" in changes_title([STEP | {"compared_provider_count": 2}])


def test_a_step_of_the_median_by_prices_names_who_changed_one() -> None:
    moved = STEP | {"change_fraction": -0.2, "same_offers_change_fraction": -0.18,
                    "is_price_move": True}  # fmt: skip
    assert "same offers −18" in changes_title([moved])
    assert "runpod lowered" in changes_title([moved])
    assert "changed its method" in changes_title([moved | {"method_break": "feed: other page"}])


def test_rose_and_fell_are_said_in_one_place_only() -> None:
    """No other text for people calls a movement so: each would need the same evidence."""
    said = []
    for folder in ("site", "answers", "commands"):
        for path in sorted((ROOT / "pipelines" / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            documented = {
                id(node.body[0].value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
                and node.body
                and isinstance(node.body[0], ast.Expr)
            }
            said += [
                path.relative_to(ROOT).as_posix()
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in documented
                and re.search(r"\b(rose|fell|risen|fallen)\b", node.value)
            ]
    assert set(said) == {"pipelines/site/rows/moves.py"}
