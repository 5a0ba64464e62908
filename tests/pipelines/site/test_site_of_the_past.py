"""The site as of a past day shows what was valid then, as it was known then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.answers.as_of import Past
from pipelines.commands.site import site as site_command
from pipelines.site.build import build_site
from pipelines.site.published import Published, opened
from warehouse.paths import Home

from .conftest import NOW, insert, publish_by_hand

FIRST, SECOND, THIRD = (NOW - timedelta(days=days) for days in (20, 10, 5))
PRICES = "select provider_id, usd_per_gpu_hour from marts.offers_latest order by 1, 2"


def history(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert one offer: 2 USD; from the second capture 3 USD, which the third calls 2.5 USD."""
    insert(connection, "meta.source", source_id="shop", title="Shop", source_kind="api",
           kind_rank=1, is_enabled=True)  # fmt: skip
    insert(connection, "core.gpu", gpu_id="L4-24GB", architecture="ada", is_coarse=False)
    connection.execute(
        "create table core.offer_capture as select source_id, request_key, seen_at, recorded_at"
        " from meta.capture;"
        "create table core.api_price_capture as from core.offer_capture limit 0"
    )
    for at, recorded_at in ((FIRST, FIRST), (SECOND, SECOND), (THIRD, THIRD), (SECOND, THIRD)):
        insert(connection, "core.offer_capture", source_id="shop", request_key="all", seen_at=at,
               recorded_at=recorded_at)  # fmt: skip
    for at in (FIRST, SECOND, THIRD):
        insert(connection, "meta.capture", source_id="shop", request_key="all",
               request_scope="all", is_scope_complete=True, status="ok", seen_at=at,
               recorded_at=at, capture_id=str(at))  # fmt: skip
    versions: tuple[tuple[float, datetime, datetime | None, datetime, datetime | None], ...] = (
        (2.0, FIRST, None, FIRST, SECOND),
        (2.0, FIRST, SECOND, SECOND, None),
        (3.0, SECOND, None, SECOND, THIRD),
        (2.5, SECOND, None, THIRD, None),
    )
    for usd, valid_from, valid_to, recorded_at, superseded_at in versions:
        insert(connection, "core.offer_price", offer_key="a", source_id="shop",
               request_key="all", provider_id="alpha", sku="one", gpu_id="L4-24GB", gpu_count=1,
               purchase_model="on_demand", market_tier="neocloud", source_kind="api",
               usd_per_gpu_hour=usd, valid_from=valid_from, valid_to=valid_to,
               recorded_at=recorded_at, superseded_at=superseded_at)  # fmt: skip
    for back, usd in ((20, 2.0), (15, 2.0), (10, 2.5), (7, 2.5), (1, 2.5)):
        insert(connection, "marts.gpu_price_daily", gpu_id="L4-24GB",
               day=NOW.date() - timedelta(days=back), purchase_model="on_demand",
               market_family="all", median_usd_per_gpu_hour=usd, p10_usd_per_gpu_hour=usd,
               p90_usd_per_gpu_hour=usd, min_usd_per_gpu_hour=usd, max_usd_per_gpu_hour=usd,
               provider_count=1, offer_count=1,
               oldest_seen_on=NOW.date() - timedelta(days=back))  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return publish_by_hand(Home(tmp_path_factory.mktemp("past")), history)


def day(back: int) -> date:
    return NOW.date() - timedelta(days=back)


@pytest.fixture(scope="module")
def views(home: Home) -> Iterator[dict[tuple[int, int], list[tuple[str, float]]]]:
    asked = ((15, 15), (7, 7), (7, 1), (15, 1), (30, 30))
    seen = {}
    for as_of, known_on in asked:
        with opened(home, Past(day(as_of), day(known_on))) as published:
            seen[as_of, known_on] = prices(published)
    yield seen


def prices(published: Published) -> list[tuple[str, float]]:
    return [tuple(row.values()) for row in published.run(PRICES).rows]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("as_of", "known_on", "expected"),
    [
        (15, 15, [("alpha", 2.0)]),
        (7, 7, [("alpha", 3.0)]),
        (7, 1, [("alpha", 2.5)]),  # the same day, with the correction
        (15, 1, [("alpha", 2.0)]),
        (30, 30, []),
    ],
)
def test_a_price_is_what_was_believed_then(
    views: dict[tuple[int, int], list[tuple[str, float]]],
    as_of: int,
    known_on: int,
    expected: list[tuple[str, float]],
) -> None:
    assert views[as_of, known_on] == expected


@pytest.mark.parametrize(
    ("known_on", "expected"),
    [
        (7, {day(20): 2.0, day(15): 2.0, day(10): 3.0}),  # no capture since day 10
        (1, {day(20): 2.0, day(15): 2.0, day(10): 2.5, day(7): None}),  # nobody looked for days
    ],
)
def test_daily_medians_are_those_of_what_was_known(
    home: Home, known_on: int, expected: dict[date, float]
) -> None:
    query = "select day, median_usd_per_gpu_hour as usd from marts.gpu_price_daily order by all"
    with opened(home, Past(day(7), day(known_on))) as published:
        assert {row["day"]: row["usd"] for row in published.run(query).rows} == expected


def test_the_site_of_a_past_day_says_so(home: Home, tmp_path: Path) -> None:
    report = build_site(home, tmp_path / "then", past=Past(day(7), day(6)))
    for name in ("index.html", "gpu/l4-24gb.html", "health.html"):
        html = (report.folder / name).read_text()
        assert f"As of {day(7)}, as known on {day(6)}" in html
        assert f"truecost site --as-of {day(7)} --known-on {day(6)}" in html
    assert ">3.00<" in (report.folder / "gpu/l4-24gb.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--known-on", "2026-08-01"], "--known-on needs --as-of"),
        (["--as-of", "yesterday"], "'yesterday' is not a time; give YYYY-MM-DD or ISO 8601"),
        ([], "nothing is published"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path / "none"))
    result = CliRunner().invoke(site_command, arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_foreign_folder_is_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))
    (tmp_path / "letter.txt").write_text("dear all")
    result = CliRunner().invoke(site_command, ["--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds other things than a site" in result.output
