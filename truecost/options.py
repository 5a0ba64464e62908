"""The options of each question, as Python has them: those of the command, without dashes.

What an option means and its default are those of the command (``truecost offers --help``); None
keeps the default. A test holds each name here to be an option of its command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TypedDict

FilePath = str | PathLike[str]
Number = float | str
"""A number, or one with a suffix, such as "70B"."""


class CurrencyOptions(TypedDict, total=False):
    """The currency of an answer."""

    currency: str | None


class PriceOptions(CurrencyOptions, total=False):
    """The currency and the prices of one's own."""

    prices: FilePath | None


class BasisOptions(PriceOptions, total=False):
    """Which price a cost rests on."""

    market: str | None
    region: str | None
    purchase: str | None
    provider: str | None
    min_providers: int | None
    data_center_only: bool | None


class OffersOptions(PriceOptions, total=False):
    """Options of ``truecost offers``."""

    n: int | None
    purchase: str | None
    commitment_months: int | None
    provider: str | None
    area: str | None
    include_stale: bool | None
    all: bool | None
    limit: int | None


class IndexOptions(CurrencyOptions, total=False):
    """Options of ``truecost index``."""

    purchase: str | None
    market: str | None
    min_providers: int | None


class FlopOptions(BasisOptions, total=False):
    """Options of ``truecost flop``."""

    precision: str | None
    commitment_months: int | None
    limit: int | None


class InferOptions(BasisOptions, total=False):
    """Options of ``truecost infer``."""

    model_file: FilePath | None
    gpu_file: FilePath | None
    price: Number | None
    gpu: str | None
    n: int | None
    precision: str | None
    input: int | None
    output: int | None
    cached: float | None
    tokens_per_second_per_user: float | None
    commitment_months: int | None
    serving_mode: str | None
    fleet_utilisation_fraction: float | None
    country: str | None
    calibration: FilePath | None
    limit: int | None


class FitOptions(BasisOptions, total=False):
    """Options of ``truecost fit``."""

    model_file: FilePath | None
    gpu_file: FilePath | None
    price: Number | None
    context: int | None
    precision: str | None
    gpu: str | None
    n: int | None
    sequences: int | None
    commitment_months: int | None
    limit: int | None


class TrainOptions(BasisOptions, total=False):
    """Options of ``truecost train``."""

    model_file: FilePath | None
    gpu_file: FilePath | None
    parameters: Number | None
    active_parameters: Number | None
    tokens: Number | None
    flops: Number | None
    budget: Number | None
    target_loss: Number | None
    fit: str | None
    gpu: str | None
    n: int | None
    deadline_days: Number | None
    precision: str | None
    utilisation_fraction: Number | None
    goodput: Number | None
    price: Number | None
    runs: str | None
    staff: bool | None
    commitment_months: Number | None
    resale: float | None
    layers: Number | None
    hidden_size: Number | None
    attention_heads: Number | None
    sequence_tokens: Number | None
    stage: str | None
    teacher_parameters: Number | None
    country: str | None
    set: Mapping[str, float] | None


class OwnVsRentOptions(BasisOptions, total=False):
    """Options of ``truecost own-vs-rent``."""

    gpu: str | None
    n: int | None
    price: Number | None
    commitment_months: int | None
    purchase_usd: Number | None
    fleet_utilisation_fraction: Number | None
    lifetime_years: Number | None
    interest: float | None
    usd_per_kwh: Number | None
    board_power_watts: Number | None
    country: str | None
    set: Mapping[str, float] | None


class ReserveOptions(PriceOptions, total=False):
    """Options of ``truecost reserve``."""

    job_months: Number | None
    commitment_months: Sequence[Number] | None
    resale: float | None
    gpu: str | None
    n: int | None
    base_gpus: int | None
    peak_hours_per_day: float | None
    ramp_months: float | None
    load: FilePath | None
    on_demand_price: Number | None
    reserved_price: Number | None
    spot_overhead_factor: float | None
    burst_gpu: str | None
    burst_cards_per_gpu: Number | None
    region: str | None
    market: str | None
    provider: str | None
    min_providers: int | None
    terms: bool | None


class QuoteOptions(PriceOptions, total=False):
    """Options of ``truecost quote``."""

    n: int | None
    months: Number | None
    purchase: str | None
    provider: str | None
    area: str | None
    every_contract: bool | None
    separate_machines: bool | None
    limit: int | None


class BillOptions(CurrencyOptions, total=False):
    """Options of ``truecost bill``."""

    max_seconds: int | None
    max_memory_mib: int | None


class WhyOptions(TypedDict, total=False):
    """Options of ``truecost why``."""

    forward: bool | None
