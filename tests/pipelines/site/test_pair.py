"""The pages of one thing against another; tests of ``truecost compare`` hold their figures."""

from __future__ import annotations

from pathlib import Path

from markupsafe import escape

from cost_engine.comparison import Ratio
from pipelines.site.pages.pair import Pair, gpu_title

from .conftest import EVIL


def test_a_pair_is_reached_from_both_and_its_name_stays_text(site: Path) -> None:
    path = "pair/h100-sxm-80gb-or-l4-24gb.html"
    for gpu in ("h100-sxm-80gb", "l4-24gb"):
        assert f'href="../{path}"' in (site / f"gpu/{gpu}.html").read_text()
        assert f'href="../gpu/{gpu}.html"' in (site / path).read_text()
    other = (site / "pair/alpha-or-beta.html").read_text()
    assert EVIL not in other and escape(EVIL) in other
    assert "0.667 times" in other


def test_a_title_holds_prices_of_three_providers_against_each_other() -> None:
    pair = Pair("x", "y", "X", "Y", "gpu")
    rows = [
        {"figure": figure, "basis": basis, "ratio": Ratio(2.0), "a_provider_count": 3,
         "b_provider_count": 3}
        for figure, basis in (
            ("price", "on_demand, neocloud, us"),
            ("operations at the peak", "bf16, on_demand, neocloud, us"),
        )
    ]  # fmt: skip
    assert gpu_title(pair, rows).startswith("At neoclouds, X costs 2.00 times Y by the hour")
    thin = [{**row, "b_provider_count": 2} for row in rows]
    assert gpu_title(pair, thin) == "X and Y have no price in the same market today"
