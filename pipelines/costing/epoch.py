"""Reads Epoch AI's training-cost tables into the records of ``cost_engine.published_method``.

The same reader takes the bundled, trimmed tables of ``warehouse/reference/epoch_training_cost``
and the files as Epoch publishes them. No sums here: those are in ``cost_engine``.

Data: Epoch AI, epoch.ai, CC BY 4.0.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from cost_engine.published_method import Chip, PriceTables, PurchasePrice, RentalPrice, Run

CREDIT = "Data: Epoch AI, epoch.ai, CC BY 4.0"
BUNDLED = Path(__file__).parents[2] / "warehouse" / "reference" / "epoch_training_cost"
FOLDERS = {
    # Models and chips of the two paper vintages are the same files; only prices and index differ.
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
    "chip_hours": ("Training chip-hours", "chip_hours_reported"),
    "base_model": ("Base model", "base_model"),
    "rank": ("Compute rank when published", "compute_rank_when_published"),
}
"""Field of a run to the headers it has had in Epoch's files, and in files of cases."""

_MODELS_KEPT = (
    *("Model", "System", "Publication date", "Organization", "Country (of organization)"),
    *("Country (from Organization)", "Notability criteria", "Parameters"),
    *("Training compute (FLOP)", "Training compute lower bound", "Training compute upper bound"),
    *("Training dataset size (datapoints)", "Epochs", "Training time (hours)"),
    *("Training hardware", "Hardware quantity", "Hardware utilization (MFU)"),
    *("Hardware utilization", "Training chip-hours", "Base model", "Confidence"),
    *("Training power draw (W)", "Compute rank when published", "Link"),
)
_CHIP_COLUMNS = {
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
_CHIPS_KEPT = (*sum(_CHIP_COLUMNS.values(), ()), "Manufacturer", "Type")
_PRICES_KEPT = (
    *("Price source", "Price date", "Hardware model", "Vendor", "Location"),
    *("Price per chip-hour (on-demand)", "Price per chip-hour (1-year CUD)"),
    *("Price per chip-hour (3-year CUD)", "Price (hardware purchase)", "Notes"),
)
_INDEX_KEPT = ("observation_date", "DATE", "PCU518210518210")
FILES = {
    "models": ("All_ML_Systems_-_full_view.csv.gz", _MODELS_KEPT),
    "chips": ("Chip_dataset-Grid_view.csv.gz", _CHIPS_KEPT),
    "hardware_prices": ("Hardware_prices.csv", _PRICES_KEPT),
    "producer_price_index": ("PCU518210518210.csv", _INDEX_KEPT),
}
"""Bundled name to the published file and the columns kept of it."""


class TableError(ValueError):
    """A table of cases or reference data that cannot be read; says where and what is allowed."""


@dataclass(frozen=True)
class ModelRow:
    """A model: the inputs of the method and what we need beside them."""

    run: Run
    country: str
    is_notable: bool
    parameters: float | None
    tokens: float | None
    flops_low: float | None
    flops_high: float | None
    confidence: str
    power_watts: float | None
    link: str


def number(text: str | None, where: str) -> float | None:
    """Return the number in a cell, None for a blank one.

    Raises
    ------
    TableError
        With the place and the text, if it is no finite number.

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
    """Positions of the fields in a table with a known set of alternative headers."""

    def __init__(self, header: Sequence[str], columns: Mapping[str, tuple[str, ...]]) -> None:
        places = {name.strip(): place for place, name in enumerate(header)}
        self.places = {
            field: next((places[name] for name in names if name in places), None)
            for field, names in columns.items()
        }

    def text(self, row: Sequence[str], field: str) -> str:
        """Return the cell of a field, an empty text where the table has no such column."""
        place = self.places[field]
        return row[place] if place is not None and place < len(row) else ""


def table_rows(path: Path) -> tuple[list[str], Iterator[list[str]]]:
    """Return the header and the rows of a CSV file, gzipped or not.

    Raises
    ------
    TableError
        If the file is empty.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    header = next(reader, None)
    if not header:
        raise TableError(f"{path.name}: empty; wants a header line")
    return header, reader


def run_of(row: Sequence[str], columns: Columns, where: str) -> tuple[Run, str | None]:
    """Return the inputs of one model and what is wrong with them, if anything.

    A cell that is no number, or a quantity, time, compute or MFU that is not positive, becomes
    None and a problem that names it, so that a caller can withhold the whole row.
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
        chip_hours=quantity("chip_hours"),
        base_model=columns.text(row, "base_model").strip(),
        rank=quantity("rank"),
    )
    return run, "; ".join(problems) or None


def read_models(path: Path) -> list[ModelRow]:
    """Return the models of a table, in file order.

    Raises
    ------
    TableError
        If a cell that should be a number is none.
    """
    header, rows = table_rows(path)
    extra = {
        "country": ("Country (of organization)", "Country (from Organization)"),
        "notability": ("Notability criteria",),
        "parameters": ("Parameters",),
        "tokens": ("Training dataset size (datapoints)",),
        "flops_low": ("Training compute lower bound",),
        "flops_high": ("Training compute upper bound",),
        "confidence": ("Confidence",),
        "power_watts": ("Training power draw (W)",),
        "link": ("Link",),
    }
    columns = Columns(header, {**MODEL_COLUMNS, **extra})
    models = []
    for line, row in enumerate(rows, start=2):
        where = f"{path.name} row {line}"
        models.append(
            ModelRow(
                run=run_of(row, columns, where)[0],
                country=columns.text(row, "country"),
                is_notable=bool(columns.text(row, "notability")),
                parameters=number(columns.text(row, "parameters"), where),
                tokens=number(columns.text(row, "tokens"), where),
                flops_low=number(columns.text(row, "flops_low"), where),
                flops_high=number(columns.text(row, "flops_high"), where),
                confidence=columns.text(row, "confidence"),
                power_watts=number(columns.text(row, "power_watts"), where),
                link=columns.text(row, "link"),
            )
        )
    return models


def read_chips(path: Path) -> list[Chip]:
    """Return the chips of a table, in file order; a zero means that the value is not known."""
    header, rows = table_rows(path)
    columns = Columns(header, _CHIP_COLUMNS)
    chips = []
    for line, row in enumerate(rows, start=2):
        where = f"{path.name} row {line}"
        name = columns.text(row, "name").strip()
        if not name:
            continue
        rates = {
            field: number(columns.text(row, field), f"{where}, {field}") or None
            for field in _CHIP_COLUMNS
            if field not in ("name", "released_on")
        }
        released_on = calendar_date(columns.text(row, "released_on"), where)
        chips.append(Chip(name=name, released_on=released_on, **rates))
    return chips


def read_prices(path: Path) -> tuple[list[PurchasePrice], list[RentalPrice]]:
    """Return the purchase and the rental rows of a hardware price table, in file order."""
    header, rows = table_rows(path)
    columns = Columns(header, {name: (name,) for name in _PRICES_KEPT})
    purchases: list[PurchasePrice] = []
    rentals: list[RentalPrice] = []
    for line, row in enumerate(rows, start=2):
        where = f"{path.name} row {line}"

        def usd(name: str, row: list[str] = row, where: str = where) -> float | None:
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


def read_price_index(path: Path) -> dict[str, float]:
    """Return month ``YYYY-MM`` to index of a FRED series."""
    _, rows = table_rows(path)
    index = {}
    for line, row in enumerate(rows, start=2):
        value = number(row[1], f"{path.name} row {line}") if len(row) > 1 else None
        if value is not None:
            index[row[0][:7]] = value
    return index


@cache
def bundled_models(vintage: str) -> tuple[ModelRow, ...]:
    """Return the bundled models of a vintage."""
    return tuple(read_models(BUNDLED / FOLDERS[vintage][0] / "models.csv.gz"))


@cache
def bundled_tables(vintage: str) -> PriceTables:
    """Return the bundled chips, prices and index of a vintage."""
    models, prices = FOLDERS[vintage]
    purchases, rentals = read_prices(BUNDLED / prices / "hardware_prices.csv.gz")
    return PriceTables(
        read_chips(BUNDLED / models / "chips.csv.gz"),
        purchases,
        rentals,
        read_price_index(BUNDLED / prices / "producer_price_index.csv.gz"),
    )


@cache
def frozen_ranks() -> dict[str, int]:
    """Return model name to the first N at which the paper's frozen top-N lists hold it."""
    path = BUNDLED / "2024-05" / "frontier_systems_by_top_n.json"
    lists: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return {name: int(rank) for rank, names in lists.items() for name in names}


def trim(source: Path, target: Path) -> None:
    """Write the bundled form of a folder of Epoch's files: fewer columns, no unused CPUs.

    Cells are copied as they are. Files that the folder lacks are left out.
    """
    target.mkdir(parents=True, exist_ok=True)
    models = read_models(source / FILES["models"][0])
    used = {name.strip() for model in models for name in model.run.hardware.split(",")}
    for name, (published, kept) in FILES.items():
        if not (source / published).exists():
            continue
        header, rows = table_rows(source / published)
        places = [place for place, column in enumerate(header) if column.strip() in kept]
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([header[place].strip() for place in places])
        for row in rows:
            cells = [*row, *[""] * (len(header) - len(row))]
            values = dict(zip(header, cells, strict=False))
            chip = values.get("Hardware name", values.get("Name of the hardware", ""))
            if name != "chips" or values["Type"] != "CPU" or chip.strip() in used:
                writer.writerow([cells[place] for place in places])
        content = gzip.compress(buffer.getvalue().encode(), compresslevel=9, mtime=0)
        (target / f"{name}.csv.gz").write_bytes(content)


if __name__ == "__main__":
    trim(Path(sys.argv[1]), Path(sys.argv[2]))
