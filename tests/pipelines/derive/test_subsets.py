"""A data folder that starts with any few sources is built and published, in any order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.derive.check import check
from pipelines.derive.load import load
from pipelines.derive.make import make, phases
from pipelines.derive.release import publish_build
from pipelines.reading.reader import parse_captures
from pipelines.sources import all_sources
from pipelines.sources.fixtures import fixture_payloads
from tests.pipelines.captures import filed
from warehouse.database import open_published
from warehouse.models import read_models
from warehouse.paths import Home

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
PHASES = phases(read_models())
KINDS = ("offer", "api_price", "series_point", "table_row")


def drawn(seed: int) -> list[str]:
    """Return one source of each of two kinds of record, in an order drawn by the seed."""
    pick = random.Random(seed)
    first, second = pick.sample(KINDS, 2)
    by_kind = {kind: sorted(candidates(kind)) for kind in KINDS}
    return [pick.choice(by_kind[first]), pick.choice(by_kind[second])]


def candidates(kind: str) -> list[str]:
    return [
        name
        for name, source in all_sources().items()
        if source.record_kind == kind and not (source.reads_path or source.joins_pages)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("names", [["litellm", "runpod"], *(drawn(seed) for seed in range(2))])
def test_any_sources_in_any_order_are_built_and_published(names: list[str], tmp_path: Path) -> None:
    home = Home(tmp_path)
    for day, name in enumerate(names):
        payloads = fixture_payloads(FIXTURES / name, all_sources()[name])
        captures = [
            filed(home, payload.content, days=day, source_id=name, key=payload.key)
            for payload in payloads[-1:]
        ]
        parse_captures(home, captures)
        now = datetime(2026, 7, 1, 6, 20, tzinfo=UTC) + timedelta(days=day)
        load(home, now=now, run_id=f"run-{day}")
        made = {outcome.model.name for outcome in make(home, PHASES)}
        assert {model.name for model in PHASES.all if model.schema == "marts"} <= made
        assert not [result for result in check(home, PHASES.all) if result.wrong_rows]
        publish_build(home, run_id=f"run-{day}", now=now)
        with open_published(home) as connection:
            asked = connection.execute(
                "select source_id from meta.source_status where status <> 'never_asked'"
            ).fetchall()
            assert {row[0] for row in asked} == set(names[: day + 1])
