"""What the page of a GPU says of its costs: per operation, per token and owned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pipelines.site.pages.gpu_costs import costs_title, models_title, own_title

COST: dict[str, Any] = {
    "purchase_model": "on_demand", "precision": "bf16", "evidence": "market", "peak": 2.0,
    "memory": 0.03,
}  # fmt: skip
SERVED: dict[str, Any] = {"model_id": "m", "place": 2, "ranked_count": 7}


def test_thin_prices_make_no_title() -> None:
    said = "On demand, $2.00 per PFLOP-hour of bf16 at the peak and $0.0300 per GB-hour of memory"
    assert costs_title([COST]) == said
    assert "$" not in costs_title([COST | {"evidence": "thin"}])
    assert "$" not in costs_title([COST | {"purchase_model": "spot"}])


def test_a_place_is_one_among_several_gpus() -> None:
    assert models_title([SERVED]).endswith("its best place is 2 of 7, for m")
    assert "1 of them cheapest of all GPUs: m" in models_title([SERVED | {"place": 1}])
    alone = [SERVED | {"place": 1, "ranked_count": 1}]
    assert models_title(alone).endswith("no other GPU has enough providers to compare")


def test_owning_is_told_with_its_use_and_the_rent_where_there_is_one() -> None:
    row = {"gpu_count": 1024, "owned_usd_per_gpu_hour": 2.0, "rental_usd_per_gpu_hour": 3.0,
           "fleet_utilisation_fraction": 0.7}  # fmt: skip
    said = "Owned in a cluster of 1,024, an hour of work costs $2.00 at 70\xa0% use"
    assert own_title([row]) == f"{said}; rented $3.00"
    assert own_title([row | {"rental_usd_per_gpu_hour": None}]) == said


def test_the_page_leads_from_a_gpu_to_its_models_and_says_where_its_figures_are_from(
    site: Path,
) -> None:
    page = (site / "gpu/h100-sxm-80gb.html").read_text()
    sections = set(re.findall(r'<section id="([\w-]+)"', page))
    assert sections >= {"costs", "models", "own", "matched", "specification"}
    assert 'href="../model/llama-3-1-70b.html"' in page
    assert "80.0 GB" in page and "2026-11-20" in page
