"""Power of the GPUs that serve: between idle and the limit of the board."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cost_engine.serving.inputs import Labels, ServingConstants
from cost_engine.serving.power import board_power_fraction, joules_per_output_token

HOPPER = Labels.of("hopper")
SHARES = st.floats(0, 1)


@given(SHARES, SHARES, SHARES)
def test_more_work_never_takes_less_power_and_never_more_than_the_limit(
    reading: float, computing: float, more: float
) -> None:
    constants = ServingConstants({})
    less = board_power_fraction(constants, HOPPER, reading, computing)
    higher = board_power_fraction(constants, HOPPER, reading, computing + more)
    assert 0 < less <= higher <= 1


def test_scalar_equals_array() -> None:
    constants = ServingConstants({"power_architecture.hopper": 0.9})
    both = np.asarray(
        board_power_fraction(constants, HOPPER, np.array([0.2, 0.4]), np.array([0.1, 0.3]))
    )
    for place, (reading, computing) in enumerate(((0.2, 0.1), (0.4, 0.3))):
        assert both[place] == board_power_fraction(constants, HOPPER, reading, computing)


def test_twice_the_throughput_at_the_same_power_halves_the_energy() -> None:
    assert joules_per_output_token(700.0, 200.0) == 2 * joules_per_output_token(700.0, 400.0)
