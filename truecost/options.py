"""The options of each question: those of its command, by the names of the quantities.

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

    market_family: str | None
    reference_region: str | None
    purchase_model: str | None
    provider_id: str | None
    min_providers: int | None
    is_data_center_only: bool | None


class OffersOptions(PriceOptions, total=False):
    """Options of ``truecost offers``."""

    gpu_count: int | None
    n: int | None
    purchase_model: str | None
    commitment_months: int | None
    provider: str | None
    area: str | None
    include_stale: bool | None
    is_all: bool | None
    limit: int | None


class IndexOptions(CurrencyOptions, total=False):
    """Options of ``truecost index``."""

    purchase_model: str | None
    market_family: str | None
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
    usd_per_gpu_hour: Number | None
    gpu: str | None
    gpu_count: int | None
    n: int | None
    precision: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_fraction: float | None
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
    usd_per_gpu_hour: Number | None
    context_tokens: int | None
    precision: str | None
    gpu: str | None
    gpu_count: int | None
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
    budget_usd: Number | None
    target_loss: Number | None
    fit: str | None
    gpu: str | None
    gpu_count: int | None
    n: int | None
    deadline_days: Number | None
    precision: str | None
    utilisation_fraction: Number | None
    goodput_fraction: Number | None
    usd_per_gpu_hour: Number | None
    runs: str | None
    is_with_staff: bool | None
    commitment_months: Number | None
    resale_fraction: float | None
    layers: Number | None
    hidden_size: Number | None
    attention_heads: Number | None
    sequence_tokens: Number | None
    stage: str | None
    teacher_parameters: Number | None
    country: str | None
    settings: Mapping[str, float] | None


class OwnVsRentOptions(BasisOptions, total=False):
    """Options of ``truecost own-vs-rent``."""

    gpu: str | None
    gpu_count: int | None
    n: int | None
    usd_per_gpu_hour: Number | None
    commitment_months: int | None
    purchase_usd: Number | None
    fleet_utilisation_fraction: Number | None
    lifetime_years: Number | None
    interest_fraction: float | None
    usd_per_kwh: Number | None
    board_power_watts: Number | None
    country: str | None
    settings: Mapping[str, float] | None


class ReserveOptions(PriceOptions, total=False):
    """Options of ``truecost reserve``."""

    job_months: Number | None
    commitment_months: Sequence[Number] | None
    resale_fraction: float | None
    gpu: str | None
    gpu_count: int | None
    n: int | None
    base_gpus: int | None
    peak_hours_per_day: float | None
    ramp_months: float | None
    load_file: FilePath | None
    on_demand_usd_per_gpu_hour: Number | None
    reserved_usd_per_gpu_hour: Number | None
    spot_overhead_factor: float | None
    burst_gpu: str | None
    burst_cards_per_gpu: Number | None
    reference_region: str | None
    market_family: str | None
    provider_id: str | None
    min_providers: int | None
    only_terms: bool | None


class QuoteOptions(PriceOptions, total=False):
    """Options of ``truecost quote``."""

    gpu_count: int | None
    n: int | None
    months_wanted: Number | None
    purchase_model: str | None
    provider: str | None
    area: str | None
    every_contract: bool | None
    with_separate: bool | None
    row_limit: int | None


class BillOptions(CurrencyOptions, total=False):
    """Options of ``truecost bill``."""

    is_by_token: bool | None
    max_seconds: int | None
    max_memory_mib: int | None


class WhyOptions(TypedDict, total=False):
    """Options of ``truecost why``."""

    forward: bool | None
