"""The utilisation of a planned run: the one that is given, or the one that reported runs show.

Here belongs the choice between the two, relative to the peak of the precision that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from cost_engine import compute
from cost_engine.training.stages import STAGES, Stage
from cost_engine.training.utilisation import Prediction, Setting
from cost_engine.uncertainty import lognormal_parameters
from pipelines.answers.gpu_facts import GpuFacts
from pipelines.derive.training_method import given_utilisation_range
from pipelines.derive.training_utilisation import decimal_year, utilisation_model
from warehouse.reference import Documents

REPORTED_PRECISIONS = ("bf16", "fp16", "tf32", "fp32", "fp8")


@dataclass(frozen=True)
class RunUtilisation:
    """The share of a peak that runs reach on a GPU, by their size and cluster.

    Attributes
    ----------
    gpu : GpuFacts
        With the precision of the peak.
    given : float or None
        Instead of the prediction. [1]
    on : date
        The day of the run.
    documents : Documents
        With the reported runs.
    stage : Stage
        Sampling in it lowers the share.
    """

    gpu: GpuFacts
    given: float | None
    on: date
    documents: Documents
    stage: Stage = STAGES["pretraining"]

    def prediction(
        self, parameters: float, active_parameters: float, flops: float, gpu_count: int
    ) -> Prediction:
        """Return what reported runs predict, relative to the peak of the precision.

        Raises
        ------
        ValueError
            For a precision in which no training run was reported.
        """
        gpu = self.gpu
        if gpu.precision not in REPORTED_PRECISIONS:
            raise ValueError(
                f"precision = {gpu.precision!r}: no training run is reported in it; give"
                " --utilisation-fraction"
            )
        is_fp8 = gpu.precision == "fp8"
        peak = gpu.sixteen_bit_flops_per_second if is_fp8 else None
        setting = Setting(
            parameters=parameters,
            active_parameters=active_parameters,
            flops=flops,
            peak_flops_per_second=peak or gpu.peak_flops_per_second,
            year=decimal_year(self.on),
            generation=gpu.architecture,
            is_fp8=is_fp8,
            gpu_count=gpu_count,
        )
        found = utilisation_model(self.documents).predict(setting)
        share = setting.peak_flops_per_second / gpu.peak_flops_per_second
        return Prediction(self.stage.utilisation_fraction(found.median) * share, found.scale)

    def median(
        self, parameters: float, active_parameters: float, flops: float, gpu_count: int
    ) -> float:
        """Return the utilisation of a run [1]."""
        if self.given is not None:
            return self.given
        return self.prediction(parameters, active_parameters, flops, gpu_count).median

    def of_dense(self, parameters: float, gpu_count: int) -> float:
        """Return the utilisation of a dense model trained on twenty tokens a parameter [1]."""
        tokens = compute.CHINCHILLA_TOKENS_PER_PARAMETER * parameters
        flops = float(compute.training_flops(parameters, tokens))
        return self.median(parameters, parameters, flops, gpu_count)

    def draws(
        self, prediction: Prediction | None, generator: np.random.Generator, count: int
    ) -> NDArray[np.float64]:
        """Return draws of the utilisation over its median [1]."""
        if prediction is not None:
            return prediction.draws(generator, count)
        mean, deviation = lognormal_parameters(*given_utilisation_range(self.documents))
        return generator.lognormal(mean, deviation, count)
