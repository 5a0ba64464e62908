"""What a source can do wrong over HTTP or in its payload, on four kinds of sources.

Each fault must end with a status, one clear message, the bytes kept where there are any, no row
that is wrong, and the rows of the day before untouched.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bs4 import BeautifulSoup

from pipelines.capture.http.client import Client, Limits
from pipelines.capture.landing import Landing
from pipelines.reading.ledger import ParseResult, capture_ledger
from pipelines.reading.reader import parse_captures
from pipelines.sources import linode, runpod, skypilot_catalog
from pipelines.sources.base import Fetching, Held, Offer, ParseError, Payload, Request, Row, Source
from pipelines.sources.fields import price_or_held
from tests.pipelines import acme
from tests.pipelines import fault_server as faults
from tests.pipelines.captures import capture
from tests.pipelines.fault_server import FaultServer, Play
from warehouse.paths import Home

YESTERDAY = datetime(2026, 7, 1, 6, tzinfo=UTC)
TODAY = YESTERDAY + timedelta(days=1)
PATIENT = Limits(backoff_seconds=0.001, retry_after_cap_seconds=0.5)
QUICK = replace(PATIENT, read_seconds=0.15, total_seconds=0.4)
SMALL = 512 * 1024

# ------------------------------------------------------------------ a price page of our own


def parse_page(payload: Payload) -> Iterator[Row]:
    """Read a page with one table: GPU and USD per GPU hour."""
    table = BeautifulSoup(payload.text(), "lxml").find("table")
    if table is None:
        raise ParseError(f"{payload.where()}: no table; did the page change?")
    header, *rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in table("tr")]
    if header != ["GPU", "Price"]:
        raise ParseError(f"{payload.where()}: columns are {header}; did the page change?")
    for name, price in rows:
        amount = price_or_held(price.removeprefix("$"), {"GPU": name, "Price": price})
        if isinstance(amount, Held):
            yield amount
            continue
        yield Offer(
            provider_id="acme",
            sku=name,
            gpu_name_printed=name,
            gpu_count=1,
            price_amount=amount,
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier="neocloud",
        )


ACME = acme.source(
    kind="page",
    requests=lambda fetching: [Request(key="prices", url="https://acme.example/prices")],
    parse=parse_page,
    expected_rows=(1, 100),
)


# ------------------------------------------------------------------ the four kinds


@dataclass(frozen=True)
class Case:
    """A source with a way to write its payload."""

    source: Source
    path: str  # what the mirror is asked
    content_type: str
    write: Callable[[Sequence[tuple[str, Any]]], bytes]  # of (GPU name, price)

    def good(self) -> bytes:
        return self.write(ROWS)

    def run(
        self, home: Home, mirror: str, moment: datetime = TODAY, limits: Limits = PATIENT
    ) -> list[ParseResult]:
        [result] = capture(
            [self.source], home=home, mirror=mirror, clock=lambda: moment, limits=limits
        )
        return parse_captures(home, [result.capture], {self.source.source_id: self.source})


ROWS = [("NVIDIA H100 NVL", 2.59), ("NVIDIA L4", 0.43), ("Café GPU", 1.25)]


def bounded(source: Source, *keys: str) -> Source:
    """Return the source with small bodies, and only some of its requests."""

    def requests(fetching: Fetching) -> list[Request]:
        asked = [r for r in source.requests(fetching) if not keys or r.key in keys]
        return [replace(request, max_bytes=SMALL) for request in asked]

    return replace(source, requests=requests)


def write_runpod(rows: Sequence[tuple[str, Any]]) -> bytes:
    gpu_types = [
        {
            "id": name,
            "displayName": name,
            "memoryInGb": 24,
            "secureCloud": True,
            "communityCloud": False,
            "securePrice": price,
            "communityPrice": None,
            "lowestPrice": None,
        }
        for name, price in rows
    ]
    return json.dumps({"data": {"gpuTypes": gpu_types}}, ensure_ascii=False).encode()


def write_linode(rows: Sequence[tuple[str, Any]], page: int = 1, pages: int = 1) -> bytes:
    data = [
        {
            "id": f"g-{page}-{name}",
            "label": f"{name} x1 Small",
            "gpus": 1,
            "price": {"hourly": price},
            "region_prices": [],
            "vcpus": 4,
            "memory": 16384,
        }
        for name, price in rows
    ]
    return json.dumps({"data": data, "page": page, "pages": pages}, ensure_ascii=False).encode()


def write_catalogue(rows: Sequence[tuple[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    header = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,SpotPrice"
    writer.writerow(header.split(","))
    for name, price in rows:
        shown = "" if price is None else price
        writer.writerow([f"gpu_1x_{name}", name, 1.0, 26.0, 200.0, shown, "us-east-1", ""])
    return text.getvalue().encode()


def write_page(rows: Sequence[tuple[str, Any]]) -> bytes:
    lines = "".join(f"<tr><td>{name}</td><td>${price}</td></tr>" for name, price in rows)
    table = f"<table><tr><th>GPU</th><th>Price</th></tr>{lines}</table>"
    return f"<!doctype html><html><body><h1>Prices</h1>{table}</body></html>".encode()


CATALOGUE = "raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"
CASES = {
    "api": Case(bounded(linode.SOURCE), "api.linode.com/v4", "application/json", write_linode),
    "graphql": Case(
        bounded(runpod.SOURCE), "api.runpod.io/graphql", "application/json", write_runpod
    ),
    "feed": Case(
        bounded(skypilot_catalog.SOURCE, "lambda"),
        f"{CATALOGUE}/lambda/vms.csv",
        "text/plain",
        write_catalogue,
    ),
    "page": Case(bounded(ACME), "acme.example/prices", "text/html; charset=utf-8", write_page),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def rows_of(home: Home, results: Sequence[ParseResult]) -> list[tuple[str, Decimal]]:
    """Return name and price of every offer that some ledger lines refer to."""
    files = [str(home.root / r.observation_path) for r in results if r.observation_path]
    if not files:
        return []
    query = "select gpu_name_printed, price_amount from read_parquet(?) order by all"
    return duckdb.execute(query, [files]).fetchall()


def yesterday_was_good(case: Case, home: Home) -> dict[Path, bytes]:
    """Run one good day; return every file that it left."""
    with FaultServer({case.path: [faults.body(case.good(), case.content_type)]}) as server:
        [result] = case.run(home, server.url, YESTERDAY)
    assert result.status == "ok"
    assert result.offers_kept == len(ROWS)
    assert result.is_scope_complete
    return {file: file.read_bytes() for file in home.root.rglob("*") if file.is_file()}


def assert_handled(
    home: Home, results: Sequence[ParseResult], error_class: str, left: dict[Path, bytes]
) -> None:
    """Check that a failure is recorded once, closes nothing and does not change the day before."""
    [result] = results
    assert result.error_class == error_class, result.error
    assert result.status in ("failed", "empty", "quarantined")
    assert result.offers_kept == 0
    assert not result.is_scope_complete
    assert result.error is not None
    assert result.error.startswith(result.source_id)
    assert "\n" not in result.error
    assert {file: file.read_bytes() for file in left} == left
    assert not list(home.landing.rglob("*.tmp"))
    ledger = capture_ledger(home)
    assert ledger.column("status").to_pylist() == ["ok", result.status]


# ------------------------------------------------------------------ the wire

WIRE_FAULTS: dict[str, tuple[Callable[[Case], Play], str, int]] = {
    "N1 status 500": (lambda case: faults.status(500), "http_error", 4),
    "N1 status 503": (lambda case: faults.status(503, Retry_After="0"), "http_error", 4),
    "N1 status 403": (lambda case: faults.status(403), "http_error", 1),
    "N3 always 429": (lambda case: faults.status(429, Retry_After="0"), "rate_limited", 4),
    "N3 429, wait an hour": (
        lambda case: faults.status(429, Retry_After="3600"),
        "rate_limited",
        1,
    ),
    "N4 gone 410": (lambda case: faults.status(410), "source_gone", 1),
    "N5 connection reset": (lambda case: faults.reset, "unreachable", 4),
    "N6 no answer": (lambda case: faults.hang, "timeout", 1),
    "N7 dripping body": (lambda case: faults.drip_body, "timeout", 1),
    "N7 dripping headers": (lambda case: faults.drip_headers, "timeout", 1),
    "N8 body cut short": (lambda case: faults.truncated(case.good()), "truncated", 4),
    "N8 last chunk missing": (lambda case: faults.truncated_chunks(case.good()), "truncated", 4),
    "N8 gzip cut short": (lambda case: faults.truncated_gzip(case.good()), "truncated", 4),
    "N10 announces 3 GB": (lambda case: faults.huge, "too_large", 1),
    "N10 without end": (lambda case: faults.endless, "too_large", 1),
    "N11 gzip bomb": (lambda case: faults.bomb, "too_large", 1),
    "N12 to loopback": (
        lambda case: faults.redirect("http://127.0.0.1:1/latest"),
        "bad_redirect",
        1,
    ),
    "N12 to IPv6 loopback": (lambda case: faults.redirect("https://[::1]/"), "bad_redirect", 1),
    "N12 to metadata": (
        lambda case: faults.redirect("http://169.254.169.254/latest/meta-data/"),
        "bad_redirect",
        1,
    ),
    "N12 to a decimal address": (
        lambda case: faults.redirect("https://2130706433/"),
        "bad_redirect",
        1,
    ),
    # To itself; the address that asks with a query comes back once more, without it.
    "N12 for ever": (lambda case: faults.redirect("/" + case.path), "bad_redirect", 1),
    "N13 to http": (
        lambda case: faults.redirect(f"http://{case.source.allowed_hosts[0]}/"),
        "bad_redirect",
        1,
    ),
    "N13 to another host": (
        lambda case: faults.redirect("https://elsewhere.example/"),
        "bad_redirect",
        1,
    ),
    "N13 to a file": (lambda case: faults.redirect("file:///etc/passwd"), "bad_redirect", 1),
    "empty body": (lambda case: faults.body(b""), "empty", 1),
    "unknown encoding": (
        lambda case: faults.body(case.good(), Content_Encoding="br"),
        "unexpected_content",
        1,
    ),
    "damaged gzip": (
        lambda case: faults.body(b"not gzip at all", Content_Encoding="gzip"),
        "unexpected_content",
        1,
    ),
}


@pytest.mark.parametrize("fault", WIRE_FAULTS)
def test_a_fault_of_the_wire_is_told_and_costs_only_the_day(case: Case, home: Home, fault: str):
    play, error_class, tries = WIRE_FAULTS[fault]
    left = yesterday_was_good(case, home)
    limits = QUICK if error_class == "timeout" else PATIENT
    with FaultServer({case.path: [play(case)]}) as server:
        results = case.run(home, server.url, limits=limits)
    if fault.startswith("N4") and case.source is CASES["feed"].source:
        error_class = "source_gone"  # optional, but it had rows
        assert results[0].error is not None and "3 rows before" in results[0].error
    assert_handled(home, results, error_class, left)
    if fault == "N12 for ever" and case is CASES["api"]:
        tries = 2
    assert server.hits[case.path] == tries
    assert len(list(home.landing.rglob("*.zst"))) == 1


TRANSIENT = {
    "N2 429 once": faults.status(429, Retry_After="0"),
    "500 once": faults.status(500),
    "408 once": faults.status(408),
    "425 once": faults.status(425),
    "reset once": faults.reset,
    "cut short once": faults.truncated(b'{"data": 12345}'),
}


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_fault_that_passes_is_waited_out_in_the_same_run(case: Case, home: Home, fault: str):
    plays = [TRANSIENT[fault], faults.body(case.good(), case.content_type)]
    with FaultServer({case.path: plays}) as server:
        [result] = case.run(home, server.url)
    assert (result.status, result.attempts, result.offers_kept) == ("ok", 2, len(ROWS))
    assert server.hits[case.path] == 2


def test_n5_nobody_listens(case: Case, home: Home):
    left = yesterday_was_good(case, home)
    with FaultServer() as server:
        closed = server.url
    assert_handled(home, case.run(home, closed), "unreachable", left)


# ------------------------------------------------------------------ the payload


def in_latin_1(case: Case) -> bytes:
    return case.good().decode().encode("latin-1")


def without_price(case: Case) -> bytes:
    for name in (b"securePrice", b"hourly", b",Price", b"<th>Price"):
        content = case.good().replace(name, name.replace(b"rice", b"reis").replace(b"hou", b"HOU"))
        if content != case.good():
            return content
    raise AssertionError("the payload has no price")


WALL = (
    b"<!doctype html><html><body><h1>Before you continue</h1>"
    b"<form>accept cookies</form></body></html>"
)
PAYLOAD_FAULTS: dict[str, tuple[Callable[[Case], bytes], set[str]]] = {
    "H1 consent wall": (lambda case: WALL, {"unexpected_content"}),
    "H3 no rows": (lambda case: case.write([]), {"empty"}),
    "H7 latin-1": (in_latin_1, {"parse_error"}),
    "H9 nested 200,000 deep": (lambda case: b"[" * 200_000, {"parse_error", "truncated"}),
    "H2 H10 price field renamed": (without_price, {"parse_error"}),
    "H10 prices are booleans": (
        lambda case: case.write([(name, True) for name, _ in ROWS]),
        {"contract"},
    ),
    "V4 prices are null": (
        lambda case: case.write([(name, None) for name, _ in ROWS]),
        {"contract"},
    ),
    "V7 NaN": (
        lambda case: case.write([(name, float("nan")) for name, _ in ROWS]),
        {"parse_error", "contract"},
    ),
    "binary": (lambda case: bytes(range(256)) * 10, {"parse_error", "truncated"}),
}


@pytest.mark.parametrize("fault", PAYLOAD_FAULTS)
def test_a_payload_that_cannot_be_read_is_kept_and_told(case: Case, home: Home, fault: str):
    damage, error_classes = PAYLOAD_FAULTS[fault]
    left = yesterday_was_good(case, home)
    with FaultServer({case.path: [faults.body(damage(case), case.content_type)]}) as server:
        results = case.run(home, server.url)
    [result] = results
    assert result.error_class in error_classes, result.error
    assert_handled(home, results, str(result.error_class), left)
    assert result.payload_sha256 is not None
    [path] = Landing(home).verify(result.payload_sha256)
    assert Landing(home).content(path) == damage(case)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_n9_a_body_cut_under_its_own_length_is_noticed(case: Case, home: Home, share: float):
    left = yesterday_was_good(case, home)
    cut = case.good()[: int(len(case.good()) * share)]
    with FaultServer({case.path: [faults.body(cut, case.content_type, ETag='"v2"')]}) as server:
        results = case.run(home, server.url)
    is_json = case.content_type == "application/json"
    assert results[0].error_class == ("parse_error" if is_json else "truncated")
    assert_handled(home, results, str(results[0].error_class), left)
    assert Landing(home).verify(str(results[0].payload_sha256))


def test_a_new_way_to_end_is_held_once_and_a_wall_is_no_way_to_end(home: Home):
    case = CASES["feed"]
    bodies = [case.good(), case.good()[:-2], case.good()[:-2], WALL, case.good(), case.good()[:-2]]
    statuses = []
    with FaultServer({case.path: [faults.body(content) for content in bodies]}) as server:
        for day in range(len(bodies)):
            [result] = case.run(home, server.url, YESTERDAY + timedelta(days=day))
            statuses.append((result.status, result.error_class))
    assert statuses == [
        ("ok", None),
        ("failed", "truncated"),
        ("ok", None),
        ("failed", "unexpected_content"),
        ("ok", None),
        ("failed", "truncated"),
    ]


def test_bytes_that_could_not_be_read_are_asked_for_again(home: Home):
    case = CASES["api"]
    mark = '"v1"'
    broken = faults.versioned(case.good()[:-20], mark)
    whole = faults.versioned(case.good(), mark)  # the cache lost a part, its mark is the same
    with FaultServer({case.path: [broken, whole]}) as server:
        case.run(home, server.url, YESTERDAY)
        [result] = case.run(home, server.url, TODAY)
    assert (result.status, result.http_status) == ("ok", 200)
    assert result.offers_kept == len(ROWS)


def test_n17_an_error_in_a_good_answer_is_told_in_its_own_words(home: Home):
    for case in (CASES["api"], CASES["graphql"]):
        said = b'{"errors": [{"message": "quota exceeded"}], "data": null}'
        with FaultServer({case.path: [faults.body(said)]}) as server:
            [result] = case.run(home, server.url)
        assert (result.status, result.error_class) == ("failed", "api_error")
        assert "quota exceeded" in str(result.error)


def test_n17_rows_beside_an_error_are_not_believed(home: Home):
    case = CASES["api"]
    content = json.loads(case.good()) | {"errors": [{"reason": "region timed out"}]}
    with FaultServer({case.path: [faults.body(json.dumps(content).encode())]}) as server:
        [result] = case.run(home, server.url)
    assert (result.error_class, result.offers_kept) == ("api_error", 0)


def test_h5_a_row_that_stands_twice_counts_once(case: Case, home: Home):
    content = case.write([*ROWS, ROWS[0], ROWS[0]])
    with FaultServer({case.path: [faults.body(content, case.content_type)]}) as server:
        [result] = case.run(home, server.url)
    assert (result.status, result.offers_kept) == ("ok", len(ROWS))
    if case is not CASES["feed"]:  # whose parser merges equal rows itself
        assert result.offers_duplicate == 2


def test_h6_a_wrong_content_type_is_taken_with_a_warning(case: Case, home: Home):
    yesterday_was_good(case, home)
    content = case.write(ROWS[:2])
    with FaultServer({case.path: [faults.body(content, "application/octet-stream")]}) as server:
        [result] = case.run(home, server.url)
    assert (result.status, result.offers_kept) == ("ok", 2)
    assert "application/octet-stream" in str(result.warnings)


def test_h8_a_byte_order_mark_is_nothing(case: Case, home: Home):
    content = b"\xef\xbb\xbf" + case.good()
    with FaultServer({case.path: [faults.body(content, case.content_type)]}) as server:
        [result] = case.run(home, server.url)
    assert (result.status, result.offers_kept) == ("ok", len(ROWS))


def test_h10_a_new_field_is_nothing(home: Home):
    for name in ("api", "graphql"):
        case = CASES[name]
        content = case.good().replace(b'"id"', b'"novelty": {"a": [1]}, "id"')
        assert content != case.good()
        with FaultServer({case.path: [faults.body(content)]}) as server:
            [result] = case.run(home, server.url)
        assert (result.status, result.offers_kept) == ("ok", len(ROWS))


@pytest.mark.parametrize("price", [None, True, 0, -1, float("inf"), "n/a"])
def test_one_bad_price_holds_one_row(home: Home, price: object):
    case = CASES["graphql"]
    content = case.write([*ROWS, ("NVIDIA A40", price)])
    with FaultServer({case.path: [faults.body(content)]}) as server:
        [result] = case.run(home, server.url)
    if price == float("inf"):  # Infinity is not JSON: the whole answer is refused
        assert result.error_class == "parse_error"
    else:
        assert (result.status, result.offers_kept, result.offers_held) == ("ok", len(ROWS), 1)
        [held] = duckdb.execute(
            "select rule, row_json, payload_sha256 from read_parquet(?)",
            [str(home.root / str(result.quarantine_path))],
        ).fetchall()
        assert held[0].startswith("price_")
        assert "NVIDIA A40" in held[1]
        assert held[2] == result.payload_sha256


def test_i2_marks_and_tags_in_names_stay_text(case: Case, home: Home):
    name = "H100 </td>\u202e\x00\x1b[31m" if case is not CASES["page"] else "H100 \u202e\x1b[31m"
    content = case.write([(name, 2.0), ROWS[1]])
    with FaultServer({case.path: [faults.body(content, case.content_type)]}) as server:
        results = case.run(home, server.url)
    names = [name for name, _ in rows_of(home, results)]
    assert len(names) == 2
    assert all(text.isprintable() for text in names)
    assert Landing(home).content(Landing(home).verify(str(results[0].payload_sha256))[0]) == content


# ------------------------------------------------------------------ several requests


@pytest.mark.parametrize("broken", [("lambda",), ("hyperstack", "lambda", "verda")])
def test_n15_n16_a_failed_part_never_shifts_the_others(home: Home, broken: tuple[str, ...]):
    clouds = ("hyperstack", "lambda", "nebius", "verda")
    source = bounded(skypilot_catalog.SOURCE, *clouds)
    plays: dict[str, list[Play]] = {
        f"{CATALOGUE}/{cloud}/": [
            faults.status(500)
            if cloud in broken
            else faults.body(write_catalogue([(f"GPU of {cloud}", 1.5 + number)]))
        ]
        for number, cloud in enumerate(clouds)
    }
    case = Case(source, "", "", write_catalogue)
    with FaultServer(plays) as server:
        results = case.run(home, server.url)
    assert {r.request_key: r.status for r in results} == {
        cloud: "failed" if cloud in broken else "ok" for cloud in clouds
    }
    for result in results:
        assert result.is_scope_complete == (result.request_key not in broken)
        if result.request_key not in broken:
            number = clouds.index(str(result.request_key))
            expected = (f"GPU of {result.request_key}", Decimal(str(1.5 + number)))
            assert rows_of(home, [result]) == [expected]


def test_n18_all_pages_are_followed(home: Home):
    plays: dict[str, list[Play]] = {
        "api.linode.com/v4/linode/types?page_size=100": [faults.body(write_linode(ROWS, 1, 3))],
        "api.linode.com/v4/linode/types?page_size=100&page=2": [
            faults.body(write_linode(ROWS, 2, 3))
        ],
        "api.linode.com/v4/linode/types?page_size=100&page=3": [
            faults.body(write_linode(ROWS[:1], 3, 3))
        ],
    }
    with FaultServer(plays) as server:
        results = CASES["api"].run(home, server.url)
    assert sum(result.offers_kept for result in results) == 7
    assert {result.request_scope for result in results} == {results[0].request_key}
    assert all(result.is_scope_complete for result in results)


def test_n18_a_lost_page_leaves_the_scope_open(home: Home):
    plays: dict[str, list[Play]] = {
        "api.linode.com/v4/linode/types?page_size=100": [faults.body(write_linode(ROWS, 1, 2))],
        "api.linode.com/v4/linode/types?page_size=100&page=2": [faults.status(500)],
    }
    with FaultServer(plays) as server:
        results = CASES["api"].run(home, server.url)
    assert [result.status for result in results] == ["ok", "failed"]
    assert not any(result.is_scope_complete for result in results)


def test_n18_pages_without_end_are_cut_and_told(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.capture.visit.MAX_REQUESTS", 5)
    page = iter(range(1, 100))

    def next_page(handler: Any) -> None:
        number = next(page)
        faults.body(write_linode(ROWS, number, number + 1))(handler)

    with FaultServer({"api.linode.com": [next_page]}) as server:
        results = CASES["api"].run(home, server.url)
    assert len(results) == 5
    assert not any(result.is_scope_complete for result in results)
    assert Landing(home).captures("linode").__next__().error_class == "truncated"


def test_n18_a_next_page_elsewhere_is_refused(home: Home):
    def follow(request: Request, payload: Payload) -> list[Request]:
        return [Request(key="next", url="https://169.254.169.254/latest")]

    case = replace(CASES["api"], source=replace(CASES["api"].source, follow=follow))
    with FaultServer({case.path: [faults.body(case.good())]}) as server:
        results = case.run(home, server.url)
    assert [result.error_class for result in results] == [None, "bad_redirect"]


def test_n19_nothing_new_costs_no_payload(case: Case, home: Home):
    with FaultServer({case.path: [faults.versioned(case.good(), '"v1"')]}) as server:
        [first] = case.run(home, server.url, YESTERDAY)
        [second] = case.run(home, server.url, TODAY)
    assert (first.status, second.status) == ("ok", "unchanged")
    is_conditional = case is not CASES["graphql"]  # POST has no If-None-Match
    assert second.http_status == (304 if is_conditional else 200)
    assert second.seen_at == TODAY
    assert second.observation_path == first.observation_path
    assert second.offers_kept == len(ROWS)
    assert second.is_scope_complete
    assert len(list(home.landing.rglob("*.zst"))) == 1


def test_five_hanging_sources_do_not_hold_the_others(home: Home):
    hanging = [
        replace(
            ACME,
            source_id=f"hanging_{number}",
            requests=lambda fetching: [
                Request(key=key, url=f"https://acme.example/hang/{key}") for key in "abcdefgh"
            ],
        )
        for number in range(5)
    ]
    sources = [*hanging, ACME]
    limits = replace(PATIENT, read_seconds=2.0, total_seconds=3.0)
    with FaultServer(
        {"acme.example/hang": [faults.hang], "acme.example/prices": [faults.body(write_page(ROWS))]}
    ) as server:
        results = capture(sources, home=home, mirror=server.url, limits=limits)
    assert [result.status for result in results] == ["failed"] * 5 + ["ok"]
    assert max(result.seconds for result in results) < 8 * limits.read_seconds / 2
    # Every part is recorded, also those that were not requested any more.
    assert all(len(result.capture.requests) == 8 for result in results[:5])


# ------------------------------------------------------------------ secrets

CANARY = "canary-7f3a9c1e-key"


def test_s1_a_key_is_nowhere_in_what_is_left(
    home: Home, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level("DEBUG")

    def requests(fetching: Fetching) -> list[Request]:
        key = fetching.environment["ACME_KEY"]
        secret = {"Authorization": f"Bearer {key}"}
        paths = ("prices", "wrong", "echo", "gone", "html")
        return [
            Request(
                key=path,
                url=f"https://acme.example/{path}",
                secret_headers=secret,
                secret_query={"key": key},
            )
            for path in paths
        ]

    def parse(payload: Payload) -> Iterator[Row]:
        if payload.key == "html":
            raise ParseError(f"{payload.where()}: {payload.text()}")
        return parse_page(payload)

    source = replace(ACME, requests=requests, parse=parse, key_environment="ACME_KEY")
    page = write_page([(CANARY, 2.0)])
    plays: dict[str, list[Play]] = {
        "acme.example/prices": [faults.body(page, ETag=CANARY)],
        "acme.example/wrong": [faults.status(500)],
        "acme.example/echo": [faults.redirect(f"https://other.example/?key={CANARY}")],
        "acme.example/gone": [faults.hang],
        "acme.example/html": [faults.body(f"<html>{CANARY}".encode())],
    }
    with FaultServer(plays) as server:
        limits = replace(PATIENT, read_seconds=1.0)
        client = Client(mirror=server.url, limits=limits, environment={"ACME_KEY": CANARY})
        [result] = capture([source], home=home, client=client, clock=lambda: TODAY)
    parse_captures(home, [result.capture], {"acme": source})
    assert result.status == "partial"
    assert [CANARY in text for text in (caplog.text, repr(result), *capfd.readouterr())] == [
        False
    ] * 4
    landing = Landing(home)
    kept = [landing.content(r.path) for r in result.capture.requests if r.path]
    assert len(kept) == 2
    files = [file.read_bytes() for file in home.root.rglob("*") if file.is_file()]
    assert not [content for content in (*kept, *files) if CANARY.encode() in content]
    assert duckdb.execute(
        "select count(*) from read_parquet(?) where gpu_name_printed like '%canary%'",
        [str(home.observations / "*/*/*.offer.parquet")],
    ).fetchall() == [(0,)]


def test_a_source_without_its_key_is_skipped_and_says_which(home: Home):
    source = replace(ACME, key_environment="ACME_KEY")
    [result] = capture([source], home=home, environment={}, clock=lambda: TODAY)
    assert (result.status, result.error) == ("skipped", "skipped: set ACME_KEY")
    [line] = parse_captures(home, [result.capture], {"acme": source})
    assert (line.status, line.error_class, line.request_key) == ("skipped", "skipped_no_key", None)
