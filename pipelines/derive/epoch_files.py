"""Reads tables from files: case files, and the files that Epoch AI publishes.

``python -m pipelines.derive.epoch_files SOURCE TARGET`` writes the bundled form of the latter. The
columns are interpreted in ``epoch``.

Data: Epoch AI, epoch.ai, CC BY 4.0.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zlib
from pathlib import Path

from pipelines.derive.epoch import CHIP_COLUMNS, PRICE_COLUMNS, TableError, models_of
from warehouse.files import write_bytes
from warehouse.reference import CsvTable

_MODELS_KEPT = (
    *("Model", "System", "Publication date", "Organization", "Country (of organization)"),
    *("Country (from Organization)", "Notability criteria", "Parameters"),
    *("Training compute (FLOP)", "Training compute lower bound", "Training compute upper bound"),
    *("Training dataset size (datapoints)", "Epochs", "Training time (hours)"),
    *("Training hardware", "Hardware quantity", "Hardware utilization (MFU)"),
    *("Hardware utilization", "Training chip-hours", "Base model", "Confidence"),
    *("Training power draw (W)", "Compute rank when published", "Link"),
)
_CHIPS_KEPT = (*sum(CHIP_COLUMNS.values(), ()), "Manufacturer", "Type")
_INDEX_KEPT = ("observation_date", "DATE", "PCU518210518210")
FILES = {
    "models": ("All_ML_Systems_-_full_view.csv.gz", _MODELS_KEPT),
    "chips": ("Chip_dataset-Grid_view.csv.gz", _CHIPS_KEPT),
    "hardware_prices": ("Hardware_prices.csv", PRICE_COLUMNS),
    "producer_price_index": ("PCU518210518210.csv", _INDEX_KEPT),
}
"""Bundled name to the published file and the columns kept of it."""


def table_of_file(path: Path) -> CsvTable:
    """Return the table of a CSV file, gzipped or not; blank lines are skipped.

    Raises
    ------
    TableError
        If the file is empty, or gzipped and cut.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise TableError(f"{path.name}: not a whole gzip file ({error})") from None
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    header = next(reader, None)
    if not header:
        raise TableError(f"{path.name}: empty; a table begins with a line of column names")
    return CsvTable(path.name, tuple(header), tuple(tuple(row) for row in reader if row))


def trim(source: Path, target: Path) -> None:
    """Write the bundled form of a folder of Epoch AI's files: fewer columns, no unused CPUs.

    Cells are copied unchanged. Files that the folder lacks are skipped.
    """
    target.mkdir(parents=True, exist_ok=True)
    models = models_of(table_of_file(source / FILES["models"][0]))
    used = {name.strip() for model in models for name in model.run.hardware.split(",")}
    for name, (published, kept) in FILES.items():
        if not (source / published).exists():
            continue
        table = table_of_file(source / published)
        header = table.columns
        places = [place for place, column in enumerate(header) if column.strip() in kept]
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([header[place].strip() for place in places])
        for row in table.rows:
            cells = [*row, *[""] * (len(header) - len(row))]
            values = dict(zip(header, cells, strict=False))
            chip = values.get("Hardware name", values.get("Name of the hardware", ""))
            if name != "chips" or values["Type"] != "CPU" or chip.strip() in used:
                writer.writerow([cells[place] for place in places])
        content = gzip.compress(buffer.getvalue().encode(), compresslevel=9, mtime=0)
        write_bytes(target / f"{name}.csv.gz", content)


if __name__ == "__main__":
    trim(Path(sys.argv[1]), Path(sys.argv[2]))
