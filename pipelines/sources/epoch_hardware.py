"""Epoch AI's table of machine-learning hardware: one row an accelerator, text as printed."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.sources.base import Fetching, Payload, Request, Row, Source
from pipelines.sources.epoch_csv import table_rows

URL = "https://epoch.ai/data/ml_hardware.csv"


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the table."""
    return [Request(key="ml_hardware", url=URL)]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one row of ``epoch_ml_hardware`` for each accelerator."""
    return table_rows(
        payload,
        table="epoch_ml_hardware",
        key_columns=("Hardware name",),
        needed=("Manufacturer", "Release date", "TDP (W)"),
    )


SOURCE = Source(
    source_id="epoch_hardware",
    title="Epoch AI: machine learning hardware",
    kind="reference",
    homepage_url="https://epoch.ai/data/machine-learning-hardware",
    terms_url="https://epoch.ai/data/machine-learning-hardware",
    licence="CC-BY-4.0",
    credit="Epoch AI, 'Data on Machine Learning Hardware'. CC BY 4.0. https://epoch.ai/data",
    may_redistribute=True,
    allowed_hosts=("epoch.ai",),
    requests=requests,
    parse=parse,
    parser_version=1,
    record_kind="table_row",
    expected_rows=(120, 600),
    cadence_hours=24 * 7,
)
