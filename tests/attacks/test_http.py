"""What a hostile server sends: each answer is read or refused as one ``FetchError``, never more."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from pipelines.capture import visit as visits
from pipelines.capture.http.addresses import is_public_address
from pipelines.capture.http.answer import Answer, retry_after_seconds
from pipelines.capture.http.client import Client, Limits
from pipelines.capture.http.errors import FetchError
from pipelines.capture.http.session import Session
from pipelines.capture.landing import Landing
from pipelines.capture.parallel import CaptureResult, capture
from pipelines.sources.base import Fetching, Request, Source
from tests.pipelines import acme
from tests.pipelines import fault_server as faults
from tests.pipelines.fault_server import FaultServer
from warehouse.paths import Home

LIMITS = Limits(backoff_seconds=0.001, tries=2, total_seconds=20)
DIGITS = "9" * 5000
PAGES = ("one", "two", "three")


def pages(fetching: Fetching) -> list[Request]:
    return [Request(key=page, url=f"https://acme.example/{page}") for page in PAGES]


SOURCE = acme.source(requests=pages, requests_per_second=1000.0)
REQUEST = Request(key="one", url="https://acme.example/one")


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """Answer every connection with these bytes, then close it; give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):  # until the client has read it all
                            pass
                    except OSError:  # the client went away
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def fetched(mirror: str, limits: Limits = LIMITS) -> Answer | FetchError:
    client = Client(mirror=mirror, limits=limits, environment={}, sleep=lambda seconds: None)
    with client.session(SOURCE) as session:
        try:
            answer = session.fetch(REQUEST)
        except FetchError as error:
            return error
    if answer.body is not None:
        answer.body.close()
    return answer


OK, TO = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 302 Found\r\nLocation: "
WIRES = {  # attack: (what the server sends, the class of the error or "read")
    "length of 5000 digits": (f"{OK}Content-Length: {DIGITS}\r\n\r\nx", "too_large"),
    "length of 5000 zeros": (f"{OK}Content-Length: {'0' * 5000}1\r\n\r\nx", "read"),
    "length over any disk": (f"{OK}Content-Length: {10**19}\r\n\r\nx", "too_large"),
    "negative length": (f"{OK}Content-Length: -1\r\n\r\nx", "read"),
    "length in words": (f"{OK}Content-Length: many\r\n\r\nx", "read"),
    "length in other digits": (f"{OK}Content-Length: \xb2\r\n\r\nx", "read"),
    "length too long": (f"{OK}Content-Length: 3\r\n\r\nx", "truncated"),
    "two lengths": (f"{OK}Content-Length: 1\r\nContent-Length: 9\r\n\r\nx", "unexpected_content"),
    "chunk of no number": (f"{OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n", "truncated"),
    "negative chunk": (f"{OK}Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n", "truncated"),
    "chunk of 4000 digits": (
        f"{OK}Transfer-Encoding: chunked\r\n\r\n{'f' * 4000}\r\nx",
        "truncated",
    ),
    "encoding unknown": (f"{OK}Content-Encoding: zstd\r\n\r\nx", "unexpected_content"),
    "encoding of 5000 letters": (
        f"{OK}Content-Encoding: {'a' * 5000}\r\n\r\nx",
        "unexpected_content",
    ),
    "gzip that is none": (f"{OK}Content-Encoding: gzip\r\n\r\nx" * 2, "unexpected_content"),
    "tag with control characters": (f"{OK}ETag: \x01\x02\r\n\r\nx", "read"),
    "tag of 60 kB": (f"{OK}ETag: {'t' * 60_000}\r\n\r\nx", "read"),
    "no answer": ("", "unreachable"),
    "half a status line": ("HTTP/1.", "unexpected_content"),
    "no HTTP": ("SSH-2.0-OpenSSH_9.6\r\n", "unexpected_content"),
    "HTTP/0.9": ("<html>GPU</html>", "unexpected_content"),
    "status of 5000 digits": (f"HTTP/1.1 {DIGITS} OK\r\n\r\n", "unexpected_content"),
    "status 42": ("HTTP/1.1 42 OK\r\n\r\n", "unexpected_content"),
    "status 999": ("HTTP/1.1 999 OK\r\n\r\n", "http_error"),
    "one header of 100 kB": (f"{OK}X: {'x' * 100_000}\r\n\r\nx", "unexpected_content"),
    "10,000 headers": (OK + "X: y\r\n" * 10_000 + "\r\nx", "unexpected_content"),
    "status line of 100 kB": ("HTTP/1.1 200 " + "x" * 100_000, "unexpected_content"),
    "redirect to itself": (f"{TO}/acme.example/one\r\n\r\n", "bad_redirect"),
    "redirect to nowhere": (f"{TO}https://[::1\r\n\r\n", "bad_redirect"),
}


@pytest.mark.parametrize("attack", WIRES)
def test_an_answer_on_the_wire_is_read_or_refused(attack: str) -> None:
    sent, expected = WIRES[attack]
    with raw_server(sent.encode("latin-1")) as url:
        got = fetched(url)
    assert getattr(got, "error_class", "read") == expected


LOCATIONS = [
    "https://[::1", "https://[::1]:99999/", "https://acme.example:99999/",
    "https://acme.example:x/", "https://acme.example:-1/", f"https://acme.example:{DIGITS}/",
    "https://[v1.x]/", "https://]/", "https://[/", "//[", "https://", "https:///one",
    "https://acme.example:22/", "https://user:word@acme.example/",
    "https://acme.example@evil.example/", "https://acme.example\\@x/",
    "https://acme.example%00.evil.example/", "https://\x00acme.example/", "https://acme.example./",
    "https://\u2100.example/", "https://acme\uff0eexample/", "https://\uff61/",
    f"https://{'a' * 70_000}.x/", "https://" + "a." * 300 + "example/", "gopher://acme.example/",
    "javascript:alert(1)", "data:,x", "http://acme.example/", "https://0/", "https://0.0.0.0/",
    "https://127.1/", "https://0177.0.0.1/", "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[fe80::1%25eth0]/",
]  # fmt: skip


class Scripted(BaseAdapter):
    """Answer every request alike, without a wire."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__()
        self.status, self.headers, self.sent = status, headers, 0

    def send(self, request: requests.PreparedRequest, **named: object) -> requests.Response:  # type: ignore[override]
        self.sent += 1
        response = requests.Response()
        response.status_code = self.status
        response.headers.update(self.headers)
        response.raw = HTTPResponse(
            io.BytesIO(b"x"), headers=self.headers, status=self.status, preload_content=False
        )
        return response

    def close(self) -> None:
        pass


def scripted(status: int, mirror: str | None = None, **headers: str) -> tuple[Client, Scripted]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    adapter = Scripted(status, named)
    client = Client(
        mirror=mirror,
        limits=LIMITS,
        environment={},
        adapter=lambda: adapter,
        sleep=lambda seconds: None,
    )
    return client, adapter


@pytest.mark.parametrize("mirror", [None, "http://127.0.0.1:9"])
@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_to_no_declared_address_is_refused(location: str, mirror: str | None) -> None:
    client, adapter = scripted(302, mirror, Location=location)
    with client.session(SOURCE) as session, pytest.raises(FetchError) as caught:
        session.fetch(REQUEST)
    assert (caught.value.error_class, adapter.sent) == ("bad_redirect", 1)


PAUSES = {
    DIGITS: float("inf"), "1e400": None, "nan": None, "-1": None, "\u0663": None, "": None,
    "0": 0.0,
    "Wed, 01 Jul 2020 11:00:00 +999999999999999999": None, "Wed, 01 Jul 99999 11:00:00 GMT": None,
    "Wed, 99 Jul 2020 99:99:99 GMT": None, "Wed, 01 Jul 2020 11:00:00": 0.0, ",,,": None,
    "Wed, 01 Jul 0000 00:00:00 GMT": 0.0, "1 " * 5000: None,
}  # fmt: skip


@pytest.mark.parametrize("text", PAUSES)
def test_a_pause_is_a_number_or_none(text: str) -> None:
    assert retry_after_seconds(text) == PAUSES[text]


@given(
    name=st.sampled_from(
        ["Location", "Retry-After", "Content-Length", "Content-Encoding", "ETag", "Content-Type"]
    ),
    value=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60),
    status=st.sampled_from([200, 206, 302, 304, 404, 429, 503]),
)
def test_no_header_raises_anything_else(name: str, value: str, status: int) -> None:
    client, _ = scripted(status, **{name: value})
    with client.session(SOURCE) as session:
        try:
            answer = session.fetch(REQUEST)
        except FetchError:
            return
        assert answer.body is not None
        answer.body.close()


# ------------------------------------------------------------------ whole visits


def captured(home: Home, server: FaultServer, source: Source = SOURCE) -> CaptureResult:
    [result] = capture(
        [source],
        home=home,
        mirror=server.url,
        clock=lambda: datetime(2026, 7, 1, 6, tzinfo=UTC),
        environment={},
        limits=LIMITS,
    )
    return result


def outcomes(result: CaptureResult) -> dict[str, str]:
    return {record.key: record.outcome for record in result.capture.requests}


HOSTILE = {
    "length": faults.body(b"x", Content_Length=DIGITS),
    "pause": faults.status(429, Retry_After="Wed, 01 Jul 2020 11:00:00 +999999999999999999"),
    "location": faults.redirect("https://[::1"),
    "port": faults.redirect("https://acme.example:99999/"),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_one_hostile_answer_loses_no_other_page(attack: str, tmp_path: Path) -> None:
    plays = {
        "acme.example": [faults.body(b"[1]")],
        "acme.example/two": [HOSTILE[attack]],
    }
    with FaultServer(plays) as server:
        result = captured(Home(tmp_path), server)
    assert result.status == "partial"
    assert outcomes(result) == {"one": "ok", "two": "failed", "three": "ok"}


def test_a_fault_of_our_own_loses_no_page_that_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = Session.fetch

    def broken(self: Session, request: Request, *rest: object) -> Answer:
        if request.key == "two":
            raise RuntimeError("a bug")
        return fetch(self, request, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "fetch", broken)
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        result = captured(Home(tmp_path), server)
    assert (result.status, result.error_class) == ("partial", "source_error")
    assert outcomes(result) == {"one": "ok", "two": "failed"}
    assert result.capture.was_cut_short
    [(_, payload)] = Landing(Home(tmp_path)).payloads(result.capture)
    assert payload.content == b"[1]"


def test_a_visit_that_is_abandoned_keeps_what_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, hung = Session.fetch, threading.Event()

    def hangs(self: Session, request: Request, *rest: object) -> Answer:
        if request.key == "two":
            hung.wait(30)  # a resolver that never answers
            raise FetchError("timeout", "too late")
        return fetch(self, request, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "fetch", hangs)
    monkeypatch.setattr("pipelines.capture.parallel.GRACE_SECONDS", -LIMITS.total_seconds + 0.5)
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        result = captured(Home(tmp_path), server)
        hung.set()
    assert (result.status, result.error_class) == ("partial", "timeout")
    assert outcomes(result) == {"one": "ok", "two": "failed"}


@pytest.mark.parametrize(("size", "outcome"), [(99, "failed"), (100, "ok")])
def test_an_answer_may_be_as_large_as_its_source_says(
    tmp_path: Path, size: int, outcome: str
) -> None:
    with FaultServer({"acme.example": [faults.body(b"x" * 100)]}) as server:
        result = captured(Home(tmp_path), server, replace(SOURCE, max_bytes=size))
    assert set(outcomes(result).values()) == {outcome}


def test_many_answers_may_be_no_more_than_sixteen_of_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "VISIT_ANSWERS", 1)
    with FaultServer({"acme.example": [faults.body(b"x" * 100)]}) as server:
        result = captured(Home(tmp_path), server, replace(SOURCE, max_bytes=100))
    assert outcomes(result) == {"one": "ok"}
    assert "used up" in str(result.error)


def test_a_visit_ends_at_its_budget_of_bytes(tmp_path: Path) -> None:
    budget = replace(SOURCE, visit_max_bytes=150)
    with FaultServer({"acme.example": [faults.body(b"x" * 100)]}) as server:
        result = captured(Home(tmp_path), server, budget)
    assert (result.status, result.error_class) == ("partial", "too_large")
    assert outcomes(result) == {"one": "ok", "two": "failed", "three": "failed"}
    exact = replace(SOURCE, visit_max_bytes=200)
    with FaultServer({"acme.example": [faults.body(b"x" * 100)]}) as server:
        result = captured(Home(tmp_path / "exact"), server, exact)
    assert outcomes(result) == {"one": "ok", "two": "ok"}
    assert result.capture.was_cut_short
    assert "used up" in str(result.error)


def test_a_day_ends_at_its_budget_of_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "DAY_VISITS", 1)
    stored = Landing(Home(tmp_path)).keep("acme", date(2026, 7, 1), io.BytesIO(b"y"))
    size = (Home(tmp_path).landing / stored.path).stat().st_size
    full = replace(SOURCE, visit_max_bytes=size)
    with FaultServer({"acme.example": [faults.body(b"x")]}) as server:
        result = captured(Home(tmp_path), server, full)
        assert (result.status, result.error_class) == ("failed", "too_large")
        assert sum(server.hits.values()) == 0


def test_a_tag_that_cannot_be_sent_back_is_not_kept(tmp_path: Path) -> None:
    tagged = faults.body(b"x", ETag="\x01", Last_Modified="t" * 60_000)
    with FaultServer({"acme.example": [tagged]}) as server:
        result = captured(Home(tmp_path), server)
    assert {(record.etag, record.last_modified) for record in result.capture.requests} == {("", "")}


# ------------------------------------------------------------------ addresses

INSIDE = {  # the first and last address of what no price list lives at
    "this network": ("0.0.0.0", "0.255.255.255"),
    "private": ("10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.255.255"),
    "carriers": ("100.64.0.0", "100.127.255.255"),
    "loopback": ("127.0.0.1", "127.255.255.255"),
    "link-local": ("169.254.0.0", "169.254.169.254", "169.254.255.255"),
    "protocols": ("192.0.0.0", "192.0.0.9", "192.0.0.255"),
    "documentation": ("192.0.2.1", "198.51.100.255", "203.0.113.0"),
    "relays": ("192.88.99.0", "192.88.99.255"),
    "benchmarks": ("198.18.0.0", "198.19.255.255"),
    "multicast": ("224.0.0.1", "239.255.255.255"),
    "reserved": ("240.0.0.0", "255.255.255.254", "255.255.255.255"),
    "IPv6 loopback and none": ("::1", "::"),
    "IPv4 in IPv6": (
        "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:a9fe:a9fe", "::127.0.0.1", "::8.8.8.8",
        "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254",
        "64:ff9b:1::1", "64:ff9b:1:ffff:ffff:ffff:808:808", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "2001:0:7f00:1::", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:127.0.0.1", "::ffff:64:ff9b:7f00:1",
    ),
    "IPv6 blocks": (
        "100::1", "100:0:0:1::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
        "3fff::1", "3fff:fff:ffff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1",
        "fe80::1%eth0", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1", "4000::1", "8000::1",
        "e000::1",
    ),
    "no addresses": ("", "localhost", "1.2.3", "0x7f.0.0.1", "1.2.3.4.5", "::g", "8.8.8.8/32"),
}  # fmt: skip
OUTSIDE = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.1.1.1",
    "128.0.0.1", "169.253.1.1", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.1.1",
    "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
    "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
)  # fmt: skip


@pytest.mark.parametrize("kind", INSIDE)
def test_no_address_of_this_kind_is_public(kind: str) -> None:
    assert [address for address in INSIDE[kind] if is_public_address(address)] == []


def test_addresses_beside_the_blocks_are_public() -> None:
    assert [address for address in OUTSIDE if not is_public_address(address)] == []
