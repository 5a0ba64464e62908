"""Size the model to train: from parameters, tokens, compute, a loss to reach or money to spend.

The scaling laws are in ``compute``, the cluster in ``planning``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cost_engine import compute
from cost_engine.training import memory, planning
from cost_engine.units import SECONDS_PER_HOUR

BUDGET_ROUNDS = 8
"""Rounds in which a size and its cluster settle to a budget. [1] assumption: the size moves by less
than a thousandth in the last one."""

FIRST_UTILISATION = 0.3
"""Where the rounds start. [1] it does not matter to the result."""


@dataclass(frozen=True)
class Sizing:
    """A model to train and the loss to expect.

    Attributes
    ----------
    parameters, active_parameters : float
        All parameters, and those that a token passes. [parameter]
    tokens : float
        Training tokens. [token]
    flops : float
        Compute of the run. [FLOP]
    losses : dict of str to float
        Predicted loss by scaling law. [nat / token]
    how : str
        How the size was found, in words.
    """

    parameters: float
    active_parameters: float
    tokens: float
    flops: float
    losses: dict[str, float]
    how: str


def size_for_flops(flops: float, fit: str, how: str) -> Sizing:
    """Return the optimal model for a compute budget.

    Parameters
    ----------
    flops : float
        [FLOP]
    fit : {"rule", "original", "corrected"}
        As in ``compute.optimal_parameters_and_tokens``.
    how : str
        In words, for the answer.

    Examples
    --------
    >>> size = size_for_flops(5.76e23, "rule", "optimal")
    >>> round(size.parameters / 1e9, 1), round(size.losses["original"], 3)
    (69.3, 1.937)
    """
    parameters, tokens = compute.optimal_parameters_and_tokens(flops, fit)
    return _sizing(float(parameters), float(parameters), float(tokens), flops, how)


def size_for_loss(target_loss: float, fit: str) -> Sizing:
    """Return the cheapest model that reaches a loss.

    Parameters
    ----------
    target_loss : float
        [nat / token]
    fit : {"original", "corrected"}

    Raises
    ------
    ValueError
        For the rule of thumb, which predicts no loss, or a loss that cannot be reached.

    Examples
    --------
    >>> f"{size_for_loss(1.9, 'corrected').flops:.2g}"
    '2.1e+25'
    """
    if fit == "rule":
        raise ValueError("fit = 'rule': a loss needs a fit; must be original or corrected")
    flops = float(compute.flops_for_loss(target_loss, fit))
    return size_for_flops(flops, fit, f"least compute for a loss of {target_loss:g} ({fit} fit)")


def size_for_tokens(flops: float, tokens: float) -> Sizing:
    """Return the dense model that ``flops`` trains on so many tokens.

    Examples
    --------
    >>> round(size_for_tokens(6e22, 1e12).parameters)
    10000000000
    """
    parameters = flops / (compute.FLOPS_PER_PARAMETER_TOKEN * tokens)
    return _sizing(parameters, parameters, tokens, flops, "from tokens")


def size_as_given(
    parameters: float,
    active_parameters: float | None = None,
    tokens: float | None = None,
    flops: float | None = None,
) -> Sizing:
    """Return a model of given parameters; what is missing of tokens and compute follows.

    Parameters
    ----------
    parameters : float
        [parameter]
    active_parameters : float, optional
        Default: all. [parameter]
    tokens : float, optional
        Default: what the compute allows, else twenty a parameter. [token]
    flops : float, optional
        Default: ``6 N D``. [FLOP]

    Raises
    ------
    ValueError
        If more parameters are active than there are.

    Examples
    --------
    >>> size_as_given(1e9).how, size_as_given(1e9).tokens
    ('20 tokens a parameter', 20000000000.0)
    """
    active = active_parameters or parameters
    if active > parameters:
        raise ValueError(
            f"active_parameters = {active:g}: must not be above parameters = {parameters:g}"
        )
    how = "as given"
    if tokens is None and flops is not None:
        tokens = flops / (compute.FLOPS_PER_PARAMETER_TOKEN * active)
        how = "tokens from the compute"
    if tokens is None:
        tokens = compute.CHINCHILLA_TOKENS_PER_PARAMETER * active
        how = "20 tokens a parameter"
    total = flops if flops is not None else float(compute.training_flops(active, tokens))
    return _sizing(parameters, active, tokens, total, how)


def size_for_budget(
    budget_usd: float,
    *,
    usd_per_gpu_hour: float,
    peak_flops_per_second: float,
    memory_bytes: float,
    utilisation_fraction: float | Callable[[float, int], float],
    fit: str = "rule",
    runs_multiplier: float = 1.0,
    goodput_fraction: float | None = None,
    gpu_count: int | None = None,
    deadline_days: float | None = None,
) -> Sizing:
    """Return the optimal model that a budget trains, lost time and other runs counted.

    Parameters
    ----------
    budget_usd : float
        [USD]
    usd_per_gpu_hour : float
        [USD / (GPU h)]
    peak_flops_per_second, memory_bytes : float
        Dense peak and memory of one GPU. [FLOP / s], [byte]
    utilisation_fraction : float or callable
        MFU, or the MFU by parameters and number of GPUs. [1]
    fit : {"rule", "original", "corrected"}
    runs_multiplier : float
        All compute over that of the final run. [1]
    goodput_fraction : float, optional
        Default: that of the cluster. [1]
    gpu_count : int, optional
        Default: the cluster for the deadline.
    deadline_days : float, optional
        [d]

    Examples
    --------
    >>> size = size_for_budget(
    ...     1e6, usd_per_gpu_hour=2.0, peak_flops_per_second=989.4e12, memory_bytes=80e9,
    ...     utilisation_fraction=0.4)
    >>> f"{size.flops:.2g}"
    '7.1e+23'
    """
    hours = budget_usd / usd_per_gpu_hour / runs_multiplier

    def utilisation(parameters: float) -> planning.Utilisation:
        if callable(utilisation_fraction):
            return partial(utilisation_fraction, parameters)
        return utilisation_fraction

    flops = hours * SECONDS_PER_HOUR * peak_flops_per_second * FIRST_UTILISATION
    # Lost time and scaling depend on the cluster, which depends on the size: a few rounds settle.
    for _ in range(BUDGET_ROUNDS):
        size = size_for_flops(flops, fit, "")
        reached = utilisation(size.parameters)
        gpus = gpu_count or planning.gpus_for_run(
            size.flops,
            int(memory.minimum_gpus(size.parameters, memory_bytes)),
            deadline_days,
            peak_flops_per_second=peak_flops_per_second,
            utilisation_fraction=reached,
        )
        effective = planning.utilisation_of(reached, gpus) * (
            goodput_fraction or float(planning.goodput_at(gpus))
        )
        flops = hours * SECONDS_PER_HOUR * peak_flops_per_second * effective
    return size_for_flops(flops, fit, f"optimal for {budget_usd:,.0f} USD ({fit})")


def _sizing(
    parameters: float, active_parameters: float, tokens: float, flops: float, how: str
) -> Sizing:
    losses = {
        name: float(law.loss(active_parameters, tokens)) for name, law in compute.LOSS_LAWS.items()
    }
    return Sizing(parameters, active_parameters, tokens, flops, losses, how)
