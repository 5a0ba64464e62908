"""Intervals: what is known is tight, what is shared is shared, and the published ranges hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.training import uncertainty as tu
from cost_engine.training.development import development_cost, published_projects
from cost_engine.training.spreads import FACTORS, row_uncertainty
from cost_engine.uncertainty import (
    interval,
    lognormal,
    lognormal_parameters,
    lognormal_percentile,
    product_interval,
)
from pipelines.derive import training_method
from warehouse.reference import bundled

SPREADS = training_method.spreads(bundled())
PROJECTS = published_projects(0.275, {2020: 0.0667, 2022: 0.0832, 2023: 0.0806})
FINAL_RUN = {"chip_usd": 18e6, "server_usd": 12e6, "interconnect_usd": 7e6, "energy_usd": 3.5e6}


def unknowns(method="reported", **changes):
    row = {
        "hours_method": [method],
        "confidence": ["Confident"],
        "is_tpu": [False],
        "is_hyperscaler": [False],
        "is_hardware_imputed": [False],
        "is_utilisation_reported": [False],
        "is_overhead_applied": [False],
        "is_start_known": [True],
        "training_flops": [1e24],
    }
    row |= {name: [value] for name, value in changes.items()}
    return row_uncertainty(**row, spreads=SPREADS)


def width(uncertainty):
    low, high = tu.amortized_quantiles(
        np.array([0.9]),
        np.array([0.1]),
        np.array([1.0]),
        uncertainty,
        np.random.default_rng(7),
        4_000,
        quantiles=(0.05, 0.95),
    )[:, 0]
    return high / low


@given(st.floats(1e-6, 1e6), st.floats(1.0, 1e3))
def test_the_given_percentiles_come_back(low, ratio):
    high = low * ratio
    assert lognormal_percentile(low, high, 0.05) == pytest.approx(low)
    assert lognormal_percentile(low, high, 0.95) == pytest.approx(high)


def test_percentiles_out_of_order_are_refused():
    with pytest.raises(ValueError, match="must not be above"):
        lognormal_parameters(2.0, 1.0)


def test_reported_hours_are_tighter_than_computed_ones():
    reported = width(unknowns("reported"))
    multiplied = width(unknowns("quantity*time"))
    computed = width(unknowns("compute/(peak*mfu)"))
    assert reported < multiplied < computed
    assert width(unknowns("compute/(peak*mfu)", is_hardware_imputed=True)) > computed


def test_known_utilisation_and_bounds_narrow_a_computed_run():
    computed = width(unknowns("compute/(peak*mfu)"))
    known = unknowns("compute/(peak*mfu)", is_utilisation_reported=True)
    bounded = unknowns("compute/(peak*mfu)", flops_low=9e23, flops_high=1.1e24)
    assert width(known) < computed and width(bounded) < computed


def test_published_relative_ranges_of_acquisition():
    # Golden: GPU 0.461 to 2.167, TPU 0.240 to 4.168 of the median.
    for is_tpu, expected in ((False, (0.461, 2.167)), (True, (0.240, 4.168))):
        row = unknowns(is_tpu=is_tpu, is_overhead_applied=True)
        _, deviation = tu.acquisition_factor(row)
        low, high = product_interval(1.0, 0.0, float(deviation[0]))
        assert (low, high) == pytest.approx(expected, rel=0.02)


def test_monte_carlo_agrees_with_the_closed_form_where_there_is_one():
    row = unknowns("quantity*time")
    row.log_deviations[:, FACTORS.index("trend")] = 0.0
    _, deviation = tu.hours_factor(row)
    price = row.log_deviations[0, FACTORS.index("price")]
    network = row.log_deviations[0, FACTORS.index("interconnect")]
    log_mean = float(row.log_means[0, : FACTORS.index("trend")].sum())
    expected = product_interval(
        1.0, log_mean, float(np.sqrt(deviation[0] ** 2 + price**2 + network**2))
    )
    got = tu.amortized_quantiles(
        np.array([1.0]),
        np.array([1e-12]),
        np.array([0.0]),
        row,
        np.random.default_rng(3),
        40_000,
        quantiles=(0.05, 0.95),
    )[:, 0]
    assert tuple(got) == pytest.approx(expected, rel=0.03)


def test_variance_shares_sum_to_one_and_leave_out_what_is_known():
    shares = tu.variance_shares(
        np.array([0.9]), np.array([0.1]), np.array([1.0]), unknowns("reported")
    )[0]
    by_name = dict(zip(FACTORS, shares, strict=True))
    assert shares.sum() == pytest.approx(1)
    assert by_name["compute"] == 0 and by_name["hardware_imputed"] == 0
    assert by_name["price"] > 0.5


def test_the_same_seed_gives_the_same_interval():
    assert width(unknowns()) == width(unknowns())


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_sharing_the_experiment_factor_widens_the_total(name):
    project = PROJECTS[name]
    shared, split = (
        development_cost(
            project,
            FINAL_RUN,
            np.random.default_rng(5),
            2_000,
            is_experiment_factor_shared=is_shared,
        ).quantiles_usd()
        for is_shared in (True, False)
    )
    assert shared[2] / shared[0] > split[2] / split[0]


def test_equity_is_a_large_part_of_pay():
    project = PROJECTS["GPT-4"]
    with_equity, without = (
        development_cost(
            project, FINAL_RUN, np.random.default_rng(5), 1_000, is_equity_counted=is_counted
        ).quantiles_usd("staff_usd")[1]
        for is_counted in (True, False)
    )
    assert with_equity / without == pytest.approx(36.1 / 21.2, rel=0.05)


def test_a_project_never_ends_before_it_began():
    project = PROJECTS["GPT-3 175B (davinci)"]
    cost = development_cost(project, FINAL_RUN, np.random.default_rng(5), 5_000)
    assert (cost.components["staff_usd"] > 0).all()


def test_an_interval_level_is_a_fraction():
    with pytest.raises(ValueError, match="level = 90"):
        interval(lognormal(np.random.default_rng(1), 1, 2, 10), 90)
