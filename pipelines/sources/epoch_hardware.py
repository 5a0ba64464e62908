"""Epoch AI's table of machine-learning hardware: one row an accelerator, text as printed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from pipelines.sources.base import (
    Payload,
    ReadRow,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.epoch_csv import table_rows

URL = "https://epoch.ai/data/ml_hardware.csv"


def parse(payload: Payload) -> Iterator[ReadRow]:
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
    requests=one_request("ml_hardware", URL),
    parse=parse,
    row_of_answer="record of the CSV",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2026, 4, 22),
    record_kind="table_row",
    expected_rows=(120, 600),
    max_bytes=four_times(95_400),
    cadence_hours=24 * 7,
)
