"""What own measurements say of the speed of GPUs and of models on them: a posterior, no overwrite.

Pure arithmetic. Which rows were measured, and what the equations predict for them, come in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cost_engine.serving.inputs import Floats, Labels

GPU_SPREAD = 0.15
"""Prior spread of the logarithm of a machine's speed over the prediction. [1]"""
PAIR_SPREAD = 0.2
"""Prior spread of a model on a GPU beside that: between pairs the equations are off by it. [1]"""
ROW_SPREAD = 0.12
"""Spread of single rows: the same configuration in two reports differs by 5 %, and loads by more.
[1]"""


@dataclass(frozen=True)
class Posterior:
    """Speed factors of GPUs and of pairs, and predictions of each row from the other rows."""

    gpu_factors: Mapping[str, float]
    pair_factors: Mapping[str, float]
    factors_without_row: Floats


def posterior(log_speeds: Floats, gpu: Labels, pair: Labels) -> Posterior:
    """Return the speed factors that measured over predicted speeds suggest.

    Parameters
    ----------
    log_speeds : array
        Natural logarithm of measured over predicted speed, one entry a row. [1]
    gpu, pair : Labels
        Of each row.

    Returns
    -------
    Posterior

    Examples
    --------
    Nine rows that are 20 % faster than predicted, of one model on one GPU. The factor is a little
    less: a prediction counts, too.

    >>> one = Labels.of(["a"] * 9)
    >>> found = posterior(np.full(9, np.log(1.2)), one, one)
    >>> round(found.gpu_factors["a"] * found.pair_factors["a"], 3)
    1.195
    """
    design = np.hstack([np.eye(len(labels.names))[labels.codes] for labels in (gpu, pair)])
    spreads = np.array([GPU_SPREAD] * len(gpu.names) + [PAIR_SPREAD] * len(pair.names))
    precision = design.T @ design / ROW_SPREAD**2 + np.diag(spreads**-2)
    gain = np.linalg.solve(precision, design.T / ROW_SPREAD**2)
    logs = gain @ log_speeds
    factors = np.exp(logs).tolist()
    # Leaving a row out of a ridge is a division by what it does not decide itself.
    own = np.einsum("rf,fr->r", design, gain)
    without = log_speeds - (log_speeds - design @ logs) / (1 - own)
    return Posterior(
        dict(zip(gpu.names, factors[: len(gpu.names)], strict=True)),
        dict(zip(pair.names, factors[len(gpu.names) :], strict=True)),
        np.exp(without),
    )
