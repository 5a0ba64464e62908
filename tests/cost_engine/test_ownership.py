"""Owning against renting: break-even identities, bands, and which list price counts."""

import math
from dataclasses import asdict
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.own_or_rent import comparison
from cost_engine.ownership import Ownership, break_even_spend_usd_per_year
from cost_engine.prices import break_even_months, reservation
from cost_engine.purchases import Listing, purchase_price

OWN = Ownership(
    purchase_usd=28_000.0,
    board_power_watts=700.0,
    usd_per_kwh=0.09,
    network_fraction=0.19,
    interest_fraction=0.09,
    lifetime_years=5.0,
    residual_fraction=0.10,
    server_power_ratio=1.8,
    pue=1.25,
    average_power_fraction=0.75,
    idle_power_fraction=0.30,
    space_usd_per_kilowatt_month=184.0,
    maintenance_fraction=0.03,
    team_usd_per_year=3e6,
    team_usd_per_gpu_year=200.0,
)
RANGES = {
    name: (0.8 * value, value, 1.2 * value)
    for name, value in asdict(OWN).items()
    if name not in ("purchase_usd", "board_power_watts", "usd_per_kwh")
} | {
    "fleet_utilisation_fraction": (0.4, 0.7, 0.95),
    "purchase_price_factor": (0.5, 1.0, 1.2),
    "electricity_factor": (0.6, 1.0, 1.7),
}


def compared(rent, **changes):
    given = {
        "gpu_count": 4096,
        "median_usd_per_gpu_hour": rent,
        "p10_usd_per_gpu_hour": 0.8 * rent,
        "p90_usd_per_gpu_hour": 1.3 * rent,
        "purchase_usd": 28_000.0,
        "board_power_watts": 700.0,
        "usd_per_kwh": 0.09,
        "fleet_utilisation_fraction": 0.7,
        "ranges": RANGES,
        "fixed": {},
        "seed": 7,
        "draws": 500,
    }
    return comparison(**given | changes)


def test_the_central_case_is_that_of_the_assumptions():
    found = compared(3.0)
    assert found.owned_usd_per_gpu_hour == pytest.approx(OWN.usd_per_gpu_hour(4096, 0.7))
    assert found.low < found.owned_usd_per_gpu_hour < found.high


def test_a_dearer_rent_makes_owning_more_likely_and_the_same_seed_the_same_band():
    assert compared(4.0).probability_owning_is_cheaper > compared(2.0).probability_owning_is_cheaper
    assert compared(3.0) == compared(3.0)


def test_what_is_fixed_is_not_drawn():
    fixed = {name: middle for name, (_, middle, _) in RANGES.items()}
    found = compared(3.0, fixed=fixed)
    assert found.low == pytest.approx(found.owned_usd_per_gpu_hour)
    assert found.high == pytest.approx(found.owned_usd_per_gpu_hour)


def test_a_break_even_that_is_never_reached_is_none():
    found = compared(0.05)
    assert found.break_even_month is None and found.break_even_spend_usd_per_year is None


def test_a_listing_much_older_than_the_newest_does_not_count():
    old = Listing(60_000.0, date(2023, 1, 1), True, "old")
    new = Listing(30_000.0, date(2025, 1, 1), True, "new")
    assert purchase_price([old, new], 1.64).usd == 30_000.0
    assert purchase_price([], 1.64) is None


@given(st.floats(1, 48), st.floats(1, 48), st.floats(0, 0.9), st.floats(0.5, 5), st.floats(0.5, 5))
def test_a_reservation_is_cheaper_exactly_above_its_break_even(term, job, resale, reserved, demand):
    found = reservation(term, job, resale, reserved, demand)
    months = break_even_months(term, reserved, demand, resale)
    if abs(job - months) > 1e-6 * months and abs(reserved - demand) > 1e-9 and job <= term:
        assert found.is_reserved_cheaper == (job > months)


@given(st.floats(0.05, 1.0), st.floats(0.05, 1.0))
def test_a_busier_gpu_costs_its_owner_less_an_hour(low, high):
    low, high = sorted((low, high))
    assert OWN.usd_per_gpu_hour(1024, high) <= OWN.usd_per_gpu_hour(1024, low) * (1 + 1e-12)


@given(st.floats(1.0, 10.0))
def test_at_break_even_utilisation_owning_costs_the_rent(rent):
    busy = OWN.break_even_utilisation(rent, 4096)
    if busy <= 1:
        assert OWN.usd_per_gpu_hour(4096, busy) == pytest.approx(rent)


@given(st.floats(1.0, 10.0))
def test_at_the_break_even_month_the_bills_are_equal(rent):
    month = OWN.break_even_month(rent, 4096, 0.8)
    if math.isfinite(month):
        rate = (1 + OWN.interest_fraction) ** (1 / 12) - 1
        running = (
            OWN.fixed_usd_per_year(4096) - OWN.capital_usd_per_year() + OWN.power_usd_per_year(0.8)
        ) / 12
        saved = rent * 730.5 * 0.8 - running
        assert saved * (1 - (1 + rate) ** -month) / rate == pytest.approx(OWN.cluster_usd)


def test_without_interest_the_capital_is_the_price_less_the_rest_over_the_years():
    free = OWN.with_(interest_fraction=0.0)
    assert free.capital_usd_per_year() == pytest.approx(free.cluster_usd * 0.9 / 5)


def test_at_the_break_even_spend_owning_costs_the_rent():
    spend = break_even_spend_usd_per_year(OWN, 3.0, 0.8)
    gpus = spend / (3.0 * 8766 * 0.8)
    assert OWN.usd_per_gpu_hour(gpus, 0.8) == pytest.approx(3.0)
    assert math.isinf(break_even_spend_usd_per_year(OWN, 0.5, 0.8))


def test_a_scalar_and_an_array_agree():
    rents = np.array([1.0, 2.0, 3.0])
    many = OWN.break_even_utilisation(rents, 1024)
    assert many.tolist() == [OWN.break_even_utilisation(rent, 1024) for rent in rents.tolist()]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("purchase_usd", 0.0),
        ("lifetime_years", -1.0),
        ("residual_fraction", 1.5),
        ("pue", math.nan),
    ],
)
def test_what_no_cluster_can_have_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        OWN.with_(**{field: value})
