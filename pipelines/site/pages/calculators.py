"""The page of the calculators: what runs, serving, owning and reserving cost at the day's prices.

The forms are here, the arithmetic in ``assets/formulas.js``, which a test holds equal to
``cost_engine``; its figures go into the page from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cost_engine import compute, prices, units
from cost_engine.training import planning
from pipelines.derive.own_vs_rent import electricity_on
from pipelines.site.exports import script_json, short
from pipelines.site.numbers import gpu_name, words
from pipelines.site.page import Page
from pipelines.site.pages.prices import LIST_PRICES
from pipelines.site.published import Published, Row
from warehouse.reference import Documents, ReferenceError
from warehouse.reference.ownership import ownership_assumptions, sized_assumptions
from warehouse.rows import plain

FIGURES = {
    "flops_per_parameter_token": compute.FLOPS_PER_PARAMETER_TOKEN,
    "tokens_per_parameter": compute.CHINCHILLA_TOKENS_PER_PARAMETER,
    "faults_per_gpu_hour": planning.FAULTS_PER_GPU_HOUR,
    "checkpoint_hours": planning.CHECKPOINT_HOURS,
    "restart_hours": planning.RESTART_HOURS,
    "rounding": prices.ROUNDING,
    "seconds_per_hour": units.SECONDS_PER_HOUR,
    "hours_per_day": units.HOURS_PER_DAY,
    "hours_per_month": units.HOURS_PER_MONTH,
    "hours_per_year": units.HOURS_PER_YEAR,
    "days_per_month": units.DAYS_PER_MONTH,
    "months_per_year": units.MONTHS_PER_YEAR,
    "watts_per_kilowatt": units.WATTS_PER_KILOWATT,
    "million": units.MILLION,
    "thousand": 1e3,
}
"""What ``assets/formulas.js`` takes from ``cost_engine``."""


@dataclass(frozen=True)
class Field:
    """A field of a form: a number, or a choice where there are options.

    ``allowed`` says in words what ``least`` and ``most`` bound.
    """

    name: str
    label: str
    value: str
    unit: str = ""
    least: float = 1e-9
    most: float = 1e30
    allowed: str = "a number above 0, such as 70B, 1.5T or 3e25"
    is_whole: bool = False
    is_optional: bool = False
    options: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Calculator:
    """A calculator: its form, and why it is left out where the file lacks what it needs."""

    name: str
    title: str
    fields: Sequence[Field] = ()
    missing: str = ""


@dataclass(frozen=True)
class CalculatorPage(Page):
    """The page, with its calculators and the data of their script."""

    calculators: Sequence[Calculator] = ()
    data: Markup = field(default_factory=Markup)


def calculators_page(published: Published) -> CalculatorPage:
    """Return the page of the calculators."""
    gpus = published.ask("calculators/gpus").rows
    sets = published.ask("calculators/sets").rows
    listed = published.ask("calculators/listed").rows
    own, sized = ownership(published, gpus)
    data = {
        "figures": FIGURES,
        "gpus": [plain_row(row) for row in gpus],
        "names": {row["gpu_id"]: gpu_name(row["gpu_id"]) for row in sets},
        "sets": columnar(sets),
        "listed": [plain_row(row) for row in listed],
        "own": own,
        "sized": sized,
    }
    return CalculatorPage(
        path="calculators.html",
        name="Calculators",
        title="What would it cost? Training, serving, owning, reserving, or a budget",
        evidence="",
        basis=f"{LIST_PRICES} Each answer has the interval of its price, and the same as a command"
        " and as SQL. What is typed stands in the address.",
        blocks=[],
        scripts=("formulas.js", "calculators.js"),
        calculators=calculators(gpus, sets, own),
        data=script_json(data),
    )


def plain_row(row: Row) -> dict[str, Any]:
    """Return a row with values that JSON has."""
    return {name: plain(value) for name, value in row.items()}


def columnar(rows: Sequence[Row]) -> dict[str, Any]:
    """Return rows as names of columns and lists of values, with the digits that a page can show."""
    columns = list(rows[0]) if rows else []
    values = [[short(plain(row[name])) for name in columns] for row in rows]
    return {"columns": columns, "rows": values}


def ownership(
    published: Published, gpus: Sequence[Row]
) -> tuple[dict[str, float], dict[str, dict[str, list[float]]]]:
    """Return the central assumptions of owning, and those by size of cluster; both may be empty."""
    try:
        documents = Documents.of_published(published.connection)
    except ReferenceError:
        return {}, {}
    if not gpus:
        return {}, {}
    own = {name: row.central for name, row in ownership_assumptions(documents).items()}
    own["usd_per_kwh"] = electricity_on(gpus[0]["day"], documents) * own["electricity_factor"]
    sized = {
        name: {
            "sizes": [float(row.gpu_count) for row in rows],
            "values": [row.central for row in rows],
        }
        for name, rows in sized_assumptions(documents).items()
    }
    return own, sized


def calculators(
    gpus: Sequence[Row], sets: Sequence[Row], own: dict[str, float]
) -> list[Calculator]:
    """Return the calculators with the defaults of their fields."""
    if not gpus:
        reason = "the tables hold no such rows: no data-centre GPU has a price of three providers."
        return [Calculator("training", "Calculators", missing=reason)]
    usual = next((row for row in gpus if row["gpu_id"] == "H100-SXM-80GB"), gpus[0])
    gpu = choice("gpu", "GPU", [row["gpu_id"] for row in gpus], gpu_name, usual["gpu_id"])
    price = Field("price", "own price, if any", "", "USD/GPU-h", is_optional=True)
    count = Field(
        "gpus", "GPUs", "512", least=1, most=10_000_000, is_whole=True,
        allowed="a whole number from 1 to 10M",
    )  # fmt: skip
    mfu = share("utilisation", "utilisation (MFU)", f"{usual['utilisation_fraction']:g}")
    return [
        Calculator("training", "Train a model", [
            Field("parameters", "parameters", "70B"),
            Field("tokens", "tokens", "2T"),
            Field("flops", "or compute", "", "FLOP", is_optional=True),
            gpu, count, mfu, price,
        ]),
        serving(sets),
        owning(gpus, own, count, price),
        Calculator("reservation", "Reserve", [
            gpu,
            Field("job", "the work takes", "6", "months", allowed="a number of months above 0"),
            Field("term", "term", "12", "months", allowed="a number of months above 0"),
            share("discount", "discount of the term", "0.3", is_zero_allowed=True, most=0.99),
            share("resale", "resale of unused months", "0", is_zero_allowed=True),
            price,
        ]),
        Calculator("budget", "Spend a budget", [
            Field("budget", "budget", "50K", "USD"), gpu, mfu, price,
        ]),
    ]  # fmt: skip


def serving(sets: Sequence[Row]) -> Calculator:
    """Return the calculator of serving."""
    if not sets:
        return Calculator("serving", "Serve a model", missing="no serving cost is known.")
    models = sorted({row["model_id"] for row in sets})
    usual = "llama-3.3-70b" if "llama-3.3-70b" in models else models[0]
    levels = [name for name in ("interactive", "fast", "batch")
              if name in {row["service_level_id"] for row in sets}]  # fmt: skip
    precisions = ["", *sorted({row["precision"] for row in sets})]
    return Calculator("serving", "Serve a model", [
        choice("model", "model", models, words, usual),
        Field("input", "input tokens a day", "300M"),
        Field("output", "output tokens a day", "100M"),
        choice("level", "pace", levels, words, levels[0]),
        choice("precision", "precision", precisions, lambda one: one or "any", ""),
        Field("peak", "peak over mean demand", "2", least=1, most=100,
              allowed="a number from 1 to 100"),
    ])  # fmt: skip


def owning(gpus: Sequence[Row], own: dict[str, float], count: Field, price: Field) -> Calculator:
    """Return the calculator of owning."""
    priced = [row for row in gpus if row["purchase_usd"] and row["board_power_watts"]]
    if not own or not priced:
        reason = "the published file has no list price of a GPU that is rented, or no assumptions."
        return Calculator("owning", "Own or rent", missing=reason)
    usual = next((row for row in priced if row["gpu_id"] == "H100-SXM-80GB"), priced[0])
    return Calculator("owning", "Own or rent", [
        choice("gpu", "GPU", [row["gpu_id"] for row in priced], gpu_name, usual["gpu_id"]),
        Field("gpus", count.label, "64", least=1, most=10_000_000, is_whole=True,
              allowed=count.allowed),
        Field("purchase_usd", "price of one GPU with its server",
              f"{usual['purchase_usd'] * own['purchase_price_factor']:.0f}", "USD"),
        share("utilisation", "hours used", f"{own['fleet_utilisation_fraction']:g}"),
        Field("usd_per_kwh", "electricity", f"{own['usd_per_kwh']:.3g}", "USD/kWh"),
        Field("pue", "PUE", f"{own['pue']:g}", least=1, most=5, allowed="a number from 1 to 5"),
        share("interest_fraction", "interest a year", f"{own['interest_fraction']:g}",
              is_zero_allowed=True),
        share("residual_fraction", "resale at the end", f"{own['residual_fraction']:g}",
              is_zero_allowed=True, most=0.99),
        Field("lifetime_years", "kept for", f"{own['lifetime_years']:g}", "years", least=0.5,
              most=30, allowed="a number from 0.5 to 30"),
        Field("team_usd_per_year", "staff, if not by size", "", "USD/year", is_optional=True),
        price,
    ])  # fmt: skip


def share(
    name: str, label: str, value: str, *, is_zero_allowed: bool = False, most: float = 1.0
) -> Field:
    """Return a field of a fraction."""
    least = 0.0 if is_zero_allowed else 1e-6
    start = "0" if is_zero_allowed else "above 0"
    return Field(name, label, value, "0 to 1", least, most, f"from {start} to {most:g}")


def choice(name: str, label: str, options: Sequence[str], show: Any, value: str) -> Field:
    """Return a field of a choice."""
    return Field(name, label, value, options=[(one, str(show(one))) for one in options])
