"""The electric power of GPUs that serve, and the energy of their tokens, without the facility.

Pure arithmetic on floats or arrays. Server, network and cooling belong to
``cost_engine.energy`` and to the reference data.
"""

from __future__ import annotations

import numpy as np

from cost_engine.serving.inputs import Labels, ServingConstants
from cost_engine.units import Number, unwrapped


def board_power_fraction(
    constants: ServingConstants,
    architecture: Labels,
    bandwidth_fraction: Number,
    compute_fraction: Number,
) -> Number:
    """Return the mean power of a board over its limit.

    Parameters
    ----------
    constants : ServingConstants
    architecture : Labels
    bandwidth_fraction, compute_fraction : float or array
        Shares of the time in which memory is read and matrices are multiplied. [1]

    Returns
    -------
    float or array
        At most 1. [1]

    Examples
    --------
    >>> constants = ServingConstants(
    ...     {"power_base": 0.3, "power_bandwidth": 0.4, "power_compute": 0.5})
    >>> round(float(board_power_fraction(constants, Labels.of("hopper"), 0.5, 0.2)), 3)
    0.6
    """
    fraction = (
        constants["power_base"]
        + constants["power_bandwidth"] * np.asarray(bandwidth_fraction)
        + constants["power_compute"] * np.asarray(compute_fraction)
    ) * constants.factor("power_architecture", architecture)
    return np.minimum(fraction, 1.0)


def joules_per_output_token(gpu_watts: Number, output_tokens_per_second: Number) -> Number:
    """Return the energy of the GPUs for one token of an answer, its prompt included [J / token].

    NaN where the throughput is NaN: nothing is served.

    Examples
    --------
    >>> joules_per_output_token(700.0, 1400.0)
    0.5
    """
    return unwrapped(np.asarray(gpu_watts) / output_tokens_per_second)
