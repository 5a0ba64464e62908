"""The rules by which Cottier et al. (arXiv:2405.21015) cost a model: peak, family, date, hours.

Here belong the records of a chip and of a run, the vintages of the rules, and the rules that need
one record alone. The rules of three published vintages are reproduced with their oddities;
``CLEAN`` is what we believe. Prices are looked up in ``prices``, costs are made in ``estimates``;
the figures come in as ``Figures``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

from cost_engine.units import SECONDS_PER_HOUR

CloudHours = Literal["run", "quantity_times_time"]

PREPARATION_DAYS = 60
"""From the end of training to publication, and from renting to the start. [d] arXiv:2405.21015."""
DELIVERY_DAYS = 90
"""From the release of a GPU to the first one in a cluster. [d] arXiv:2405.21015."""
DEFAULT_TRAINING_HOURS = 793.5
"""Median training time, used for dates only. [h] arXiv:2405.21015."""
SERVER_CHIPS = 8
"""Chips of one server, inside which no cluster network is needed. [chip] DGX and HGX servers."""


@dataclass(frozen=True, slots=True)
class Chip:
    """What the method needs to know of a chip. Rates are dense; None where not published."""

    name: str
    released_on: date | None = None
    board_power_watts: float | None = None
    tensor_fp16_flops_per_second: float | None = None
    tf32_flops_per_second: float | None = None
    fp16_flops_per_second: float | None = None
    fp32_flops_per_second: float | None = None
    int8_flops_per_second: float | None = None

    @property
    def is_tpu(self) -> bool:
        """Whether the published method treats this chip as a TPU."""
        return "TPU" in self.name


@dataclass(frozen=True, slots=True)
class Run:
    """The inputs of one model. None is unknown; hardware is a comma list where it is mixed."""

    model: str
    published_on: date | None
    organization: str = ""
    training_flops: float | None = None
    hardware: str = ""
    hardware_quantity: float | None = None
    training_hours: float | None = None
    utilisation_fraction: float | None = None
    gpu_hours: float | None = None
    base_model: str = ""
    rank: float | None = None
    is_hardware_imputed: bool = False


@dataclass(frozen=True)
class Vintage:
    """Which form of the rules applies.

    ``CLEAN`` is the default; the others repeat what the authors' program did at that date.

    Attributes
    ----------
    name, description : str
    is_clean : bool
        Whether the oddities of the published program are corrected.
    real_month : str
        Month, YYYY-MM, in whose money real costs are given.
    is_hardware_imputed : bool
        Whether missing hardware is filled in with the most common GPU of the year.
    cloud_hours : {"run", "quantity_times_time"}
        Which GPU-hours the rental price is multiplied by.
    is_base_model_added : bool
        Whether a fine-tune includes the cost of its base model.
    vendors : tuple of str, optional
        The only cloud vendors that are asked. Default: all.
    is_gpt4_matched_by_substring : bool
        Whether the reported dates of GPT-4 apply to every model with that name in its own.
    is_last_purchase_of_a_day_taken : bool
        Whether the last purchase price of a day counts, not the first.
    frontier_rank : int
        Models among the first so many by compute are the selection of the publication.
    """

    name: str
    description: str
    is_clean: bool = False
    real_month: str = "2025-06"
    is_hardware_imputed: bool = False
    cloud_hours: CloudHours = "run"
    is_base_model_added: bool = False
    vendors: tuple[str, ...] | None = None
    is_gpt4_matched_by_substring: bool = False
    is_last_purchase_of_a_day_taken: bool = False
    frontier_rank: int = 5


_PAPER_VENDORS = ("Amazon Web Services", "Microsoft Azure", "Google Cloud", "Lambda Labs")

CLEAN = Vintage(
    "clean",
    "our reading: exact chip families, energy and deflator of the training dates, no crash",
    is_clean=True,
    is_hardware_imputed=True,
)
VINTAGES = {
    "clean": CLEAN,
    "2025-06": Vintage(
        "2025-06",
        "the authors' program on data of June 2025",
        is_hardware_imputed=True,
        cloud_hours="quantity_times_time",
    ),
    "2024-12": Vintage(
        "2024-12",
        "arXiv version 2",
        real_month="2023-12",
        vendors=_PAPER_VENDORS,
        is_gpt4_matched_by_substring=True,
        frontier_rank=10,
    ),
    "2024-05": Vintage(
        "2024-05",
        "arXiv version 1: the cost of the base model is part of a fine-tune",
        real_month="2023-12",
        vendors=_PAPER_VENDORS,
        is_gpt4_matched_by_substring=True,
        is_base_model_added=True,
        is_last_purchase_of_a_day_taken=True,
        frontier_rank=10,
    ),
}


def vintage_named(name: str) -> Vintage:
    """Return the vintage called ``name``.

    Raises
    ------
    ValueError
        If there is none; names the ones there are.

    Examples
    --------
    >>> vintage_named("2024-12").real_month
    '2023-12'
    """
    if name not in VINTAGES:
        raise ValueError(f"vintage = {name!r}: must be one of {', '.join(VINTAGES)}")
    return VINTAGES[name]


def peak_flops_per_second(chip: Chip) -> float | None:
    """Return the dense peak that the method divides by, or None [FLOP / s].

    Tensor FP16, else TF32, else FP16 (TPUs only), else FP32; TPU v1 has INT8 only.

    Examples
    --------
    >>> peak_flops_per_second(Chip("NVIDIA A100", tensor_fp16_flops_per_second=312e12))
    312000000000000.0
    """
    if "TPU v1" in chip.name and chip.int8_flops_per_second:
        return chip.int8_flops_per_second
    return (
        chip.tensor_fp16_flops_per_second
        or chip.tf32_flops_per_second
        or (chip.fp16_flops_per_second if chip.is_tpu else None)
        or chip.fp32_flops_per_second
    )


def gpu_family(hardware: str, families: Sequence[str], *, is_clean: bool = False) -> str | None:
    """Return the GPU family whose purchase price a chip has, or None.

    The published rule is a substring test, by which an RTX A1000 is an A100. The clean rule
    requires a whole word, which only letters may follow (K40t, A100X), and a card of NVIDIA's
    data-centre or consumer line.

    Parameters
    ----------
    hardware : str
        Name of the chip.
    families : sequence of str
        Families in the order in which they are tried.
    is_clean : bool

    Examples
    --------
    >>> gpu_family("NVIDIA RTX A1000", ("A100", "V100"))
    'A100'
    >>> gpu_family("NVIDIA RTX A1000", ("A100", "V100"), is_clean=True) is None
    True
    """
    for family in families:
        if family not in hardware:
            continue
        if not is_clean:
            return family
        is_word = re.search(rf"(?<![A-Za-z0-9]){re.escape(family)}(?![0-9])", hardware)
        if is_word and not hardware.startswith(("Intel", "AMD")) and "Quadro" not in hardware:
            return family
    return None


def training_start(run: Run, vintage: Vintage = CLEAN) -> datetime | None:
    """Return when training began: reported for four models, else from publication and duration.

    Examples
    --------
    >>> training_start(Run("X", date(2024, 8, 13)))
    datetime.datetime(2024, 5, 11, 22, 30)
    """
    if run.published_on is None:
        return None
    hours = run.training_hours
    if hours is not None and not vintage.is_clean:
        hours = float(int(hours))
    if "Gemini 1.0 Ultra" in run.model:
        return _midnight(date(2023, 5, 10))
    is_gpt4 = "GPT-4" in run.model if vintage.is_gpt4_matched_by_substring else run.model == "GPT-4"
    if is_gpt4 and hours is not None:
        return _midnight(date(2022, 8, 15)) - timedelta(hours=hours)
    if "GPT-3.5" in run.model:
        return _midnight(date(2022, 3, 14))
    if "GPT-3" in run.model:
        return _midnight(date(2019, 10, 1))
    duration = timedelta(hours=DEFAULT_TRAINING_HOURS if hours is None else hours)
    return _midnight(run.published_on) - timedelta(days=PREPARATION_DAYS) - duration


def is_start_reported(run: Run) -> bool:
    """Return whether the start of training was reported, not computed back from publication.

    Examples
    --------
    >>> is_start_reported(Run("GPT-3", date(2020, 5, 28))), is_start_reported(Run("X", None))
    (True, False)
    """
    moved = replace(run, published_on=date(2035, 1, 1))  # a reported start does not move with it
    return run.published_on is not None and training_start(run) == training_start(moved)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def gpu_hours_of(
    run: Run, chip: Chip | None, default_utilisation_fraction: float
) -> tuple[float, str]:
    """Return a run's GPU-hours and the rule that gave them: the first that has its inputs.

    Parameters
    ----------
    run : Run
    chip : Chip, optional
        Its peak turns compute into hours.
    default_utilisation_fraction : float
        Model FLOP utilisation where the run reports none. [1]

    Returns
    -------
    tuple of float and str
        GPU-hours, NaN where no rule has its inputs, and the name of the rule. [GPU h]

    Examples
    --------
    >>> gpu_hours_of(Run("x", None, hardware_quantity=8, training_hours=10), None, 0.4)
    (80, 'quantity*time')
    """
    if run.gpu_hours:
        return run.gpu_hours, "reported"
    if run.hardware_quantity and run.training_hours:
        return run.hardware_quantity * run.training_hours, "quantity*time"
    peak = peak_flops_per_second(chip) if chip else None
    if run.training_flops and peak:
        utilisation = run.utilisation_fraction or default_utilisation_fraction
        return run.training_flops / (peak * utilisation) / SECONDS_PER_HOUR, "compute/(peak*mfu)"
    return math.nan, "none"


def estimate_confidence(run: Run, gpu_hours_method: str | None, record_confidence: str) -> str:
    """Return high, medium or low: how far a cost depends on reported inputs.

    Parameters
    ----------
    run : Run
        As costed, with imputed hardware flagged.
    gpu_hours_method : str
        The rule of ``gpu_hours_of`` that gave the hours.
    record_confidence : {"Confident", "Likely", "Speculative", "Unknown", ""}
        How sure the record is of its compute and time.

    Examples
    --------
    >>> estimate_confidence(Run("x", None), "reported", "Confident")
    'high'
    """
    if run.is_hardware_imputed or record_confidence in ("Speculative", "Unknown", ""):
        return "low"
    if gpu_hours_method == "reported" and record_confidence == "Confident":
        return "high"
    if gpu_hours_method == "compute/(peak*mfu)" and run.utilisation_fraction is None:
        return "low" if record_confidence != "Confident" else "medium"
    return "medium"
