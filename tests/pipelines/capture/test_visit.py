"""A run visits every source, whatever one of them does, and files one capture for each."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipelines.capture import parallel
from pipelines.capture.http.client import Client, Limits
from pipelines.capture.landing import Landing
from pipelines.capture.parallel import Progress
from pipelines.reading.reader import parse_captures
from pipelines.sources.base import Fetching, Payload, Request, Row, Source
from tests.pipelines import fault_server as faults
from tests.pipelines.captures import capture
from tests.pipelines.fault_server import FaultServer
from warehouse.paths import Home

MOMENT = datetime(2026, 7, 1, 6, tzinfo=UTC)
LIMITS = Limits(backoff_seconds=0.001)


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path)


def no_rows(payload: Payload) -> Iterator[Row]:
    return iter(())


def source(source_id: str, *paths: str, **fields: object) -> Source:
    def requests(fetching: Fetching) -> list[Request]:
        return [
            Request(key=path, url=f"https://{source_id}.example/{path}")
            for path in paths or ("prices",)
        ]

    defaults = Source(
        source_id=source_id,
        title=source_id,
        kind="api",
        homepage_url="https://acme.example/",
        terms_url="https://acme.example/terms",
        licence="terms",
        credit="Acme",
        may_redistribute=False,
        allowed_hosts=(f"{source_id}.example",),
        requests=requests,
        parse=no_rows,
        parser_version=1,
        expected_rows=(0, 10),
    )
    return replace(defaults, **fields)  # type: ignore[arg-type]


def test_every_source_gets_its_result_in_order_and_its_progress(home: Home):
    sources = [source(name) for name in ("acme", "beta", "gamma")]
    steps: list[Progress] = []
    plays = {
        "acme.example": [faults.body(b"[1]")],
        "beta.example": [faults.status(404)],
        "gamma.example": [faults.body(b"[333]")],
    }
    with FaultServer(plays) as server:
        results = capture(
            sources,
            home=home,
            mirror=server.url,
            clock=lambda: MOMENT,
            limits=LIMITS,
            progress=steps.append,
        )
    assert [(r.source_id, r.status, r.bytes) for r in results] == [
        ("acme", "ok", 3),
        ("beta", "failed", 0),
        ("gamma", "ok", 5),
    ]
    for name in ("acme", "beta", "gamma"):
        statuses = [step.status for step in steps if step.source_id == name]
        assert statuses == ["running", "failed" if name == "beta" else "ok"]
    assert {r.capture.seen_at for r in results} == {MOMENT}
    assert [list(Landing(home).captures(r.source_id)) for r in results] == [
        [r.capture] for r in results
    ]


def test_a_run_has_one_clock_and_a_backfill_two(home: Home):
    ticks = iter(MOMENT + timedelta(seconds=second) for second in range(100))
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        [result] = capture([source("acme")], home=home, mirror=server.url, clock=lambda: MOMENT)
        assert result.capture.recorded_at == result.capture.seen_at == MOMENT
        [result] = capture(
            [source("acme")],
            home=home,
            mirror=server.url,
            clock=lambda: MOMENT,
            recorded_clock=lambda: next(ticks) + timedelta(days=90),
        )
    assert result.capture.seen_at == MOMENT
    assert result.capture.recorded_at == MOMENT + timedelta(days=90)


def test_the_clock_is_read_in_any_zone_and_never_without_one(home: Home):
    zone = timezone(timedelta(hours=9))
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        local = MOMENT.astimezone(zone).replace(hour=2)
        [result] = capture([source("acme")], home=home, mirror=server.url, clock=lambda: local)
        assert result.capture.capture_id == "acme/2026-06-30/170000000000"
        with pytest.raises(ValueError, match="without a time zone"):
            capture([], home=home, clock=lambda: MOMENT.replace(tzinfo=None))


def test_some_parts_failing_is_partial_all_failing_is_failed(home: Home):
    sources = [
        source("acme", "a", "b"),
        source("beta", "a", "b"),
    ]
    plays = {
        "acme.example/a": [faults.body(b"[1]")],
        "acme.example/b": [faults.status(403)],
        "beta.example": [faults.status(403)],
    }
    with FaultServer(plays) as server:
        results = capture(sources, home=home, mirror=server.url, limits=LIMITS)
    assert [result.status for result in results] == ["partial", "failed"]
    assert [record.outcome for record in results[0].capture.requests] == ["ok", "failed"]
    assert results[0].error_class == "http_error"


def optional(paths: tuple[str, ...]):
    return lambda fetching: [
        Request(key=path, url=f"https://acme.example/{path}", is_optional=True) for path in paths
    ]


def test_an_optional_part_may_be_missing_but_not_all_of_them(home: Home):
    some = source("acme", requests=optional(("a", "b")))
    with FaultServer({"acme.example/a": [faults.body(b"[1]")]}) as server:
        [result] = capture([some], home=home, mirror=server.url, limits=LIMITS)
        assert result.status == "ok"
        assert [record.outcome for record in result.capture.requests] == ["ok", "absent"]
        none = replace(some, requests=optional(("b", "c")))
        [result] = capture([none], home=home, mirror=server.url, limits=LIMITS)
    assert (result.status, result.error_class) == ("failed", "source_gone")


def test_a_source_that_is_off_runs_only_by_its_name(home: Home):
    off = source("acme", disabled_reason="the terms say no")
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        [result] = capture([off], home=home, mirror=server.url)
        assert (result.status, result.error) == ("skipped", "off: the terms say no")
        assert server.hits.total() == 0
        [result] = capture([off], home=home, mirror=server.url, named=["acme"])
    assert result.status == "ok"


def test_a_mistake_in_one_source_stops_only_that_source(home: Home):
    def broken(fetching: Fetching) -> list[Request]:
        raise KeyError("us-east-1")

    sources = [source("acme", requests=broken), source("beta")]
    with FaultServer({"beta.example": [faults.body(b"[1]")]}) as server:
        results = capture(sources, home=home, mirror=server.url)
    assert [result.status for result in results] == ["failed", "ok"]
    assert results[0].error == "acme: KeyError: 'us-east-1'"


def test_a_full_disk_is_told_and_nothing_half_written_is_left(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipelines.capture.landing.zstandard.ZstdCompressor", full)
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        [result] = capture([source("acme")], home=home, mirror=server.url, limits=LIMITS)
    assert result.status == "failed"
    assert result.error == "acme: OSError: [Errno 28] No space left on device"
    assert not list(home.landing.rglob("*.zst"))
    assert not list(home.landing.rglob("*.tmp"))


def test_a_source_that_cannot_be_interrupted_is_given_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parallel, "GRACE_SECONDS", 0.2)
    release, has_ended = threading.Event(), threading.Event()

    def stuck(fetching: Fetching) -> list[Request]:
        release.wait(60)
        has_ended.set()
        return []

    sources = [source("acme", requests=stuck), source("beta"), source("gamma")]
    plays = {"beta.example": [faults.body(b"[1]")], "gamma.example": [faults.body(b"[1]")]}
    with FaultServer(plays) as server:
        # One thread: its place must be taken when it is lost.
        results = capture(
            sources,
            home=home,
            mirror=server.url,
            limits=replace(LIMITS, total_seconds=2.0),
            workers=1,
        )
    assert not has_ended.is_set()  # the run did not wait for it
    assert [result.status for result in results] == ["failed", "ok", "ok"]
    assert results[0].error_class == "timeout"
    release.set()
    assert len(list(Landing(home).captures("acme"))) == 1


def test_two_requests_with_one_key_stay_apart(home: Home):
    def requests(fetching: Fetching) -> list[Request]:
        return [Request(key="k", url=f"https://acme.example/{path}") for path in ("a", "b", "a")]

    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        [result] = capture([source("acme", requests=requests)], home=home, mirror=server.url)
    assert [record.key for record in result.capture.requests] == ["k", "k#2"]
    assert server.hits.total() == 2  # the same question is asked once


def test_the_same_run_twice_brings_nothing_new(home: Home):
    sources = {"acme": source("acme", "a", "b")}
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        for _ in range(2):
            [result] = capture(sources.values(), home=home, mirror=server.url, clock=lambda: MOMENT)
            parse_captures(home, [result.capture], sources)
    assert result.status == "unchanged"
    assert result.capture.capture_id == "acme/2026-07-01/060000000000-001"
    assert len(list(home.landing.rglob("*.zst"))) == 1


def test_a_mirrors_password_is_not_kept(home: Home):
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        mirror = server.url.replace("http://", "http://user:hunter2@")
        [result] = capture([source("acme")], home=home, mirror=mirror)
    assert result.status == "ok"
    assert result.capture.mirror == server.url
    files = [file.read_bytes() for file in home.root.rglob("*") if file.is_file()]
    assert not any(b"hunter2" in content for content in files)


def test_another_mirrors_version_mark_is_not_trusted(home: Home):
    sources = {"acme": source("acme")}
    for content in (b"[1]", b"[2]"):
        with FaultServer({"acme.example": [faults.versioned(content, '"v1"')]}) as server:
            client = Client(mirror=server.url, limits=LIMITS)
            [result] = capture(sources.values(), home=home, client=client, clock=lambda: MOMENT)
            parse_captures(home, [result.capture], sources)
        assert (result.status, result.capture.requests[0].status) == ("ok", 200)
