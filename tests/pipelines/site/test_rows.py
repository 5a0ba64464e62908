"""The rows of charts: which are chosen, and what they hold."""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from typing import Any

import pytest

from pipelines.site.drawings import sparkline
from pipelines.site.rows.accuracy import commonest_unit, with_equality
from pipelines.site.rows.decide import bare_multipliers, example, largest_clusters, owning_curve
from pipelines.site.rows.gpu import cheapest_of_each, fresh_on_demand, strip_marks
from pipelines.site.rows.inference import ODD_RATIO, margin_marks
from pipelines.site.rows.market import heatmap_cells, matched_months, widest_spread
from pipelines.site.rows.prices import has_enough, oldest_age_hours
from pipelines.site.rows.training import CHEAPEST_CHARTED, Z_80, fitted, run_marks
from pipelines.site.rows.value import CHARTED, cheapest_marks

DAY = date(2026, 11, 21)
Row = dict[str, Any]


def offer(usd: float, **fields: Any) -> Row:
    return {
        "gpu_id": "L4-24GB", "usd_per_gpu_hour": usd, "purchase_model": "on_demand",
        "is_stale": False, "is_witness": False, "is_available": None, "place": 1, "age_hours": 1.0,
        **fields,
    }  # fmt: skip


def test_three_providers_are_enough() -> None:
    assert [has_enough({"provider_count": count}) for count in (2, 3)] == [False, True]


def test_an_answer_of_the_same_day_has_no_age() -> None:
    row = {"day": DAY, "oldest_seen_on": DAY}
    assert oldest_age_hours(row) == 0
    assert oldest_age_hours(row | {"oldest_seen_on": DAY - timedelta(2)}) == 48


def test_the_line_of_a_gpu_breaks_at_a_month_without_a_value() -> None:
    rows = [
        {"gpu_id": gpu, "month": date(2026, month, 1), "index": 100.0 - month}
        for gpu, month in (("a", 1), ("a", 2), ("a", 4), ("b", 3))
    ]
    points = matched_months(rows, "a")
    assert points == [(date(2026, 1, 1), 99.0), (date(2026, 2, 1), 98.0), (date(2026, 4, 1), 96.0)]
    [path] = re.findall(r'd="([^"]+)"', sparkline(points, "x"))
    assert re.sub("[^ML]", "", path) == "MLM"


def test_the_spread_is_over_fresh_prices_of_one_gpu() -> None:
    fresh = [offer(usd) for usd in (1.0, 2.0, 3.0)]
    assert widest_spread([*fresh, offer(90.0, age_hours=31.0)], ["L4-24GB"]) == 3.0
    assert widest_spread([*fresh, offer(90.0, gpu_id="A")], ["L4-24GB", "A"]) == 3.0
    assert widest_spread(fresh[:2], ["L4-24GB"]) == 0


def test_cells_follow_the_order_of_the_gpus_and_mark_old_answers() -> None:
    rows = [offer(1.0, seen_at=None), offer(2.0, gpu_id="A", age_hours=31.0, seen_at=None)]
    cells = heatmap_cells(rows, ["A", "L4-24GB"])
    assert [(cell["gpu_id"], cell["is_old"]) for cell in cells] == [("A", True), ("L4-24GB", False)]


def test_a_title_uses_confirmed_offers_on_demand_only() -> None:
    rows = [offer(1.0), offer(2.0, is_stale=True), offer(3.0, is_witness=True),
            offer(0.5, is_available=False),
            offer(4.0, purchase_model="spot")]  # fmt: skip
    assert fresh_on_demand(rows) == rows[:1]


def test_the_page_of_a_gpu_carries_first_ranks_first_in_order_of_price() -> None:
    rows = [offer(400.0 - n, place=1) for n in range(299)] + [
        offer(1.0, place=2),
        offer(2.0, place=3),
    ]
    shown = cheapest_of_each(rows)
    assert len(shown) == 300
    assert [row["usd_per_gpu_hour"] for row in shown[:2]] == [1.0, 102.0]


def test_the_strip_has_the_median_of_all_markets_without_commitment() -> None:
    market = [
        {"purchase_model": "on_demand", "market_family": family, "commitment_months": months,
         "provider_count": count, "median_usd_per_gpu_hour": 2.0, "p10_usd_per_gpu_hour": 1.0,
         "p90_usd_per_gpu_hour": 3.0, "offer_count": 9, "day": DAY}
        for family, months, count in (("all", None, 3), ("all", 12, 3), ("neocloud", None, 3),
                                      ("all", None, 2))
    ]  # fmt: skip
    [mark] = strip_marks([], market)
    assert (mark["part"], mark["median"], mark["p10"], mark["p90"]) == ("median", 2.0, 1.0, 3.0)


def test_the_value_chart_holds_the_cheapest_of_every_choice() -> None:
    rows = [
        {"gpu_id": f"g{n}", "family": "Hopper", "precision": precision, "day": DAY,
         "purchase_model": "on_demand", "usd_per_gpu_hour": 1.0, "provider_count": 3,
         "utilisation_fraction": 0.4, "price": float(n), "low": 0.0, "high": 9.0}
        for n in range(CHARTED + 5)
        for precision in ("bf16", "fp8")
    ]  # fmt: skip
    rows.append(rows[0] | {"provider_count": 2, "price": 0.0})
    marks = cheapest_marks(rows, {"peak": ("price", "low", "high")})
    assert len(marks) == 2 * CHARTED
    assert max(mark["usd"] for mark in marks) == CHARTED - 1
    assert not any("utilisation_fraction" in mark for mark in marks)


def test_an_odd_list_price_is_counted_and_left_out() -> None:
    listed = (1.0, 1.0, 1.5 * ODD_RATIO)
    rows = [
        {"model_id": "m", "api_provider_id": "p", "listed": usd, "cost": 0.5, "cost_low": 0.4,
         "cost_high": 0.6, "margin_fraction": 0.5, "margin_low": 0.4, "margin_high": 0.6,
         "gpu_id": "L4-24GB", "gpu_count": 1, "precision": "fp8", "day": DAY,
         "provider_count": 3, "api_source_id": "feed"}
        for usd in listed
    ]  # fmt: skip
    marks, order, odd = margin_marks(rows)
    assert [mark["listed"] for mark in marks if mark["part"] == "list"] == [1.0, 1.0]
    assert (order, odd, marks[0]["part"]) == (["m"], 1, "cost")


def test_the_line_of_equality_spans_all_cases() -> None:
    cases = [{"part": "case", "reported": 2.0, "predicted": 5.0},
             {"part": "case", "reported": 1.0, "predicted": 3.0}]  # fmt: skip
    line = with_equality(cases)[2:]
    assert [(end["reported"], end["predicted"]) for end in line] == [(1.0, 1.0), (5.0, 5.0)]


def test_the_commonest_unit_of_a_tie_is_the_first_by_name() -> None:
    assert commonest_unit([{"unit": "s"}, {"unit": "ms"}, {"unit": "s"}]) == "s"
    assert commonest_unit([{"unit": "s"}, {"unit": "ms"}]) == "ms"
    assert commonest_unit([]) == ""


def run(usd: float, **fields: Any) -> Row:
    return {
        "model": "m", "published_on": DAY, "hardware": "h", "gpu_hours_method": "reported",
        "confidence": "high", "usd_real": usd, "usd_nominal": usd / 2, "low": 1.0, "high": None,
        "compute_rank": 3, **fields,
    }  # fmt: skip


def test_the_interval_of_a_run_is_scaled_to_real_money() -> None:
    [mark] = run_marks([run(1000.0), run(CHEAPEST_CHARTED - 1)])
    assert (mark["low"], mark["high"], mark["is_leading"]) == (2.0, None, True)
    assert not run_marks([run(1000.0, compute_rank=11)])[0]["is_leading"]


def test_the_fitted_line_grows_by_its_slope_and_its_band_is_even_in_logarithms() -> None:
    fit = {"usd_2027_mean": 1e8, "slope_orders_per_year": 0.5, "residual_deviation_orders": 0.7,
           "model_count": 60}  # fmt: skip
    points = fitted(fit, date(2025, 1, 1), date(2027, 1, 1))
    first, last = points[0], points[-1]
    assert last["fit"] == pytest.approx(1e8)
    assert math.log10(last["fit"] / first["fit"]) == pytest.approx(1.0, rel=2e-3)
    for point in points:
        assert point["fit_high"] / point["fit"] == pytest.approx(10 ** (0.7 * Z_80))
        assert point["fit"] / point["fit_low"] == pytest.approx(10 ** (0.7 * Z_80))


def comparison(gpu_id: str, gpu_count: int, **fields: Any) -> Row:
    return {
        "gpu_id": gpu_id, "gpu_count": gpu_count, "reason": None, "owned_usd_per_gpu_hour": 2.0,
        "low": 1.0, "high": 3.0, "fleet_utilisation_fraction": 0.5, "rental_usd_per_gpu_hour": 2.5,
        "rental_usd_per_gpu_hour_low": 2.0, "rental_usd_per_gpu_hour_high": 3.0,
        "provider_count": 3, "day": DAY, **fields,
    }  # fmt: skip


def test_the_page_explains_the_largest_cluster_of_an_h100() -> None:
    rows = [comparison("A", 8), comparison("H100-SXM-80GB", 8), comparison("H100-SXM-80GB", 64),
            comparison("B", 8, reason="no list price")]  # fmt: skip
    assert largest_clusters(rows) == [rows[0], rows[2]]
    assert example(rows) is rows[2]
    assert example(rows[:1]) is rows[0]
    assert example(rows[3:]) is None


def test_halving_the_utilisation_doubles_the_cost_of_owning() -> None:
    *owned, rent = owning_curve(comparison("A", 8))
    usd = {point["utilisation"]: point["usd"] for point in owned}
    assert usd[50] == 2.0
    assert usd[25] == 2 * usd[50]
    assert (rent["usd"], rent["low"], rent["high"]) == (2.5, 2.0, 3.0)


def test_the_multipliers_shown_are_those_of_the_least_resale() -> None:
    rows = [{"commitment_months": 12, "job_months": 6, "multiplier": 2.0 - resale,
             "resale_fraction": resale} for resale in (0.5, 0.25)]  # fmt: skip
    shown = {"commitment_months": 12, "job_months": 6, "multiplier": 1.75}
    assert bare_multipliers(rows) == ([shown], 0.25)
    assert bare_multipliers([]) == ([], 0)
