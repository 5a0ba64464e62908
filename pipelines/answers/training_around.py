"""What surrounds the final run of a plan: runs before it, people, power, and text to learn from.

Binds the plan of ``train`` to the shares that are published. The plan itself is made in ``train``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cost_engine.training.development import (
    EXPERIMENT_FACTOR,
    median_experiment_factor,
    with_staff,
)
from cost_engine.uncertainty import log_deviation_between_deciles, lognormal
from pipelines.answers.gpu_facts import Used
from pipelines.answers.training_choices import RunChoices
from warehouse.reference import Documents
from warehouse.reference.training_method import TrainingFigure, training_figures

DRAWS = 10_000
SEED = 20261130
KILOWATTS_PER_MEGAWATT = 1e3


def around_run(
    plan: Mapping[str, Any],
    tokens: float,
    choices: RunChoices,
    site_kilowatts: float | None,
    documents: Documents,
) -> tuple[dict[str, Any], list[Used]]:
    """Return what a plan needs beside its final run, and what that depends on.

    Parameters
    ----------
    plan : mapping
        The plan, with its intervals.
    tokens : float
        Of the run. [token]
    choices : RunChoices
    site_kilowatts : float or None
        Site power of one GPU at the limit of its board. [kW]
    documents : Documents

    Returns
    -------
    dict
        ``cluster_megawatts`` [MW]; ``test_runs`` [USD]; ``text``: share of the stock of public
        text [1], None where the published file does not have that figure; with staff,
        ``development`` [USD].
    list of Used
    """
    final_usd = plan["usd"] / plan["runs_multiplier"]
    low, high = EXPERIMENT_FACTOR
    stock = training_figures(documents).get("text_stock", {}).get("public")
    answer: dict[str, Any] = {
        "cluster_megawatts": site_kilowatts * plan["gpu_count"] / KILOWATTS_PER_MEGAWATT
        if site_kilowatts
        else None,
        "test_runs": {
            "usd": final_usd * (median_experiment_factor() - 1),
            "low": final_usd * (low - 1),
            "high": final_usd * (high - 1),
            "is_in_cost": choices.is_all_runs,
        },
        "text": {
            "share_of_stock": tokens / stock.central,
            "low": tokens / float(stock.high or stock.central),
            "high": tokens / float(stock.low or stock.central),
            "times_left": stock.central / tokens,
        }
        if stock
        else None,
    }
    depends = [_used("text_stock", stock)] if stock else []
    if choices.is_with_staff:
        share = training_figures(documents).get("development", {}).get("staff_fraction")
        if share is None:
            raise ValueError(
                "the published file has no share of R&D staff: truecost run makes it again"
            )
        answer["development"] = _development(plan, final_usd, choices, share)
        given = choices.fixed.get("staff_fraction")
        depends.append(
            _used("staff_fraction", share)
            if given is None
            else Used("staff_fraction", given, "1", "given")
        )
    return answer, depends


def _development(
    plan: Mapping[str, Any], final_usd: float, choices: RunChoices, share: TrainingFigure
) -> dict[str, float]:
    """Return compute of all runs, staff and the whole, with an 80 % interval of the whole [USD]."""
    given = choices.fixed.get("staff_fraction")
    central = share.central if given is None else given
    generator = np.random.default_rng(SEED)
    deviation = log_deviation_between_deciles(plan["low_80"], plan["high_80"])
    middle = np.log(plan["low_80"] * plan["high_80"]) / 2
    compute = np.exp(generator.normal(middle, deviation, DRAWS))
    factor = choices.fixed.get("runs_multiplier", median_experiment_factor())
    runs: Any
    if choices.is_all_runs or "runs_multiplier" in choices.fixed:
        runs = 1.0  # they are in the interval of the plan
    else:
        runs = lognormal(generator, *EXPERIMENT_FACTOR, DRAWS)
    shares: Any = central
    if given is None:
        shares = generator.uniform(share.low or central, share.high or central, DRAWS)
    low, high = np.quantile(with_staff(compute * runs, shares), [0.1, 0.9]).tolist()
    usd = with_staff(final_usd * factor, central)
    return {
        "compute_usd": final_usd * factor,
        "staff_usd": usd - final_usd * factor,
        "usd": usd,
        "low_80": low,
        "high_80": high,
    }


def _used(name: str, row: TrainingFigure) -> Used:
    return Used(name, row.central, row.unit, row.source_url or row.source, row.low, row.high)
