"""Training costs of every known model, by method and by the prices they are taken at.

Reads the bundled tables of Epoch AI with our corrections and calls ``cost_engine``; what is
written to the warehouse is in ``training``.

Data: Epoch AI, epoch.ai, CC BY 4.0.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cost_engine import training_uncertainty, trends
from cost_engine.development import DevelopmentCost, development_cost, published_projects
from cost_engine.published_method import (
    VINTAGES,
    Estimates,
    PriceTables,
    Run,
    estimates,
    most_common_hardware,
    training_start,
    with_imputed_hardware,
)
from cost_engine.training_uncertainty import Uncertainty, row_uncertainty
from pipelines.costing import epoch

REFERENCE = Path(__file__).parents[2] / "warehouse" / "reference"
METHODS = ("amortized", "acquisition", "rental")
_COLUMN_OF_METHOD = {
    "amortized": "amortized_usd",
    "acquisition": "acquisition_usd",
    "rental": "cloud_usd",
}
LEVELS = (0.8, 0.9)
DRAWS = 2_000
SEED = 20261121


@dataclass(frozen=True)
class Correction:
    """One cell of a source's table that we do not use as it is."""

    table: str
    key: str
    column: str
    as_published: float
    value: float
    reason: str
    source_url: str | None


@cache
def corrections(path: Path = REFERENCE / "corrections.yaml") -> tuple[Correction, ...]:
    """Return what ``corrections.yaml`` declares.

    Raises
    ------
    TableError
        If an entry lacks its value, source or reason.
    """
    import yaml

    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = []
    for entry in content["corrections"]:
        leaf = entry.get("corrected") or {}
        source = content["sources"].get(leaf.get("source"), {})
        if leaf.get("value") is None or not leaf.get("unit") or not entry.get("reason"):
            raise epoch.TableError(f"{path.name}: {entry.get('key')}: wants value, unit and reason")
        if not source and leaf.get("source") != "assumption":
            raise epoch.TableError(f"{path.name}: {entry['key']}: no source {leaf.get('source')!r}")
        found.append(
            Correction(
                entry["table"],
                entry["key"],
                entry["column"],
                entry["as_published"],
                leaf["value"],
                entry["reason"],
                source.get("url"),
            )
        )
    return tuple(found)


def _corrected(name: str, table: str) -> dict[str, float]:
    return {
        item.column: item.value
        for item in corrections()
        if item.table == f"epoch_training_cost.{table}" and item.key == name
    }


@cache
def electricity_by_year(country: str = "US") -> Mapping[int, float]:
    """Return industrial electricity prices of a country by year [USD/kWh].

    Raises
    ------
    TableError
        If there is none; names the countries there are.
    """
    with (REFERENCE / "electricity.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    found = {
        int(row["year"]): float(row["usd_per_kwh"]) for row in rows if row["country"] == country
    }
    if not found:
        known = ", ".join(sorted({row["country"] for row in rows}))
        raise epoch.TableError(f"country = {country!r}: no electricity price; there are {known}")
    return found


@cache
def grid_intensities() -> Mapping[str, float]:
    """Return grid carbon intensity by country, the newest year [gCO2e/kWh]."""
    with (REFERENCE / "grid_intensity.csv").open(encoding="utf-8", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: row["year"])
    return {row["country"]: float(row["grams_co2e_per_kwh"]) for row in rows}


@cache
def clean_tables() -> PriceTables:
    """Return the tables of June 2025 with the corrected chips."""
    tables = epoch.bundled_tables("clean")
    chips = {
        name: replace(chip, **_corrected(name, "chips"))  # type: ignore[arg-type]
        for name, chip in tables.chips.items()
    }
    return tables.with_chips(chips)


@dataclass(frozen=True)
class Basis:
    """All models costed under one vintage, with what is unknown of each."""

    name: str
    models: Sequence[epoch.ModelRow]
    estimates: Estimates
    uncertainty: Uncertainty

    @property
    def runs(self) -> Sequence[Run]:
        """The runs, hardware imputed where the vintage does."""
        return self.estimates.runs


@cache
def basis(name: str, extra: tuple[epoch.ModelRow, ...] = ()) -> Basis:
    """Cost every bundled model (and ``extra`` ones) under a vintage, once in a process.

    Parameters
    ----------
    name : {"clean", "2025-06", "2024-12", "2024-05"}
    extra : tuple of ModelRow
        Newer models, for ``clean`` only.
    """
    vintage = VINTAGES[name]
    models = [*epoch.bundled_models(name), *extra]
    tables = epoch.bundled_tables(name)
    if vintage.is_clean:
        models = [
            replace(row, run=replace(row.run, **_corrected(row.run.model, "models")))  # type: ignore[arg-type]
            for row in models
        ]
        tables = clean_tables()
        vintage = replace(vintage, electricity=electricity_by_year())
    elif name.startswith("2024"):
        ranks = epoch.frozen_ranks()
        models = [
            replace(row, run=replace(row.run, rank=ranks.get(row.run.model))) for row in models
        ]
    runs = [row.run for row in models]
    if vintage.is_hardware_imputed:
        runs = with_imputed_hardware(runs, most_common_hardware(runs))
    result = estimates(runs, tables, vintage)
    return Basis(name, models, result, _uncertainty(models, result))


def _uncertainty(models: Sequence[epoch.ModelRow], result: Estimates) -> Uncertainty:
    runs = result.runs
    return row_uncertainty(
        hours_method=result.texts["chip_hours_method"],
        confidence=[row.confidence for row in models],
        is_tpu=["TPU" in run.hardware for run in runs],
        is_hyperscaler=[bool(pue == 1.1) for pue in result.numbers["pue"]],
        is_hardware_imputed=[run.is_hardware_imputed for run in runs],
        is_utilisation_reported=[run.utilisation_fraction is not None for run in runs],
        is_overhead_applied=[bool(x > 1) for x in result.numbers["server_overhead_applied"]],
        is_start_known=[_is_start_known(run) for run in runs],
        training_flops=[run.training_flops for run in runs],
        flops_low=[row.flops_low for row in models],
        flops_high=[row.flops_high for row in models],
    )


def _is_start_known(run: Run) -> bool:
    """Tell whether the start of training was reported, not computed back from publication."""
    moved = replace(run, published_on=date(2035, 1, 1))
    return run.published_on is not None and training_start(run) == training_start(moved)


Interval = tuple[NDArray[np.float64], NDArray[np.float64]]


def intervals(costed: Basis, method: str, draws: int = DRAWS) -> dict[float, Interval]:
    """Return low and high of each run's nominal cost by level; NaN where there is no cost [USD]."""
    numbers = costed.estimates.numbers
    count = len(costed.models)
    if method != "amortized":
        factor = (
            training_uncertainty.acquisition_factor
            if method == "acquisition"
            else training_uncertainty.rental_factor
        )
        mean, deviation = factor(costed.uncertainty)
        central = numbers[_COLUMN_OF_METHOD[method]]
        return {
            level: training_uncertainty.product_interval(central, mean, deviation, level)
            for level in LEVELS
        }
    found = {level: (np.full(count, np.nan), np.full(count, np.nan)) for level in LEVELS}
    is_costed = ~np.isnan(numbers["amortized_usd"])
    if is_costed.any():
        quantiles = training_uncertainty.amortized_quantiles(
            (numbers["amortized_usd"] - numbers["energy_usd"])[is_costed],
            numbers["energy_usd"][is_costed],
            numbers["age_years"][is_costed],
            Uncertainty(
                costed.uncertainty.log_means[is_costed],
                costed.uncertainty.log_deviations[is_costed],
            ),
            np.random.default_rng(SEED),
            draws,
            [0.5 + sign * level / 2 for level in LEVELS for sign in (-1, 1)],
        )
        for place, level in enumerate(LEVELS):
            found[level][0][is_costed] = quantiles[2 * place]
            found[level][1][is_costed] = quantiles[2 * place + 1]
    return found


def confidence(costed: Basis, index: int) -> str:
    """Return high, medium or low: how much of a run's cost rests on what was reported."""
    run = costed.runs[index]
    method = costed.estimates.texts["chip_hours_method"][index]
    record = costed.models[index].confidence
    if run.is_hardware_imputed or record in ("Speculative", "Unknown", ""):
        return "low"
    if method == "reported" and record == "Confident":
        return "high"
    if method == "compute/(peak*mfu)" and run.utilisation_fraction is None:
        return "low" if record != "Confident" else "medium"
    return "medium"


def trend(
    costed: Basis, method: str, top: int, *, is_imputed_counted: bool = True
) -> trends.Trend | None:
    """Return the growth of real cost over the models that were among the ``top`` of their time.

    None for fewer than three models.
    """
    years, costs = trend_points(costed, method, top, is_imputed_counted=is_imputed_counted)
    return trends.fitted_trend(years, costs) if len(years) >= 3 else None


def trend_points(
    costed: Basis, method: str, top: int, *, is_imputed_counted: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the decimal years of publication and the real costs of a selection [year, USD]."""
    column = costed.estimates.numbers[f"real_{_COLUMN_OF_METHOD[method]}"]
    years, costs = [], []
    for index, run in enumerate(costed.runs):
        is_chosen = run.rank is not None and run.rank <= top and run.published_on is not None
        if run.is_hardware_imputed and not is_imputed_counted:
            continue
        if is_chosen and run.published_on and not np.isnan(column[index]):
            years.append(trends.decimal_year(run.published_on))
            costs.append(column[index])
    return np.array(years), np.array(costs)


def developments(
    costed: Basis, draws: int = 10_000, *, is_published: bool = False
) -> dict[str, DevelopmentCost]:
    """Return the full development cost of the four projects, in real money of the basis [USD].

    ``is_published`` draws the experiment factor of each component on its own, as the paper does.
    """
    numbers = costed.estimates.numbers
    places = {run.model: index for index, run in enumerate(costed.runs)}
    found = {}
    for name, project in published_projects().items():
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


@dataclass(frozen=True)
class TruthRow:
    """One published figure beside ours."""

    case_id: str
    model: str
    quantity: str
    predicted: float | None
    reported: float
    reported_high: float | None
    unit: str
    basis: str
    low: float | None
    high: float | None
    tolerance_ratio: float
    source: str
    source_url: str | None
    note: str

    @property
    def ratio(self) -> float | None:
        """Return predicted over reported; over the nearer end of a reported range, else 1 [1]."""
        if self.predicted is None:
            return None
        high = self.reported_high or self.reported
        if self.reported <= self.predicted <= high:
            return 1.0
        end = self.reported if self.predicted < self.reported else high
        return self.predicted / end

    @property
    def is_within(self) -> bool | None:
        """Return whether the ratio is within the tolerance of the case, either way."""
        if self.ratio is None:
            return None
        return 1 / self.tolerance_ratio <= self.ratio <= self.tolerance_ratio

    @property
    def is_covered(self) -> bool | None:
        """Return whether our 90 % interval meets the reported value or range."""
        if self.low is None or self.high is None:
            return None
        return self.low <= (self.reported_high or self.reported) and self.reported <= self.high


_TRUTH_COLUMNS = {
    "chip_hours": "chip_hours",
    "energy_kwh": "energy_kwh",
    "rental_usd": "cloud_usd",
    "rental_real_usd": "real_cloud_usd",
    "acquisition_usd": "acquisition_usd",
}


def external_truth(bases: Mapping[str, Basis]) -> list[TruthRow]:
    """Return published hours, energy and dollars of ten models beside ours.

    Parameters
    ----------
    bases : mapping of str to Basis
        By vintage; those that ``training_truth.csv`` names must be there.
    """
    with (REFERENCE / "training_truth.csv").open(encoding="utf-8", newline="") as lines:
        cases = list(csv.DictReader(lines))
    projects: dict[str, DevelopmentCost] = {}
    rows = []
    for case in cases:
        costed = bases[case["basis"]]
        names = [run.model for run in costed.runs]
        index = names.index(case["model"])
        quantity = case["quantity"]
        low: float | None = None
        high: float | None = None
        if quantity == "development_usd":
            projects = projects or developments(costed, 2_000)
            low, middle, high = projects[case["model"]].quantiles_usd()
            predicted: float | None = middle
        elif quantity == "stated_price_usd":
            hours = costed.estimates.numbers["chip_hours"][index]
            predicted = float(hours) * float(case["stated_usd_per_hour"])
        else:
            value = float(costed.estimates.numbers[_TRUTH_COLUMNS[quantity]][index])
            predicted = None if np.isnan(value) else value
            mean, deviation = _truth_factor(quantity, costed.uncertainty)
            if predicted is not None:
                low, high = training_uncertainty.product_interval(
                    predicted, float(mean[index]), float(deviation[index])
                )
        reported_high = epoch.number(case["reported_high"], case["case_id"])
        rows.append(
            TruthRow(
                case["case_id"],
                case["model"],
                quantity,
                predicted,
                float(case["reported"]),
                reported_high,
                case["unit"],
                case["basis"],
                low,
                high,
                float(case["tolerance_ratio"]),
                case["source"],
                case["source_url"] or None,
                case["note"],
            )
        )
    return rows


def _truth_factor(
    quantity: str, uncertainty: Uncertainty
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if quantity == "chip_hours":
        return training_uncertainty.hours_factor(uncertainty)
    if quantity == "energy_kwh":
        return training_uncertainty.energy_factor(uncertainty)
    if quantity == "acquisition_usd":
        return training_uncertainty.acquisition_factor(uncertainty)
    return training_uncertainty.rental_factor(uncertainty)


def coverage(costed: Basis, level: float = 0.9) -> dict[str, tuple[int, int]]:
    """Return how often reported chip-hours fall into the interval made from compute alone.

    Returns
    -------
    dict of str to (int, int)
        Selection to models in the interval and models compared.
    """
    tables = clean_tables()
    chosen = []
    for row, run in zip(costed.models, costed.runs, strict=True):
        chip = tables.chips.get(run.hardware)
        reported = run.chip_hours or (run.hardware_quantity or 0) * (run.training_hours or 0)
        if reported and run.training_flops and chip and not run.is_hardware_imputed:
            chosen.append((row, replace(run, utilisation_fraction=None), reported))
    blind = [
        replace(run, chip_hours=None, hardware_quantity=None, training_hours=None)
        for _, run, _ in chosen
    ]
    models = [row for row, _, _ in chosen]
    result = estimates(blind, tables, VINTAGES["clean"])
    mean, deviation = training_uncertainty.hours_factor(_uncertainty(models, result))
    low, high = training_uncertainty.product_interval(
        result.numbers["chip_hours"], mean, deviation, level
    )
    hours = np.array([reported for _, _, reported in chosen])
    is_inside = (low <= hours) & (hours <= high)
    is_known = ~np.isnan(result.numbers["chip_hours"])
    groups = {
        "all": is_known,
        "top 10 of their time": is_known
        & np.array([run.rank is not None and run.rank <= 10 for _, run, _ in chosen]),
        "published before 2024": is_known
        & np.array([bool(r.published_on and r.published_on.year < 2024) for _, r, _ in chosen]),
        "published since 2024": is_known
        & np.array([bool(r.published_on and r.published_on.year >= 2024) for _, r, _ in chosen]),
    }
    return {name: (int((is_inside & mask).sum()), int(mask.sum())) for name, mask in groups.items()}
