"""The share of the peak that a training run reaches, as a distribution fitted to reported runs.

A run that reports GPU-hours says which share of the peak its model FLOP took. This module regresses
the logarithm of that share on what a planner knows: active parameters, the active share of a
mixture, the peak of the chip, FP8, the size of the cluster and the date. Generations of chips and
organisations shift it by random effects, so few runs of one kind pull a prediction only as far as
their number allows, and an unseen kind gets a wider interval. Residuals have the tails of Student's
t, so that a run of exceptional trouble does not move the others.

Time lost to faults and restarts is apart: ``planning.goodput_at``. The runs come in as arguments;
they are in ``warehouse/reference/data/training_runs.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from cost_engine.training.planning import REFERENCE_GPUS, goodput_at
from cost_engine.units import SECONDS_PER_HOUR, positive

Array = NDArray[np.float64]

PRIORS = {
    # What the logarithm of the share is regressed on: prior mean and deviation of the coefficient.
    "intercept": (math.log(0.3), 1.0),
    "active_parameters": (0.0, 0.3),
    "active_share": (0.0, 0.3),
    "peak": (0.0, 0.5),
    "fp8": (0.0, 0.3),
    "doublings": (math.log(0.97), 0.05),
    "years_before": (0.0, 0.2),
}
"""Priors are weak: one deviation of a coefficient is a change by a third for a tenfold change of a
quantity, or more. [1] assumption, except for the doublings of the cluster above
``REFERENCE_GPUS``: Llama 3 kept 0.95 of its MFU from 8,192 to 16,384 GPUs (arXiv:2407.21783,
table 4)."""
GENERATION_DEVIATION = 0.10
"""How generations of chips differ beyond their peaks. [1, logarithm] chosen by the scores of runs
left out."""
ORGANISATION_DEVIATION = 0.15
"""How organisations differ. [1, logarithm] chosen by the scores of runs left out."""
RESIDUAL_SCALE = 0.20
"""Scale of the residuals of one run. [1, logarithm] chosen by the scores of runs left out."""
DEGREES_OF_FREEDOM = 4.0
"""Of Student's t of the residuals. [1] assumption: heavy tails with a variance."""
ROUNDS = 20
"""Rounds of reweighting. [1] weights move by less than a thousandth in the last one."""
MATURE_YEAR = 2023.0
"""From here on the date no longer matters. [year] assumption: the practice of training
transformers improved until then, and a trend is not extended into the future."""
HIGHEST_FRACTION = 0.7
"""No prediction is above it. [1] above the highest MFU that any run reports (0.65)."""


@dataclass(frozen=True)
class Setting:
    """What is known of a run before it starts.

    Attributes
    ----------
    parameters, active_parameters : float
        All, and those that a token passes. [parameter]
    flops : float
        Compute of the run. [FLOP]
    peak_flops_per_second : float
        Dense 16-bit peak of one chip. [FLOP / s]
    year : float
        Date as a decimal. [year]
    generation : str
        Architecture of the chip.
    is_fp8 : bool
        Whether most products are in FP8. The share is of the 16-bit peak all the same.
    gpu_count : int or None
        Default: typical of runs of such compute. [GPU]
    """

    parameters: float
    active_parameters: float
    flops: float
    peak_flops_per_second: float
    year: float
    generation: str
    is_fp8: bool = False
    gpu_count: float | None = None


@dataclass(frozen=True)
class ReportedRun:
    """A run whose GPU-hours were reported, and by whom it was made."""

    setting: Setting
    gpu_hours: float
    organization: str

    @property
    def share(self) -> float:
        """Model FLOP over what the GPU-hours could have computed, goodput included [1]."""
        able = self.gpu_hours * SECONDS_PER_HOUR * self.setting.peak_flops_per_second
        return self.setting.flops / able


@dataclass(frozen=True)
class Prediction:
    """A median and the scale of its logarithm, with the tails of Student's t.

    Attributes
    ----------
    median : float
        Share of the 16-bit peak while the run advances (MFU). [1]
    scale : float
        Of the logarithm. [1]
    """

    median: float
    scale: float

    def range(self, level: float = 0.9) -> tuple[float, float]:
        """Return the central interval of a level [1].

        Examples
        --------
        >>> low, high = Prediction(0.3, 0.25).range(0.8)
        >>> round(low, 2), round(high, 2)
        (0.2, 0.44)
        """
        factor = math.exp(float(stdtrit(DEGREES_OF_FREEDOM, (1 + level) / 2)) * self.scale)
        return self.median / factor, self.median * factor

    def draws(self, generator: np.random.Generator, count: int) -> Array:
        """Return draws over the median [1]."""
        return np.exp(self.scale * generator.standard_t(DEGREES_OF_FREEDOM, count))


class UtilisationModel:
    """The regression, fitted to some reported runs.

    Examples
    --------
    >>> run = ReportedRun(Setting(7e10, 7e10, 6.3e24, 9.9e14, 2024.5, "hopper"), 6.6e6, "one")
    >>> model = UtilisationModel([run])
    >>> round(run.share, 2), round(model.predict(run.setting).median, 2)
    (0.27, 0.27)
    """

    def __init__(self, runs: Sequence[ReportedRun]) -> None:
        self._settings = [run.setting for run in runs]
        known = [one for one in self._settings if one.gpu_count]
        self._count_line = _line(
            [math.log(one.flops) for one in known], [math.log(one.gpu_count or 1) for one in known]
        )
        self._features = np.array([self._row(one) for one in self._settings])
        target = [
            math.log(run.share / float(goodput_at(self.gpu_count(run.setting)))) for run in runs
        ]
        means = np.array([mean for mean, _ in PRIORS.values()])
        rest = np.array(target) - self._features @ means
        organisations = [run.organization for run in runs]
        shared = self._covariance(self._settings, self._features)
        shared += ORGANISATION_DEVIATION**2 * _same(organisations, organisations)
        weights = np.ones(len(runs))
        for _ in range(ROUNDS):
            noise = RESIDUAL_SCALE**2 / weights
            self._covered = shared + np.diag(noise)
            self._solution = np.linalg.solve(self._covered, rest)
            errors = noise * self._solution / RESIDUAL_SCALE
            weights = (DEGREES_OF_FREEDOM + 1) / (DEGREES_OF_FREEDOM + errors**2)

    def gpu_count(self, setting: Setting) -> float:
        """Return the GPUs of a run, or the number that is typical of its compute [GPU]."""
        if setting.gpu_count:
            return setting.gpu_count
        slope, level = self._count_line
        return max(math.exp(level + slope * math.log(setting.flops)), 1.0)

    def predict(self, setting: Setting) -> Prediction:
        """Return the utilisation of a run by an organisation that is not among the runs."""
        row = np.array([self._row(setting)])
        means = np.array([mean for mean, _ in PRIORS.values()])
        against = self._covariance(self._settings, self._features, [setting], row)[:, 0]
        own = self._covariance([setting], row)[0, 0] + ORGANISATION_DEVIATION**2
        center = float(row[0] @ means + against @ self._solution)
        variance = float(own - against @ np.linalg.solve(self._covered, against))
        scale = math.sqrt(max(variance, 0.0) + RESIDUAL_SCALE**2)
        return Prediction(min(math.exp(center), HIGHEST_FRACTION), scale)

    def _row(self, setting: Setting) -> list[float]:
        positive("active_parameters", setting.active_parameters)
        count = self.gpu_count(setting)
        return [
            1.0,
            math.log(setting.active_parameters / 3e10),
            math.log(setting.active_parameters / setting.parameters),
            math.log(setting.peak_flops_per_second / 312e12),
            float(setting.is_fp8),
            max(math.log2(count / REFERENCE_GPUS), 0.0),
            -max(MATURE_YEAR - setting.year, 0.0),
        ]

    @staticmethod
    def _covariance(
        settings: Sequence[Setting],
        features: Array,
        others: Sequence[Setting] | None = None,
        other_features: Array | None = None,
    ) -> Array:
        others = settings if others is None else others
        other_features = features if other_features is None else other_features
        deviations = np.array([deviation for _, deviation in PRIORS.values()])
        generations = _same([s.generation for s in settings], [s.generation for s in others])
        covariance: Array = (features * deviations**2) @ other_features.T
        return covariance + GENERATION_DEVIATION**2 * generations


def left_out(runs: Sequence[ReportedRun], *, by_organization: bool = False) -> list[Prediction]:
    """Return for each run what is predicted of it from the other runs.

    Parameters
    ----------
    runs : sequence of ReportedRun
    by_organization : bool
        Whether all runs of its organisation are left out with it.
    """
    found = []
    for run in runs:
        others = [
            other
            for other in runs
            if other is not run and not (by_organization and other.organization == run.organization)
        ]
        found.append(UtilisationModel(others).predict(run.setting))
    return found


def _same(names: Sequence[str], others: Sequence[str]) -> Array:
    return np.array([[float(name == other) for other in others] for name in names])


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return slope and level of a straight line; no slope where fewer than three places differ."""
    if len(set(x)) < 3:
        return 0.0, float(np.mean(y)) if y else math.log(REFERENCE_GPUS)
    slope, level = np.polyfit(x, y, 1)
    return float(slope), float(level)
