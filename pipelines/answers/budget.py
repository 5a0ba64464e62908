"""The answer of ``truecost budget``: train or tune a model, then serve it, month by month.

Binds the plan of ``train`` and the quote of ``infer`` to ``cost_engine.lifecycle``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cost_engine.lifecycle import Part, runway_months, serving_usd_per_month, total

DRAWS = 10_000
SEED = 20261130
PRICE = (
    "usd_per_gpu_hour", "usd_per_gpu_hour_low", "usd_per_gpu_hour_high", "market_family",
    "reference_region", "provider_count", "oldest_seen_at", "set_provider_id",
    "set_usd_per_gpu_hour", "set_seen_at",
)  # fmt: skip
"""What the answer says of the price."""


def budget_answer(
    plan: Mapping[str, Any] | None,
    quote: Mapping[str, Any],
    requests_per_day: float,
    serving_months: int,
    capital_usd: float | None = None,
) -> dict[str, Any]:
    """Return training, serving and total, with 80 % intervals, and the cost of each month [USD].

    Parameters
    ----------
    plan : mapping or None
        The plan of ``train``; None for a model that is served as it is.
    quote : mapping
        One row of ``infer``.
    requests_per_day : float
        [1 / d]
    serving_months : int
        Of serving. [month]
    capital_usd : float, optional
        Money raised; with it the share that compute takes, and how long it lasts. [USD]
    """
    replica = quote["usd_per_gpu_hour"] * quote["gpu_count"]
    monthly = serving_usd_per_month(quote["usd_per_request"], requests_per_day, replica)
    spread = quote["low"] / quote["usd_per_1k_tokens"], quote["high"] / quote["usd_per_1k_tokens"]
    serving = Part(
        serving_months * monthly, *(serving_months * monthly * factor for factor in spread)
    )
    parts = {"serving": serving}
    if plan is not None:
        parts["training"] = Part(plan["usd"], plan["low_80"], plan["high_80"])
    whole = total(list(parts.values()), np.random.default_rng(SEED), DRAWS)
    training = plan["usd"] if plan is not None else 0.0
    capital: dict[str, float | None] = dict.fromkeys(
        ("capital_usd", "capital_fraction", "runway_months")
    )
    if capital_usd is not None:
        capital = {
            "capital_usd": capital_usd,
            "capital_fraction": whole.usd / capital_usd,
            "runway_months": runway_months(capital_usd, training, monthly),
        }
    return {
        "requests_per_day": requests_per_day,
        "serving_months": serving_months,
        "gpu_id": quote["gpu_id"],
        "gpu_count": quote["gpu_count"],
        "precision": quote["precision"],
        "usd_per_request": quote["usd_per_request"],
        **capital,
        **{name: quote[name] for name in PRICE},
        "parts": [
            {"part": name, "usd": part.usd, "low_80": part.low, "high_80": part.high}
            for name, part in (*parts.items(), ("total", whole))
        ],
        "by_month": [
            {"month": month, "usd": training if month == 0 else monthly}
            for month in range(serving_months + 1)
        ],
    }
