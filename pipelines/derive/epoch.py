"""Converts Epoch AI's training-cost tables into the records of ``cost_engine.training.published``.

The same conversion takes the bundled, trimmed tables and the files as Epoch AI publishes them, and
case files with the same columns. Bundled tables are read in ``warehouse.reference``, files in
``epoch_files``; no sums are made here.

Data: Epoch AI, epoch.ai, CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from cost_engine.training.published.prices import PurchasePrice, RentalPrice
from cost_engine.training.published.rules import Chip, Run
from warehouse.reference import CsvTable, Documents
from warehouse.reference.identities import gpu_aliases
from warehouse.reference.training import epoch_table

CREDIT = "Data: Epoch AI, epoch.ai, CC BY 4.0"
FOLDERS = {
    # The two paper vintages share models and chips; prices and index differ.
    "2024-05": ("2024-05", "2024-05"),
    "2024-12": ("2024-05", "2024-12"),
    "2025-06": ("2025-06", "2025-06"),
    "clean": ("2025-06", "2025-06"),
}
"""Vintage to the bundled folders of its models and chips, and of its prices and index."""

MODEL_COLUMNS = {
    "model": ("Model", "System", "model"),
    "published_on": ("Publication date", "publication_date"),
    "organization": ("Organization", "organization"),
    "training_flops": ("Training compute (FLOP)", "training_compute_flop"),
    "hardware": ("Training hardware", "hardware"),
    "hardware_quantity": ("Hardware quantity", "hardware_quantity"),
    "training_hours": ("Training time (hours)", "training_time_h"),
    "utilisation_fraction": ("Hardware utilization (MFU)", "Hardware utilization", "mfu_reported"),
    "gpu_hours": ("Training chip-hours", "chip_hours_reported"),
    "base_model": ("Base model", "base_model"),
    "rank": ("Compute rank when published", "compute_rank_when_published"),
}
"""Field of a run to the headers it has had in Epoch's files, and in files of cases."""

CHIP_COLUMNS = {
    "name": ("Hardware name", "Name of the hardware"),
    "released_on": ("Release date",),
    "board_power_watts": ("TDP (W)",),
    "tensor_fp16_flops_per_second": (
        "Tensor-FP16/BF16 performance (FLOP/s)",
        "FP16 Tensor Core",
    ),
    "tf32_flops_per_second": (
        "TF32 (TensorFloat-32) performance (FLOP/s)",
        "Tensor Float 32 (TF32)",
    ),
    "fp16_flops_per_second": (
        "FP16 (half precision) performance (FLOP/s)",
        "FP16 (half precision) Performance (FLOP/s)",
    ),
    "fp32_flops_per_second": (
        "FP32 (single precision) performance (FLOP/s)",
        "FP32 (single precision) Performance (FLOP/s)",
    ),
    "int8_flops_per_second": ("INT8 performance (OP/s)", "INT8 Performance (OP/s)"),
}
PRICE_COLUMNS = (
    *("Price source", "Price date", "Hardware model", "Vendor", "Location"),
    *("Price per chip-hour (on-demand)", "Price per chip-hour (1-year CUD)"),
    *("Price per chip-hour (3-year CUD)", "Price (hardware purchase)", "Notes"),
)


class TableError(ValueError):
    """A table that cannot be used; names the place, what it holds and what is allowed."""


@dataclass(frozen=True)
class ModelRow:
    """A model: the inputs of the method, and what else is needed of it."""

    run: Run
    country: str
    is_notable: bool
    flops_low: float | None
    flops_high: float | None
    confidence: str
    link: str


def number(text: str | None, where: str) -> float | None:
    """Return the number in a cell, None for a blank one.

    Raises
    ------
    TableError
        If it is not a finite number; names the place and the text.

    Examples
    --------
    >>> number("$15,000.00", "row 3, price"), number("", "row 3, price")
    (15000.0, None)
    """
    cleaned = (text or "").strip().lstrip("$").replace(",", "")
    if not cleaned or cleaned.lower() == "nan":
        return None
    try:
        value = float(cleaned)
    except ValueError:
        raise TableError(f"{where} = {text!r}: must be a number") from None
    if value in (float("inf"), float("-inf")):
        raise TableError(f"{where} = {text!r}: must be a finite number")
    return value


def calendar_date(text: str | None, where: str) -> date | None:
    """Return the ISO date in a cell, None for a blank one.

    Raises
    ------
    TableError
        If it is not of the form YYYY-MM-DD.

    Examples
    --------
    >>> calendar_date("2023-03-15", "row 1, date")
    datetime.date(2023, 3, 15)
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise TableError(f"{where} = {text!r}: must be a date YYYY-MM-DD") from None


class Columns:
    """Positions of the fields in a table, each under one of its alternative headers."""

    def __init__(self, header: Sequence[str], columns: Mapping[str, tuple[str, ...]]) -> None:
        places = {name.strip(): place for place, name in enumerate(header)}
        self.places = {
            field: next((places[name] for name in names if name in places), None)
            for field, names in columns.items()
        }

    def text(self, row: Sequence[str], field: str) -> str:
        """Return the cell of a field, an empty text if the table has no such column."""
        place = self.places[field]
        return row[place] if place is not None and place < len(row) else ""


def run_of(row: Sequence[str], columns: Columns, where: str) -> tuple[Run, str | None]:
    """Return the inputs of one model, and what is wrong with them or None.

    A cell that is not a number, or not positive, is None in the run and named in the second value,
    so that the caller can withhold the whole row.
    """
    problems: list[str] = []

    def quantity(field: str) -> float | None:
        try:
            value = number(columns.text(row, field), f"{where}, {field}")
        except TableError as error:
            problems.append(str(error))
            return None
        if value is not None and value <= 0:
            problems.append(f"{where}, {field} = {value:g}: must be above 0")
            return None
        return value

    try:
        published_on = calendar_date(columns.text(row, "published_on"), f"{where}, published_on")
    except TableError as error:
        problems.append(str(error))
        published_on = None
    run = Run(
        model=columns.text(row, "model").strip(),
        published_on=published_on,
        organization=columns.text(row, "organization"),
        training_flops=quantity("training_flops"),
        hardware=columns.text(row, "hardware").strip(),
        hardware_quantity=quantity("hardware_quantity"),
        training_hours=quantity("training_hours"),
        utilisation_fraction=quantity("utilisation_fraction"),
        gpu_hours=quantity("gpu_hours"),
        base_model=columns.text(row, "base_model").strip(),
        rank=quantity("rank"),
    )
    return run, "; ".join(problems) or None


def models_of(table: CsvTable) -> list[ModelRow]:
    """Return the models of a table, in file order.

    Raises
    ------
    TableError
        If a cell that must be a number is not one.
    """
    extra = {
        "country": ("Country (of organization)", "Country (from Organization)"),
        "notability": ("Notability criteria",),
        "flops_low": ("Training compute lower bound",),
        "flops_high": ("Training compute upper bound",),
        "confidence": ("Confidence",),
        "link": ("Link",),
    }
    columns = Columns(table.columns, {**MODEL_COLUMNS, **extra})
    models = []
    for line, row in enumerate(table.rows, start=2):
        where = f"{table.name} row {line}"
        models.append(
            ModelRow(
                run=run_of(row, columns, where)[0],
                country=columns.text(row, "country"),
                is_notable=bool(columns.text(row, "notability")),
                flops_low=number(columns.text(row, "flops_low"), where),
                flops_high=number(columns.text(row, "flops_high"), where),
                confidence=columns.text(row, "confidence"),
                link=columns.text(row, "link"),
            )
        )
    return models


def chips_of(table: CsvTable) -> list[Chip]:
    """Return the chips of a table, in file order. A zero in the table means not known."""
    columns = Columns(table.columns, CHIP_COLUMNS)
    chips = []
    for line, row in enumerate(table.rows, start=2):
        where = f"{table.name} row {line}"
        name = columns.text(row, "name").strip()
        if not name:
            continue
        rates = {
            field: number(columns.text(row, field), f"{where}, {field}") or None
            for field in CHIP_COLUMNS
            if field not in ("name", "released_on")
        }
        released_on = calendar_date(columns.text(row, "released_on"), where)
        chips.append(Chip(name=name, released_on=released_on, **rates))
    return chips


def prices_of(table: CsvTable) -> tuple[list[PurchasePrice], list[RentalPrice]]:
    """Return the purchase and rental prices of a hardware price table, in file order."""
    columns = Columns(table.columns, {name: (name,) for name in PRICE_COLUMNS})
    purchases: list[PurchasePrice] = []
    rentals: list[RentalPrice] = []
    for line, row in enumerate(table.rows, start=2):
        where = f"{table.name} row {line}"

        def usd(name: str, row: Sequence[str] = row, where: str = where) -> float | None:
            return number(columns.text(row, name), f"{where}, {name}")

        priced_on = calendar_date(columns.text(row, "Price date"), where)
        hardware = columns.text(row, "Hardware model").strip()
        vendor = columns.text(row, "Vendor").strip()
        source = columns.text(row, "Price source")
        bought = usd("Price (hardware purchase)")
        if bought is not None:
            purchases.append(
                PurchasePrice(hardware, priced_on, bought, columns.text(row, "Notes"), source)
            )
        if vendor and priced_on is not None:
            rentals.append(
                RentalPrice(
                    hardware,
                    vendor,
                    priced_on,
                    usd("Price per chip-hour (on-demand)"),
                    usd("Price per chip-hour (1-year CUD)"),
                    usd("Price per chip-hour (3-year CUD)"),
                    source,
                    columns.text(row, "Location"),
                )
            )
    return purchases, rentals


def price_index_of(table: CsvTable) -> dict[str, float]:
    """Return the index of a FRED series by month ``YYYY-MM``."""
    index = {}
    for line, row in enumerate(table.rows, start=2):
        value = number(row[1], f"{table.name} row {line}") if len(row) > 1 else None
        if value is not None:
            index[row[0][:7]] = value
    return index


@dataclass(frozen=True)
class BundledTables:
    """The chips, prices and deflator of a vintage, as Epoch AI published them."""

    chips: Sequence[Chip]
    purchases: Sequence[PurchasePrice]
    rentals: Sequence[RentalPrice]
    price_index: Mapping[str, float]


@lru_cache(maxsize=16)
def bundled_models(vintage: str, documents: Documents) -> tuple[ModelRow, ...]:
    """Return the bundled models of a vintage."""
    return tuple(models_of(epoch_table(documents, FOLDERS[vintage][0], "models")))


@lru_cache(maxsize=16)
def bundled_tables(vintage: str, documents: Documents) -> BundledTables:
    """Return the bundled chips, prices and index of a vintage."""
    models, prices = FOLDERS[vintage]
    purchases, rentals = prices_of(epoch_table(documents, prices, "hardware_prices"))
    return BundledTables(
        chips_of(epoch_table(documents, models, "chips")),
        purchases,
        rentals,
        price_index_of(epoch_table(documents, prices, "producer_price_index")),
    )


def gpu_ids(documents: Documents) -> Mapping[str, str]:
    """Return the gpu_id of each chip by its name in Epoch AI's tables."""
    return {
        alias.gpu_name_printed: alias.canonical
        for alias in gpu_aliases(documents)
        if alias.source_family == "epoch_hardware_prices"
    }
