"""Every public table, made from the whole bundled snapshot, holds what the reference holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.derive.check import check
from pipelines.derive.load import load
from pipelines.derive.make import make, phases
from tests.warehouse.table_reference import differences
from warehouse.models import read_models
from warehouse.paths import Home

NOW = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)  # ages in the reference count from here


@pytest.mark.slow
def test_the_tables_of_the_snapshot_hold_the_reference_values(tmp_path: Path):
    home = Home(tmp_path)
    load(home, now=NOW, run_id="reference")
    order = phases(read_models())
    list(make(home, order))
    assert [found for found in check(home, order.all) if found.wrong_rows] == []
    with duckdb.connect(home.build_database, read_only=True) as build:
        build.execute("set TimeZone = 'UTC'")
        assert list(differences(build)) == []
