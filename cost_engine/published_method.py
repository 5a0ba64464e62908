"""The rules by which Cottier et al. (arXiv:2405.21015) cost a model: which price, power and date.

Takes the rows of the tables as plain records and holds no table, no file and no clock. The rules
of three published vintages are reproduced with their oddities; ``CLEAN`` is what we believe.
The sums themselves are in ``training``, ``energy`` and ``prices``.
"""

from __future__ import annotations

import copy
import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cost_engine import energy, prices, training
from cost_engine.compute import DEFAULT_UTILISATION_FRACTION
from cost_engine.units import DAYS_PER_YEAR, SECONDS_PER_HOUR

CloudHours = Literal["run", "quantity_times_time"]

PREPARATION_DAYS = 60
"""From the end of training to publication, and from renting to the start [d]."""
DELIVERY_DAYS = 90
"""From the release of a GPU to the first one in a cluster [d]."""
DEFAULT_TRAINING_HOURS = 793.5
"""Median training time, for dates only [h]."""
DEFAULT_SERVER_OVERHEAD = 1.64
"""Server over chip prices, mean of A100, V100 and P100 [1]."""
SERVER_OVERHEADS = {"A100": 1.66, "V100": 1.69, "P100": 1.54}
"""[1] Server prices over single-GPU prices in the hardware price table."""
TPU_EQUIVALENT_USD = {"TPU v1": 5463.0, "TPU v2": 5054.0, "TPU v3": 5276.0, "TPU v4": 5167.0}
"""Equivalent release price of one chip. [USD] arXiv:2405.21015, table 3."""
GPU_ALIASES = (
    *("A100", "V100", "H100", "P100", "K80", "K40"),
    *("Titan X", "GTX 580", "GTX TITAN", "Titan Black"),
)
"""Families with a purchase price, in the order in which the published program tries them."""
TPU_AVERAGE_POWER_FRACTION = 0.43
"""[1] Patterson et al. 2021, Jouppi et al. 2021: 0.37 to 0.53."""
GPU_AVERAGE_POWER_FRACTION = 0.75
"""[1] arXiv:2405.21015, appendix."""
SERVER_POWER_RATIOS = (
    *(("TPU v1", 2.93), ("TPU v2", 1.64), ("TPU v3", 1.47), ("TPU", 1.56)),
    ("H100", (10.2 / 8) / 0.7),
    ("A100", (6.5 / 8) / 0.4),
    ("V100", ((10 / 16) / 0.3 + (1.5 / 4) / 0.3) / 2),
)
"""Server power over the power of its chips. [1] DGX data sheets; Jouppi et al. 2021 for TPUs."""
DEFAULT_SERVER_POWER_RATIO = 1.8
HYPERSCALERS = ("google", "deepmind", "microsoft", "amazon", "meta", "facebook")
HYPERSCALER_PUE = 1.1
OTHER_PUE = 1.25
"""[1] arXiv:2405.21015, section 2.3."""
TPU_V4_BOARD_POWER_WATTS = 373.0
"""2.1x the speed and 2.7x the speed per watt of a 450 W TPU v3. [W] arXiv:2405.21015."""
COMMITTED_DISCOUNTS = {
    "Amazon Web Services": (0.41, 0.64),
    "Google Cloud": (0.37, 0.56),
    "Microsoft Azure": (0.25, 0.49),
    "Lambda Labs": (0.34, 0.56),
}
"""Discounts of one and three years from on demand: means of the price table [1]."""
UNITED_STATES_USD_PER_KWH = {
    **{2010: 0.0677, 2011: 0.0682, 2012: 0.0667, 2013: 0.0689, 2014: 0.0710, 2015: 0.0691},
    **{2016: 0.0676, 2017: 0.0688, 2018: 0.0692, 2019: 0.0681, 2020: 0.0667, 2021: 0.0718},
    **{2022: 0.0832, 2023: 0.0806, 2024: 0.0771, 2025: 0.0826},
}
"""Industrial electricity in the United States, as the published program has it. [USD / kWh] EIA."""
_SIMPLIFIED_NAMES = {
    **{f"NVIDIA Tesla V100 DGXS {size} GB": "NVIDIA V100" for size in (16, 32)},
    **{f"NVIDIA V100{suffix}": "NVIDIA V100" for suffix in ("", "S PCIe")},
    "NVIDIA Tesla V100S PCIe 32 GB": "NVIDIA V100",
    **{f"NVIDIA A100{suffix}": "NVIDIA A100" for suffix in ("", " PCIe")},
    **{f"NVIDIA A100 SXM4 {size} GB": "NVIDIA A100" for size in (40, 80)},
    **{f"NVIDIA H100{suffix}": "NVIDIA H100" for suffix in ("", " PCIe", " SXM5")},
}


_SERVER_SHARE = re.compile(r"DGX|HGX|8x? ?GPU|/ ?8")


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
        """Whether the published method takes this for a TPU."""
        return "TPU" in self.name


@dataclass(frozen=True, slots=True)
class PurchasePrice:
    """A dated price to buy one chip (a share of a server where the notes say DGX) [USD]."""

    hardware: str
    priced_on: date | None
    usd: float
    notes: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class RentalPrice:
    """A dated price list entry: what one chip costs an hour, by commitment [USD / (chip h)]."""

    hardware: str
    vendor: str
    priced_on: date
    on_demand: float | None = None
    one_year: float | None = None
    three_year: float | None = None
    source: str = ""
    location: str = ""


PRICE_TYPES = (
    ("three_year", "Price per chip-hour (3-year CUD)"),
    ("one_year", "Price per chip-hour (1-year CUD)"),
    ("on_demand", "Price per chip-hour (on-demand)"),
)
"""Field and printed name, in the order in which they are tried."""


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
    chip_hours: float | None = None
    base_model: str = ""
    rank: float | None = None
    is_hardware_imputed: bool = False


@dataclass(frozen=True)
class Vintage:
    """Which form of the rules holds.

    ``CLEAN`` is the default; the others repeat what the authors' program did at that date.
    """

    name: str
    description: str
    is_clean: bool = False
    real_month: str = "2025-06"
    electricity: Mapping[int, float] = field(default_factory=lambda: UNITED_STATES_USD_PER_KWH)
    is_hardware_imputed: bool = False
    cloud_hours: CloudHours = "run"
    is_base_model_added: bool = False
    vendors: tuple[str, ...] | None = None
    is_gpt4_matched_by_substring: bool = False
    is_last_purchase_of_a_day_taken: bool = False
    default_utilisation_fraction: float = DEFAULT_UTILISATION_FRACTION
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


# --------------------------------------------------------------------------- rules on one name


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


def server_overhead(hardware: str) -> float:
    """Return the price of a server over the price of its chips [1].

    Examples
    --------
    >>> server_overhead("NVIDIA A100 SXM4 40 GB"), server_overhead("NVIDIA H100 PCIe")
    (1.66, 1.64)
    """
    for family, overhead in SERVER_OVERHEADS.items():
        if family in hardware:
            return overhead
    return DEFAULT_SERVER_OVERHEAD


def server_power_ratio(hardware: str) -> float:
    """Return server power over chip power [1].

    Examples
    --------
    >>> server_power_ratio("NVIDIA A100"), server_power_ratio("Google TPU v4")
    (2.03125, 1.56)
    """
    for family, ratio in SERVER_POWER_RATIOS:
        if family in hardware:
            return ratio
    return DEFAULT_SERVER_POWER_RATIO


def average_power_fraction(hardware: str) -> float:
    """Return average over peak power during training [1].

    Examples
    --------
    >>> average_power_fraction("Google TPU v4")
    0.43
    """
    return TPU_AVERAGE_POWER_FRACTION if "TPU" in hardware else GPU_AVERAGE_POWER_FRACTION


def site_pue(organization: str) -> float:
    """Return the power usage effectiveness of an organisation's sites [1].

    Examples
    --------
    >>> site_pue("Google DeepMind"), site_pue("OpenAI")
    (1.1, 1.25)
    """
    lowered = organization.lower()
    return HYPERSCALER_PUE if any(name in lowered for name in HYPERSCALERS) else OTHER_PUE


def gpu_family(hardware: str, *, is_clean: bool = False) -> str | None:
    """Return the alias under which a GPU's purchase price is looked up, or None.

    The published rule is a substring test, which takes an RTX A1000 for an A100; the clean rule
    wants a whole word (with a letter at most after a digit: K40t, A100X) and NVIDIA's data-centre
    or consumer line.

    Examples
    --------
    >>> gpu_family("NVIDIA RTX A1000"), gpu_family("NVIDIA RTX A1000", is_clean=True)
    ('A100', None)
    """
    for alias in GPU_ALIASES:
        if alias not in hardware:
            continue
        if not is_clean:
            return alias
        is_word = re.search(rf"(?<![A-Za-z0-9]){re.escape(alias)}(?![0-9])", hardware)
        if is_word and not hardware.startswith(("Intel", "AMD")) and "Quadro" not in hardware:
            return alias
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
        return datetime(2023, 5, 10)  # noqa: DTZ001 - a calendar date
    is_gpt4 = "GPT-4" in run.model if vintage.is_gpt4_matched_by_substring else run.model == "GPT-4"
    if is_gpt4 and hours is not None:
        return datetime(2022, 8, 15) - timedelta(hours=hours)  # noqa: DTZ001
    if "GPT-3.5" in run.model:
        return datetime(2022, 3, 14)  # noqa: DTZ001
    if "GPT-3" in run.model:
        return datetime(2019, 10, 1)  # noqa: DTZ001
    duration = timedelta(hours=DEFAULT_TRAINING_HOURS if hours is None else hours)
    published_at = datetime(run.published_on.year, run.published_on.month, run.published_on.day)  # noqa: DTZ001
    return published_at - timedelta(days=PREPARATION_DAYS) - duration


# ------------------------------------------------------------------------------- price lookups


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How the purchase price of a chip was found."""

    raw_usd: float
    overhead_applied: float
    acquired_on: date
    price: PurchasePrice | None = None

    @property
    def usd(self) -> float:
        """Price of one chip with its share of the server [USD]."""
        return self.raw_usd * self.overhead_applied


@dataclass(frozen=True, slots=True)
class CloudPrice:
    """How the rental price of a chip was found. ``usd_per_hour`` is at three years' commitment."""

    usd_per_hour: float
    vendor: str
    price_type: str
    priced_on: date
    source: str
    same_day_usd: tuple[float | None, ...]

    @property
    def is_ambiguous(self) -> bool:
        """Whether the list has other prices of the same vendor, chip, type and day."""
        return len(self.same_day_usd) > 1


class PriceTables:
    """The price, chip and deflator rows of one vintage, indexed once.

    Parameters
    ----------
    chips, purchases, rentals : sequence
        Rows in file order (ties between rows of one day go to the first).
    price_index : mapping of str to float
        Month ``YYYY-MM`` to producer price index.
    """

    def __init__(
        self,
        chips: Iterable[Chip],
        purchases: Sequence[PurchasePrice],
        rentals: Sequence[RentalPrice],
        price_index: Mapping[str, float],
    ) -> None:
        self.chips: dict[str, Chip] = {}
        for chip in chips:
            self.chips.setdefault(chip.name, chip)
        self.price_index = dict(price_index)
        self._purchases = sorted(purchases, key=lambda row: row.priced_on or date.max)
        self._rentals: dict[tuple[str, str], list[RentalPrice]] = defaultdict(list)
        for row in rentals:
            self._rentals[row.vendor, row.hardware].append(row)
        for rows in self._rentals.values():
            rows.sort(key=lambda row: row.priced_on)
        self._acquisitions: dict[tuple[str, str], Acquisition | None] = {}
        self._vendors_of: dict[tuple[str, str, tuple[str, ...] | None], list[str]] = {}
        self._found_rows: dict[tuple[str, str], tuple[list[RentalPrice], list[date]]] = {}
        self.vendors = tuple(dict.fromkeys(row.vendor for row in rentals))
        self._family_rows: dict[tuple[str, bool], PurchasePrice | None] = {}

    def with_chips(self, chips: Mapping[str, Chip]) -> PriceTables:
        """Return the same prices with other chips."""
        other = copy.copy(self)
        other.chips = dict(chips)
        other._acquisitions = {}
        return other

    def family_price(self, family: str, *, is_last_taken: bool = False) -> PurchasePrice | None:
        """Return the purchase row of a GPU family: the first DGX price, else the earliest.

        Of several such rows of one day the first counts, or the last (``is_last_taken``).
        """
        key = (family, is_last_taken)
        if key not in self._family_rows:
            rows = [row for row in self._purchases if family in row.hardware]
            candidates = [row for row in rows if "DGX" in row.notes] or rows
            same_day = [row for row in candidates if row.priced_on == candidates[0].priced_on]
            self._family_rows[key] = same_day[-1 if is_last_taken else 0] if same_day else None
        return self._family_rows[key]

    def acquisition(self, hardware: str, vintage: Vintage = CLEAN) -> Acquisition | None:
        """Return the purchase price and date of a chip, or None where the method has none."""
        key = (hardware, vintage.name)
        if key not in self._acquisitions:
            self._acquisitions[key] = self._acquisition(hardware, vintage)
        return self._acquisitions[key]

    def _acquisition(self, hardware: str, vintage: Vintage) -> Acquisition | None:
        chip = self.chips.get(hardware)
        released_on = chip.released_on if chip else None
        if "TPU" in hardware:
            usd = next((usd for name, usd in TPU_EQUIVALENT_USD.items() if name in hardware), None)
            if usd is not None and released_on is not None:
                return Acquisition(usd, DEFAULT_SERVER_OVERHEAD, released_on)
            return self._own_price(hardware) if vintage.is_clean else None
        family = gpu_family(hardware, is_clean=vintage.is_clean)
        if family is None and vintage.is_clean:
            return self._own_price(hardware)
        row = (
            self.family_price(family, is_last_taken=vintage.is_last_purchase_of_a_day_taken)
            if family
            else None
        )
        if row is None or row.priced_on is None:
            return None
        is_single = "single-unit" in row.notes.lower()
        acquired_on = row.priced_on
        if released_on is not None:
            acquired_on = max(acquired_on, released_on + timedelta(days=DELIVERY_DAYS))
        return Acquisition(
            row.usd, server_overhead(hardware) if is_single else 1.0, acquired_on, row
        )

    def _own_price(self, hardware: str) -> Acquisition | None:
        """Return the earliest price of exactly this chip, a share of a server before a single one.

        What the published families leave out: H200, H800, H20, A800, B200, MI300X, TPU v5 and v6.
        """
        rows = [row for row in self._purchases if row.hardware == hardware and row.priced_on]
        shares = [row for row in rows if _SERVER_SHARE.search(row.notes)]
        row = next(iter(shares or rows), None)
        if row is None or row.priced_on is None:
            return None
        overhead = 1.0 if shares else server_overhead(hardware)
        chip = self.chips.get(hardware)
        released_on = chip.released_on if chip else None
        is_new = released_on is not None and chip is not None and not chip.is_tpu
        first = released_on + timedelta(days=DELIVERY_DAYS) if is_new and released_on else None
        return Acquisition(row.usd, overhead, first or row.priced_on, row)

    def vendor_order(self, run: Run, vintage: Vintage) -> list[str]:
        """Return the vendors to ask, first the one that the organisation uses."""
        if "TPU" in run.hardware:
            return ["Google Cloud"]
        lowered = run.organization.lower()
        first = "Amazon Web Services"
        if "google" in lowered or "deepmind" in lowered:
            first = "Google Cloud"
        if "microsoft" in lowered or "openai" in lowered:
            first = "Microsoft Azure"
        rest = vintage.vendors or (
            *("Amazon Web Services", "Microsoft Azure", "Google Cloud"),
            *self.vendors,
        )
        return list(dict.fromkeys((first, *rest)))

    def _row(self, vendor: str, hardware: str, on: date) -> RentalPrice | None:
        """Return the newest row on or before ``on``, else the first one after."""
        rows, days = self._vendor_rows(vendor, hardware)
        if not rows:
            return None
        position = bisect_right(days, on)
        return rows[bisect_left(days, days[position - 1])] if position else rows[0]

    def _vendor_rows(self, vendor: str, hardware: str) -> tuple[list[RentalPrice], list[date]]:
        """Return a vendor's rows of a chip by date: the exact name, else a name for its kind."""
        key = (vendor, hardware)
        if key not in self._found_rows:
            simple = _SIMPLIFIED_NAMES.get(hardware, hardware)
            words = simple.split()
            names = (
                hardware,
                simple,
                *(name for name in _SIMPLIFIED_NAMES if all(word in name for word in words)),
            )
            candidates = (self._rentals.get((vendor, name)) for name in names)
            rows = next((rows for rows in candidates if rows), [])
            self._found_rows[key] = (rows, [row.priced_on for row in rows])
        return self._found_rows[key]

    def cloud_price(self, run: Run, on: datetime, vintage: Vintage = CLEAN) -> CloudPrice | None:
        """Return the three-year price an hour of the run's chip on a day, or None."""
        day = on.date()
        rows = [
            (vendor, row)
            for vendor in self._vendors_with_rows(run, vintage)
            if (row := self._row(vendor, run.hardware, day)) is not None
        ]
        for price_type, label in PRICE_TYPES:
            for vendor, row in rows:
                found: float | None = getattr(row, price_type)
                if found is None:
                    continue
                if price_type == "three_year":
                    usd = found
                elif vendor in COMMITTED_DISCOUNTS:
                    one_year, three_year = COMMITTED_DISCOUNTS[vendor]
                    discount = one_year if price_type == "one_year" else 0.0
                    usd = prices.committed_price(found, discount, three_year)
                else:
                    continue  # published: KeyError, the model gets no estimate
                same_day = self._same_day(vendor, run.hardware, row, price_type)
                return CloudPrice(usd, vendor, label, row.priced_on, row.source, same_day)
        return None

    def _vendors_with_rows(self, run: Run, vintage: Vintage) -> list[str]:
        """Return the vendors to ask that have any price of the run's chip, in order."""
        order = self.vendor_order(run, vintage)
        key = (run.hardware, order[0], vintage.vendors)
        if key not in self._vendors_of:
            self._vendors_of[key] = [v for v in order if self._vendor_rows(v, run.hardware)[0]]
        return self._vendors_of[key]

    def _same_day(
        self, vendor: str, hardware: str, row: RentalPrice, price_type: str
    ) -> tuple[float | None, ...]:
        rows, days = self._vendor_rows(vendor, hardware)
        first = bisect_left(days, row.priced_on)
        last = bisect_right(days, row.priced_on)
        found: set[float | None] = {getattr(other, price_type) for other in rows[first:last]}
        return tuple(sorted(found, key=lambda price: (price is None, price)))

    def inflation_factor(self, published_on: date, real_month: str) -> float | None:
        """Return the factor to money of ``real_month``, or None without an index."""
        then = self.price_index.get(f"{published_on.year:04d}-{published_on.month:02d}")
        now = self.price_index.get(real_month)
        return now / then if then and now else None


# ------------------------------------------------------------------------------ selection, gaps


def frontier_ranks(
    published_on: Sequence[date | None], flops: Sequence[float | None]
) -> list[int | None]:
    """Return each model's compute rank among those published up to its date.

    Parameters
    ----------
    published_on, flops : sequence
        The pool: notable models that are no fine-tunes. [FLOP]

    Returns
    -------
    list of int or None
        1 + the number of models with more compute, dated no later. None where an input is missing.

    Examples
    --------
    >>> frontier_ranks([date(2020, 1, 1), date(2021, 1, 1)], [1e23, 1e22])
    [1, 2]
    """
    order = sorted(
        (day, index)
        for index, (day, size) in enumerate(zip(published_on, flops, strict=True))
        if day is not None and size is not None
    )
    ranks: list[int | None] = [None] * len(flops)
    seen: list[float] = []
    position = 0
    while position < len(order):
        day = order[position][0]
        same_day = [index for other, index in order[position:] if other == day]
        for index in same_day:
            size = flops[index]
            seen.insert(bisect_right(seen, size or 0.0), size or 0.0)
        for index in same_day:
            ranks[index] = 1 + len(seen) - bisect_right(seen, flops[index] or 0.0)
        position += len(same_day)
    return ranks


def most_common_hardware(runs: Iterable[Run]) -> dict[int, str]:
    """Return the GPU that most models of each year were trained on (ties: first by name).

    Examples
    --------
    >>> most_common_hardware([
    ...     Run("a", date(2023, 1, 1), hardware="NVIDIA A100,NVIDIA V100"),
    ...     Run("b", date(2023, 5, 1), hardware="NVIDIA V100"),
    ...     Run("c", date(2023, 5, 1), hardware="Google TPU v4")])
    {2023: 'NVIDIA V100'}
    """
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for run in runs:
        if run.published_on is None:
            continue
        for name in run.hardware.split(","):
            if name.strip() and "TPU" not in name:
                counts[run.published_on.year][name.strip()] += 1
    return {
        year: min(counter, key=lambda name: (-counter[name], name))
        for year, counter in sorted(counts.items())
    }


def with_imputed_hardware(runs: Sequence[Run], common: Mapping[int, str]) -> list[Run]:
    """Return the runs, those without hardware on the most common GPU of their year and flagged.

    Examples
    --------
    >>> with_imputed_hardware([Run("a", date(2023, 1, 1))], {2023: "NVIDIA A100"})[0].hardware
    'NVIDIA A100'
    """
    return [
        replace(run, hardware=common[run.published_on.year], is_hardware_imputed=True)
        if not run.hardware and run.published_on and run.published_on.year in common
        else run
        for run in runs
    ]


# -------------------------------------------------------------------------------- the estimates

Column = list[object]


@dataclass(frozen=True)
class Estimates:
    """Result columns of many runs, all of one length; numbers as arrays with NaN for no value."""

    runs: Sequence[Run]
    vintage: Vintage
    numbers: Mapping[str, NDArray[np.float64]]
    texts: Mapping[str, Sequence[str | None]]
    starts: Sequence[datetime | None]

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.runs)


_NUMBERS = (
    *("chip_hours", "peak_flops_per_second", "utilisation_fraction_used"),
    *("acquisition_raw_usd", "server_overhead_applied", "chip_price_usd", "age_years"),
    *("server_overhead", "server_power_ratio", "average_power_fraction", "pue"),
    *("board_power_watts", "usd_per_kwh", "cloud_usd_per_chip_hour", "cloud_chip_hours"),
    *("inflation_factor", "interconnect_fraction", "peak_kilowatts_per_chip"),
)
_TEXTS = (
    *("chip_hours_method", "acquisition_hardware", "acquisition_price_date", "acquisition_note"),
    *("acquisition_source", "acquired_on", "cloud_vendor_and_type", "cloud_price_date"),
    *("cloud_source", "cloud_same_day_usd", "reason"),
)


def chip_hours_of(run: Run, chip: Chip | None, vintage: Vintage = CLEAN) -> tuple[float, str]:
    """Return a run's chip-hours and the rule that gave them: the first that has its inputs.

    Examples
    --------
    >>> chip_hours_of(Run("x", None, hardware_quantity=8, training_hours=10), None)
    (80, 'quantity*time')
    """
    if run.chip_hours:
        return run.chip_hours, "reported"
    if run.hardware_quantity and run.training_hours:
        return run.hardware_quantity * run.training_hours, "quantity*time"
    peak = peak_flops_per_second(chip) if chip else None
    if run.training_flops and peak:
        utilisation = run.utilisation_fraction or vintage.default_utilisation_fraction
        return run.training_flops / (peak * utilisation) / SECONDS_PER_HOUR, "compute/(peak*mfu)"
    return math.nan, "none"


def _electricity_year(run: Run, start: datetime, vintage: Vintage) -> int:
    if vintage.is_clean:
        return start.year
    return run.published_on.year if run.published_on else start.year


class _Sheet:
    """One run's lookups, written into the column arrays at ``index``."""

    def __init__(self, count: int) -> None:
        self.lists: dict[str, list[float]] = {name: [math.nan] * count for name in _NUMBERS}
        self.texts: dict[str, list[str | None]] = {name: [None] * count for name in _TEXTS}
        self.starts: list[datetime | None] = [None] * count

    def put(self, index: int, **numbers: float | None) -> None:
        for name, value in numbers.items():
            if value is not None:
                self.lists[name][index] = value

    def write(self, index: int, **texts: str | None) -> None:
        for name, value in texts.items():
            self.texts[name][index] = value


def estimates(runs: Sequence[Run], tables: PriceTables, vintage: Vintage = CLEAN) -> Estimates:
    """Cost every run by all three methods under the rules of ``vintage``.

    Parameters
    ----------
    runs : sequence of Run
        Hardware already imputed where that is wanted (``with_imputed_hardware``).
    tables : PriceTables
        Prices, chips and deflator.
    vintage : Vintage
        Which form of the rules.

    Returns
    -------
    Estimates
        Beside the looked-up inputs: ``chip_usd``, ``server_usd``, ``interconnect_usd``,
        ``energy_usd``, ``energy_kwh``, ``amortized_usd`` (method a), ``acquisition_usd`` (b),
        ``cloud_usd`` (c), nominal, and ``real_..._usd`` in money of the vintage's month. A run
        without a value has NaN and, in ``texts["reason"]``, why.
    """
    sheet = _Sheet(len(runs))
    for index, run in enumerate(runs):
        reasons = _look_up(index, run, sheet, tables, vintage)
        sheet.write(index, reason="; ".join(reasons) or None)
    numbers = {name: np.array(values, dtype=float) for name, values in sheet.lists.items()}
    numbers["value_usd_at_start"] = numbers["age_years"].copy()
    has_price = ~np.isnan(numbers["chip_price_usd"])
    numbers["value_usd_at_start"][has_price] = training.depreciated_usd(
        numbers["chip_price_usd"][has_price], numbers["age_years"][has_price]
    )
    has_hours = ~np.isnan(numbers["chip_hours"])
    is_costed = has_hours & ~np.isnan(numbers["value_usd_at_start"])
    is_costed &= ~np.isnan(numbers["board_power_watts"]) & ~np.isnan(numbers["usd_per_kwh"])
    for name in training.TrainingCost._fields:
        numbers["amortized_usd" if name == "total_usd" else name] = np.full(len(runs), np.nan)
    if is_costed.any():
        names = (
            *("value_usd_at_start", "chip_hours", "server_overhead", "board_power_watts"),
            *("server_power_ratio", "average_power_fraction", "pue", "usd_per_kwh"),
            "interconnect_fraction",
        )
        cost = training.run_cost(**{name: numbers[name][is_costed] for name in names})
        for name, values in cost._asdict().items():
            numbers["amortized_usd" if name == "total_usd" else name][is_costed] = values
    quantity = np.array([run.hardware_quantity or np.nan for run in runs], dtype=float)
    numbers["acquisition_usd"] = (
        quantity * numbers["chip_price_usd"] / (1 - numbers["interconnect_fraction"])
    )
    numbers["power_capacity_kilowatts"] = quantity * numbers["peak_kilowatts_per_chip"]
    numbers["cloud_usd"] = numbers["cloud_usd_per_chip_hour"] * numbers["cloud_chip_hours"]
    numbers["usd_per_chip_hour"] = numbers["amortized_usd"] / numbers["chip_hours"]
    if vintage.is_base_model_added:
        _add_base_models(runs, numbers)
    for name in ("amortized_usd", "acquisition_usd", "cloud_usd"):
        numbers[f"real_{name}"] = numbers[name] * numbers["inflation_factor"]
    return Estimates(runs, vintage, numbers, sheet.texts, sheet.starts)


def _look_up(
    index: int, run: Run, sheet: _Sheet, tables: PriceTables, vintage: Vintage
) -> list[str]:
    reasons: list[str] = []
    start = training_start(run, vintage)
    if run.published_on is None or start is None:
        return ["no publication date"]
    sheet.starts[index] = start
    deflated_on = start.date() if vintage.is_clean else run.published_on
    factor = tables.inflation_factor(deflated_on, vintage.real_month)
    if factor is None and not vintage.is_clean:
        factor = 1.0  # published: an amount without an index is returned as it is
    if factor is None:
        reasons.append(f"no price index for {deflated_on:%Y-%m}")
    sheet.put(index, inflation_factor=factor)
    is_mixed = "," in run.hardware
    chip = None if is_mixed else tables.chips.get(run.hardware)
    hours, method = chip_hours_of(run, chip, vintage)
    sheet.put(index, chip_hours=hours)
    sheet.write(index, chip_hours_method=method)
    if method == "compute/(peak*mfu)" and chip:
        sheet.put(
            index,
            peak_flops_per_second=peak_flops_per_second(chip),
            utilisation_fraction_used=run.utilisation_fraction
            or vintage.default_utilisation_fraction,
        )
    if method == "none":
        reasons.append("no chip-hours: needs them, or quantity and time, or compute and peak")
    if is_mixed:
        return [*reasons, f"several kinds of hardware: {run.hardware}"]
    if run.base_model and not vintage.is_base_model_added:
        return [*reasons, f"fine-tune of {run.base_model}"]
    if not run.hardware:
        return [*reasons, "hardware not known"]
    if chip is None:
        return [*reasons, f"chip {run.hardware!r} not in the chip table"]
    _look_up_cloud(index, run, start, hours, sheet, tables, vintage)
    if math.isnan(sheet.lists["cloud_usd_per_chip_hour"][index]):
        reasons.append(f"no rental price of {run.hardware}")
    acquisition = tables.acquisition(run.hardware, vintage)
    if acquisition is None:
        return [*reasons, f"no purchase price of {run.hardware}"]
    row = acquisition.price
    age = (start - datetime.combine(acquisition.acquired_on, datetime.min.time())).days
    if not chip.is_tpu:
        age = max(age, 0)
    sheet.put(
        index,
        acquisition_raw_usd=acquisition.raw_usd,
        server_overhead_applied=acquisition.overhead_applied,
        chip_price_usd=acquisition.usd,
        age_years=age / DAYS_PER_YEAR,
        server_overhead=server_overhead(run.hardware),
        interconnect_fraction=_interconnect_fraction(run, vintage),
    )
    sheet.write(
        index,
        acquired_on=acquisition.acquired_on.isoformat(),
        acquisition_hardware=row.hardware if row else None,
        acquisition_price_date=row.priced_on.isoformat() if row and row.priced_on else None,
        acquisition_note=row.notes if row else None,
        acquisition_source=row.source if row else None,
    )
    watts = chip.board_power_watts
    if watts is None and "TPU v4" in chip.name:
        watts = TPU_V4_BOARD_POWER_WATTS
    year = _electricity_year(run, start, vintage)
    usd_per_kwh = vintage.electricity.get(year)
    if usd_per_kwh is None:
        reasons.append(f"no electricity price for {year}")
    if watts is None:
        reasons.append(f"no board power of {run.hardware}")
    else:
        sheet.put(
            index,
            peak_kilowatts_per_chip=energy.server_kilowatts_per_chip(
                watts, server_power_ratio(run.hardware), site_pue(run.organization)
            ),
        )
    if method != "none":
        sheet.put(
            index,
            server_power_ratio=server_power_ratio(run.hardware),
            average_power_fraction=average_power_fraction(run.hardware),
            pue=site_pue(run.organization),
            board_power_watts=watts,
            usd_per_kwh=usd_per_kwh,
        )
    return reasons


SERVER_CHIPS = 8
"""Chips of one server, inside which no cluster network is needed [chip]."""


def _interconnect_fraction(run: Run, vintage: Vintage) -> float:
    is_one_server = run.hardware_quantity is not None and run.hardware_quantity <= SERVER_CHIPS
    return 0.0 if vintage.is_clean and is_one_server else training.INTERCONNECT_FRACTION


def _look_up_cloud(
    index: int,
    run: Run,
    start: datetime,
    hours: float,
    sheet: _Sheet,
    tables: PriceTables,
    vintage: Vintage,
) -> None:
    price = tables.cloud_price(run, start - timedelta(days=PREPARATION_DAYS), vintage)
    if price is None:
        return
    cloud_hours: float | None = hours
    if vintage.cloud_hours == "quantity_times_time":
        has_both = run.hardware_quantity and run.training_hours
        cloud_hours = (run.hardware_quantity or 0) * (run.training_hours or 0) if has_both else None
    sheet.put(index, cloud_usd_per_chip_hour=price.usd_per_hour, cloud_chip_hours=cloud_hours)
    sheet.write(
        index,
        cloud_vendor_and_type=f"{price.vendor}, {price.price_type}",
        cloud_price_date=price.priced_on.isoformat(),
        cloud_source=price.source,
        cloud_same_day_usd="|".join(
            "NaN" if usd is None else str(float(usd)) for usd in price.same_day_usd
        ),
    )


def _add_base_models(runs: Sequence[Run], numbers: dict[str, NDArray[np.float64]]) -> None:
    """Add to each fine-tune the cost of the model that it starts from, all the way down."""
    rows = {run.model: index for index, run in enumerate(runs)}
    names = (
        *("chip_usd", "server_usd", "interconnect_usd", "energy_usd", "amortized_usd"),
        *("acquisition_usd", "cloud_usd"),
    )
    own = {name: numbers[name].copy() for name in names}
    for index, run in enumerate(runs):
        base, seen = run.base_model, {run.model}
        while base and base not in seen:
            row = rows.get(base)
            seen.add(base)
            for name in names:
                numbers[name][index] += own[name][row] if row is not None else np.nan
            base = runs[row].base_model if row is not None else ""
