"""What the warehouse knows of training runs: models, their costs, and offers that can train one.

Here belongs the reading of the reports that go with a plan of ``train``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from cost_engine.training import memory, planning
from cost_engine.training.sizing import Sizing
from warehouse.reference import Model
from warehouse.reports import report_dicts, run_report

LEAST_OFFER_MEMORY_BYTES = 40e9
"""Offers of smaller GPUs are not shown: they do not train large models. [byte]"""


def offers_for(
    connection: duckdb.DuckDBPyConnection | None,
    size: Sizing,
    plan: Mapping[str, Any],
    precision: str,
    limit: int = 8,
) -> list[dict[str, Any]]:
    """Return the cheapest current offers of whole servers that can train the model.

    Each at the utilisation and goodput of the plan: GPUs that hold one copy, hours and cost of the
    run. One offer per GPU and provider. [GPU, GPU h, USD]
    """
    if connection is None:
        return []
    found = report_dicts(
        connection,
        "train_offers",
        precision=precision,
        server_gpus=planning.SERVER_GPUS,
        least_memory_bytes=LEAST_OFFER_MEMORY_BYTES,
        limit=limit,
    )
    for row in found:
        row["minimum_gpus"] = int(memory.minimum_gpus(size.parameters, row.pop("memory_bytes")))
        row["gpu_hours"], row["usd"] = planning.rented_run(
            size.flops,
            row.pop("flops_per_second"),
            plan["utilisation_fraction"],
            plan["goodput_fraction"],
            plan["runs_multiplier"],
            row["usd_per_gpu_hour"],
        )
    return found


def reference_models(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return names and figures of the reference models."""
    return report_dicts(connection, "train_models")


def known_figures(model: Model) -> dict[str, Any]:
    """Return the figures of a model of one's own, as those of a reference model."""
    names = ("parameters", "active_parameters", "layers", "hidden_size", "attention_heads")
    figures = {name: model.values.get(name) for name in names}
    return figures | {"name": model.name, "training_tokens": None, "training_flops": None}


def epoch_run(connection: duckdb.DuckDBPyConnection, model: str) -> dict[str, Any] | None:
    """Return a model that only Epoch AI's tables know, with the figures of a reference model.

    Its active parameters are not known, and what its data points are is not told apart: the compute
    is used as reported, and other tokens are refused.
    """
    found = report_dicts(connection, "train_run", model=model)
    return found[0] if found else None


def costed_models(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names of the models whose training is costed."""
    return [name for (name,) in run_report(connection, "train_costed").rows]


def training_history(
    connection: duckdb.DuckDBPyConnection, epoch_model_name: str | None
) -> list[dict[str, Any]]:
    """Return the costs of a model by method and price, as the warehouse has them."""
    return report_dicts(connection, "train_history", model=epoch_model_name or "")


def then_and_now(
    connection: duckdb.DuckDBPyConnection, epoch_model_name: str | None
) -> list[dict[str, Any]]:
    """Return the rent of a model's run by contract, when it was trained and now."""
    return report_dicts(connection, "train_then_and_now", model=epoch_model_name or "")
