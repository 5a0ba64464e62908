"""The recorded payloads of real sources, damaged by the replay server in every way it knows."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.capture.http.client import Limits
from pipelines.capture.landing import Landing
from pipelines.reading.ledger import ParseResult
from pipelines.reading.reader import parse_captures
from pipelines.sources import all_sources
from pipelines.sources.base import Source
from tests.pipelines.captures import capture
from warehouse.paths import Home

pytestmark = pytest.mark.recorded

GOOD_DAY = datetime(2026, 10, 1, 6, tzinfo=UTC)
LIMITS = Limits(
    backoff_seconds=0.001, read_seconds=1.5, total_seconds=6.0, retry_after_cap_seconds=2.0
)
# An API asked by GET, one asked by POST, a feed of several files, a page, a list, a series.
NAMES = ("azure", "runpod", "anycloud_catalog", "nebius", "litellm", "fred", "gpu_rental_prices")


def recorded_source(name: str, replay_server: str) -> Source:
    """Return a source that asks only for what is recorded."""
    source = all_sources().get(name)
    if source is None:
        pytest.skip(f"there is no source {name} yet")
    with urllib.request.urlopen(f"{replay_server}/__index", timeout=10) as answer:
        known = {row["url"].split("?")[0] for row in json.load(answer)}
    asked = source.requests

    def requests(fetching: object) -> list[object]:
        return [r for r in asked(fetching) if r.url.split("?")[0] in known][:3]  # type: ignore[arg-type]

    return replace(source, requests=requests, disabled_reason=None)  # type: ignore[arg-type]


def visit(source: Source, home: Home, mirror: str, moment: datetime) -> list[ParseResult]:
    [result] = capture([source], home=home, mirror=mirror, clock=lambda: moment, limits=LIMITS)
    return parse_captures(home, [result.capture], {source.source_id: source})


# (the ledger of a bad day, the ledger of the good day before) -> is it as it should be?
Check = Callable[[Sequence[ParseResult], Sequence[ParseResult]], bool]


def fails_with(*error_classes: str) -> Check:
    def check(today: Sequence[ParseResult], good_day: Sequence[ParseResult]) -> bool:
        had_rows = {r.request_key for r in good_day if r.offers_kept}
        return all(
            r.status not in ("ok", "unchanged")
            and r.error_class in error_classes
            and r.offers_kept == 0
            and not r.is_scope_complete
            for r in today
            if r.request_key in had_rows
        )

    return check


def same_rows(today: Sequence[ParseResult], good_day: Sequence[ParseResult]) -> bool:
    return [(r.request_key, r.offers_kept) for r in today] == [
        (r.request_key, r.offers_kept) for r in good_day
    ] and all(r.is_scope_complete for r in today if r.offers_kept)


def same_rows_or(*error_classes: str) -> Check:
    fails = fails_with(*error_classes)
    return lambda today, good_day: same_rows(today, good_day) or fails(today, good_day)


FAULTS: dict[str, Check] = {
    "500": fails_with("http_error"),
    "503-twice": same_rows,
    "429": same_rows,
    "403": fails_with("http_error"),
    "404": fails_with("source_gone"),
    "empty": fails_with("empty"),
    "truncate": fails_with("truncated"),
    # The same rows where the prices are in the part that arrived and the rest holds none.
    "truncate-silent": same_rows_or("parse_error", "truncated"),
    "html-wall": fails_with("unexpected_content", "parse_error"),
    "wrong-type": same_rows,
    "latin1": same_rows_or("parse_error"),  # the same rows where the text is plain ASCII
    "bom": same_rows,
    "slow": fails_with("timeout"),
    "hang": fails_with("timeout"),
    "bomb": fails_with("too_large"),
    "redirect-private": fails_with("bad_redirect"),
    "redirect-loop": fails_with("bad_redirect"),
    "reset": fails_with("unreachable"),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_is_handled_and_none_is_silent(name: str, replay_server: str, tmp_path: Path):
    source = recorded_source(name, replay_server)
    home = Home(tmp_path)
    good_day = visit(source, home, replay_server, GOOD_DAY)
    assert sum(result.offers_kept for result in good_day) > 0
    silent = []
    for number, (fault, is_handled) in enumerate(FAULTS.items(), start=1):
        moment = GOOD_DAY + timedelta(days=number)
        today = visit(source, home, f"{replay_server}/__fault/{fault}", moment)
        print(f"{fault:17} {name:18}", {(r.status, r.error_class, r.offers_kept) for r in today})
        if not is_handled(today, good_day):
            silent.append((fault, [(r.status, r.error_class, r.error) for r in today]))
        for result in today:
            if result.error_class == "parse_error":
                assert Landing(home).verify(str(result.payload_sha256))
    assert silent == []
    assert list(Landing(home).damaged()) == []


def test_the_list_of_faults_is_the_replay_servers_own(recorded: Path):
    sys.path.insert(0, str(recorded / "replay"))
    try:
        import serve
    finally:
        sys.path.pop(0)
    assert set(serve.FAULTS) == set(FAULTS)
