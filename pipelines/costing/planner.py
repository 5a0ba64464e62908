"""Answers of ``truecost train``, ``own-vs-rent`` and ``reserve``: choices bound to data.

Takes prices from the published file (or from the caller), facts from the reference data, and calls
``cost_engine``. Every answer lists the assumptions it used with their sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import duckdb
import numpy as np

from cost_engine import compute, energy, planning, prices, training_memory
from cost_engine.development import EXPERIMENT_FACTOR
from cost_engine.uncertainty import NORMAL_95TH_PERCENTILE, lognormal_parameters
from cost_engine.units import DAYS_PER_YEAR, MONTHS_PER_YEAR
from pipelines.costing import owning
from pipelines.costing.training_runs import electricity_by_year, grid_intensities

DRAWS = 10_000
SEED = 20261121
TEN_TO_NINETY = 2.5631031310892007
DAYS_PER_MONTH = DAYS_PER_YEAR / MONTHS_PER_YEAR
KNOWN_UTILISATION = (0.95, 1.05)
SERVER_POWER_RATIO = 1.8
AVERAGE_POWER_FRACTION = 0.75
PUE = 1.25
SIXTEEN_BIT_PRECISIONS = ("bf16", "fp16", "tf32", "fp32")
FP8_UTILISATION_FRACTION = 0.1947
"""DeepSeek-V3, relative to the FP8 peak. [1] Epoch AI, models of June 2025."""
TENSOR_PARALLEL = 8
"""GPUs of a server over which a layer is split. [GPU] assumption: the fast link's domain."""


@dataclass(frozen=True)
class Used:
    """One assumption or figure that an answer rests on."""

    name: str
    value: float | str
    unit: str
    source: str


@dataclass(frozen=True)
class GpuFacts:
    """What a plan needs of a GPU, and the price of an hour."""

    gpu_id: str
    memory_bytes: float
    peak_flops_per_second: float
    board_power_watts: float | None
    usd_per_gpu_hour: float
    p10_usd_per_gpu_hour: float
    p90_usd_per_gpu_hour: float
    price_source: str
    precision: str = "bf16"


@dataclass
class Sizing:
    """Parameters, tokens and compute of the model to train, and the loss to expect."""

    parameters: float
    active_parameters: float
    tokens: float
    flops: float
    losses: dict[str, float] = field(default_factory=dict)
    how: str = ""


def gpu_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the accelerators of the published file."""
    return [name for (name,) in connection.execute("select gpu_id from core.gpu").fetchall()]


def gpu_facts(
    connection: duckdb.DuckDBPyConnection | None,
    gpu_id: str,
    precision: str = "bf16",
    purchase: str = "on_demand",
    usd_per_gpu_hour: float | None = None,
) -> GpuFacts:
    """Return memory, dense peak, power and price of a GPU.

    Raises
    ------
    ValueError
        For an unknown GPU, a precision it has no peak for, or no tracked price and none given.
    """
    memory, peaks, watts = _hardware(connection, gpu_id)
    if precision not in peaks:
        raise ValueError(
            f"precision = {precision!r}: no dense peak of {gpu_id}; there are "
            + (", ".join(sorted(peaks)) or "none")
        )
    if memory is None:
        raise ValueError(f"gpu = {gpu_id!r}: its memory is not known; name the variant")
    if usd_per_gpu_hour is not None:
        price = (usd_per_gpu_hour, usd_per_gpu_hour, usd_per_gpu_hour, "given")
    else:
        price = gpu_price(connection, gpu_id, purchase)
    return GpuFacts(gpu_id, memory, peaks[precision], watts, *price, precision)


def _hardware(
    connection: duckdb.DuckDBPyConnection | None, gpu_id: str
) -> tuple[float | None, dict[str, float], float | None]:
    if connection is not None:
        rows = connection.execute(
            "select memory_bytes, board_power_watts from core.gpu where gpu_id = ?", [gpu_id]
        ).fetchall()
        if rows:
            peaks = connection.execute(
                'select "precision", flops_per_second from core.gpu_peak'
                " where gpu_id = ? and not is_sparse",
                [gpu_id],
            ).fetchall()
            return rows[0][0], _with_half(dict(peaks)), rows[0][1]
    from warehouse.reference import load_gpus

    gpus = {gpu.gpu_id: gpu for gpu in load_gpus()}
    if gpu_id not in gpus:
        raise ValueError(f"gpu = {gpu_id!r}: unknown; there are {', '.join(sorted(gpus)[:12])} ...")
    gpu = gpus[gpu_id]
    return gpu.memory_bytes, _with_half(dict(gpu.dense_flops_per_second)), gpu.board_power_watts


def _with_half(peaks: dict[str, float]) -> dict[str, float]:
    """Let fp16 stand in for bf16 on chips that came before it."""
    if "bf16" not in peaks and "fp16" in peaks:
        peaks["bf16"] = peaks["fp16"]
    return peaks


def gpu_price(
    connection: duckdb.DuckDBPyConnection | None, gpu_id: str, purchase: str
) -> tuple[float, float, float, str]:
    """Return median, 10th and 90th percentile of the newest tracked price, and its source.

    Raises
    ------
    ValueError
        If the GPU has none.
    """
    if connection is None:
        raise ValueError(f"gpu = {gpu_id!r}: no tracked prices here; give one with --price")
    rows = connection.execute(
        """
        select median_usd_per_gpu_hour, p10_usd_per_gpu_hour, p90_usd_per_gpu_hour, day,
            provider_count, commitment_months
        from marts.gpu_price_daily
        where gpu_id = ? and purchase_model = ? and market_family = 'all'
        order by day desc, commitment_months limit 1
        """,
        [gpu_id, purchase],
    ).fetchall()
    if not rows:
        raise ValueError(
            f"gpu = {gpu_id!r}: no tracked {purchase} price; give one with --price, or run"
            " `truecost offers` to see what is tracked"
        )
    middle, low, high, day, providers, months = rows[0]
    term = f", {months} months" if months else ""
    return middle, low, high, f"tracked {purchase}{term}: {providers} providers on {day}"


def sizing(
    *,
    parameters: float | None = None,
    active_parameters: float | None = None,
    tokens: float | None = None,
    flops: float | None = None,
    target_loss: float | None = None,
    fit: str | None = None,
) -> Sizing:
    """Return the model to train from what is given of it.

    Parameters
    ----------
    parameters, active_parameters, tokens : float, optional
        Of the model; tokens default to what is optimal for the parameters.
    flops : float, optional
        Compute budget; the optimal model is sized to it.
    target_loss : float, optional
        Loss to reach; the cheapest model that does is sized. [nat / token]
    fit : {"rule", "original", "corrected"}, optional
        How an optimum is found; default "rule", or "corrected" for a loss.

    Raises
    ------
    ValueError
        If too little or too much is given.
    """
    if target_loss is not None:
        chosen = fit or "corrected"
        if chosen == "rule":
            raise ValueError("fit = 'rule': a loss needs a fit; must be original or corrected")
        flops = float(compute.flops_for_loss(target_loss, chosen))
        return _sized(flops, chosen, f"least compute for a loss of {target_loss:g} ({chosen} fit)")
    if parameters is None:
        if flops is None:
            raise ValueError("give --parameters, --flops, --budget, --target-loss or a model")
        chosen = fit or "rule"
        if tokens is not None:
            parameters = flops / (compute.FLOPS_PER_PARAMETER_TOKEN * tokens)
            return _with_losses(Sizing(parameters, parameters, tokens, flops, how="from tokens"))
        return _sized(flops, chosen, f"optimal for the compute ({chosen})")
    active = active_parameters or parameters
    if active > parameters:
        raise ValueError(
            f"active_parameters = {active:g}: must not be above parameters = {parameters:g}"
        )
    if tokens is None and flops is not None:
        tokens = flops / (compute.FLOPS_PER_PARAMETER_TOKEN * active)
    how = "as given"
    if tokens is None:
        tokens = compute.CHINCHILLA_TOKENS_PER_PARAMETER * active
        how = "20 tokens a parameter"
    total = flops if flops is not None else float(compute.training_flops(active, tokens))
    return _with_losses(Sizing(parameters, active, tokens, total, how=how))


def _sized(flops: float, fit: str, how: str) -> Sizing:
    parameters, tokens = compute.optimal_parameters_and_tokens(flops, fit)
    return _with_losses(Sizing(float(parameters), float(parameters), float(tokens), flops, how=how))


def _with_losses(size: Sizing) -> Sizing:
    size.losses = {
        name: float(law.loss(size.active_parameters, size.tokens))
        for name, law in compute.LOSS_LAWS.items()
    }
    return size


@dataclass(frozen=True)
class Choices:
    """How a run is to be made."""

    gpu_count: int | None = None
    deadline_days: float | None = None
    utilisation_fraction: float | None = None
    goodput_fraction: float | None = None
    is_all_runs: bool = False
    term_months: float | None = None
    resale_fraction: float = 0.0
    country: str = "US"
    layers: float | None = None
    hidden_size: float | None = None
    attention_heads: float | None = None
    sequence_tokens: float = 8192.0


def utilisation_range(precision: str = "bf16") -> tuple[float, float, float]:
    """Return low, central and high MFU of training, relative to the peak of a precision [1].

    Raises
    ------
    ValueError
        For a precision in which no training run was reported.
    """
    from warehouse.reference import load_scenarios

    found = next(
        s for s in load_scenarios() if s.scenario_id == "training" and s.kind == "utilisation"
    )
    low, central, high = (
        float(str(found.values[f"{name}_fraction"])) for name in ("low", "central", "high")
    )
    if precision in SIXTEEN_BIT_PRECISIONS:
        return low, central, high
    if precision == "fp8":
        scale = FP8_UTILISATION_FRACTION / central
        return low * scale, FP8_UTILISATION_FRACTION, high * scale
    raise ValueError(f"precision = {precision!r}: no training run is reported in it; give --mfu")


def training_answer(size: Sizing, gpu: GpuFacts, choices: Choices, on: date) -> dict[str, Any]:
    """Return the plan of a run: memory fit, cluster, days, cost with intervals, alternatives.

    Parameters
    ----------
    size : Sizing
    gpu : GpuFacts
    choices : Choices
    on : date
        The day of the question, for the electricity price.

    Raises
    ------
    ValueError
        If the model does not fit the cluster, or a choice is out of bounds.
    """
    is_mfu_given = choices.utilisation_fraction is not None
    mfu = choices.utilisation_fraction
    low_mfu = high_mfu = mfu or 0.0
    if mfu is None:
        low_mfu, mfu, high_mfu = utilisation_range(gpu.precision)
    activations, recomputation = _activations(choices, gpu.memory_bytes)
    minimum = int(
        training_memory.minimum_gpus(size.parameters, gpu.memory_bytes, activations or 0.0)
    )
    multiplier = _runs_multiplier() if choices.is_all_runs else 1.0
    kilowatts = (
        planning.site_kilowatts_per_gpu(
            gpu.board_power_watts, SERVER_POWER_RATIO, AVERAGE_POWER_FRACTION, PUE
        )
        if gpu.board_power_watts
        else None
    )

    def planned(count: int) -> planning.Plan:
        return planning.plan(
            size.flops,
            count,
            peak_flops_per_second=gpu.peak_flops_per_second,
            utilisation_fraction=mfu,
            usd_per_gpu_hour=gpu.usd_per_gpu_hour,
            runs_multiplier=multiplier,
            goodput_fraction=choices.goodput_fraction,
            kilowatts_per_gpu=kilowatts,
        )

    count = choices.gpu_count or _gpu_count(size, gpu, choices, mfu, minimum)
    if count < minimum:
        raise ValueError(
            f"gpus = {count}: must be at least {minimum} {gpu.gpu_id} to hold the training state of"
            f" {size.parameters:.3g} parameters"
        )
    chosen = planned(count)
    answer: dict[str, Any] = {
        "model": asdict(size),
        "memory": {
            "training_state_bytes": size.parameters * training_memory.STATE_BYTES,
            "checkpoint_bytes": size.parameters * training_memory.CHECKPOINT_BYTES,
            "activation_bytes_per_gpu": activations,
            "recomputation": recomputation,
            "minimum_gpus": minimum,
            "state_bytes_per_gpu_by_zero_stage": {
                str(stage): float(
                    training_memory.state_bytes_per_gpu(
                        size.parameters, minimum, max(count // minimum, 1), stage
                    )
                )
                for stage in range(4)
            },
        },
        "gpu": asdict(gpu),
        "plan": asdict(chosen)
        | _intervals(chosen, gpu, choices, mfu, (low_mfu, high_mfu), multiplier),
        "energy": _energy(chosen, choices.country, on),
        "frontier": [
            asdict(one)
            for one in planning.frontier([planned(n) for n in planning.cluster_sizes(minimum)])
        ],
    }
    if choices.term_months is not None:
        job = chosen.days / DAYS_PER_MONTH
        factor = prices.reservation_multiplier(choices.term_months, job, choices.resale_fraction)
        answer["reservation"] = {
            "term_months": choices.term_months,
            "job_months": job,
            "resale_fraction": choices.resale_fraction,
            "multiplier": factor,
            "usd": chosen.usd * factor,
        }
    answer["assumptions"] = [
        asdict(used)
        for used in _assumptions(
            size, gpu, choices, mfu, is_mfu_given, multiplier, chosen, recomputation
        )
    ]
    return answer


def _activations(choices: Choices, memory_bytes: float) -> tuple[float | None, str]:
    """Return the activations that one GPU keeps and the recomputation that makes them fit."""
    if not (choices.layers and choices.hidden_size and choices.attention_heads):
        return None, "not counted: layers, hidden size and heads not given"
    half = memory_bytes * training_memory.USABLE_FRACTION / 2
    kept = 0.0
    for recomputation in ("selective", "full"):
        kept = float(
            training_memory.activation_bytes_per_gpu(
                choices.layers,
                choices.hidden_size,
                choices.sequence_tokens,
                choices.attention_heads,
                tensor_parallel=TENSOR_PARALLEL,
                recomputation=recomputation,
            )
        )
        if kept <= half:
            break
    return kept, f"{recomputation} recomputation"


def _gpu_count(size: Sizing, gpu: GpuFacts, choices: Choices, mfu: float, minimum: int) -> int:
    days = choices.deadline_days or 90.0
    needed = planning.gpus_for_deadline(
        size.flops,
        days,
        peak_flops_per_second=gpu.peak_flops_per_second,
        utilisation_fraction=mfu,
    )
    servers = -(-max(needed, minimum) // 8)
    return minimum if max(needed, minimum) <= minimum else servers * 8


def _runs_multiplier() -> float:
    """Return the median of all compute over that of the final run [1]."""
    return float(np.exp(lognormal_parameters(*EXPERIMENT_FACTOR)[0]))


def _intervals(
    chosen: planning.Plan,
    gpu: GpuFacts,
    choices: Choices,
    mfu: float,
    mfu_range: tuple[float, float],
    multiplier: float,
) -> dict[str, float]:
    """Return 80 and 90 % intervals of cost by Monte Carlo over MFU, price and runs [USD]."""
    generator = np.random.default_rng(SEED)
    if choices.utilisation_fraction is not None:
        low, high = KNOWN_UTILISATION
    else:
        # The reference range is the 10th to 90th percentile; bring it to the 5th and 95th.
        stretch = 2 * NORMAL_95TH_PERCENTILE / TEN_TO_NINETY
        low = float((mfu_range[0] / mfu) ** stretch)
        high = float((mfu_range[1] / mfu) ** stretch)
    mean, deviation = lognormal_parameters(low, high)
    hours = np.exp(-generator.normal(mean, deviation, DRAWS))
    spread = np.log(gpu.p90_usd_per_gpu_hour / gpu.p10_usd_per_gpu_hour) / TEN_TO_NINETY
    cost = chosen.usd * hours * np.exp(generator.normal(0.0, spread, DRAWS))
    if choices.is_all_runs:
        mean, deviation = lognormal_parameters(*EXPERIMENT_FACTOR)
        cost *= generator.lognormal(mean, deviation, DRAWS) / multiplier
    low_90, low_80, high_80, high_90 = np.quantile(cost, [0.05, 0.1, 0.9, 0.95]).tolist()
    return {
        "usd_low": low_90,
        "usd_high": high_90,
        "usd_low_80": low_80,
        "usd_high_80": high_80,
        "runs_multiplier": multiplier,
    }


def _energy(chosen: planning.Plan, country: str, on: date) -> dict[str, Any]:
    by_year = electricity_by_year(country)
    year = max((y for y in by_year if y <= on.year), default=min(by_year))
    grams = grid_intensities().get(country)
    kwh = chosen.energy_kwh
    return {
        "country": country,
        "kwh": kwh,
        "usd_per_kwh": by_year[year],
        "electricity_usd": energy.electricity_usd(kwh, by_year[year]) if kwh else None,
        "grams_co2e_per_kwh": grams,
        "carbon_kg": energy.carbon_kg(kwh, grams) if kwh and grams else None,
    }


def _assumptions(
    size: Sizing,
    gpu: GpuFacts,
    choices: Choices,
    mfu: float,
    is_mfu_given: bool,
    multiplier: float,
    chosen: planning.Plan,
    recomputation: str,
) -> list[Used]:
    given = "given"
    reference = "warehouse/reference/scenarios/utilisation.yaml (Epoch AI, 62 reported values)"
    if gpu.precision == "fp8":
        reference = "DeepSeek-V3, relative to the FP8 peak (Epoch AI)"
    return [
        Used("model size", size.how, "", given if size.how == "as given" else "arXiv:2203.15556"),
        Used("flops_per_parameter_token", 6.0, "FLOP/(parameter token)", "arXiv:2001.08361"),
        Used("utilisation_fraction", mfu, "1", given if is_mfu_given else reference),
        Used(
            "efficiency_per_doubling",
            planning.EFFICIENCY_PER_DOUBLING,
            "1",
            f"assumption; above {planning.REFERENCE_GPUS} GPUs, after arXiv:2407.21783 table 4",
        ),
        Used(
            "goodput_fraction",
            chosen.goodput_fraction,
            "1",
            given if choices.goodput_fraction else "faults of arXiv:2407.21783, Young's interval",
        ),
        Used("usd_per_gpu_hour", gpu.usd_per_gpu_hour, "USD/(GPU h)", gpu.price_source),
        Used(
            "runs_multiplier",
            multiplier,
            "1",
            "arXiv:2405.21015 section 2.4, 1.2 to 4"
            if choices.is_all_runs
            else "the final run only",
        ),
        Used("training_state", training_memory.STATE_BYTES, "byte/parameter", "arXiv:1910.02054"),
        Used("activations", recomputation, "", "arXiv:2205.05198"),
        Used("usable_memory", training_memory.USABLE_FRACTION, "1", "assumption: 80 to 90 %"),
        Used("pue", PUE, "1", "arXiv:2405.21015"),
        Used("server_power_ratio", SERVER_POWER_RATIO, "1", "arXiv:2405.21015"),
        Used("average_power_fraction", AVERAGE_POWER_FRACTION, "1", "arXiv:2405.21015"),
    ]


def offers_for(
    connection: duckdb.DuckDBPyConnection | None,
    size: Sizing,
    plan: Mapping[str, Any],
    precision: str,
    limit: int = 8,
) -> list[dict[str, Any]]:
    """Return the cheapest standing offers of whole servers that can train the model.

    Each at the utilisation and goodput of the plan: GPUs that hold one copy, hours and cost of the
    run. One offer per GPU and provider. [GPU, GPU h, USD]
    """
    if connection is None:
        return []
    cursor = connection.execute(
        """
        select o.gpu_id, o.provider_id, o.region, o.gpu_count, o.purchase_model,
            o.commitment_months, o.usd_per_gpu_hour, o.is_available, o.source_url,
            p.flops_per_second, g.memory_bytes
        from marts.offers_latest as o
        inner join core.gpu_peak as p
            on o.gpu_id = p.gpu_id and p."precision" = ? and not p.is_sparse
        inner join core.gpu as g on o.gpu_id = g.gpu_id
        where not o.is_stale and o.purchase_model in ('on_demand', 'reserved')
            and o.gpu_count >= 8 and g.memory_bytes >= 40e9
            and coalesce(o.is_available, true)
        qualify row_number() over (
            partition by o.gpu_id, o.provider_id order by o.usd_per_gpu_hour) = 1
        order by o.usd_per_gpu_hour / p.flops_per_second, o.provider_id
        limit ?
        """,
        [precision, limit],
    )
    names = [column[0] for column in cursor.description or []]
    found = []
    for values in cursor.fetchall():
        row = dict(zip(names, values, strict=True))
        peak, memory = row.pop("flops_per_second"), row.pop("memory_bytes")
        hours = float(
            compute.chip_hours(
                size.flops, peak, plan["utilisation_fraction"], plan["goodput_fraction"]
            )
        )
        hours *= plan["runs_multiplier"]
        row["minimum_gpus"] = int(training_memory.minimum_gpus(size.parameters, memory))
        row["gpu_hours"] = hours
        row["usd"] = hours * row["usd_per_gpu_hour"]
        found.append(row)
    return found


def size_for_budget(budget_usd: float, gpu: GpuFacts, choices: Choices, fit: str | None) -> Sizing:
    """Return the optimal model that ``budget_usd`` trains, lost time and other runs counted."""
    mfu = choices.utilisation_fraction or utilisation_range(gpu.precision)[1]
    multiplier = _runs_multiplier() if choices.is_all_runs else 1.0
    hours = budget_usd / gpu.usd_per_gpu_hour / multiplier
    goodput = choices.goodput_fraction
    count = choices.gpu_count
    flops = hours * 3600 * gpu.peak_flops_per_second * mfu
    # Lost time and scaling depend on the cluster, which depends on the size: a few rounds settle.
    for _ in range(8):
        size = sizing(flops=flops, fit=fit)
        minimum = int(training_memory.minimum_gpus(size.parameters, gpu.memory_bytes))
        gpus = count or _gpu_count(size, gpu, choices, mfu, minimum)
        effective = float(planning.utilisation_at(mfu, gpus)) * (
            goodput or float(planning.goodput_at(gpus))
        )
        flops = hours * 3600 * gpu.peak_flops_per_second * effective
    size = sizing(flops=flops, fit=fit)
    size.how = f"optimal for {budget_usd:,.0f} USD ({fit or 'rule'})"
    return size


def ownership_answer(
    gpu_id: str,
    gpu_count: int,
    rental: Mapping[str, float],
    rental_source: str,
    on: date,
    *,
    purchase_usd: float | None = None,
    country: str = "US",
    usd_per_kwh: float | None = None,
    fixed: Mapping[str, float] | None = None,
    board_power_watts: float | None = None,
) -> dict[str, Any]:
    """Return owning against renting with bands, the rule of 50 million a year tested.

    Raises
    ------
    ValueError
        If the GPU has no purchase price or no board power and none is given.
    """
    purchase = (
        owning.PurchasePrice(gpu_id, purchase_usd, on, 1, "given")
        if purchase_usd is not None
        else owning.purchase_price(gpu_id, on)
    )
    if purchase is None:
        raise ValueError(
            f"gpu = {gpu_id!r}: no price ({owning.no_price_reason(gpu_id)}); give --purchase-usd"
        )
    watts = board_power_watts or owning.board_power_watts().get(gpu_id)
    if watts is None:
        raise ValueError(f"gpu = {gpu_id!r}: its board power is not known; give --watts")
    by_year = electricity_by_year(country)
    year = max((y for y in by_year if y <= on.year), default=min(by_year))
    power = usd_per_kwh if usd_per_kwh is not None else by_year[year]
    found = owning.comparison(gpu_id, gpu_count, rental, purchase, watts, power, fixed)
    rule = 50e6
    low, high = found["break_even_spend_low"], found["break_even_spend_high"]
    spend = rental["median"] * 8766 * found["utilisation_fraction"] * gpu_count
    found |= {
        "yearly_rental_bill_usd": spend,
        "rule_50_million_usd_per_year": rule,
        "rule_50_million_is_in_band": bool((low or 0) <= rule and (high is None or rule <= high)),
    }
    found["assumptions"] = [
        asdict(Used(item.name, (fixed or {}).get(name, item.central), item.unit, _said(item)))
        | {"low": item.low, "high": item.high}
        for name, item in owning.assumptions().items()
    ] + [
        asdict(Used("usd_per_kwh", power, "USD/kWh", f"electricity.csv, {country}")),
        asdict(Used("board_power_watts", watts, "W", "core.gpu")),
        asdict(Used("rental price", rental["median"], "USD/(GPU h)", rental_source)),
        asdict(Used("purchase price", purchase.usd, "USD/GPU", purchase.source_url)),
    ]
    return found


def _said(item: owning.Assumption) -> str:
    if item.source == "assumption":
        return f"assumption: {item.note}"
    return item.source_url or item.source


def reservation_answer(
    job_months: float,
    term_months: float,
    resale_fraction: float = 0.0,
    reserved_usd_per_gpu_hour: float | None = None,
    on_demand_usd_per_gpu_hour: float | None = None,
) -> dict[str, Any]:
    """Return the multiplier of a reservation and, with prices, where it breaks even."""
    multiplier = prices.reservation_multiplier(term_months, job_months, resale_fraction)
    answer: dict[str, Any] = {
        "term_months": term_months,
        "job_months": job_months,
        "resale_fraction": resale_fraction,
        "multiplier": multiplier,
        "reserved_usd_per_gpu_hour": reserved_usd_per_gpu_hour,
        "on_demand_usd_per_gpu_hour": on_demand_usd_per_gpu_hour,
        "effective_usd_per_gpu_hour": None,
        "break_even_months": None,
        "cheaper": None,
    }
    if reserved_usd_per_gpu_hour is not None:
        effective = multiplier * reserved_usd_per_gpu_hour
        answer["effective_usd_per_gpu_hour"] = effective
        if on_demand_usd_per_gpu_hour is not None:
            months = prices.break_even_months(
                term_months, reserved_usd_per_gpu_hour, on_demand_usd_per_gpu_hour, resale_fraction
            )
            answer["break_even_months"] = months if np.isfinite(months) else None
            is_cheaper = effective < on_demand_usd_per_gpu_hour
            answer["cheaper"] = "reserved" if is_cheaper else "on_demand"
    return answer


def tracked_reservations(
    connection: duckdb.DuckDBPyConnection,
    gpu_id: str,
    job_months: float,
    term_months: tuple[float, ...] = (),
    resale_fraction: float = 0.0,
    on_demand_usd_per_gpu_hour: float | None = None,
) -> list[dict[str, Any]]:
    """Return every tracked term of a GPU for one job, cheapest first.

    Reserved and on-demand prices are compared within one market family.

    Raises
    ------
    ValueError
        If no reservation of the GPU is tracked, or none of the terms asked for.
    """
    rows = connection.execute(
        """
        with newest as (
            select market_family, purchase_model, commitment_months, day, median_usd_per_gpu_hour
            from marts.gpu_price_daily
            where gpu_id = ? and market_family <> 'all'
                and purchase_model in ('reserved', 'on_demand')
            qualify row_number() over (
                partition by market_family, purchase_model, commitment_months order by day desc
            ) = 1
        )
        select r.market_family, r.commitment_months, r.median_usd_per_gpu_hour, r.day,
            d.median_usd_per_gpu_hour
        from newest as r
        left join newest as d
            on r.market_family = d.market_family and d.purchase_model = 'on_demand'
        where r.purchase_model = 'reserved' and r.commitment_months is not null
        """,
        [gpu_id],
    ).fetchall()
    wanted = [row for row in rows if not term_months or row[1] in term_months]
    if not wanted:
        known = sorted({months for _, months, *_ in rows})
        terms = ", ".join(f"{months} months" for months in known) or "none"
        raise ValueError(
            f"gpu = {gpu_id!r}: no tracked reservation of that term; there are: {terms}"
        )
    answers = [
        {"gpu_id": gpu_id, "market_family": family}
        | reservation_answer(
            job_months,
            float(months),
            resale_fraction,
            price,
            on_demand_usd_per_gpu_hour or on_demand,
        )
        | {"priced_on": priced_on}
        for family, months, price, priced_on, on_demand in wanted
    ]
    return sorted(answers, key=lambda row: row["effective_usd_per_gpu_hour"])
