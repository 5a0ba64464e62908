"""Answers for one model: what its tokens cost today, and on which GPU sets it fits.

Binds reference data, serving equations and the prices of the published file. The prices come in
as rows; asking for them and printing belong to ``pipelines.commands``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from cost_engine import inference, memory, serving
from pipelines.costing import inference as costing
from pipelines.costing import serving_reference as reference
from pipelines.costing.inference import ServiceLevel, Sets, Workload
from pipelines.costing.serving_reference import UnknownSubjectError
from warehouse.reference import Gpu, Model, load_csv

PRICES = """
    select p.gpu_id, median_usd_per_gpu_hour, p10_usd_per_gpu_hour, p90_usd_per_gpu_hour,
        provider_count, day, commitment_months, o.most_gpus
    from marts.gpu_price_daily as p
    left join (
        select gpu_id, max(gpu_count) as most_gpus from marts.offers_latest group by gpu_id
    ) as o on p.gpu_id = o.gpu_id
    where market_family = 'all' and purchase_model = ?
        and day > (select max(day) from marts.gpu_price_daily) - 31
    qualify row_number() over (
        partition by p.gpu_id order by day desc, commitment_months nulls first
    ) = 1
"""
"""The newest price of every GPU, none older than a month, for one purchase model."""

INTERVAL_QUANTILE = 1.2816
"""Half of an interval of 80 %, in standard deviations. [1]"""
IDLE_POWER_FRACTION = 0.3
USEFUL_SEQUENCES = 8


@dataclass(frozen=True)
class Price:
    """What one GPU costs, the median of providers and its spread."""

    gpu_id: str
    usd_per_gpu_hour: float
    low: float
    high: float
    provider_count: int
    day: date
    commitment_months: int | None
    most_gpus: int | None = None  # in one machine on offer


def refuse_long_context(model: Model, tokens: float) -> None:
    """Raise if a model cannot read that many tokens.

    Raises
    ------
    UnknownSubjectError
        With the longest context that works.
    """
    limit = reference.number(model, "context_limit_tokens")
    if limit is not None and tokens > limit:
        raise UnknownSubjectError(
            f"{model.model_id} reads at most {limit:,.0f} tokens, input and output together; "
            f"{tokens:,.0f} were asked for"
        )


def precisions_for(gpu: Gpu, precision: str | None) -> list[str]:
    """Return the precisions to serve in on a GPU.

    Raises
    ------
    UnknownSubjectError
        If the chip does not have the precision; says which it has.

    Examples
    --------
    >>> precisions_for(reference.known_gpus()["H100-SXM-80GB"], "fp4")
    Traceback (most recent call last):
    pipelines.costing.serving_reference.UnknownSubjectError: H100-SXM-80GB has no fp4; it has \
bf16, fp16, fp8, int8, and int4 as a format of the weights
    """
    if precision is None:
        return costing.served_precisions(gpu)
    name = reference.precision_named(precision)
    has = [known for known in reference.PRECISION_BITS if known in gpu.dense_flops_per_second]
    if name in has or name == "int4":
        return [name]
    has = [known for known in has if known != "int4"]
    raise UnknownSubjectError(
        f"{gpu.gpu_id} has no {name}; it has {', '.join(has)}, and int4 as a format of the weights"
    )


def grid_intensity(country: str) -> tuple[float, str]:
    """Return the newest carbon intensity of a country's grid and its source [gCO2e/kWh].

    Raises
    ------
    UnknownSubjectError
        If there is no such country; lists those there are.
    """
    rows = load_csv("grid_intensity")
    of_country = [row for row in rows if str(row["country"]).lower() == country.lower()]
    if not of_country:
        known = sorted({str(row["country"]) for row in rows})
        raise UnknownSubjectError(
            f"no grid intensity for {country!r}; there are: {', '.join(known)}"
        )
    newest = max(of_country, key=lambda row: str(row["year"]))
    return float(str(newest["grams_co2e_per_kwh"])), f"{newest['source_url']} ({newest['year']})"


def quotes(
    model: Model,
    prices: Sequence[Price],
    workload: Workload,
    level: ServiceLevel,
    *,
    gpu: Gpu | None = None,
    gpu_count: int | None = None,
    precision: str | None = None,
    utilisation_fraction: float = 0.5,
    grams_per_kilowatt_hour: float = 0.0,
) -> list[dict[str, Any]]:
    """Return what each GPU set that fits and keeps the pace costs, cheapest first.

    Parameters
    ----------
    model : Model
    prices : sequence of Price
    workload : Workload
    level : ServiceLevel
    gpu : Gpu, optional
        Only this one.
    gpu_count : int, optional
        Only sets of this size. [GPU]
    precision : str, optional
        Only this one; by default 16, 8 and 4 bits as the chip has them.
    utilisation_fraction : float
        Mean over peak demand, for the provisioned cost. [1]
    grams_per_kilowatt_hour : float
        Grid intensity. [gCO2e / kWh]

    Returns
    -------
    list of dict
        The cheapest set and precision of each GPU, or every set if ``gpu`` is given.

    Raises
    ------
    UnknownSubjectError
        If nothing works; says what would.
    """
    refuse_long_context(model, workload.input_tokens + workload.output_tokens)
    reference.shape_row(model)
    by_gpu = {price.gpu_id: price for price in prices}
    if gpu is not None and gpu.gpu_id not in by_gpu:
        raise UnknownSubjectError(
            f"no price of {gpu.gpu_id} in the last month for this way of buying; there are prices "
            f"of {', '.join(sorted(by_gpu)) or 'nothing'}"
        )
    if not by_gpu:
        raise UnknownSubjectError(
            "no price in the last month for this way of buying; try --purchase on_demand, spot or "
            "reserved"
        )
    candidates = []
    for candidate in [gpu] if gpu is not None else costing.servable_gpus(by_gpu):
        try:
            names = precisions_for(candidate, precision)
        except UnknownSubjectError:
            if gpu is not None:
                raise
            continue
        candidates.append(candidate)
    counts = (gpu_count,) if gpu_count else (*costing.GPU_COUNTS, costing.SECOND_NODE)
    fit = reference.load_fit()
    rows: list[dict[str, Any]] = []
    if candidates:
        sets = costing.sets_of([model], candidates, counts, names if precision else None)
        room = costing.with_room(_offered(sets, by_gpu), workload, fit)
        rows = _rows_of(
            room, workload, level, fit, by_gpu, utilisation_fraction, grams_per_kilowatt_hour
        )
        if not rows:
            where = gpu.gpu_id if gpu is not None else "any GPU with a price"
            raise UnknownSubjectError(
                _nothing_works(model, workload, level, room, where, precision)
            )
    if gpu is not None:
        return rows
    cheapest: dict[str, dict[str, Any]] = {}
    for row in rows:
        cheapest.setdefault(str(row["gpu_id"]), row)
    return list(cheapest.values())


def _offered(sets: Sets, prices: Mapping[str, Price]) -> Sets:
    """Return the sets that some machine on offer has, and pairs of machines of eight."""
    most = np.array([prices[name].most_gpus or np.inf for name in sets.gpu.names])[sets.gpu.codes]
    is_pair = (sets.gpu_count > costing.GPU_COUNTS[-1]) & (most >= costing.GPU_COUNTS[-1])
    return sets.taken(np.flatnonzero((sets.gpu_count <= most) | is_pair))


def _rows_of(
    sets: Sets,
    workload: Workload,
    level: ServiceLevel,
    fit: reference.Fit,
    prices: Mapping[str, Price],
    utilisation_fraction: float,
    grams_per_kilowatt_hour: float,
) -> list[dict[str, Any]]:
    if len(sets.gpu_count) == 0:
        return []
    point = costing.served(sets, workload, level, fit)
    spread, is_beyond = costing.error_log_sd(sets, workload, fit)
    rows = []
    for place in np.flatnonzero(point.concurrency >= 1):
        price = prices[sets.gpu.names[sets.gpu.codes[place]]]
        count = float(sets.gpu_count[place])
        speed = float(point.tokens_per_second_per_gpu[place])
        usd = float(inference.serving_usd_per_1k_tokens(price.usd_per_gpu_hour, speed))
        into, out = inference.usd_per_1k_tokens_split(
            price.usd_per_gpu_hour,
            count,
            float(point.requests_per_second[place]),
            float(point.prefill_fraction[place]),
            workload.input_tokens,
            workload.output_tokens,
        )
        model_error = INTERVAL_QUANTILE * float(spread[place])
        below = math.hypot(math.log(price.usd_per_gpu_hour / price.low), model_error)
        above = math.hypot(math.log(price.high / price.usd_per_gpu_hour), model_error)
        hours = float(
            inference.watt_hours_per_1k_tokens(
                float(sets.facility_watts[place]), speed, utilisation_fraction, IDLE_POWER_FRACTION
            )
        )
        request = workload.input_tokens + workload.output_tokens
        known_hours = None if math.isnan(hours) else hours
        rows.append(
            {
                "model_id": sets.model.names[sets.model.codes[place]],
                "gpu_id": price.gpu_id,
                "gpu_count": int(count),
                "precision": sets.precision.names[sets.precision.codes[place]],
                "usd_per_1k_input_tokens": float(into),
                "usd_per_1k_output_tokens": float(out),
                "usd_per_1k_tokens": usd,
                "low": usd * math.exp(-below),
                "high": usd * math.exp(above),
                "usd_per_1k_tokens_provisioned": usd / utilisation_fraction,
                "usd_per_request": usd * request / 1e3,
                "tokens_per_second_per_user": float(point.tokens_per_second_per_user[place]),
                "tokens_per_second_per_gpu": speed,
                "time_to_first_token_seconds": float(point.time_to_first_token_seconds[place]),
                "concurrency": int(point.concurrency[place]),
                "binding_limit": serving.LIMITS[int(point.limit[place])],
                "watt_hours_per_1k_tokens": known_hours,
                "grams_co2e_per_1k_tokens": (
                    None
                    if known_hours is None
                    else float(inference.grams_co2(known_hours, grams_per_kilowatt_hour))
                ),
                "watt_hours_per_request": (
                    None if known_hours is None else known_hours * request / 1e3
                ),
                "usd_per_gpu_hour": price.usd_per_gpu_hour,
                "provider_count": price.provider_count,
                "priced_on": price.day,
                "method": "calibrated",
                "is_extrapolated": bool(is_beyond[place]),
            }
        )
    return sorted(rows, key=lambda row: float(row["usd_per_1k_tokens"]))


def _nothing_works(
    model: Model,
    workload: Workload,
    level: ServiceLevel,
    room: Sets,
    where: str,
    precision: str | None,
) -> str:
    if len(room.gpu_count):
        fit = reference.load_fit()
        load = costing.load_of(room, workload)
        alone = serving.closed_loop(fit.constants, room.shape, room.chip, load, 1.0)
        paces = costing.speed_factor(room, fit) / np.asarray(alone.time_per_output_token_seconds)
        best = int(np.argmax(paces))
        name = room.gpu.names[room.gpu.codes[best]]
        return (
            f"{model.model_id} on {where} does not give {level.tokens_per_second_per_user:g} "
            f"tokens a second to each user; the most, with one user alone, is "
            f"{paces[best]:.0f} on {room.gpu_count[best]:.0f} x {name}"
        )
    tokens = workload.input_tokens + workload.output_tokens
    names = [precision] if precision else None
    works = [
        f"{row['gpu_count']} x {row['gpu_id']} in {row['precision']}"
        for row in fits(model, costing.servable_gpus(reference.known_gpus()), tokens, names)[:3]
    ]
    return (
        f"{model.model_id}{' in ' + precision if precision else ''} does not fit on {where}; "
        + (f"it fits on {', '.join(works)}" if works else "no set of up to 16 known GPUs holds it")
    )


def fits(
    model: Model,
    gpus: Sequence[Gpu],
    context_tokens: float,
    precisions: Sequence[str] | None = None,
    sequences: int = 1,
    prices: Mapping[str, Price] | None = None,
) -> list[dict[str, Any]]:
    """Return the smallest set of each GPU that holds a model, cheapest or smallest first.

    Parameters
    ----------
    model : Model
    gpus : sequence of Gpu
    context_tokens : float
        Longest context of a sequence. [token]
    precisions : sequence of str, optional
        By default 16, 8 and 4 bits as the chip has them.
    sequences : int
        Sequences that must fit at once.
    prices : mapping of str to Price, optional
        By GPU; sets without a price come last.

    Returns
    -------
    list of dict
    """
    fit = reference.load_fit()
    shape = reference.shape_row(model)
    values = memory.kv_values_per_token_layer(
        shape["kv_heads"], shape["head_dimension"], shape["latent_dimension"]
    )
    rows: list[dict[str, Any]] = []
    for gpu in gpus:
        for precision in precisions or costing.served_precisions(gpu):
            try:
                names = precisions_for(gpu, precision)
            except UnknownSubjectError:
                continue
            sets = costing.sets_of([model], [gpu], (*costing.GPU_COUNTS, 16), names)
            load = costing.load_of(
                sets,
                Workload("context", "context", context_tokens, 0.0, "batch"),
                is_cache_divided=(np.asarray(sets.shape.experts) > 1) & (sets.gpu_count > 1),
            )
            limit = np.asarray(serving.sequence_limit(fit.constants, sets.shape, sets.chip, load))
            enough = np.flatnonzero(limit >= sequences)
            if not len(enough):
                continue
            place = int(enough[0])
            count = int(sets.gpu_count[place])
            is_16_bit = reference.PRECISION_BITS[names[0]] == 16
            cache = float(
                memory.kv_bytes_per_sequence(
                    context_tokens,
                    values,
                    2.0 if is_16_bit else 1.0,
                    shape["full_attention_layers"],
                    shape["sliding_layers"],
                    shape["sliding_window_tokens"],
                    shape["index_bytes_per_token_layer"] * shape["full_attention_layers"],
                )
            )
            price = (prices or {}).get(gpu.gpu_id)
            rows.append(
                {
                    "model_id": model.model_id,
                    "gpu_id": gpu.gpu_id,
                    "gpu_count": count,
                    "precision": names[0],
                    "usd_per_hour": price.usd_per_gpu_hour * count if price else None,
                    "usd_per_gpu_hour": price.usd_per_gpu_hour if price else None,
                    "sequences_that_fit": int(limit[place]),
                    "is_useful": bool(limit[place] >= USEFUL_SEQUENCES),
                    "weight_bytes": float(
                        np.asarray(
                            memory.weight_bytes(sets.shape.parameters, sets.chip.bytes_per_weight)
                        )[place]
                    ),
                    "kv_bytes_per_sequence": cache,
                    "memory_bytes": float(np.asarray(sets.chip.memory_bytes)[place]) * count,
                    "priced_on": price.day if price else None,
                }
            )
    return sorted(
        rows,
        key=lambda row: (
            row["usd_per_hour"] is None,
            row["usd_per_hour"] or 0.0,
            row["memory_bytes"],
            row["gpu_id"],
        ),
    )
