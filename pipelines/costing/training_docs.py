# ruff: noqa: E501 - the lines of a page, not of a program
"""Writes docs/methodology/training.md from the code and the data, so that it cannot drift.

``python -m pipelines.costing.training_docs`` writes the page; a test holds it to the code. What
only a person can say (why a rule is as it is) stands here as text.
"""

from __future__ import annotations

import ast
import csv
import importlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cost_engine import training_uncertainty
from cost_engine.compute import LOSS_LAWS
from cost_engine.published_method import VINTAGES
from cost_engine.trends import date_of_decimal_year
from pipelines.costing.epoch import CREDIT
from pipelines.costing.training import BASES
from pipelines.costing.training_runs import (
    LEVELS,
    METHODS,
    REFERENCE,
    Basis,
    basis,
    corrections,
    coverage,
    developments,
    external_truth,
    trend,
)

PAGE = Path(__file__).parents[2] / "docs" / "methodology" / "training.md"
MODULES = (
    *("units", "compute", "energy", "training", "published_method", "development"),
    *("training_uncertainty", "training_memory", "planning"),
)
UNIT = re.compile(r"\[([^\]]+)\]")

INTRODUCTION = """# What a training run costs

This page is made by `python -m pipelines.costing.training_docs` from the code and the reference
data; a test fails when it differs from them. Money is in US dollars, nominal unless it says real.

Three questions have three methods, after Cottier et al. 2024, "The rising costs of training frontier
AI models" (arXiv:2405.21015):

| method | question | formula |
|---|---|---|
| `amortized` | what did the run use up? | `A + I + E`: hardware value x replacement rate x chip-hours, the cluster network on top, energy |
| `acquisition` | what does the cluster cost? | `chips x price / (1 - network share)` |
| `rental` | what would it cost to rent? | `price of a chip-hour x chip-hours` |
| `development` | what did the whole project cost? | Monte Carlo of all experiments and the people, four models |

`A = P 10^(-k y) k ln(10) / 8766 H`, with P the price of one chip and its share of the server, y its age
at the start of training, k the trend of price-performance and H chip-hours. `I = A f / (1 - f)`.
`E = H x board power x server ratio x average fraction x PUE x price of electricity`.
Chip-hours are the reported ones, else chips x time, else `compute / (peak x utilisation)`.

Beyond the paper: intervals that draw only what is unknown of a model, prices of our own tracker as of
any day, chips that the paper lacks, electricity to 2026 and carbon by country, failed and test runs,
reservations, owning against renting, and a planner (`truecost train`, `reserve`, `own-vs-rent`).
"""

ODDITIES = (
    (
        "hardware of ranks above 5 is blanked by the imputation",
        "reproduced nowhere: no default run shows it",
        "only missing hardware is imputed, and flagged",
    ),
    (
        "rental multiplies by chips x time though better hours are known",
        "2025-06 does, in a file of top-five models",
        "reported hours first",
    ),
    (
        "years outside 2010 to 2025 crash",
        "no cost, with the reason",
        "electricity to 2026; outside it no cost, with the reason",
    ),
    (
        "TPU v5e, v5p, v6e crash",
        "no cost, with the reason",
        "priced from the hardware price table",
    ),
    (
        "no price of H200, H800, H20, A800, B200, MI250X, MI300X",
        "no cost, with the reason",
        "priced from the hardware price table; the rest says 'no price'",
    ),
    (
        "RTX A1000, Intel A100 and Quadro cards match A100, K40 and P100",
        "as published",
        "whole words of NVIDIA's data-centre and consumer cards only",
    ),
    ("a note that is missing crashes", "read as empty", "read as empty"),
    ("missing board power crashes", "no cost, with the reason", "no cost, with the reason"),
    (
        "vendors without a committed-use discount crash",
        "skipped",
        "skipped unless they list a three-year price",
    ),
    (
        "the chip table halved the board power of TPU v3 and v4",
        "as published",
        "450 W and 373 W (corrections.yaml)",
    ),
    ("vendor order is a global that changes", "computed for each model", "computed for each model"),
    (
        "several kinds of hardware",
        "no cost, with the reason",
        "no cost, with the reason",
    ),
    (
        "equity is drawn once per person; components share no experiment factor",
        "`is_experiment_factor_shared=False`; equity drawn anew",
        "one experiment factor for all components, equity drawn anew",
    ),
    (
        "electricity and deflator follow publication, prices the start of training",
        "as published",
        "all follow the start of training",
    ),
    ("hours are truncated to whole hours", "as published", "kept"),
    (
        "the cluster network is charged to single servers too",
        "as published",
        "none up to 8 chips",
    ),
    (
        "same-day prices in an unstable order",
        "the first in the file (2024-05: the last purchase price); marked ambiguous",
        "the first in the file; marked ambiguous",
    ),
    ("two models of one name overwrite each other", "rows are kept", "rows are kept"),
    (
        "fine-tunes",
        "no cost; 2024-05 adds the cost of the base model",
        "no cost, with the reason",
    ),
    ("no price index for a month", "left in nominal money", "no real value"),
)


def page() -> str:
    """Return the page."""
    costed = {name: basis(name) for name in BASES}
    parts = [
        INTRODUCTION,
        _vintages(),
        _oddities(),
        _reproduction(costed),
        _truth(costed),
        _coverage(costed["clean"]),
        _development(costed["2024-12"]),
        _constants(),
        _spreads(),
        _loss_laws(),
        _corrections(),
        *(_csv_section(*section) for section in _CSV_SECTIONS),
        f"{CREDIT}. Bundled tables: `warehouse/reference/epoch_training_cost`.\n",
    ]
    return "\n".join(parts)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for row in rows:
        cells = (str(cell).replace("|", "\\|").replace("\n", " ") for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _digits(value: float | None, digits: int = 4) -> str:
    if value is None or not np.isfinite(value):
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    return f"{value:.{digits - 1}e}"


def _vintages() -> str:
    rows = [
        (f"`{name}`", item.description, item.real_month, f"top {item.frontier_rank}")
        for name, item in VINTAGES.items()
    ]
    return "## Vintages\n\n" + _table(("vintage", "what it is", "real money of", "selection"), rows)


def _oddities() -> str:
    return (
        "## Oddities of the published program, and what we do\n\nEach has a test in"
        " `tests/cost_engine/test_published_method.py` or beside the function that it concerns.\n\n"
        + _table(("oddity", "published vintages", "clean (default)"), ODDITIES)
    )


def _reproduction(costed: dict[str, Basis]) -> str:
    rows = []
    for name, top in (("2024-05", 10), ("2024-12", 10), ("2025-06", 5), ("clean", 5)):
        for method in METHODS:
            line = trend(costed[name], method, top)
            if line is None:
                continue
            low, high = line.growth_interval(0.9)
            wide_low, wide_high = line.growth_interval(0.95)
            mean_on = date_of_decimal_year(line.year_reached(1e9))
            anchored_on = date_of_decimal_year(line.year_reached(1e9, "max"))
            rows.append(
                (
                    name,
                    f"top {top}",
                    method,
                    line.count,
                    f"{line.growth_per_year:.3f}",
                    f"{low:.3f} to {high:.3f}",
                    f"{wide_low:.3f} to {wide_high:.3f}",
                    f"{line.r_squared:.3f}",
                    f"{mean_on:%Y-%m}",
                    f"{anchored_on:%Y-%m}",
                )
            )
    return (
        "## Reproduction\n\n`truecost backtest training CASES.csv` recomputes a file of cases. Against"
        " the published results of 2025-06 (250 cases), 2024-12 and 2024-05 (29 each) the largest"
        " relative error of any output column is 3e-15, outside rows whose price hangs on the order"
        " of same-day prices. The paper prints a growth of 2.4 a year for both of its versions"
        " (2.448 with 2.0 to 3.1 at 95 %, and 2.407 with 2.0 to 2.9 at 90 %).\n\n"
        "Growth of real cost, models among the first N of their time by compute:\n\n"
        + _table(
            (
                *("vintage", "selection", "method", "models", "growth a year", "90 % interval"),
                *("95 % interval", "R2", "1e9 USD on the line", "1e9 USD from the dearest model"),
            ),
            rows,
        )
    )


def _truth(costed: dict[str, Basis]) -> str:
    rows = []
    for row in external_truth(costed):
        reported = _digits(row.reported)
        if row.reported_high:
            reported += f" to {_digits(row.reported_high)}"
        rows.append(
            (
                row.model,
                row.quantity,
                _digits(row.predicted),
                reported,
                row.unit,
                _digits(row.ratio, 3),
                {True: "yes", False: "no", None: "–"}[row.is_covered],
                row.basis,
                f"[{row.source}]({row.source_url})" if row.source_url else row.source,
            )
        )
    return (
        "## Against published figures\n\nThe ratio is ours over the published one, 1 inside a"
        " published range; covered says whether our 90 % interval meets it."
        " Also in `marts.training_backtest`.\n\n"
        + _table(
            (
                *("model", "quantity", "ours", "published", "unit", "ratio", "covered"),
                *("vintage", "source"),
            ),
            rows,
        )
    )


def _coverage(clean: Basis) -> str:
    found = {level: coverage(clean, level) for level in LEVELS}
    rows = []
    for group in found[LEVELS[0]]:
        cells: list[Any] = [group, found[LEVELS[0]][group][1]]
        for level in LEVELS:
            inside, compared = found[level][group]
            cells.append(f"{inside / compared:.0%}")
        rows.append(cells)
    return (
        "## Coverage of the intervals\n\nModels with reported chip-hours, costed as if only compute"
        " were known: how often the interval holds the reported hours. The spreads were set on models"
        " before 2024. Tails are heavier than lognormal: compute is sometimes that of another part of"
        " the run than the hours.\n\n"
        + _table(("models", "compared", *(f"{level:.0%} interval holds" for level in LEVELS)), rows)
    )


def _development(paper: Basis) -> str:
    rows = []
    shared = developments(paper, 4_000)
    for name, cost in developments(paper, 4_000, is_published=True).items():
        low, middle, high = (value / 1e6 for value in cost.quantiles_usd())
        ours = [value / 1e6 for value in shared[name].quantiles_usd()]
        shares = cost.shares_of_medians()
        rows.append(
            (
                name,
                f"{middle:.3g} ({low:.3g} to {high:.3g})",
                f"{ours[1]:.3g} ({ours[0]:.3g} to {ours[2]:.3g})",
                f"{shares['staff_usd']:.0%}",
                f"{shares['chip_usd']:.0%}",
                f"{shares['server_usd']:.0%}",
                f"{shares['interconnect_usd']:.0%}",
                f"{shares['energy_usd']:.0%}",
            )
        )
    return (
        "## Development cost\n\nMillion USD of December 2023, median and 90 % interval. The paper draws"
        " each component's experiment factor on its own; ours shares it, which widens the total.\n\n"
        + _table(
            (
                "model",
                "as the paper draws",
                "shared factor",
                "staff",
                "chips",
                "server",
                "network",
                "energy",
            ),
            rows,
        )
    )


def constants(module_name: str) -> list[tuple[str, Any, str, str]]:
    """Return name, value, unit and text of each documented constant of an engine module."""
    module = importlib.import_module(f"cost_engine.{module_name}")
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    found = []
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        name = _assigned(statement)
        if name is None or not name.isupper() or name.startswith("_"):
            continue
        text = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            text = " ".join(str(following.value.value).split())
        value = getattr(module, name)
        if isinstance(value, (int, float, tuple, dict)) and text:
            unit = UNIT.search(text)
            found.append((name, value, unit[1] if unit else "", UNIT.sub("", text, count=1)))
    return found


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


def _constants() -> str:
    rows = []
    for module in MODULES:
        for name, value, unit, text in constants(module):
            is_long = isinstance(value, dict) and any(
                not isinstance(item, (int, float, tuple)) for item in value.values()
            )
            shown = "see below" if is_long else _value(value)
            rows.append((f"`{module}.{name}`", shown, unit, " ".join(text.split())))
    return "## Constants\n\n" + _table(("constant", "value", "unit", "meaning and source"), rows)


def _spreads() -> str:
    rows = [
        (f"`{name}`", f"{item.low:.3g}", f"{item.high:.3g}", item.source)
        for name, item in training_uncertainty.SPREADS.items()
    ]
    low, high = training_uncertainty.TREND_RANGE
    rows.append(("`trend`", f"{low:g}", f"{high:g}", "OOM/year, normal; arXiv:2405.21015, B.4"))
    return (
        "## What is uncertain, and by how much\n\nLognormal, 5th and 95th percentile relative to the"
        " central value. A row draws only what is unknown of it; chip-hours are drawn once for hardware"
        " and energy. Shares of the variance: `marts.training_sensitivity`.\n\n"
        + _table(("factor", "low", "high", "source"), rows)
    )


def _loss_laws() -> str:
    rows = [
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
    ]
    return "## Scaling laws\n\n`E + A / N^alpha + B / D^beta`, nat a token.\n\n" + _table(
        ("fit", "E", "A", "B", "alpha", "beta", "source"), rows
    )


def _corrections() -> str:
    rows = [
        (
            item.key,
            item.column,
            _digits(item.as_published),
            _digits(item.value),
            item.reason,
            item.source_url or "",
        )
        for item in corrections()
    ]
    return "## Corrections\n\nUsed by the clean rules only.\n\n" + _table(
        ("row", "column", "as published", "used", "reason", "source"), rows
    )


_CSV_SECTIONS = (
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
)


def _csv_section(title: str, name: str, columns: Sequence[str]) -> str:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        rows = [[row[column] for column in columns] for row in csv.DictReader(lines)]
    return f"## {title}\n\nFrom `warehouse/reference/{name}.csv`.\n\n" + _table(columns, rows)


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
