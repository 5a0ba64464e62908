"""The data of Epoch AI's study of training costs: models, chips, hardware prices, price index.

https://github.com/epoch-research/training-cost-trends, the data of arXiv:2405.21015. Text as
printed; the method that turns it into costs belongs to ``cost_engine.training.run``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from urllib.parse import quote

from pipelines.sources.base import (
    Fetching,
    ParseError,
    Payload,
    ReadRow,
    Request,
    Source,
    four_times,
)
from pipelines.sources.epoch_csv import table_rows

BASE_URL = "https://raw.githubusercontent.com/epoch-research/training-cost-trends/main/data"
# request key: table, file, the names of its key column, columns that must be there
TABLES: dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    "models": (
        "epoch_cost_models",
        "All ML Systems - full view.csv",
        ("Model", "System"),
        ("Publication date", "Training compute (FLOP)", "Training hardware"),
    ),
    "chips": (
        "epoch_chips",
        "Chip dataset-Grid view.csv",
        ("Hardware name", "Name of the hardware"),
        ("Manufacturer", "Release date", "TDP (W)"),
    ),
    "hardware_prices": (
        "epoch_hardware_prices",
        "Hardware prices.csv",
        ("Hardware model",),
        ("Price date", "Vendor", "Price per chip-hour (on-demand)"),
    ),
    "producer_prices": ("epoch_ppi", "PCU518210518210.csv", ("observation_date", "DATE"), ()),
}


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the four files."""
    return [
        Request(key=key, url=f"{BASE_URL}/{quote(file)}") for key, (_, file, *_) in TABLES.items()
    ]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one row for each record; hardware that is priced often is numbered."""
    if payload.key not in TABLES:
        raise ParseError(f"{payload.where()}: no table {payload.key!r}; there are {list(TABLES)}")
    table, _, key_columns, needed = TABLES[payload.key]
    return table_rows(payload, table=table, key_columns=key_columns, needed=needed)


SOURCE = Source(
    source_id="epoch_training_cost",
    title="Epoch AI: data of the training-cost study",
    kind="reference",
    homepage_url="https://github.com/epoch-research/training-cost-trends",
    terms_url="https://github.com/epoch-research/training-cost-trends",
    licence="CC-BY-4.0",
    credit="Epoch AI, training-cost-trends (arXiv:2405.21015). CC BY 4.0. https://epoch.ai/data",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=requests,
    parse=parse,
    row_of_answer="record of the CSV",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2025, 6, 20),
    record_kind="table_row",
    expected_rows=(1000, 30000),
    max_bytes=four_times(4_191_686),
    cadence_hours=24 * 7,
)
