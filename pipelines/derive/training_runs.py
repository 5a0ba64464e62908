"""All known training runs, costed under each vintage of the rules, with what is unknown of them.

Here belongs the choice of models for a vintage: bundled ones with our corrections, newer ones of
the warehouse, and what Epoch AI's tables say of each. The sums are in ``cost_engine.training``;
each table that is made of the result has its own module.

Data: Epoch AI, epoch.ai, CC BY 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from cost_engine.training import uncertainty as training_uncertainty
from cost_engine.training.development import (
    DevelopmentCost,
    Project,
    development_cost,
    published_projects,
)
from cost_engine.training.planning import facility_kilowatts
from cost_engine.training.published.estimates import Estimates, estimates
from cost_engine.training.published.rules import (
    VINTAGES,
    Run,
    estimate_confidence,
    is_start_reported,
)
from cost_engine.training.published.selection import (
    frontier_ranks,
    most_common_hardware,
    with_imputed_hardware,
)
from cost_engine.training.spreads import Uncertainty, row_uncertainty
from pipelines.derive import epoch, training_method
from pipelines.derive.reference_tables import recorded_documents
from warehouse.models import table_exists
from warehouse.reference import Documents, bundled
from warehouse.reference import training as reference
from warehouse.rows import dicts

BASES = ("clean", "2025-06", "2024-12", "2024-05")
METHODS = ("amortized", "acquisition", "rental")
DRAWS = 2_000
SEED = 20261121

FEWEST_PROVIDERS = 3
"""Fewer make a price less sure. [1]"""

CONFIDENCES = ("high", "medium", "low")

Interval = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Basis:
    """All models costed under one vintage, with what is unknown of each."""

    name: str
    models: Sequence[epoch.ModelRow]
    estimates: Estimates
    uncertainty: Uncertainty
    documents: Documents

    @property
    def runs(self) -> Sequence[Run]:
        """The runs, with imputed hardware where the vintage imputes it."""
        return self.estimates.runs


def all_bases(
    connection: duckdb.DuckDBPyConnection | None = None, documents: Documents | None = None
) -> dict[str, Basis]:
    """Return the models costed under every vintage.

    Parameters
    ----------
    connection : DuckDBPyConnection, optional
        A warehouse; newer models of its ``core.training_run`` are added to ``clean``.
    documents : Documents, optional
        Default: those that the warehouse records, else the bundled ones.
    """
    known = documents or (bundled() if connection is None else recorded_documents(connection))
    extra = tuple(newer_models(connection, known)) if connection is not None else ()
    return {name: basis(name, extra if name == "clean" else (), known) for name in BASES}


@lru_cache(maxsize=16)
def basis(
    name: str,
    extra: tuple[epoch.ModelRow, ...] = (),
    documents: Documents | None = None,
) -> Basis:
    """Return every bundled model costed under a vintage.

    Parameters
    ----------
    name : {"clean", "2025-06", "2024-12", "2024-05"}
    extra : tuple of ModelRow
        Newer models, for ``clean`` only.
    documents : Documents, optional
        Default: the bundled ones.
    """
    known = documents or bundled()
    vintage = VINTAGES[name]
    models = [*epoch.bundled_models(name, known), *extra]
    if vintage.is_clean:
        models = [_corrected(row, known) for row in models]
    elif name.startswith("2024"):
        ranks = reference.frontier_ranks(known)
        models = [
            replace(row, run=replace(row.run, rank=ranks.get(row.run.model))) for row in models
        ]
    runs = [row.run for row in models]
    if vintage.is_hardware_imputed:
        runs = with_imputed_hardware(runs, most_common_hardware(runs))
    result = estimates(runs, training_method.price_tables(name, known), vintage)
    return Basis(name, models, result, uncertainty_of(models, result, known), known)


def _corrected(row: epoch.ModelRow, documents: Documents) -> epoch.ModelRow:
    changes = training_method.corrected_values(row.run.model, "models", documents)
    return replace(row, run=replace(row.run, **changes)) if changes else row


def uncertainty_of(
    models: Sequence[epoch.ModelRow], result: Estimates, documents: Documents
) -> Uncertainty:
    """Return what is unknown of each costed run."""
    runs = result.runs
    figures = training_method.figures(documents)
    return row_uncertainty(
        hours_method=result.texts["gpu_hours_method"],
        confidence=[row.confidence for row in models],
        is_tpu=["TPU" in run.hardware for run in runs],
        is_hyperscaler=[figures.is_hyperscaler(run.organization) for run in runs],
        is_hardware_imputed=[run.is_hardware_imputed for run in runs],
        is_utilisation_reported=[run.utilisation_fraction is not None for run in runs],
        is_overhead_applied=[bool(x > 1) for x in result.numbers["server_overhead_applied"]],
        is_start_known=[is_start_reported(run) for run in runs],
        training_flops=[run.training_flops for run in runs],
        flops_low=[row.flops_low for row in models],
        flops_high=[row.flops_high for row in models],
        spreads=training_method.spreads(documents),
    )


def intervals(costed: Basis, method: str, draws: int = DRAWS) -> dict[float, Interval]:
    """Return low and high of each run's nominal cost by level, NaN where there is no cost [USD]."""
    return training_uncertainty.cost_intervals(
        costed.estimates.numbers,
        method,
        costed.uncertainty,
        np.random.default_rng(SEED),
        draws,
    )


def confidence(costed: Basis, index: int) -> str:
    """Return high, medium or low: how far a run's cost depends on reported inputs."""
    return estimate_confidence(
        costed.runs[index],
        costed.estimates.texts["gpu_hours_method"][index],
        costed.models[index].confidence,
    )


def lowered(sure: str, *doubts: bool) -> str:
    """Return a confidence, one step lower for each doubt.

    Examples
    --------
    >>> lowered("high", True, False), lowered("medium", True, True)
    ('medium', 'low')
    """
    place = CONFIDENCES.index(sure) + sum(doubts)
    return CONFIDENCES[min(place, len(CONFIDENCES) - 1)]


def developments(
    costed: Basis, draws: int = 10_000, *, is_published: bool = False
) -> dict[str, DevelopmentCost]:
    """Return the full development cost of the four projects, in real money of the basis [USD].

    Parameters
    ----------
    costed : Basis
    draws : int
    is_published : bool
        Draw the experiment factor of each component on its own, as the paper does.
    """
    numbers = costed.estimates.numbers
    places = {run.model: index for index, run in enumerate(costed.runs)}
    found = {}
    for name, project in _projects(costed.documents).items():
        index = places[name]
        factor = float(numbers["inflation_factor"][index])
        final_run = {
            component: float(numbers[component][index]) * factor
            for component in ("chip_usd", "server_usd", "interconnect_usd", "energy_usd")
        }
        found[name] = development_cost(
            project,
            final_run,
            np.random.default_rng(SEED),
            draws,
            inflation_factor=factor,
            is_experiment_factor_shared=not is_published,
        )
    return found


def _projects(documents: Documents) -> Mapping[str, Project]:
    figures = training_method.figures(documents)
    chip = "Google TPU v4"
    kilowatts = facility_kilowatts(
        figures.tpu_v4_board_power_watts,
        figures.server_power_ratio(chip),
        figures.average_power_fraction(chip),
        figures.hyperscaler_pue,
    )
    return published_projects(kilowatts, training_method.published_electricity(documents))


# ----------------------------------------------------------------- newer models of the warehouse


def newer_models(
    connection: duckdb.DuckDBPyConnection, documents: Documents
) -> list[epoch.ModelRow]:
    """Return the models of ``core.training_run`` that the bundled tables do not have.

    Their compute ranks follow Epoch AI's rule; those of the bundled models are printed.
    """
    if not table_exists(connection, "core.training_run"):
        return []
    older = epoch.bundled_models("clean", documents)
    known = {folded(row.run.model) for row in older}
    rows = dicts(connection.execute("select * from core.training_run order by model"))
    newer = [_model_row(row) for row in rows if folded(row["model"]) not in known]
    pool = [row for row in (*older, *newer) if row.is_notable and not row.run.base_model]
    ranks = frontier_ranks(
        [row.run.published_on for row in pool], [row.run.training_flops for row in pool]
    )
    by_model = {row.run.model: rank for row, rank in zip(pool, ranks, strict=True)}
    return [replace(row, run=replace(row.run, rank=by_model.get(row.run.model))) for row in newer]


def folded(model: str) -> str:
    """Normalise a model name: drop spaces, hyphens and underscores.

    Epoch AI uses them inconsistently. Case is kept: CALM and CaLM are different models.

    Examples
    --------
    >>> folded("Grok 3") == folded("Grok-3"), folded("CALM") == folded("CaLM")
    (True, False)
    """
    return re.sub(r"[\s_-]", "", model)


def _model_row(row: Mapping[str, Any]) -> epoch.ModelRow:
    return epoch.ModelRow(
        run=Run(
            model=row["model"],
            published_on=row["published_on"],
            organization=row["organization"] or "",
            training_flops=row["training_flops"],
            hardware=row["hardware"] or "",
            hardware_quantity=row["hardware_quantity"],
            training_hours=row["training_hours"],
            utilisation_fraction=row["utilisation_fraction"],
            gpu_hours=row["gpu_hours"],
            base_model=row["base_model"] or "",
        ),
        country=row["country"] or "",
        is_notable=bool(row["is_notable"]),
        flops_low=None,
        flops_high=None,
        confidence=row["confidence"],
        link=row["link"] or "",
    )
