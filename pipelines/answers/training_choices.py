"""What is given of a training run: the model to train, and how the run is made and paid for.

Here belong the choices of ``truecost train`` and the size of the model that follows from them. The
plan is made in ``train``, the sums in ``cost_engine.training``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cost_engine import compute
from cost_engine.training.development import median_experiment_factor
from cost_engine.training.sizing import (
    Sizing,
    size_as_given,
    size_for_budget,
    size_for_flops,
    size_for_loss,
    size_for_tokens,
)
from cost_engine.training.stages import STAGES
from pipelines.answers.gpu_facts import GpuFacts
from pipelines.answers.training_utilisation import RunUtilisation

SAME_FIGURE = 0.01
"""Relative difference below which two figures are one, rounded differently. [1] assumption: model
names round to two or three digits."""
OPTIONS = {
    "parameters": "parameters",
    "tokens": "tokens",
    "flops": "flops",
    "budget_usd": "budget",
    "target_loss": "target-loss",
    "fit": "fit",
    "layers": "layers",
    "hidden_size": "hidden-size",
    "attention_heads": "attention-heads",
}
"""Choice of a model to the option that gives it."""
SETTABLE = {
    # Name of an assumption to the least and the largest value that it may have.
    "utilisation_fraction": (0.0, 1.0),
    "goodput_fraction": (0.0, 1.0),
    "usd_per_gpu_hour": (0.0, math.inf),
    "runs_multiplier": (1.0, math.inf),
    "pue": (1.0, math.inf),
    "server_power_ratio": (1.0, math.inf),
    "average_power_fraction": (0.0, 1.0),
    "usd_per_kwh": (0.0, math.inf),
    "grams_co2e_per_kwh": (0.0, math.inf),
    "staff_fraction": (0.0, 0.95),
}
"""Assumptions of a plan that can be set."""
SIZES = ("parameters", "tokens", "flops", "budget_usd", "target_loss")
SHAPE = ("layers", "hidden_size", "attention_heads")


@dataclass(frozen=True)
class ModelChoices:
    """What is given of the model to train, and how its size is found.

    Attributes
    ----------
    parameters, active_parameters : float or None
        [parameter]
    tokens : float or None
        [token]
    flops : float or None
        [FLOP]
    budget_usd : float or None
        [USD]
    target_loss : float or None
        [nat / token]
    fit : {"rule", "original", "corrected"} or None
        Default: "rule", or "corrected" for a loss.
    layers, hidden_size, attention_heads : float or None
        For the activations.
    sequence_tokens : float
        [token]
    stage : str
        One of ``cost_engine.training.stages.STAGES``.
    teacher_parameters : float or None
        Of the model that is distilled, those that a token uses. [parameter]
    """

    parameters: float | None = None
    active_parameters: float | None = None
    tokens: float | None = None
    flops: float | None = None
    budget_usd: float | None = None
    target_loss: float | None = None
    fit: str | None = None
    layers: float | None = None
    hidden_size: float | None = None
    attention_heads: float | None = None
    sequence_tokens: float = 8192.0
    stage: str = "pretraining"
    teacher_parameters: float | None = None

    def completed_by(self, known: Mapping[str, Any]) -> ModelChoices:
        """Return the choices, completed by the figures of a known model.

        Compute is six times active parameters times tokens wherever both are known. The compute
        that is reported for a model stands in where one of them is not.

        Raises
        ------
        ValueError
            If a choice contradicts the model; names both.
        """
        for name in ("parameters", "active_parameters", *SHAPE):
            given, figure = getattr(self, name), known[name]
            if given and figure and not math.isclose(given, figure, rel_tol=SAME_FIGURE):
                raise ValueError(
                    f"--{name.replace('_', '-')} {given:g} contradicts {known['name']}, which has"
                    f" {figure:g}: give the option or the model, not both"
                )
        for name in ("budget_usd", "target_loss", "fit"):
            if getattr(self, name):
                raise ValueError(
                    f"--{OPTIONS[name]} sizes a model and {known['name']} has its size: give the"
                    " option or the model, not both"
                )
        active = self.active_parameters or known["active_parameters"]
        if not active and known["training_flops"] and known["training_tokens"]:
            per_token = known["training_flops"] / known["training_tokens"]
            active = per_token / compute.FLOPS_PER_PARAMETER_TOKEN
        if self.tokens and not active:
            raise ValueError(
                f"--tokens {self.tokens:g}: the active parameters of {known['name']} are not known,"
                " so neither is its compute on other tokens; give --parameters and --tokens alone"
            )
        is_later = self.stage != "pretraining"
        tokens = self.tokens or (None if self.flops or is_later else known["training_tokens"])
        flops = self.flops or (None if is_later or (tokens and active) else known["training_flops"])
        shape = {name: getattr(self, name) or known[name] for name in SHAPE}
        return replace(
            self,
            parameters=self.parameters or known["parameters"],
            active_parameters=active,
            tokens=tokens,
            flops=flops,
            **(shape if all(shape.values()) else {}),
        )

    def refuse_contradictions(self) -> None:
        """Raise if two choices contradict each other or one has nothing to act on.

        Raises
        ------
        ValueError
            Names both options.
        """
        given = [name for name in SIZES if getattr(self, name)]
        for sizing_name in ("budget_usd", "target_loss"):
            others = [name for name in given if name != sizing_name]
            if sizing_name in given and others:
                raise ValueError(
                    f"--{OPTIONS[sizing_name]} sizes the model: give it without"
                    f" --{OPTIONS[others[0]]}"
                )
        if self.active_parameters and not self.parameters:
            raise ValueError("--active-parameters needs --parameters: all of them")
        if self.fit and self.parameters:
            raise ValueError("--fit sizes a model: give it without --parameters")
        if self.fit and self.flops and self.tokens:
            raise ValueError("--fit sizes a model: give it without --tokens")
        shape = [name for name in SHAPE if getattr(self, name)]
        if shape and len(shape) < len(SHAPE):
            names = ", ".join(f"--{OPTIONS[name]}" for name in SHAPE)
            raise ValueError(f"activations need all of {names}; only some are given")
        self._refuse_other_compute()

    def _refuse_other_compute(self) -> None:
        active = self.active_parameters or self.parameters
        if not (active and self.tokens and self.flops):
            return
        follows = float(compute.training_flops(active, self.tokens))
        if not math.isclose(follows, self.flops, rel_tol=SAME_FIGURE):
            raise ValueError(
                f"--tokens {self.tokens:g} and --flops {self.flops:g} contradict each other:"
                f" {active:g} active parameters take {follows:.3g} FLOP; give one of the two"
            )


@dataclass(frozen=True)
class RunChoices:
    """How a run is made and paid for.

    Attributes
    ----------
    gpu_count : int or None
        Default: the cluster for the deadline. [GPU]
    deadline_days : float or None
        [d]
    goodput_fraction : float or None
        Default: that of the cluster. [1]
    is_all_runs : bool
        Whether failed and test runs count.
    is_with_staff : bool
        Whether the people who develop the model count, too.
    commitment_months : float or None
        Length of a reservation. [month]
    resale_fraction : float
        Share of the price of its unused months that is recovered. [1]
    country : str
        Of the electricity and its carbon.
    fixed : mapping of str to float
        Assumptions that are set, by the names of ``SETTABLE``.
    """

    gpu_count: int | None = None
    deadline_days: float | None = None
    goodput_fraction: float | None = None
    is_all_runs: bool = False
    is_with_staff: bool = False
    commitment_months: float | None = None
    resale_fraction: float = 0.0
    country: str = "US"
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def runs_multiplier(self) -> float:
        """All compute over that of the final run [1]."""
        if "runs_multiplier" in self.fixed:
            return self.fixed["runs_multiplier"]
        return median_experiment_factor() if self.is_all_runs else 1.0

    def refuse_contradictions(self) -> None:
        """Raise if two choices contradict each other or one has nothing to act on.

        Raises
        ------
        ValueError
            Names both options.
        """
        for name, value in self.fixed.items():
            least, most = SETTABLE[name]
            if not least <= value <= most or value == 0:
                limit = (
                    f"from {least:g} to {most:g}" if math.isfinite(most) else f"{least:g} or more"
                )
                raise ValueError(f"{name} = {value:g}: must be {limit}, and not 0")
        if "staff_fraction" in self.fixed and not self.is_with_staff:
            raise ValueError("--set staff_fraction needs --staff: the cost that it is a share of")
        if self.gpu_count and self.deadline_days:
            raise ValueError("--gpus and --deadline-days both size the cluster: give one of them")
        if self.resale_fraction and self.commitment_months is None:
            raise ValueError("--resale needs --commitment-months: what is sublet")


def sizing(
    model: ModelChoices, gpu: GpuFacts, choices: RunChoices, run_utilisation: RunUtilisation
) -> Sizing:
    """Return the model to train from what is given of it.

    Raises
    ------
    ValueError
        If too little is given, or two choices contradict each other.
    """
    model.refuse_contradictions()
    choices.refuse_contradictions()
    if model.teacher_parameters and not STAGES[model.stage].has_teacher:
        raise ValueError("--teacher-parameters needs --stage distillation")
    if model.stage != "pretraining":
        return _later_stage(model)
    if model.budget_usd is not None:
        return size_for_budget(
            model.budget_usd,
            usd_per_gpu_hour=gpu.usd_per_gpu_hour,
            peak_flops_per_second=gpu.peak_flops_per_second,
            memory_bytes=gpu.memory_bytes,
            utilisation_fraction=run_utilisation.of_dense,
            fit=model.fit or "rule",
            runs_multiplier=choices.runs_multiplier,
            goodput_fraction=choices.goodput_fraction,
            gpu_count=choices.gpu_count,
            deadline_days=choices.deadline_days,
        )
    if model.target_loss is not None:
        return size_for_loss(model.target_loss, model.fit or "corrected")
    if model.parameters is not None:
        return size_as_given(model.parameters, model.active_parameters, model.tokens, model.flops)
    if model.flops is None:
        raise ValueError("give --parameters, --flops, --budget, --target-loss or a model")
    if model.tokens is not None:
        return size_for_tokens(model.flops, model.tokens)
    fit = model.fit or "rule"
    return size_for_flops(model.flops, fit, f"optimal for the compute ({fit})")


def _later_stage(model: ModelChoices) -> Sizing:
    """Return a model in a stage after pretraining: no loss is predicted for it."""
    for name in ("flops", "budget_usd", "target_loss"):
        if getattr(model, name):
            raise ValueError(f"--stage {model.stage} and --{OPTIONS[name]}: give --tokens instead")
    stage = STAGES[model.stage]
    if not (model.parameters and model.tokens):
        raise ValueError(
            f"--stage {model.stage} needs a model or --parameters, and --tokens: {stage.tokens}"
        )
    active = model.active_parameters or model.parameters
    flops = stage.flops(
        active,
        model.tokens,
        layers=model.layers,
        hidden_size=model.hidden_size,
        sequence_tokens=model.sequence_tokens,
        teacher_parameters=model.teacher_parameters,
    )
    return Sizing(
        model.parameters, active, model.tokens, flops, {}, f"{stage.name}: {stage.tokens}"
    )
