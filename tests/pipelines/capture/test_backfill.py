"""The past filed as captures of its own time: from parts, from a mirror's copies, from GitHub."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import time
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.capture import backfill as past
from pipelines.capture.landing import Landing
from pipelines.derive.check import check
from pipelines.derive.load import load
from pipelines.derive.make import make
from pipelines.derive.release import publish_build
from pipelines.reading.ledger import pending_captures
from pipelines.reading.reader import parse_captures
from pipelines.reading.refile import refile
from pipelines.sources import all_sources, gpuhunt
from pipelines.sources.base import ParseError
from tests.pipelines.captures import capture
from tests.pipelines.commands.conftest import phases_behind, without_parquet
from tests.pipelines.fault_server import FaultServer, body, status
from warehouse.database import open_build, open_published
from warehouse.history import API_PRICE, OFFER
from warehouse.models import SQL_FOLDER
from warehouse.paths import Home
from warehouse.rows import literal

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
RAW = "raw.githubusercontent.com"
TRACKER = f"{RAW}/cherielilili/gpu-pricing-tracker/main/data/observations.csv"
TABLE = f"{RAW}/cloud-gpus/cloud-gpus.github.io/main/cloud_gpu.json"

TWO_DAYS = b"""\
date,provider,gpu_model,gpu_count,region,rental_type,price_median_usd,source_url,fetched_at
2026-05-07,aws,A100_SXM_40GB,8,global,on_demand,2.745,https://getdeploying.com,2026-05-07T21:00:10Z
2026-05-07,lambda,H100_SXM,1,global,on_demand,3.29,https://getdeploying.com,2026-05-07T21:00:03Z
2026-05-08,lambda,H100_SXM,1,global,on_demand,3.29,https://getdeploying.com,2026-05-08T21:00:02Z
2026-05-08,lambda,H100_SXM,8,us,on_demand,2.99,https://lambda.ai/service,2026-05-08T21:05:00Z
2026-05-08,vast,H100_SXM,1,us,spot,1.4,https://console.vast.ai/api,2026-05-08T21:05:01Z
"""


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path)


def fixture(source_id: str, name: str) -> bytes:
    return (FIXTURES / source_id / name).read_bytes()


def file_past(home: Home, source_id: str, mirror: str, **options: object) -> past.Backfilled:
    return past.backfill(
        all_sources()[source_id],
        home=home,
        recorded_at=NOW,
        mirror=mirror,
        environment={},
        **options,
    )  # type: ignore[arg-type]


def captures(home: Home, source_id: str):
    return list(Landing(home).captures(source_id))


def test_a_file_with_its_own_history_is_kept_once_and_filed_a_day_at_a_time(home):
    plays = {TRACKER: [body(TWO_DAYS, "text/csv")]}
    with FaultServer(plays) as server:
        result = file_past(home, "gpu_pricing_tracker", server.url)
    assert (result.filed, result.known, result.failed) == (2, 0, 0)
    filed = captures(home, "gpu_pricing_tracker")
    assert [one.seen_at.date() for one in filed] == [date(2026, 5, 7), date(2026, 5, 8)]
    assert {one.recorded_at for one in filed} == {NOW}
    assert len({record.path for one in filed for record in one.requests}) == 1
    rows = parse_captures(home, pending_captures(home, ["gpu_pricing_tracker"]))
    kept = {(one.seen_at.day, one.request_scope): one.offers_kept for one in rows}
    assert kept == {
        (7, "getdeploying.com"): 2,
        (8, "getdeploying.com"): 1,
        (8, "lambda.ai"): 1,
        (8, "console.vast.ai"): 1,
    }


def test_twice_is_once_and_again_is_asked_for(home):
    plays = {TRACKER: [body(TWO_DAYS, "text/csv")]}
    with FaultServer(plays) as server:
        file_past(home, "gpu_pricing_tracker", server.url, until=date(2026, 5, 7))
        assert file_past(home, "gpu_pricing_tracker", server.url).filed == 1
        twice = file_past(home, "gpu_pricing_tracker", server.url)
        assert (twice.filed, twice.known) == (0, 2)
        assert file_past(home, "gpu_pricing_tracker", server.url, is_again=True).filed == 2
    assert len(captures(home, "gpu_pricing_tracker")) == 4


def test_a_mended_parser_reads_the_kept_bytes_again_as_known_from_now_on(home):
    source = all_sources()["gpu_pricing_tracker"]
    plays = {TRACKER: [body(TWO_DAYS, "text/csv")]}
    with FaultServer(plays) as server:
        file_past(home, source.source_id, server.url)
    parse_captures(home, pending_captures(home, [source.source_id]))
    assert refile(source, home=home, recorded_at=NOW) == 0
    newer = dataclasses.replace(source, parser_version=source.parser_version + 1)
    later = NOW + timedelta(days=1)
    assert refile(newer, home=home, recorded_at=later) == 2
    filed = captures(home, source.source_id)
    assert [one.recorded_at for one in filed] == [NOW, later, NOW, later]
    read = parse_captures(
        home, pending_captures(home, [source.source_id]), {source.source_id: newer}
    )
    assert {one.parser_version for one in read} == {newer.parser_version}
    assert refile(newer, home=home, recorded_at=later) == 0


def github(versions: dict[str, bytes]) -> dict[str, list]:
    """Return plays of GitHub with a version of the table at each time, newest first."""
    listed = [
        {"sha": f"{number:040x}", "commit": {"committer": {"date": at}}}
        for number, at in enumerate(versions)
    ]
    plays = {
        "api.github.com/repos/cloud-gpus/cloud-gpus.github.io/commits": [
            body(json.dumps(listed).encode())
        ],
        "__index": [status(404)],
    }
    for number, content in enumerate(versions.values()):
        path = f"{RAW}/cloud-gpus/cloud-gpus.github.io/{number:040x}/cloud_gpu.json"
        plays[path] = [body(content)]
    return plays


def test_versions_on_github_are_asked_for_by_their_commit_and_the_last_of_a_day_counts(home):
    table = fixture("cloud_gpus", "cloud_gpu.json")
    versions = {
        "2025-03-02T10:00:00Z": table.replace(b"1.99", b"2.99"),
        "2025-03-01T18:00:00Z": table.replace(b"1.99", b"3.99"),
        "2025-03-01T08:00:00Z": table,
    }
    with FaultServer(github(versions)) as server:
        result = file_past(home, "cloud_gpus", server.url)
    assert (result.filed, result.failed) == (2, 0)
    filed = captures(home, "cloud_gpus")
    assert [one.seen_at.date() for one in filed] == [date(2025, 3, 1), date(2025, 3, 2)]
    assert [f"{1:040x}" in filed[0].requests[0].url, f"{0:040x}" in filed[1].requests[0].url] == [
        True,
        True,
    ]


def test_one_version_that_fails_does_not_stop_the_others_and_is_asked_again(home):
    table = fixture("cloud_gpus", "cloud_gpu.json")
    plays = github({"2025-03-02T10:00:00Z": table, "2025-03-01T18:00:00Z": table})
    broken = f"{RAW}/cloud-gpus/cloud-gpus.github.io/{1:040x}/cloud_gpu.json"
    plays[broken] = [status(404), body(table)]
    with FaultServer(plays) as server:
        first = file_past(home, "cloud_gpus", server.url)
        second = file_past(home, "cloud_gpus", server.url)
    assert (first.filed, first.failed) == (1, 1)
    assert (second.filed, second.known, second.failed) == (1, 1, 0)


RUNS = "api.github.com/repos/dstackai/gpuhunt/actions/workflows/catalogs.yml/runs"
BUCKET = "dstack-gpu-pricing.s3.eu-west-1.amazonaws.com"


def zipped(**files: bytes) -> bytes:
    """Return an archive of CSV files by the names of their clouds."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for cloud, content in files.items():
            archive.writestr(f"{cloud}.csv", content)
        archive.writestr("version", "20260101-1")
    return made.getvalue()


def catalogue(usd: float) -> bytes:
    """Return a cloud's catalogue with one machine of eight H100."""
    return (
        "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size\n"
        f"gpu_8x_h100_sxm5,us-east-1,{usd},208,1800.0,8,H100,80.0,False,22528.0\n"
    ).encode()


def gpuhunt_runs(*runs: tuple[str, int, str]) -> bytes:
    """Return GitHub's list of runs: when, number, conclusion."""
    listed = [
        {"created_at": at, "run_number": number, "conclusion": end, "status": "completed"}
        for at, number, end in runs
    ]
    return json.dumps({"total_count": len(listed), "workflow_runs": listed}).encode()


@pytest.fixture
def gpuhunt_plays():
    runs = gpuhunt_runs(
        ("2026-08-20T05:05:09Z", 18990, "failure"),  # v3: what was published is there
        ("2026-08-17T23:05:09Z", 18930, "failure"),
        ("2026-08-17T22:05:10Z", 18929, "success"),
        ("2026-08-17T21:05:10Z", 18928, "success"),
    )
    old = zipped(lambdalabs=catalogue(25.52), datacrunch=catalogue(18.4))
    return {
        "api.github.com": [body(gpuhunt_runs())],
        f"{RUNS}?per_page=100&created=2026-08-17..2026-08-20": [body(runs)],
        f"{BUCKET}/v1/20240612/catalog.zip": [body(old, "application/zip")],
        f"{BUCKET}/v2/20260817-18929/catalog.zip": [body(old, "application/zip")],
        f"{BUCKET}/v3/lambdalabs/20260820-18990/catalog.zip": [
            body(zipped(lambdalabs=catalogue(31.92)), "application/zip")
        ],
    }


def test_catalogues_of_all_versions_are_one_history_by_cloud(home, gpuhunt_plays):
    with FaultServer(gpuhunt_plays) as server:
        result = file_past(home, "gpuhunt", server.url, since=date(2026, 8, 17))
        again = file_past(home, "gpuhunt", server.url, since=date(2026, 8, 17))
        asked = server.hits[f"{BUCKET}/v2/20260817-18929/catalog.zip"]
    assert (result.filed, result.failed) == (2, 0)
    assert (again.filed, again.known) == (0, 2)
    assert asked == 1  # one archive of all clouds, fetched once
    rows = parse_captures(home, pending_captures(home, ["gpuhunt"]))
    kept = {
        (one.seen_at.day, one.request_scope): one.offers_kept for one in rows if one.offers_kept
    }
    assert kept == {(17, "lambdalabs"): 1, (17, "verda"): 1, (20, "lambdalabs"): 1}
    load(home, now=NOW, run_id="one")
    with open_build(home) as connection:
        found = connection.execute(
            "select provider_id, usd_per_gpu_hour, valid_from::date::text, valid_to::date::text"
            " from core.offer_price where superseded_at is null order by all"
        ).fetchall()
    assert found == [  # a cloud that is missing from a version has not vanished
        ("lambda", pytest.approx(3.19), "2026-08-17", "2026-08-20"),
        ("lambda", pytest.approx(3.99), "2026-08-20", None),
        ("verda", pytest.approx(2.3), "2026-08-17", None),
    ]


def test_the_first_catalogues_need_no_list_and_days_without_one_are_counted(home, gpuhunt_plays):
    with FaultServer(gpuhunt_plays) as server:
        result = file_past(
            home, "gpuhunt", server.url, since=date(2024, 6, 11), until=date(2024, 6, 12)
        )
        assert not server.hits["api.github.com"]
    assert (result.filed, result.failed) == (1, 1)
    assert result.first == datetime(2024, 6, 12, tzinfo=UTC)


def test_github_that_refuses_to_list_is_said_in_one_line(home):
    with (
        FaultServer({"api.github.com": [status(403)], "__index": [status(404)]}) as server,
        pytest.raises(past.FetchError, match=r"catalogs\.yml/runs.*403"),
    ):
        file_past(home, "gpuhunt", server.url, since=date(2026, 8, 17))


@pytest.mark.parametrize(("every", "lists"), [("day", 8), ("week", 6), ("month", 1)])
def test_lists_of_runs_cover_every_day_once(every, lists):
    march = date(2026, 3, 1), date(2026, 3, 31)  # from a Sunday to a Tuesday
    asked = list(gpuhunt.version_lists(*march, every, {"GITHUB_TOKEN": "canary"}))
    assert len(asked) == lists
    days = []
    for request in asked:
        first, last = request.url.partition("created=")[2].split("..")
        days += [date.fromisoformat(first)]
        while days[-1] < date.fromisoformat(last):
            days.append(days[-1] + timedelta(days=1))
        assert "canary" not in request.url
        assert request.secret_headers == {"Authorization": "Bearer canary"}
    assert days == [march[0] + timedelta(days=n) for n in range(31)]


def test_a_source_whose_past_nobody_keeps_is_refused(home):
    with (
        FaultServer({"__index": [body(b"[]")]}) as server,
        pytest.raises(past.NoHistoryError, match=r"runpod: the mirror .* has no dated copies"),
    ):
        file_past(home, "runpod", server.url)


def test_a_list_of_versions_that_is_no_list_is_an_error_that_says_so(home):
    plays = {"__index": [status(404)], "api.github.com": [body(b'{"message": "rate limit"}')]}
    with FaultServer(plays) as server, pytest.raises(ParseError, match="rate limit"):
        file_past(home, "cloud_gpus", server.url)


PARTS = {  # from the version of the first day to the last day
    "gpu_rental_prices": date(2026, 7, 12),
    "gcp_pricing_yml": date(2026, 3, 26),
    "litellm": date(2026, 4, 29),
}
EVERY_DAY = [date(2026, 7, 12) + timedelta(days=number) for number in range(21)]
KNOWN = datetime(2026, 8, 1, 6, tzinfo=UTC)


@pytest.fixture
def one_life_two_ways(tmp_path, replay_server, monkeypatch) -> tuple[Home, Home]:
    """Return a home that ran on each of 21 days, and one that was backfilled on the last."""
    monkeypatch.setattr("pipelines.derive.make.DERIVATIONS", {})  # they read the newest prices only
    macros = (SQL_FOLDER / "macros" / "history.sql").read_text()
    monkeypatch.setattr(
        "pipelines.derive.make.run_macros", lambda connection: connection.execute(macros)
    )
    monkeypatch.setattr("pipelines.derive.load.SNAPSHOT", tmp_path / "no_snapshot")
    monkeypatch.setattr("warehouse.publication.export", without_parquet)
    order = phases_behind(
        "core.api_price", "marts.offers_latest", "marts.gpu_price_change_point",
        "marts.provider_price_now",
    )  # fmt: skip
    lived, filed = Home(tmp_path / "lived"), Home(tmp_path / "filed")
    sources = [all_sources()[source_id] for source_id in PARTS]

    def build_and_publish(home: Home, now: datetime) -> None:
        parse_captures(home, pending_captures(home, PARTS))
        load(home, now=now, run_id=f"{now:%Y-%m-%d}")
        list(make(home, order))
        check(home, order.all)
        publish_build(home, run_id=f"{now:%Y-%m-%d}", now=now)

    for day in EVERY_DAY:
        now = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
        there = f"{replay_server}/__asof/{day}"
        capture(sources, home=lived, clock=lambda now=now: now, mirror=there)
        build_and_publish(lived, now)
    for source in sources:
        past.backfill(
            source,
            home=filed,
            recorded_at=KNOWN,
            mirror=replay_server,
            environment={},
            since=PARTS[source.source_id],
            until=EVERY_DAY[-1],
        )
    build_and_publish(filed, KNOWN)
    return lived, filed


DailyRows = list[tuple[object, ...]]


def counting_the_same(one: DailyRows, other: DailyRows) -> tuple[DailyRows, DailyRows]:
    """Return the daily prices of both that have the same providers and offers behind them."""

    def counts(row: tuple[object, ...]) -> tuple[object, ...]:
        return row[:5] + row[10:12]  # what the price is of; provider_count, offer_count

    both = {counts(row) for row in one} & {counts(row) for row in other}
    assert len(both) > 0.8 * max(len(one), len(other)), (len(both), len(one), len(other))
    return [row for row in one if counts(row) in both], [
        row for row in other if counts(row) in both
    ]


@pytest.mark.recorded
def test_living_through_days_is_filing_them_later(one_life_two_ways):
    """On every day the home that ran daily and the backfilled one believe and derive the same.

    What differs is when a thing was known, and when a list that stayed the same was last looked
    at: daily by the one, when it changed by the other. So a price counts for longer with the one
    that saw a change only in the morning, and days on which both count the same offers are
    compared. A date of
    deprecation that passes between two versions of a list is seen by the one only, and a token
    price that a rule held in either is not compared: who bears witness depends on the order.
    """
    doubted: set[str] = set()
    for home in one_life_two_ways:
        with open_published(home) as connection:
            held = connection.execute(
                "select distinct json_extract_string(row_json, '$.api_price_key')"
                " from meta.quarantine where scope = 'row' and row_json like '%api_price_key%'"
            ).fetchall()
            doubted |= {key for (key,) in held}
    assert len(doubted) < 100
    offer = ", ".join((OFFER.key, *OFFER.values))
    price = ", ".join((API_PRICE.key, *sorted(API_PRICE.values.keys() - {"is_deprecated"})))
    between = f"between '{EVERY_DAY[0]}' and '{EVERY_DAY[-1]}'"
    questions = {
        **{f"{day}": f"select {offer} from as_of('{day}')" for day in EVERY_DAY},
        **{
            f"token prices of {day}": f"select {price} from core.api_price"
            f" where superseded_at is null and valid_from <= instant('{day}')"
            f" and coalesce(valid_to > instant('{day}'), true)"
            f" and not list_contains(doubted(), {API_PRICE.key})"
            for day in EVERY_DAY
        },
        "daily": "select * exclude (oldest_seen_on, heard_provider_count, carried_provider_count)"
        f" from marts.gpu_price_daily where day {between} and offer_count > 0",
        "changes": "from marts.gpu_price_change_point"
        f" where before_day {between} and is_price_move",
        "latest": "select offer_key, gpu_id, market_family, price_amount, usd_per_gpu_hour,"
        " is_witness from marts.offers_latest",
        "now": "select * exclude (oldest_seen_at, age_days) from marts.provider_price_now",
    }
    answers: list[dict[str, list[tuple[object, ...]]]] = []
    for home in one_life_two_ways:
        with open_published(home) as connection:
            keys = ", ".join(map(literal, sorted(doubted)))
            connection.execute(f"create temp macro doubted() as [{keys}]")
            answers.append(
                {
                    name: connection.execute(f"from ({asked}) order by all").fetchall()
                    for name, asked in questions.items()
                }
            )
    lived, filed = answers
    lived["daily"], filed["daily"] = counting_the_same(lived["daily"], filed["daily"])
    for name in questions:
        assert filed[name] == lived[name], name
        assert lived[name] or name == "changes"
    assert len(lived["daily"]) > 500 and len(lived["latest"]) > 300


FILE_AND_BUILD = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from pipelines.capture import backfill
from pipelines.derive.load import load
from pipelines.reading.ledger import pending_captures
from pipelines.reading.reader import parse_captures
from pipelines.sources import all_sources
from warehouse.paths import Home

home, mirror, attempt = Home(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
now = datetime(2026, 11, 21, 6, attempt, tzinfo=UTC)
print("begun", flush=True)
for name, since in (("gpu_pricing_tracker", None), ("gpuhunt", date(2026, 8, 17)),
                    ("cloud_gpus", None)):
    backfill.backfill(all_sources()[name], home=home, recorded_at=now, mirror=mirror,
                      environment={}, since=since)
    parse_captures(home, pending_captures(home, [name]))
    load(home, now=now, run_id=str(attempt))
"""


KILLS = 5


@pytest.mark.slow
def test_a_backfill_that_is_killed_and_goes_on_ends_where_an_unbroken_one_does(
    tmp_path, gpuhunt_plays
):
    table = fixture("cloud_gpus", "cloud_gpu.json")
    versions = {f"2025-03-0{day}T10:00:00Z": table.replace(b"1.99", b"1.8%d" % day)
                for day in (3, 2, 1)}  # fmt: skip
    header, *rows = TWO_DAYS.decode().splitlines()
    tracker = [header] + [
        row.replace(row[:10], f"{date(2026, 5, 1) + timedelta(days=day)}").replace(
            "demand,", f"demand,{day}"
        )
        for day in range(30)
        for row in rows[:2]
    ]
    plays = {
        **github(versions),
        **gpuhunt_plays,
        TRACKER: [body("\n".join(tracker).encode(), "text/csv")],
    }

    def run(home: Home, attempt: int, seconds: float | None) -> float:
        """Run for so long, or to the end, and return how long that took."""
        arguments = [str(home.root), server.url, str(attempt)]
        with subprocess.Popen(
            [sys.executable, "-c", FILE_AND_BUILD, *arguments], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None and child.stdout.readline() == "begun\n"
            begun = time.monotonic()
            try:
                assert child.wait(seconds) == 0
            except subprocess.TimeoutExpired:
                child.kill()
            return time.monotonic() - begun

    unbroken, broken = Home(tmp_path / "unbroken"), Home(tmp_path / "broken")
    with FaultServer(plays) as server:
        whole = run(unbroken, 0, None)
        for number in range(KILLS):
            run(broken, number, whole * (number + 1) / (KILLS + 2))
        run(broken, KILLS, None)
    kept = []
    for home in (unbroken, broken):
        with open_build(home) as connection:
            kept.append(
                [
                    connection.execute(f"from ({asked}) order by all").fetchall()
                    for asked in (
                        "select * exclude (recorded_at) from core.offer_price"
                        " where superseded_at is null",
                        "select * exclude (capture_id, recorded_at, run_id, attempts, status)"
                        " from meta.capture",
                        "select * exclude (capture_id, run_id) from meta.quarantine",
                        "select source_id, request_key, seen_at from core.offer_capture",
                    )
                ]
            )
        assert not list((home.landing / ".unfinished").glob("*"))
    assert kept[1] == kept[0]
    assert [len(rows) > 5 for rows in kept[0]] == [True, True, True, True]


def test_versions_from_before_a_file_moved_are_asked_for_where_it_was(home):
    prices = fixture("genai_prices", "data_slim.json")
    path = f"{RAW}/pydantic/genai-prices/main/prices"
    moved, former = f"{path}/new_data/v2/data_slim.json", f"{path}/data_slim.json"
    copies = [(moved, "2026-08-21"), (former, "2026-07-25"), (former, "2026-09-01")]
    index = [{"url": f"https://{url}", "as_of": day} for url, day in copies]
    plays = {"__index": [body(json.dumps(index).encode())]}
    plays |= {f"__asof/{day}/{url}": [body(prices)] for url, day in copies}
    with FaultServer(plays) as server:
        assert file_past(home, "genai_prices", server.url).failed == 0
    filed = [(one.seen_at.date(), one.requests[0].url) for one in captures(home, "genai_prices")]
    assert filed == [
        (date(2026, 7, 25), f"https://{former}"),  # not that of September: it stands still
        (date(2026, 8, 21), f"https://{moved}"),
    ]
