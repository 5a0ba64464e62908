"""Values of docs/methodology/training.md, from the code and the reference data.

``python -m pipelines.site.methodology.training`` writes the page; a test holds it equal. The
wording is in the template ``docs/methodology/training.md.j2``, the sums are in ``cost_engine``.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cost_engine.compute import LOSS_LAWS
from cost_engine.training.published.rules import VINTAGES
from cost_engine.training.spreads import TREND_RANGE
from cost_engine.training.uncertainty import LEVELS
from cost_engine.trends import date_of_decimal_year
from cost_engine.units import HOURS_PER_YEAR, MILLION
from pipelines.derive.epoch import CREDIT
from pipelines.derive.training_backtest import coverage, external_truth
from pipelines.derive.training_cost_trend import TARGET_USD, trend
from pipelines.derive.training_method import spreads
from pipelines.derive.training_plan_backtest import planned_runs, score
from pipelines.derive.training_runs import BASES, METHODS, Basis, basis, developments
from pipelines.site.methodology.template import FOLDER, rendered
from pipelines.text import single_spaced
from warehouse.reference import Documents, bundled
from warehouse.reference.training import corrections
from warehouse.reference.training_method import training_figures

PAGE = FOLDER / "training.md"
MODULES = (
    *("units", "compute", "uncertainty", "own_or_rent", "purchases"),
    *("training.run", "training.published.rules", "training.development", "training.spreads"),
    *(
        "training.memory",
        "training.planning",
        "training.utilisation",
        "training.stages",
        "training.sizing",
    ),
)
"""Modules of ``cost_engine`` whose constants are on the page."""
UNIT = re.compile(r"\s*\[([^\]]+)\]")
SELECTIONS = (("2024-05", 10), ("2024-12", 10), ("2025-06", 5), ("clean", 5))
"""Vintage and the models among the first so many that its growth is given for."""
DEVELOPMENT_DRAWS = 4_000
RECENT_YEAR = 2024
REFERENCE_TABLES = (
    (
        "Electricity",
        "electricity",
        ("country", "year", "usd_per_kwh", "customer", "source_url", "note"),
    ),
    (
        "Carbon of the grid",
        "grid_intensity",
        ("country", "year", "grams_co2e_per_kwh", "source_url", "note"),
    ),
    (
        "Power usage effectiveness",
        "pue",
        ("operator", "year", "pue", "low", "high", "source_url", "note"),
    ),
    (
        "Purchase prices of chips",
        "purchase_prices",
        ("gpu_id", "usd_per_gpu", "priced_on", "basis", "source_url", "note"),
    ),
    (
        "Owning",
        "ownership",
        ("parameter", "low", "central", "high", "unit", "source", "source_url", "note"),
    ),
    (
        "Owning a hall",
        "ownership_hall",
        ("parameter", "low", "central", "high", "unit", "source", "source_url", "note"),
    ),
    (
        "Owning, by the size of the cluster",
        "ownership_sizes",
        (
            "parameter",
            "gpu_count",
            "low",
            "central",
            "high",
            "unit",
            "source",
            "source_url",
            "note",
        ),
    ),
)
"""Title, name and columns of the reference tables that the page repeats."""

Rows = list[list[str]]


def page() -> str:
    """Return the page."""
    documents = bundled()
    costed = {name: basis(name) for name in BASES}
    return rendered(
        "training",
        {
            "hours_per_year": HOURS_PER_YEAR,
            "vintages": _cells(
                (f"`{name}`", item.description, item.real_month, f"top {item.frontier_rank}")
                for name, item in VINTAGES.items()
            ),
            "growth": _cells(_growth(costed)),
            "truth": _cells(_truth(costed)),
            "coverage": _cells(_coverage(costed["clean"])),
            "planned": _cells(_planned(documents)),
            "planned_scores": _cells(_planned_scores(documents)),
            "development": _cells(_development(costed["2024-12"])),
            "constants": _cells(
                (f"`{module}.{name}`", _value(value), unit, text)
                for module in MODULES
                for name, value, unit, text in constants(module)
            ),
            "figures": _cells(_figures(documents)),
            "spreads": _cells(_spreads(documents)),
            "loss_laws": _cells(
                (
                    f"`{name}`",
                    law.irreducible_loss,
                    law.parameter_coefficient,
                    law.token_coefficient,
                    law.parameter_exponent,
                    law.token_exponent,
                    law.source,
                )
                for name, law in LOSS_LAWS.items()
            ),
            "corrections": _cells(_corrections(documents)),
            "reference_tables": [
                (title, name, columns, _cells(_reference(name, columns, documents)))
                for title, name, columns in REFERENCE_TABLES
            ],
            "credit": CREDIT,
        },
    )


def _cells(rows: Iterable[Sequence[Any]]) -> Rows:
    """Return rows as the cells of a Markdown table."""
    return [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]


def _digits(value: float | None, digits: int = 4) -> str:
    if value is None or not np.isfinite(value):
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    return f"{value:.{digits - 1}e}"


def _growth(costed: Mapping[str, Basis]) -> Iterator[Sequence[Any]]:
    for name, top in SELECTIONS:
        for method in METHODS:
            line = trend(costed[name], method, top)
            if line is None:
                continue
            low, high = line.growth_interval(0.9)
            wide_low, wide_high = line.growth_interval(0.95)
            yield (
                name,
                f"top {top}",
                method,
                line.count,
                f"{line.growth_per_year:.3f}",
                f"{low:.3f} to {high:.3f}",
                f"{wide_low:.3f} to {wide_high:.3f}",
                f"{line.r_squared:.3f}",
                f"{date_of_decimal_year(line.year_reached(TARGET_USD)):%Y-%m}",
                f"{date_of_decimal_year(line.year_reached(TARGET_USD, 'max')):%Y-%m}",
            )


def _truth(costed: Mapping[str, Basis]) -> Iterator[Sequence[Any]]:
    for row in external_truth(costed):
        case = row.case
        reported = _digits(case.reported)
        if case.reported_high:
            reported += f" to {_digits(case.reported_high)}"
        yield (
            case.model,
            case.quantity,
            _digits(row.predicted),
            reported,
            case.unit,
            _digits(row.ratio, 3),
            {True: "yes", False: "no", None: "–"}[row.is_covered],
            row.kind,
            case.basis,
            f"[{case.source}]({case.source_url})" if case.source_url else case.source,
        )


def _coverage(clean: Basis) -> Iterator[Sequence[Any]]:
    found = [coverage(clean, level) for level in LEVELS]
    for group, (_, compared) in found[0].items():
        yield (group, compared, *(f"{part[group][0] / part[group][1]:.0%}" for part in found))


def _planned(documents: Documents) -> Iterator[Sequence[Any]]:
    for one in planned_runs(documents):
        row = one.row
        yield (
            row.model,
            row.gpu_id,
            row.gpu_count or "–",
            _digits(one.predicted),
            _digits(row.gpu_hours),
            _digits(one.ratio, 3),
            f"{_digits(one.low_80, 3)} to {_digits(one.high_80, 3)}",
            "yes" if one.is_covered else "no",
            row.evidence,
            f"[{row.source}]({row.source_url})",
        )


def _planned_scores(documents: Documents) -> Iterator[Sequence[Any]]:
    for name, is_grouped in (("the run", False), ("all runs of its organisation", True)):
        planned = planned_runs(documents, by_organization=is_grouped)
        dense = [one for one in planned if one.row.active_parameters == one.row.parameters]
        sparse = [one for one in planned if one.row.active_parameters < one.row.parameters]
        recent = [one for one in planned if one.row.published_on.year >= RECENT_YEAR]
        for group, chosen in (
            ("all", planned),
            ("dense", dense),
            ("sparse", sparse),
            (f"since {RECENT_YEAR}", recent),
        ):
            found = score(chosen)
            yield (
                name,
                group,
                found.runs,
                f"{found.median_ratio:.2f}",
                f"{np.expm1(found.median_error):.0%}",
                f"{found.covered / found.runs:.0%}",
                f"{found.coverage_low:.0%} to {found.coverage_high:.0%}",
            )


def _development(paper: Basis) -> Iterator[Sequence[Any]]:
    shared = developments(paper, DEVELOPMENT_DRAWS)
    for name, cost in developments(paper, DEVELOPMENT_DRAWS, is_published=True).items():
        shares = cost.shares_of_medians()
        parts = ("staff_usd", "chip_usd", "server_usd", "interconnect_usd", "energy_usd")
        yield (
            name,
            *(_millions(draws.quantiles_usd()) for draws in (cost, shared[name])),
            *(f"{shares[part]:.0%}" for part in parts),
        )


def _millions(quantiles_usd: tuple[float, float, float]) -> str:
    low, middle, high = (value / MILLION for value in quantiles_usd)
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def constants(module_name: str) -> list[tuple[str, Any, str, str]]:
    """Return name, value, unit and text of each documented constant of an engine module.

    Constants that hold no number, such as lists of names, are left out.
    """
    module = importlib.import_module(f"cost_engine.{module_name}")
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    found = []
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        name = _assigned(statement)
        if name is None or not name.isupper() or name.startswith("_"):
            continue
        text = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            text = single_spaced(str(following.value.value))
        value = getattr(module, name)
        if _has_numbers(value) and text:
            unit = UNIT.search(text)
            found.append((name, value, unit[1] if unit else "", UNIT.sub("", text, count=1)))
    return found


def _has_numbers(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_has_numbers, value.values()))
    if isinstance(value, tuple):
        return all(map(_has_numbers, value))
    return isinstance(value, (int, float))


def _assigned(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    return None


def _value(value: Any) -> str:
    if isinstance(value, float):
        return _digits(value, 6)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items())
    if isinstance(value, tuple):
        return ", ".join(_value(item) for item in value)
    return str(value)


def _figures(documents: Documents) -> Iterator[Sequence[Any]]:
    for kind, rows in training_figures(documents).items():
        for row in rows.values():
            if kind != "spread":
                yield kind, row.name, _digits(row.central, 6), row.unit, row.source, row.note


def _spreads(documents: Documents) -> Iterator[Sequence[Any]]:
    for name, item in spreads(documents).items():
        yield f"`{name}`", f"{item.low:.3g}", f"{item.high:.3g}", item.source
    low, high = TREND_RANGE
    yield "`trend`", f"{low:g}", f"{high:g}", "OOM/year, normal; arXiv:2405.21015, B.4"


def _corrections(documents: Documents) -> Iterator[Sequence[Any]]:
    for item in corrections(documents):
        yield (
            item.key,
            item.column,
            _digits(item.as_published),
            _digits(item.value),
            item.reason,
            item.source_url or "",
        )


def _reference(name: str, columns: Sequence[str], documents: Documents) -> Iterator[Sequence[Any]]:
    for record in documents.table(name).records():
        yield [record[column] or "" for column in columns]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
