"""Reserving for a changing load: known optima, brute force, and bounds that always hold."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cost_engine import prices
from cost_engine.commitments import Commitment, cheapest_plan, drift_half_width_log
from cost_engine.load import Load, load_of
from cost_engine.units import HOURS_PER_MONTH

PROFILES = st.lists(st.tuples(st.integers(0, 20), st.floats(1, 40)), min_size=1, max_size=4).filter(
    lambda steps: any(count for count, _ in steps)
)
USD = st.floats(0.2, 5)


def of(steps: list[tuple[int, float]], months: float, ramp_months: float = 0.0) -> Load:
    return load_of(
        [count for count, _ in steps], months, [hours for _, hours in steps], ramp_months
    )


@settings(max_examples=40, deadline=None)
@given(
    PROFILES, st.floats(0.5, 40), st.floats(0, 1), USD, USD, USD, st.floats(0, 0.9),
    st.sampled_from([1, 4, 8]),
)  # fmt: skip
def test_the_optimum_never_costs_more_than_all_on_demand_or_all_reserved(
    steps, months, ramp, short, long, on_demand, resale, node
):
    load = of(steps, months, ramp * months)
    offers = [Commitment(6, short), Commitment(24, long)]
    best = cheapest_plan(load, offers, on_demand, resale, node).usd
    others = [
        cheapest_plan(load, [], on_demand, resale, node),
        cheapest_plan(load, offers[:1], None, resale, node),
        cheapest_plan(load, offers[1:], None, resale, node),
    ]
    assert best <= min(plan.usd for plan in others) * (1 + 1e-5)


@settings(max_examples=30, deadline=None)
@given(PROFILES, st.floats(1, 30), USD, USD, st.floats(0.1, 1), st.floats(0, 0.9))
def test_a_larger_discount_and_a_better_resale_never_cost_more(
    steps, months, reserved, on_demand, factor, resale
):
    load = of(steps, months)
    dear = cheapest_plan(load, [Commitment(12, reserved)], on_demand).usd
    discounted = cheapest_plan(load, [Commitment(12, reserved * factor)], on_demand).usd
    resold = cheapest_plan(load, [Commitment(12, reserved)], on_demand, resale).usd
    assert discounted <= dear * (1 + 1e-5)
    assert resold <= dear * (1 + 1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 36), st.floats(0.5, 80), st.integers(1, 64), USD, st.floats(0, 1))
def test_a_constant_job_pays_the_multiplier(term, months, gpus, reserved, resale):
    plan = cheapest_plan(load_of([gpus], months, [24]), [Commitment(term, reserved)], None, resale)
    listed = gpus * reserved * months * HOURS_PER_MONTH
    multiplier = prices.reservation_multiplier(term, months, resale)
    assert plan.usd == pytest.approx(listed * multiplier, rel=1e-6)


def test_a_job_of_exactly_one_term_pays_its_list_price():
    plan = cheapest_plan(load_of([8], 12, [1]), [Commitment(12, 1.5)], 2.0)
    assert plan.usd == pytest.approx(8 * 1.5 * 12 * HOURS_PER_MONTH)
    assert plan.burst_usd == 0 and plan.most_reserved_gpu_count == 8


def test_eighteen_months_on_terms_of_twelve_end_on_demand_if_that_is_cheaper():
    load = load_of([1], 18, [24])
    reserved = cheapest_plan(load, [Commitment(12, 1.0)], None)
    assert reserved.usd == pytest.approx(24 * HOURS_PER_MONTH)
    mixed = cheapest_plan(load, [Commitment(12, 1.0)], 1.5)
    assert mixed.usd == pytest.approx((12 + 6 * 1.5) * HOURS_PER_MONTH)
    assert cheapest_plan(load, [Commitment(12, 1.0)], 2.5).usd == pytest.approx(reserved.usd)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.49, 0.51, 0.9])
def test_a_layer_is_reserved_exactly_if_it_works_longer_than_the_ratio_of_prices(share):
    load = load_of([10, 30], 12, [24 * (1 - share), 24 * share])
    plan = cheapest_plan(load, [Commitment(12, 1.0)], 2.0)
    assert plan.most_reserved_gpu_count == (30 if share > 0.5 else 10)


def test_a_ramp_reserves_later_what_is_needed_later():
    plan = cheapest_plan(load_of([12], 24, [24], 12), [Commitment(12, 1.0)], 1.9)
    starts = [one.start_month for one in plan.purchases]
    assert min(starts) < 3 and len(set(starts)) > 3
    assert plan.usd < cheapest_plan(load_of([12], 24, [24]), [Commitment(12, 1.0)], 1.9).usd


def test_brute_force_finds_nothing_cheaper():
    """Every number of one- and two-month terms in every month of a job of three."""
    needed, terms, on_demand = (1, 2, 1), ((1, 0.9), (2, 0.6)), 1.0
    hours = [HOURS_PER_MONTH] * 3
    load = load_of(needed, 3, hours)
    plan = cheapest_plan(load, [Commitment(*term) for term in terms], on_demand)
    best = float("inf")
    for counts in product(range(3), repeat=6):
        bought = list(zip(product(terms, range(3)), counts, strict=True))
        cost = sum(n * months * usd for ((months, usd), _), n in bought)
        for month, need in enumerate(needed):
            held = sum(n for ((m, _), at), n in bought if at <= month < at + m)
            cost += max(need - held, 0) * on_demand
        best = min(best, cost * HOURS_PER_MONTH)
    assert plan.usd == pytest.approx(best)
    assert best == pytest.approx(4 * 0.6 * HOURS_PER_MONTH)  # two terms of two months overlap


@settings(max_examples=40, deadline=None)
@given(PROFILES, st.floats(0.1, 60), st.floats(0, 1))
def test_a_load_lasts_as_long_as_its_job_and_a_ramp_never_adds(steps, months, ramp):
    load, ramped = of(steps, months), of(steps, months, ramp * months)
    assert load.hours.sum() == pytest.approx(months * HOURS_PER_MONTH)
    assert ramped.gpu_hours <= load.gpu_hours * (1 + 1e-9)
    assert set(load.gpu_count) <= {count for count, _ in steps}


def test_the_longer_the_job_the_less_its_price_by_the_hour_is_known():
    widths = [drift_half_width_log(0.003, months) for months in (1, 12, 36)]
    assert widths == sorted(widths) and widths[0] > 0


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (([], 12), "at least one step"),
        (([0], 12), "not all 0"),
        (([float("nan")], 12), "finite"),
        (([1], 500), "at most 120"),
        (([1], 12, [1e-6]), "steps"),
        (([1], 12, None, 13), "ramp_months"),
    ],
)
def test_a_load_that_is_none_is_refused(arguments, hint):
    with pytest.raises(ValueError, match=hint):
        load_of(*arguments)


def test_forward_price_and_terms_agree():
    far = prices.forward_price(12, 3.0, 36, 2.0)
    assert 12 * 3.0 + 24 * far == pytest.approx(36 * 2.0)
    assert prices.forward_price(0, 0.0, 12, 3.0) == 3.0
    with pytest.raises(ValueError, match="far_months"):
        prices.forward_price(12, 3.0, 12, 2.0)
