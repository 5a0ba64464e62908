"""Arithmetic of training compute: FLOP, GPU-hours and the scaling law that sizes a model.

Peak rates and parameter counts come in as arguments; prices are in ``training`` and ``prices``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from cost_engine.units import SECONDS_PER_HOUR, Number, fraction, positive, unwrapped

FLOPS_PER_PARAMETER_TOKEN = 6.0
"""2 forward and 4 backward. [FLOP / (parameter token)] Kaplan et al. 2020, arXiv:2001.08361."""
INFERENCE_FLOPS_PER_PARAMETER_TOKEN = 2.0
"""Forward pass only. [FLOP / (parameter token)] Kaplan et al. 2020, arXiv:2001.08361."""
CHINCHILLA_TOKENS_PER_PARAMETER = 20.0
"""Rule of thumb of Hoffmann et al. 2022, arXiv:2203.15556 [token / parameter]."""


def training_flops(parameters: Number, tokens: Number) -> Number:
    """Return the compute of training a dense transformer, ``6 N D``.

    Parameters
    ----------
    parameters : float or array
        Parameters that each token passes (the active ones of a mixture). [parameter]
    tokens : float or array
        Training tokens seen, repetitions counted. [token]

    Returns
    -------
    float or array
        [FLOP]

    Examples
    --------
    GPT-3: 175 billion parameters, 300 billion tokens.

    >>> f"{training_flops(175e9, 300e9):.3g}"
    '3.15e+23'
    """
    return (
        FLOPS_PER_PARAMETER_TOKEN * positive("parameters", parameters) * positive("tokens", tokens)
    )


def gpu_hours(
    flops: Number,
    peak_flops_per_second: Number,
    utilisation_fraction: Number,
    goodput_fraction: Number = 1.0,
) -> Number:
    """Return the GPU-hours that a training run of ``flops`` takes.

    Parameters
    ----------
    flops : float or array
        Compute of the run. [FLOP]
    peak_flops_per_second : float or array
        Dense peak of one chip in the precision of the run. [FLOP / s]
    utilisation_fraction : float or array
        Model FLOP utilisation while training. [1]
    goodput_fraction : float or array
        Share of the wall time that advances the run (restarts, checkpoints, faults). [1]

    Returns
    -------
    float or array
        [GPU h]

    Examples
    --------
    >>> round(gpu_hours(3.15e23, 312e12, 0.375))
    747863
    """
    rate = positive("peak_flops_per_second", peak_flops_per_second) * fraction(
        "utilisation_fraction", utilisation_fraction
    )
    hours: Number = positive("flops", flops) / rate / SECONDS_PER_HOUR
    return hours / fraction("goodput_fraction", goodput_fraction)


def equivalent_gpu_hours(
    gpu_hours: Number, peak_flops_per_second: Number, other_peak_flops_per_second: Number
) -> Number:
    """Return the GPU-hours of the same compute on another chip, at the same share of its peak.

    Parameters
    ----------
    gpu_hours : float or array
        On the first chip. [GPU h]
    peak_flops_per_second, other_peak_flops_per_second : float or array
        Dense peaks of the first chip and of the other. [FLOP / s]

    Returns
    -------
    float or array
        On the other chip. [GPU h]

    Examples
    --------
    A million A100-hours on an H100.

    >>> round(equivalent_gpu_hours(1e6, 312e12, 989.4e12))
    315343
    """
    ratio = positive("peak_flops_per_second", peak_flops_per_second) / positive(
        "other_peak_flops_per_second", other_peak_flops_per_second
    )
    hours: Number = positive("gpu_hours", gpu_hours) * ratio
    return hours


@dataclass(frozen=True)
class LossLaw:
    """Parametric loss ``E + A / N**alpha + B / D**beta`` of a dense language model."""

    irreducible_loss: float
    parameter_coefficient: float
    token_coefficient: float
    parameter_exponent: float
    token_exponent: float
    source: str

    def loss(self, parameters: Number, tokens: Number) -> Number:
        """Return the predicted loss [nat / token].

        Examples
        --------
        >>> round(LOSS_LAWS["original"].loss(70e9, 1.4e12), 3)
        1.937
        """
        return (
            self.irreducible_loss
            + self.parameter_coefficient
            / positive("parameters", parameters) ** self.parameter_exponent
            + self.token_coefficient / positive("tokens", tokens) ** self.token_exponent
        )


LOSS_LAWS = {
    "original": LossLaw(
        1.69, 406.4, 410.7, 0.34, 0.28, "Hoffmann et al. 2022, arXiv:2203.15556, eq. 10"
    ),
    "corrected": LossLaw(
        1.8172, 482.01, 2085.43, 0.3478, 0.3658, "Besiroglu et al. 2024, arXiv:2404.10102, table 1"
    ),
}
"""Both published fits of the same experiments; the second repairs the first."""

LossLawName: TypeAlias = str


def loss_law(name: LossLawName) -> LossLaw:
    """Return the fit called ``name``.

    Raises
    ------
    ValueError
        If there is no such fit; names the ones there are.

    Examples
    --------
    >>> loss_law("corrected").token_exponent
    0.3658
    """
    if name not in LOSS_LAWS:
        raise ValueError(f"fit = {name!r}: must be one of {', '.join(LOSS_LAWS)}")
    return LOSS_LAWS[name]


def optimal_parameters_and_tokens(
    flops: Number, fit: LossLawName = "rule"
) -> tuple[Number, Number]:
    """Return the parameters and tokens that reach the lowest loss with ``flops``.

    Parameters
    ----------
    flops : float or array
        Compute budget, ``6 N D``. [FLOP]
    fit : {"rule", "original", "corrected"}
        Twenty tokens a parameter, or the optimum of a parametric fit of ``LOSS_LAWS``.

    Returns
    -------
    tuple of float or array
        Parameters [parameter] and tokens [token].

    Notes
    -----
    Minimising ``A N**-a + B D**-b`` on ``6 N D = C`` gives ``N = G (C/6)**(b/(a+b))`` with
    ``G = (a A / (b B))**(1/(a+b))``.

    Examples
    --------
    >>> parameters, tokens = optimal_parameters_and_tokens(5.76e23)
    >>> round(parameters / 1e9, 1), round(tokens / 1e12, 2)
    (69.3, 1.39)
    """
    product = positive("flops", flops) / FLOPS_PER_PARAMETER_TOKEN
    if fit == "rule":
        parameters = (product / CHINCHILLA_TOKENS_PER_PARAMETER) ** 0.5
        return parameters, product / parameters
    law = loss_law(fit)
    exponents = law.parameter_exponent + law.token_exponent
    ratio = (law.parameter_exponent * law.parameter_coefficient) / (
        law.token_exponent * law.token_coefficient
    )
    parameters = ratio ** (1 / exponents) * product ** (law.token_exponent / exponents)
    return parameters, product / parameters


def flops_for_loss(target_loss: Number, fit: LossLawName = "corrected") -> Number:
    """Return the least compute whose optimal model reaches ``target_loss``.

    Parameters
    ----------
    target_loss : float or array
        Loss to reach. [nat / token]
    fit : {"original", "corrected"}
        Which parametric fit to trust.

    Returns
    -------
    float or array
        [FLOP]

    Raises
    ------
    ValueError
        If the target is at or below the irreducible loss of the fit.

    Notes
    -----
    At the optimum ``a A N**-a = b B D**-b``, so the excess loss is ``A N**-a (1 + a/b)``: the
    parameters follow, then the tokens, then ``6 N D``.

    Examples
    --------
    >>> f"{flops_for_loss(1.9, 'corrected'):.2g}"
    '2.1e+25'
    """
    law = loss_law(fit)
    excess = np.asarray(positive("target_loss", target_loss), dtype=float) - law.irreducible_loss
    if bool(np.any(excess <= 0)):
        raise ValueError(
            f"target_loss = {target_loss}: must be above the irreducible loss "
            f"{law.irreducible_loss} of the {fit} fit"
        )
    share = 1 + law.parameter_exponent / law.token_exponent
    parameters = (law.parameter_coefficient * share / excess) ** (1 / law.parameter_exponent)
    token_excess = excess * (1 - 1 / share)
    tokens = (law.token_coefficient / token_excess) ** (1 / law.token_exponent)
    return unwrapped(FLOPS_PER_PARAMETER_TOKEN * parameters * tokens)


def lifecycle_flops(parameters: Number, tokens: Number, inference_tokens: Number) -> Number:
    """Return training plus serving compute over the life of a model, ``6ND + 2N D_inference``.

    Parameters
    ----------
    parameters, tokens, inference_tokens : float or array
        Active parameters [parameter], training tokens and tokens served [token].

    Returns
    -------
    float or array
        [FLOP]

    Examples
    --------
    >>> f"{lifecycle_flops(70e9, 2e12, 1e13):.3g}"
    '2.24e+24'
    """
    return training_flops(parameters, tokens) + (
        INFERENCE_FLOPS_PER_PARAMETER_TOKEN
        * parameters
        * positive("inference_tokens", inference_tokens)
    )


def rescaled_utilisation_range(
    low: float, central: float, high: float, other_central: float
) -> tuple[float, float, float]:
    """Return a range of utilisation moved to another central value, as wide in proportion [1].

    Examples
    --------
    >>> rescaled_utilisation_range(0.2, 0.4, 0.6, 0.2)
    (0.1, 0.2, 0.3)
    """
    scale = other_central / central
    return low * scale, other_central, high * scale
