"""Every fixture, over HTTP through capture and parse: what a parser yields is what is kept.

The contract of rows (strict types, positive sizes, known words) is held by ``reading``;
here it is seen to hold for every source, keys, followed pages and joined pages included.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from pipelines.capture.http.client import Limits
from pipelines.reading.ledger import ParseResult
from pipelines.reading.reader import parse_captures
from pipelines.sources import all_sources
from pipelines.sources.base import Fetching, Held, records
from pipelines.sources.fixtures import fixture_payloads
from tests.pipelines.captures import capture
from tests.pipelines.fault_server import FaultServer, body
from warehouse.paths import Home

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
SOURCES = [name for name in all_sources() if (FIXTURES / name / "expected.json").is_file()]
ENVIRONMENT = {s.key_environment: "k" for s in all_sources().values() if s.key_environment} | {
    "HOTAISLE_TEAM_HANDLE": "example"
}


def answers() -> dict[str, dict[tuple[str, str], bytes]]:
    """Return what is served: by address, the answer to each source and key."""
    served: dict[str, dict[tuple[str, str], bytes]] = defaultdict(dict)
    for name in SOURCES:
        fetching = Fetching(on=date(2026, 11, 21), environment=ENVIRONMENT)
        asked = {request.key: request.url for request in all_sources()[name].requests(fetching)}
        for entry in json.loads((FIXTURES / name / "payloads.json").read_text()):
            url = asked.get(entry["key"], entry["url"])  # followed pages are not asked for at once
            content = (FIXTURES / name / entry["file"]).read_bytes()
            served[url.split("://", 1)[1]][name, entry["file"]] = content
    return served


# Two keys or two sources may ask one address (Vast by POST, Epoch's tables): a server that knows
# addresses only cannot tell them apart, and these are left to their own tests.
ALIKE = {name for found in answers().values() if len(found) > 1 for name, _ in found}
ALONE = [name for name in SOURCES if name not in ALIKE]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[ParseResult]]:
    plays = {address: [body(next(iter(found.values())))] for address, found in answers().items()}
    home = Home(tmp_path_factory.mktemp("home"))
    with FaultServer(plays) as server:
        captured = capture(
            [all_sources()[name] for name in ALONE],
            home=home,
            mirror=server.url,
            environment=ENVIRONMENT,
            named=ALONE,
            limits=Limits(total_seconds=30),
        )
    found: dict[str, list[ParseResult]] = defaultdict(list)
    for result in parse_captures(home, [result.capture for result in captured]):
        found[result.source_id].append(result)
    return found


@pytest.mark.parametrize("name", ALONE)
def test_what_the_parser_yields_is_kept(results: dict[str, list[ParseResult]], name: str) -> None:
    source = all_sources()[name]
    for payload in fixture_payloads(FIXTURES / name, source):
        rows = list(records(source.parse(payload)))
        held = sum(isinstance(row, Held) for row in rows)
        mine = [result for result in results[name] if result.request_key == payload.key]
        assert mine, f"{payload.key} was not asked for"
        kept = sum(result.offers_kept for result in mine)
        assert (kept, mine[0].offers_held) == (len(rows) - held, held), mine[0].error


def test_nearly_every_source_is_seen_end_to_end() -> None:
    assert len(ALONE) >= 0.9 * len(SOURCES), sorted(ALIKE)
