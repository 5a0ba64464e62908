"""What a past shows of the reference documents."""

import json
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.answers.as_of import Past, open_past
from warehouse.database import POINTER
from warehouse.paths import Home
from warehouse.reference import Documents, read_gpus

HOPPER = "gpus/nvidia_hopper.yaml"
CORRECTED_AT = datetime.fromisoformat("2026-11-20T06:00")
WATTS = "select board_power_watts from core.gpu where gpu_id = 'H100-SXM-80GB'"


@pytest.fixture(scope="module")
def corrected(answers_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a published file whose H100 had another power before a correction."""
    path = tmp_path_factory.mktemp("corrected") / "truecost.duckdb"
    shutil.copyfile(answers_home.published / POINTER, path)
    with duckdb.connect(path) as connection:
        ((text,),) = connection.execute(
            "select document from meta.reference_document where name = ?", [HOPPER]
        ).fetchall()
        before = json.loads(text)
        for gpu in before["gpus"]:
            if gpu["gpu_id"] == "H100-SXM-80GB":
                gpu["board_power_watts"]["value"] = 650
        connection.execute(
            "update meta.reference_document set recorded_at = ?",
            [CORRECTED_AT - timedelta(days=9)],
        )
        connection.execute(
            "update meta.reference_document set recorded_at = ? where name = ?",
            [CORRECTED_AT, HOPPER],
        )
        connection.execute(
            "insert into meta.reference_document values (?, ?, 'before', ?, ?)",
            [HOPPER, json.dumps(before), CORRECTED_AT - timedelta(days=9), CORRECTED_AT],
        )
        connection.execute(
            "insert into meta.reference_document values"
            " ('later.csv', '{}', '1', $at, null), ('gpus/later.yaml', '{}', '2', $at, null)",
            {"at": CORRECTED_AT},
        )
    yield path


def watts(connection: duckdb.DuckDBPyConnection) -> tuple[float | None, float]:
    """Return the board power of an H100 in the documents and in ``core.gpu``."""
    gpus = {gpu.gpu_id: gpu for gpu in read_gpus(Documents.of_published(connection))}
    return gpus["H100-SXM-80GB"].board_power_watts, connection.execute(WATTS).fetchall()[0][0]


@pytest.mark.parametrize(
    ("known_on", "expected"),
    [
        (None, 700),
        (date(2026, 11, 20), 700),
        (CORRECTED_AT, 700),
        (CORRECTED_AT - timedelta(seconds=1), 650),
        (date(2026, 11, 19), 650),
        (date(2026, 8, 1), 650),  # nothing older is known than the oldest document
    ],
)
def test_specifications_are_those_that_were_known_then(
    corrected: Path, known_on: date | None, expected: float
) -> None:
    with (
        duckdb.connect(corrected, read_only=True) as now,
        open_past(now, Past(date(2026, 8, 1), known_on)) as past,
    ):
        then = Documents.of_published(past)
        assert "later.csv" in then.names()  # a table that this version needs
        assert ("gpus/later.yaml" in then.names("gpus")) == (expected == 700)
        assert watts(now) == (700, 700)
        assert watts(past) == (expected, expected)
