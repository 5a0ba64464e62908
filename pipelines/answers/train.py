"""The answer of ``truecost train``: a run planned from choices, prices and reference data.

Here belongs the binding of the user's choices to the plan of ``cost_engine.training``, and the list
of what an answer depends on. The choices are in ``training_choices``, what the warehouse knows of a
model in ``training_known``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Any

import numpy as np

from cost_engine import energy, prices
from cost_engine.training import memory, planning
from cost_engine.training.development import EXPERIMENT_FACTOR
from cost_engine.training.plan_interval import plan_intervals
from cost_engine.training.published.figures import OTHER
from cost_engine.training.sizing import Sizing
from cost_engine.training.stages import STAGES, Stage
from cost_engine.training.utilisation import Prediction
from cost_engine.uncertainty import interval
from cost_engine.units import DAYS_PER_MONTH
from pipelines.answers.gpu_facts import GpuFacts, Used
from pipelines.answers.training_around import around_run
from pipelines.answers.training_choices import ModelChoices, RunChoices
from pipelines.answers.training_utilisation import RunUtilisation
from pipelines.derive.own_vs_rent import electricity_on
from warehouse.reference import Documents
from warehouse.reference.environment import grid_intensities
from warehouse.reference.training import electricity_prices
from warehouse.reference.training_method import training_figures

DRAWS = 10_000
SEED = 20261121


def training_answer(
    size: Sizing,
    gpu: GpuFacts,
    model: ModelChoices,
    choices: RunChoices,
    run_utilisation: RunUtilisation,
) -> dict[str, Any]:
    """Return the plan of a run: memory, cluster, days, cost with intervals, alternatives.

    Parameters
    ----------
    size : Sizing
        From ``sizing``.
    gpu : GpuFacts
    model : ModelChoices
        For the activations.
    choices : RunChoices
    run_utilisation : RunUtilisation
        With the day of the question and the reference data.

    Raises
    ------
    ValueError
        If the model does not fit the cluster, or a choice is out of bounds.
    """
    documents = run_utilisation.documents
    figures = _figures(documents, choices.fixed)
    reached = partial(run_utilisation.median, size.parameters, size.active_parameters, size.flops)
    activations, recomputation = _activations(model, gpu.memory_bytes)
    stage = STAGES[model.stage]
    held = size.parameters * stage.state_bytes_per_parameter / memory.STATE_BYTES
    minimum = int(memory.minimum_gpus(held, gpu.memory_bytes, activations or 0.0))
    kilowatts = _site_kilowatts(gpu, figures)

    def planned(count: int) -> planning.Plan:
        return planning.plan(
            size.flops,
            count,
            peak_flops_per_second=gpu.peak_flops_per_second,
            utilisation_fraction=reached,
            usd_per_gpu_hour=gpu.usd_per_gpu_hour,
            runs_multiplier=choices.runs_multiplier,
            goodput_fraction=choices.goodput_fraction,
            facility_kilowatts=kilowatts,
        )

    count = choices.gpu_count or planning.gpus_for_run(
        size.flops,
        minimum,
        choices.deadline_days,
        peak_flops_per_second=gpu.peak_flops_per_second,
        utilisation_fraction=reached,
    )
    if count < minimum:
        raise ValueError(
            f"gpus = {count}: must be at least {minimum} {gpu.gpu_id} to hold the training state of"
            f" {size.parameters:.3g} parameters"
        )
    chosen = planned(count)
    prediction = None
    if run_utilisation.given is None:
        prediction = run_utilisation.prediction(
            size.parameters, size.active_parameters, size.flops, count
        )
    power = _energy(chosen, choices, run_utilisation.on, documents)
    by_stage = memory.state_bytes_by_zero_stage(held, minimum, count)
    answer: dict[str, Any] = {
        "stage": stage.name,
        "model": asdict(size),
        "memory": {
            "training_state_bytes": memory.state_bytes(held),
            "checkpoint_bytes": memory.checkpoint_bytes(size.parameters),
            "activation_bytes_per_gpu": activations,
            "recomputation": recomputation,
            "minimum_gpus": minimum,
            "state_bytes_per_gpu_by_zero_stage": {
                str(stage): value for stage, value in by_stage.items()
            },
        },
        "gpu": asdict(gpu) | {"price_source": gpu.price.source},
        "plan": asdict(chosen) | _intervals(chosen, gpu, choices, run_utilisation, prediction),
        "energy": power,
        "frontier": [
            asdict(one)
            for one in planning.frontier([planned(n) for n in planning.cluster_sizes(minimum)])
        ],
    }
    site = _site_kilowatts(gpu, figures, is_peak=True)
    around, depends = around_run(answer["plan"], size.tokens, choices, site, documents)
    answer |= around
    if choices.commitment_months is not None:
        answer["reservation"] = _reservation(
            chosen, choices.commitment_months, choices.resale_fraction
        )
    used = _assumptions(
        stage, size, gpu, choices, chosen, prediction, recomputation, figures, power
    )
    if model.teacher_parameters is not None:
        depends.append(Used("teacher_parameters", model.teacher_parameters, "parameter", "given"))
    answer["assumptions"] = [asdict(one) for one in (*used, *depends)]
    return answer


def _figures(documents: Documents, fixed: Mapping[str, float]) -> Mapping[str, Used]:
    """Return the figures of power, set or as the study has them."""
    rows = training_figures(documents)
    found = {}
    for name in ("pue", "server_power_ratio", "average_power_fraction"):
        row = rows[name][OTHER]
        used = Used(name, row.central, row.unit, row.source_url or row.source, row.low, row.high)
        found[name] = Used(name, fixed[name], row.unit, "given") if name in fixed else used
    return found


def _site_kilowatts(
    gpu: GpuFacts, figures: Mapping[str, Used], *, is_peak: bool = False
) -> float | None:
    """Return the site power of one GPU [kW]: under its mean load, or all boards at their limit."""
    if not gpu.board_power_watts:
        return None
    return planning.facility_kilowatts(
        gpu.board_power_watts,
        figures["server_power_ratio"].number,
        1.0 if is_peak else figures["average_power_fraction"].number,
        figures["pue"].number,
    )


def _activations(model: ModelChoices, memory_bytes: float) -> tuple[float | None, str]:
    """Return the activations that one GPU keeps, and the recomputation that makes them fit."""
    if not (model.layers and model.hidden_size and model.attention_heads):
        return None, "not counted: layers, hidden size and heads not given"
    kept, recomputation = memory.fitting_activations(
        memory_bytes,
        model.layers,
        model.hidden_size,
        model.sequence_tokens,
        model.attention_heads,
    )
    return kept, f"{recomputation} recomputation"


def _intervals(
    chosen: planning.Plan,
    gpu: GpuFacts,
    choices: RunChoices,
    run_utilisation: RunUtilisation,
    prediction: Prediction | None,
) -> dict[str, float]:
    """Return 80 and 90 % intervals of the cost [USD] and 90 % of the hours [GPU h]."""
    generator = np.random.default_rng(SEED)
    reached = run_utilisation.draws(prediction, generator, DRAWS)
    found = plan_intervals(
        chosen.usd,
        reached,
        gpu.price.low,
        gpu.price.high,
        generator,
        EXPERIMENT_FACTOR if choices.is_all_runs else None,
        choices.runs_multiplier,
    )
    slow, fast = (float(share) for share in interval(reached))
    return {
        "low": found.low,
        "high": found.high,
        "low_80": found.low_80,
        "high_80": found.high_80,
        "gpu_hours_low": chosen.gpu_hours / fast,
        "gpu_hours_high": chosen.gpu_hours / slow,
        "runs_multiplier": choices.runs_multiplier,
    }


def _reservation(
    chosen: planning.Plan, commitment_months: float, resale_fraction: float
) -> dict[str, float]:
    job_months = chosen.days / DAYS_PER_MONTH
    found = prices.reservation(commitment_months, job_months, resale_fraction)
    return {
        "commitment_months": commitment_months,
        "job_months": job_months,
        "resale_fraction": resale_fraction,
        "multiplier": found.multiplier,
        "usd": found.effective_price(chosen.usd),
    }


def _energy(
    chosen: planning.Plan, choices: RunChoices, on: date, documents: Documents
) -> dict[str, Any]:
    """Return energy, its price and its carbon, None where none is known for the place."""
    place, fixed = choices.country.upper(), choices.fixed
    priced = {row.country for row in electricity_prices(documents)}
    grid = grid_intensities(documents)
    if place not in priced | grid.keys():
        raise ValueError(
            f"country = {choices.country!r}: neither an electricity price nor a grid; there are"
            f" {', '.join(sorted(priced | grid.keys()))}"
        )
    usd_per_kwh = fixed.get(
        "usd_per_kwh", electricity_on(on, documents, place) if place in priced else None
    )
    grams = fixed.get("grams_co2e_per_kwh", grid.get(place))
    kwh = chosen.energy_kwh
    return {
        "country": place,
        "kwh": kwh,
        "usd_per_kwh": usd_per_kwh,
        "electricity_usd": None
        if kwh is None or usd_per_kwh is None
        else energy.electricity_usd(kwh, usd_per_kwh),
        "grams_co2e_per_kwh": grams,
        "carbon_kg": None if kwh is None or grams is None else energy.carbon_kg(kwh, grams),
    }


def _assumptions(
    stage: Stage,
    size: Sizing,
    gpu: GpuFacts,
    choices: RunChoices,
    chosen: planning.Plan,
    prediction: Prediction | None,
    recomputation: str,
    figures: Mapping[str, Used],
    power: Mapping[str, Any],
) -> list[Used]:
    given = "given"
    reached, low, high = given, None, None
    if prediction is not None:
        low, high = prediction.range()
        reached = "training_runs.csv: fitted to reported GPU-hours"

    def of_place(name: str, table: str) -> str:
        if name in choices.fixed:
            return given
        return f"{table}, {power['country']}{' has none' if power[name] is None else ''}"

    return [
        Used("model size", size.how, "", given if size.how == "as given" else "arXiv:2203.15556"),
        Used(
            "flops_per_parameter_token",
            stage.total_flops_per_parameter_token,
            "FLOP/(parameter token)",
            stage.source,
        ),
        Used(
            "utilisation_fraction",
            chosen.utilisation_fraction,
            "1",
            reached,
            low,
            high,
        ),
        Used(
            "goodput_fraction",
            chosen.goodput_fraction,
            "1",
            given if choices.goodput_fraction else "faults of arXiv:2407.21783, Young's interval",
        ),
        Used(
            "usd_per_gpu_hour",
            gpu.usd_per_gpu_hour,
            "USD/(GPU h)",
            f"{gpu.price.source}; 80 % of what the next seller asks",
            gpu.price.low,
            gpu.price.high,
        )
        if gpu.price.source != given
        else Used("usd_per_gpu_hour", gpu.usd_per_gpu_hour, "USD/(GPU h)", given),
        Used(
            "runs_multiplier",
            choices.runs_multiplier,
            "1",
            _runs_source(choices),
            *(EXPERIMENT_FACTOR if choices.is_all_runs else ()),
        ),
        Used("training_state", stage.state_bytes_per_parameter, "byte/parameter", stage.source),
        Used("activations", recomputation, "", "arXiv:2205.05198"),
        Used("usable_memory", memory.USABLE_FRACTION, "1", "assumption: 80 to 90 %"),
        *figures.values(),
        *(
            Used(name, power[name], unit, of_place(name, table))
            for name, unit, table in (
                ("usd_per_kwh", "USD/kWh", "electricity.csv"),
                ("grams_co2e_per_kwh", "gCO2e/kWh", "grid_intensity.csv"),
            )
        ),
    ]


def _runs_source(choices: RunChoices) -> str:
    if "runs_multiplier" in choices.fixed:
        return "given"
    return "arXiv:2405.21015 section 2.4" if choices.is_all_runs else "the final run only"
