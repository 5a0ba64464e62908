# ruff: noqa: N803, SIM300  (the claims name their own inputs)
"""The seed texts' claims about FLOPs, memory, time and money, and the napkin model's properties."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_engine import memory, napkin, prices
from cost_engine.serving import cost as serving_cost

# Claims with the file's own tolerances, by the function of ours that says the same.
OURS = {
    "A01": lambda n, P: napkin.forward_flops(P, n),
    "A02": lambda P, D: napkin.TRAINING_TO_FORWARD * napkin.forward_flops(P, D),
    "A03": lambda P: napkin.TRAINING_TO_FORWARD,
    "A04": lambda P: memory.training_bytes(P, 4) - memory.weight_bytes(P, 4),
    "A05": lambda P: memory.ADAM_BYTES_PER_PARAMETER * P > 1e12,
    "A06": lambda F, hz: napkin.seconds_of(F, hz),
    "A10": lambda F, peak: napkin.seconds_of(F, peak),
    "A11": lambda P: memory.weight_bytes(P, 4),
    "A13": lambda D, n: napkin.training_to_inference_ratio(D, n),
    "A14": lambda F, peak: napkin.seconds_of(F, peak) / 31557600,
    "A15": lambda P, peak, price_hr: napkin.usd_per_1k_tokens(P, peak, price_hr),
    "A16": lambda P, peak, price_hr: napkin.usd_per_1k_tokens(P, peak, price_hr),
    "A17": lambda P, peak, lo, hi: (
        napkin.usd_per_1k_tokens(P, peak, lo) >= 0.0002
        and napkin.usd_per_1k_tokens(P, peak, hi) <= 0.0014
    ),
    "A18": lambda api, cost: serving_cost.markup_fraction(cost, api) + 1,
    "A19": lambda F, peak, price_hr: napkin.usd_of(F, peak, price_hr),
    "A26": lambda mem, b: mem / memory.training_bytes(1.0, b),
    "A30": lambda b0, b1: napkin.quantisation_speed_limit(b0, b1),
    "P01": lambda P: napkin.forward_flops(P),
    "P02": lambda P, D: napkin.TRAINING_TO_FORWARD * napkin.forward_flops(P, D),
    "P04": lambda F, peak, price_hr: napkin.usd_of(F, peak, price_hr),
    "P05": lambda F, peak, lo, hi: napkin.usd_of(F, peak, lo) <= 5e5 <= napkin.usd_of(F, peak, hi),
    "P06": lambda reserve_months, use_months: prices.reservation_multiplier(
        reserve_months, use_months
    ),
    "P07": lambda cost, reserve_months, use_months: (
        cost * prices.reservation_multiplier(reserve_months, use_months)
    ),
    "P08": lambda D: napkin.training_to_inference_ratio(D, 1),
    "P10": lambda cost, mfu: cost / mfu,
    "X01": lambda r: napkin.months_to_double(r),
    "X02": lambda r: napkin.months_to_double(r),
}
ERRATA = {"A09", "A26", "P03", "P12"}


def tolerated(claim: dict[str, str], value: float) -> bool:
    expected, tolerance = float(claim["expected"]), claim["tolerance"].split(";")[0]
    if tolerance == "exact":
        return math.isclose(value, expected, rel_tol=1e-12)
    if tolerance.startswith("factor"):
        return abs(math.log(value / expected)) <= math.log(float(tolerance.split()[1])) + 1e-9
    if tolerance.endswith("y"):
        return abs(value - expected) <= float(tolerance.split()[0])
    if tolerance == "ideal":
        return math.isclose(value, expected)
    return abs(value / expected - 1) <= float(tolerance.rstrip("%")) / 100 + 1e-9


@pytest.mark.recorded
def test_every_claim_of_the_seed_texts_holds(recorded: Path) -> None:
    with (recorded / "golden" / "seed_claims.csv").open(encoding="utf-8", newline="") as lines:
        claims = list(csv.DictReader(lines))
    assert len(claims) == 51
    known = {"floor": math.floor, "log10": math.log10, "log": math.log, "__builtins__": {}}
    for claim in claims:
        inputs = json.loads(claim["inputs"])
        # "bytes" is an input of one claim and also a builtin, so the inputs come last.
        stated = float(eval(claim["formula"], known, inputs))
        assert tolerated(claim, stated), claim["claim_id"]
        if claim["claim_id"] in OURS:
            ours = float(OURS[claim["claim_id"]](**inputs))
            assert ours == pytest.approx(stated, rel=1e-9), claim["claim_id"]
        assert ("ERRATUM" in claim["status"]) == (claim["claim_id"] in ERRATA)


def test_errata_of_the_seed_are_not_reproduced() -> None:
    # 432 tensor cores of 512 FLOP make the 312 TFLOP/s of an A100; 512 of 128 would make 92.
    assert 432 * 512 * 1.41e9 == pytest.approx(312e12, rel=1e-3)
    assert 512 * 128 * 1.41e9 == pytest.approx(92e12, rel=0.01)
    # 12 GB train one billion parameters with Adam in fp32, not four.
    assert 12e9 / memory.training_bytes(1.0, 4) == pytest.approx(1e9)
    # 3e23 has 24 digits.
    assert len(str(3 * 10**23)) == 24
    # 100 GB of text are 100,000 books of a million characters.
    assert 100e9 / 1e6 == 100_000


def test_prices_of_1_to_4_dollars_stay_inside_the_quoted_range() -> None:
    low, high = (napkin.usd_per_1k_tokens(175e9, 312e12, price) for price in (1.0, 4.0))
    assert 0.0002 <= low < high <= 0.0014


def test_scalar_equals_array() -> None:
    parameters = np.array([8e9, 70e9, 405e9])
    together = napkin.usd_per_1k_tokens(parameters, 989e12, 2.0, 0.4)
    alone = [napkin.usd_per_1k_tokens(float(p), 989e12, 2.0, 0.4) for p in parameters]
    assert together == pytest.approx(alone)


@given(st.floats(1e6, 1e13), st.floats(1e9, 1e16), st.floats(0.01, 100), st.floats(1.1, 10))
def test_cost_is_homogeneous(parameters: float, peak: float, price: float, times: float) -> None:
    base = napkin.usd_per_1k_tokens(parameters, peak, price)
    assert napkin.usd_per_1k_tokens(parameters * times, peak, price) == pytest.approx(base * times)
    assert napkin.usd_per_1k_tokens(parameters, peak * times, price) == pytest.approx(base / times)
    implied = napkin.usd_per_gpu_hour_implied(base, parameters, peak)
    assert implied == pytest.approx(price)


def test_sparse_or_absurd_utilisation_is_refused() -> None:
    with pytest.raises(ValueError, match="utilisation_fraction"):
        napkin.usd_per_1k_tokens(1e9, 1e12, 1.0, 40)
