"""The published file, attached over HTTP from a static host."""

from __future__ import annotations

import duckdb
import pytest

from pipelines.lake import connection as lake
from tests.pipelines.answers.test_pull import Ranged, sent, serving
from warehouse.database import POINTER
from warehouse.paths import Home

pytestmark = pytest.mark.lake


def test_views_and_macros_work_and_only_what_is_needed_is_read(
    extensions: None,
    answers_home: Home,
) -> None:
    file = (answers_home.published / POINTER).resolve()
    question = (
        "select provider_id, usd_per_gpu_hour from {}marts.offers_latest"
        " where gpu_id = 'H100-SXM-80GB' order by all"
    )
    with duckdb.connect(file, read_only=True) as own:
        expected = own.execute(question.format("")).fetchall()
    sent.clear()
    with serving(file.parent, Ranged) as address, duckdb.connect() as connection:
        lake.load_extensions(connection, ["httpfs"])
        connection.execute(f"attach '{address}/{file.name}' as tc (read_only)")
        assert connection.execute(question.format("tc.")).fetchall() == expected != []
        assert 0 < sum(sent) < file.stat().st_size / 2
        connection.execute("use tc")
        [(offers,)] = connection.execute("select count(*) from as_of('2026-08-10')").fetchall()
        assert offers > 1000
