"""Epoch AI's tables of models: notable, frontier and large-scale, text as printed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

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

# request key: table, file
TABLES = {
    "notable": ("epoch_notable_models", "notable_ai_models.csv"),
    "frontier": ("epoch_frontier_models", "frontier_ai_models.csv"),
    "large_scale": ("epoch_large_scale_models", "large_scale_ai_models.csv"),
}


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the three tables."""
    return [
        Request(key=key, url=f"https://epoch.ai/data/{file}") for key, (_, file) in TABLES.items()
    ]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one row for each model of the table that the key names."""
    if payload.key not in TABLES:
        raise ParseError(f"{payload.where()}: no table {payload.key!r}; there are {list(TABLES)}")
    return table_rows(
        payload,
        table=TABLES[payload.key][0],
        key_columns=("Model",),
        needed=("Publication date", "Parameters", "Training compute (FLOP)"),
    )


SOURCE = Source(
    source_id="epoch_models",
    title="Epoch AI: notable, frontier and large-scale models",
    kind="reference",
    homepage_url="https://epoch.ai/data/ai-models",
    terms_url="https://epoch.ai/data/ai-models",
    licence="CC-BY-4.0",
    credit="Epoch AI, 'Data on AI Models'. CC BY 4.0. https://epoch.ai/data",
    may_redistribute=True,
    allowed_hosts=("epoch.ai",),
    requests=requests,
    parse=parse,
    row_of_answer="record of the CSV",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2026, 4, 22),
    record_kind="table_row",
    expected_rows=(900, 6000),
    max_bytes=four_times(2_036_872),
    cadence_hours=24 * 7,
)
