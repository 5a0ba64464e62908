"""The client is polite, bounded in time and memory, and goes nowhere it was not sent."""

from __future__ import annotations

import gzip
import io
import socket
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from pipelines.capture.http.addresses import is_public_address
from pipelines.capture.http.answer import Validators, retry_after_seconds
from pipelines.capture.http.client import Client, Limits
from pipelines.capture.http.environment import user_agent
from pipelines.capture.http.errors import FetchError
from pipelines.sources.base import Request, Source
from tests.pipelines import acme
from tests.pipelines import fault_server as faults
from tests.pipelines.fault_server import FaultServer
from warehouse.paths import Home

LIMITS = Limits(backoff_seconds=0.001)


SOURCE = acme.source(allowed_hosts=("acme.example", "www.acme.example"), requests_per_second=1000.0)
REQUEST = Request(key="prices", url="https://acme.example/prices")


@dataclass
class Script(BaseAdapter):
    """Answers of the internet, by URL, without a wire: (status, headers, content)."""

    answers: dict[str, tuple[int, dict[str, str], bytes]]
    sent: list[requests.PreparedRequest] = field(default_factory=list)

    def send(self, request: requests.PreparedRequest, **named: Any) -> requests.Response:
        self.sent.append(request)
        url = str(request.url)
        status, headers, content = self.answers.get(url, (404, {}, b""))
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response.url = url
        response.raw = HTTPResponse(
            io.BytesIO(content), headers=headers, status=status, preload_content=False
        )
        return response

    def close(self) -> None:
        pass


def scripted(answers: dict[str, tuple[int, dict[str, str], bytes]], **named: Any) -> Any:
    script = Script(answers)
    client = Client(limits=LIMITS, environment={}, adapter=lambda: script, **named)
    return client, script


def content_of(client: Client, request: Request = REQUEST, source: Source = SOURCE) -> bytes:
    with client.session(source) as session:
        answer = session.fetch(request)
        assert answer.body is not None
        with answer.body as body:
            return body.read()


def failure_of(client: Client, request: Request = REQUEST, source: Source = SOURCE) -> FetchError:
    with client.session(source) as session, pytest.raises(FetchError) as caught:
        session.fetch(request)
    return caught.value


# ------------------------------------------------------------------ where it goes


def test_an_answer_is_read_whole():
    client, script = scripted({REQUEST.url: (200, {}, b"H100,2.99\n")})
    assert content_of(client) == b"H100,2.99\n"
    assert script.sent[0].headers["User-Agent"].startswith("truecost/")


def test_a_redirect_to_a_declared_host_is_followed():
    client, _ = scripted(
        {
            REQUEST.url: (301, {"Location": "https://www.acme.example/prices"}, b""),
            "https://www.acme.example/prices": (200, {}, b"here"),
        }
    )
    assert content_of(client) == b"here"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_address_that_has_moved_for_good_is_a_warning(status: int):
    client, _ = scripted(
        {
            REQUEST.url: (status, {"Location": "https://www.acme.example/v2?key=abc"}, b""),
            "https://www.acme.example/v2?key=abc": (200, {}, b"here"),
        }
    )
    with client.session(SOURCE) as session:
        answer = session.fetch(REQUEST)
        assert answer.body is not None
        answer.body.close()
    moved = ("moved permanently to https://www.acme.example/v2",)
    assert answer.warnings == (moved if status in (301, 308) else ())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_post_is_asked_again_whole_or_not_at_all(status: int):
    client, script = scripted(
        {
            REQUEST.url: (status, {"Location": "https://www.acme.example/prices"}, b""),
            "https://www.acme.example/prices": (200, {}, b"here"),
        }
    )
    post = replace(REQUEST, method="POST", json_body={"query": "{gpuTypes}"})
    if status in (307, 308):
        assert content_of(client, post) == b"here"
        assert [(sent.method, sent.body) for sent in script.sent] == [
            ("POST", b'{"query": "{gpuTypes}"}')
        ] * 2
    else:
        assert failure_of(client, post).error_class == "bad_redirect"


@pytest.mark.parametrize(
    "location",
    [
        "http://acme.example/prices",
        "https://other.example/",
        "http://127.0.0.1/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "http://169.254.169.254/latest/meta-data/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.0.0.1/",
        "https://acme.example@10.0.0.1/",
        "https://localhost/",
        "file:///etc/passwd",
        "ftp://acme.example/",
        "//other.example/",
    ],
)
def test_a_redirect_to_anywhere_else_is_refused_before_anything_is_sent(location: str):
    client, script = scripted({REQUEST.url: (302, {"Location": location}, b"")})
    error = failure_of(client)
    assert error.error_class == "bad_redirect"
    assert len(script.sent) == 1


def test_a_request_to_an_undeclared_host_is_refused_too():
    client, script = scripted({})
    error = failure_of(client, replace(REQUEST, url="https://other.example/"))
    assert error.error_class == "bad_redirect"
    assert script.sent == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["93.184.216.34", "192.168.0.1"],
        ["::1"],
        ["fe80::1%eth0"],
        ["fd00::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["2002:7f00:1::"],
        ["0.0.0.0"],
        ["100.64.0.1"],
        ["224.0.0.1"],
    ],
)
def test_a_declared_name_that_leads_to_a_private_address_is_refused(addresses: list[str]):
    client = Client(limits=LIMITS, environment={}, resolve=lambda host, port: addresses)
    error = failure_of(client)
    assert error.error_class == "bad_redirect"
    assert error.attempts == 1


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    connected: list[Any] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)  # a rebinding server would answer 127.0.0.1 the second time
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    def create_connection(address: Any, *rest: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket, "create_connection", create_connection)
    client = Client(limits=replace(LIMITS, tries=1), environment={}, resolve=resolve)
    assert failure_of(client).error_class == "unreachable"
    assert asked == ["acme.example"]
    assert connected == [("93.184.216.34", 443)]


def test_public_addresses_are_public():
    assert is_public_address("93.184.216.34")
    assert is_public_address("2606:4700::1111")
    assert is_public_address("64:ff9b::808:808")


def test_a_name_that_dns_does_not_know_is_unreachable_and_tried_again():
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = failure_of(Client(limits=LIMITS, environment={}, resolve=resolve))
    assert (error.error_class, error.attempts) == ("unreachable", 4)
    assert "acme.example is not known to DNS" in str(error)


def test_a_host_that_cannot_be_reached_is_not_asked_for_every_part():
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with Client(limits=LIMITS, environment={}, resolve=resolve).session(SOURCE) as session:
        for number in range(30):
            with pytest.raises(FetchError) as caught:
                session.fetch(replace(REQUEST, key=str(number)))
            assert caught.value.error_class == "unreachable"
    assert looked_up == ["acme.example"] * 4


def test_without_a_network_the_other_sources_are_not_asked_either():
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    limits = replace(LIMITS, offline_after_seconds=0)
    client = Client(limits=limits, environment={}, resolve=resolve)
    errors = []
    for number in range(20):
        host = f"host-{number}.example"
        source = replace(SOURCE, allowed_hosts=(host,))
        errors.append(failure_of(client, Request(key="a", url=f"https://{host}/"), source))
    assert {error.error_class for error in errors} == {"unreachable"}
    assert len(set(looked_up)) == 5
    assert "no host at all" in str(errors[-1])


def test_a_page_whose_host_is_down_is_unreachable_not_forbidden():
    client = Client(limits=LIMITS, environment={}, resolve=lambda host, port: [])
    assert failure_of(client, source=robots_source()).error_class == "unreachable"


def test_hosts_that_are_down_are_still_asked_while_one_answers():
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    limits = replace(LIMITS, offline_after_seconds=0)
    client = Client(limits=limits, environment={}, resolve=resolve)
    client.note_connection()
    for number in range(10):
        host = f"host-{number}.example"
        source = replace(SOURCE, allowed_hosts=(host,))
        error = failure_of(client, Request(key="a", url=f"https://{host}/"), source)
        assert error.attempts == 4


def test_a_bad_certificate_is_refused_once_and_for_all(tmp_path: Path):
    context, _ = faults.self_signed(tmp_path)
    with FaultServer({"acme.example": [faults.body(b"x")]}, context) as server:
        error = failure_of(Client(mirror=server.url, limits=LIMITS, environment={}))
    assert (error.error_class, error.attempts) == ("unreachable", 1)
    assert "certificate" in str(error)


# ------------------------------------------------------------------ secrets


KEY = "canary-0123456789"
SECRET_REQUEST = replace(
    REQUEST, secret_headers={"Authorization": f"Bearer {KEY}"}, secret_query={"key": KEY}
)


def test_a_key_goes_to_its_own_host_only():
    client, script = scripted(
        {
            f"{REQUEST.url}?key={KEY}": (302, {"Location": "https://www.acme.example/x"}, b""),
            "https://www.acme.example/x": (200, {}, b"here"),
        }
    )
    assert content_of(client, SECRET_REQUEST) == b"here"
    first, second = script.sent
    assert first.headers["Authorization"] == f"Bearer {KEY}"
    assert "Authorization" not in second.headers
    assert KEY not in str(second.url)


def test_a_key_never_travels_in_the_clear_to_a_mirror():
    with FaultServer({"acme.example": [faults.body(b"[1]")]}) as server:
        assert content_of(Client(mirror=server.url, environment={}), SECRET_REQUEST) == b"[1]"
    assert KEY not in str(server.headers)


def test_a_key_is_in_no_message_and_no_traceback():
    client, _ = scripted({f"{REQUEST.url}?key={KEY}": (500, {}, KEY.encode())})
    error = failure_of(client, SECRET_REQUEST)
    seen: list[BaseException | None] = [error]
    while seen[-1] is not None:
        assert KEY not in str(seen[-1])
        seen.append(seen[-1].__cause__ or seen[-1].__context__)
    resolve: Callable[[str, int], list[str]] = lambda host, port: ["127.0.0.1"]  # noqa: E731
    error = failure_of(Client(environment={}, limits=LIMITS, resolve=resolve), SECRET_REQUEST)
    assert KEY not in repr(error)


def test_a_key_that_comes_back_is_masked():
    content = f'{{"next": "https://acme.example/?key={KEY}"}}'.encode()
    client, _ = scripted({f"{REQUEST.url}?key={KEY}": (200, {"ETag": KEY}, content)})
    with client.session(SOURCE) as session:
        answer = session.fetch(SECRET_REQUEST)
        assert answer.body is not None
        with answer.body as body:
            kept = body.read()
    assert KEY.encode() not in kept
    assert len(kept) == len(content)
    assert KEY not in repr(answer)
    assert answer.warnings


# ------------------------------------------------------------------ manners


def robots_source() -> Source:
    return replace(SOURCE, kind="page")


ROBOTS = "https://acme.example/robots.txt"


def test_n20_robots_txt_keeps_us_out_of_pages():
    rules = b"User-agent: *\nDisallow: /prices\n"
    client, script = scripted(
        {ROBOTS: (200, {}, rules), REQUEST.url: (200, {}, b"page")},
    )
    error = failure_of(client, source=robots_source())
    assert (error.error_class, error.attempts) == ("robots", 1)
    assert [sent.url for sent in script.sent] == [ROBOTS]
    # An API has terms of its own; robots.txt speaks to crawlers of pages.
    assert content_of(client) == b"page"


@pytest.mark.parametrize("status", [200, 404, 403])
def test_pages_without_rules_may_be_read_and_rules_are_read_once(status: int):
    client, script = scripted(
        {ROBOTS: (status, {}, b"User-agent: badbot\nDisallow: /\n"), REQUEST.url: (200, {}, b"x")}
    )
    for _ in range(3):
        assert content_of(client, source=robots_source()) == b"x"
    assert [sent.url for sent in script.sent].count(ROBOTS) == 1


@pytest.mark.parametrize("status", [500, 503, 429])
def test_rules_that_cannot_be_read_keep_us_out(status: int):
    client, script = scripted({ROBOTS: (status, {}, b""), REQUEST.url: (200, {}, b"x")})
    assert failure_of(client, source=robots_source()).error_class == "robots"
    assert REQUEST.url not in [sent.url for sent in script.sent]


def test_a_crawl_delay_is_kept():
    naps: list[float] = []
    client, _ = scripted(
        {ROBOTS: (200, {}, b"User-agent: *\nCrawl-delay: 3\n"), REQUEST.url: (200, {}, b"x")},
        sleep=naps.append,
    )
    with client.session(robots_source()) as session:
        for _ in range(2):
            answer = session.fetch(REQUEST)
            assert answer.body is not None
            answer.body.close()
    assert max(naps) == pytest.approx(3.0, abs=0.5)


def test_requests_to_one_host_keep_their_distance_across_sources():
    naps: list[float] = []
    client, _ = scripted({REQUEST.url: (200, {}, b"x")}, sleep=naps.append)
    slow = replace(SOURCE, requests_per_second=0.5)
    content_of(client, source=slow)
    content_of(client, source=slow)
    assert naps == [pytest.approx(2.0, abs=0.2)]


def test_a_mirror_is_asked_without_pause_and_without_robots():
    naps: list[float] = []
    with FaultServer({"acme.example/prices?a=1&b=%20": [faults.body(b"x")]}) as server:
        client = Client(mirror=server.url + "/", environment={}, sleep=naps.append)
        source = replace(robots_source(), requests_per_second=0.001)
        request = replace(REQUEST, url="https://acme.example/prices?a=1&b=%20")
        assert content_of(client, request, source) == b"x"
        assert content_of(client, request, source) == b"x"
    assert naps == []
    assert sum(server.hits.values()) == 2


def test_n20_the_user_agent_says_who_asks_and_how_to_reach_them():
    name = user_agent({"TRUECOST_CONTACT": "prices@example.org"})
    assert name.startswith("truecost/0.")
    assert name.endswith("prices@example.org)")


@pytest.mark.parametrize(
    "mirror", ["localhost:8000", "http://", "http://[::1", "http://127.0.0.1:99999", "ftp://x/"]
)
def test_a_mirror_that_is_no_url_is_refused(mirror: str):
    with pytest.raises(ValueError, match="is not an http"):
        Client(mirror=mirror)


# ------------------------------------------------------------------ tries


def test_retry_after_is_waited_for():
    naps: list[float] = []
    with FaultServer(
        {"acme.example": [faults.status(429, Retry_After="7"), faults.body(b"x")]}
    ) as server:
        client = Client(mirror=server.url, limits=LIMITS, environment={}, sleep=naps.append)
        assert content_of(client) == b"x"
    assert naps == [pytest.approx(7.0, abs=0.1)]


def test_retry_after_as_a_date_in_the_past_is_no_wait():
    assert retry_after_seconds("Wed, 01 Jul 2020 11:00:00 GMT") == 0.0
    assert retry_after_seconds("soon") is None
    assert retry_after_seconds(None) is None


def test_pauses_grow_and_are_jittered():
    naps: list[float] = []
    with FaultServer({"acme.example": [faults.status(500)]}) as server:
        limits = Limits(backoff_seconds=1.0, backoff_cap_seconds=3.0)
        for _ in range(20):
            client = Client(mirror=server.url, limits=limits, environment={}, sleep=naps.append)
            assert failure_of(client).attempts == 4
    rounds = [naps[number::3] for number in range(3)]
    assert [max(pauses) <= cap for pauses, cap in zip(rounds, (1, 2, 3), strict=True)] == [True] * 3
    assert len(set(naps)) == len(naps)
    assert max(rounds[2]) > 1


def test_a_pause_longer_than_the_time_left_is_not_begun():
    naps: list[float] = []
    with FaultServer({"acme.example": [faults.status(503, Retry_After="20")]}) as server:
        limits = replace(LIMITS, total_seconds=10.0)
        client = Client(mirror=server.url, limits=limits, environment={}, sleep=naps.append)
        assert failure_of(client).attempts == 1
    assert naps == []


def test_an_unasked_304_is_an_error():
    client, _ = scripted({REQUEST.url: (304, {}, b"")})
    assert failure_of(client).error_class == "http_error"


def test_a_known_version_is_asked_for_by_its_marks():
    client, script = scripted({REQUEST.url: (304, {"ETag": '"v2"'}, b"")})
    known = Validators(etag='"v1"', last_modified="Wed, 01 Jul 2026 11:00:00 GMT")
    with client.session(SOURCE) as session:
        answer = session.fetch(REQUEST, known)
    assert (answer.status, answer.body) == (304, None)
    assert script.sent[0].headers["If-None-Match"] == '"v1"'
    assert script.sent[0].headers["If-Modified-Since"] == known.last_modified


# ------------------------------------------------------------------ time and memory


@pytest.mark.parametrize("play", [faults.drip_body, faults.drip_headers, faults.hang])
def test_n6_n7_no_drip_outlasts_the_total(play: faults.Play):
    # No play ends by itself before a read may time out, so only the total can end it.
    limits = Limits(read_seconds=600, total_seconds=0.3)
    with FaultServer({"acme.example": [play]}) as server:
        error = failure_of(Client(mirror=server.url, limits=limits, environment={}))
    assert (error.error_class, error.attempts) == ("timeout", 1)


def test_what_was_not_asked_in_time_fails_without_being_asked():
    limits = Limits(read_seconds=5, total_seconds=0.2)
    with (
        FaultServer({"acme.example": [faults.hang]}) as server,
        Client(mirror=server.url, limits=limits, environment={}).session(SOURCE) as session,
    ):
        for number in range(5):
            with pytest.raises(FetchError) as caught:
                session.fetch(replace(REQUEST, key=str(number)))
            assert caught.value.error_class == "timeout"
    assert sum(server.hits.values()) == 1


@pytest.mark.parametrize("play", [faults.bomb, faults.endless])
def test_n10_n11_a_bomb_meets_the_cap_before_the_memory(play: faults.Play, tmp_path: Path):
    cap = 16 * 2**20
    client_home = Home(tmp_path)
    client_home.landing.mkdir()
    with FaultServer({"acme.example": [play]}) as server:
        client = Client(mirror=server.url, environment={}, spool_folder=client_home.landing)
        tracemalloc.start()
        error = failure_of(client, replace(REQUEST, max_bytes=cap))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert error.error_class == "too_large"
    assert peak < 8 * 2**20
    assert not list(client_home.landing.iterdir())


def test_the_body_of_a_redirect_is_not_read():
    def endless_redirect(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/acme.example/here")
        handler.end_headers()
        handler.close_connection = True
        while not handler.server_of_faults.closing.is_set():
            handler.wfile.write(b"x" * 65536)

    plays = {"acme.example/prices": [endless_redirect], "acme.example/here": [faults.body(b"x")]}
    with FaultServer(plays) as server:
        client = Client(mirror=server.url, limits=replace(LIMITS, total_seconds=5), environment={})
        assert content_of(client) == b"x"


def test_a_gzip_body_of_exactly_the_cap_is_taken():
    content = bytes(3 * 2**20)
    request = replace(REQUEST, max_bytes=len(content))
    packed = gzip.compress(content)
    with FaultServer({"acme.example": [faults.body(packed, Content_Encoding="gzip")]}) as server:
        assert content_of(Client(mirror=server.url, environment={}), request) == content
        small = replace(request, max_bytes=len(content) - 1)
        error = failure_of(Client(mirror=server.url, environment={}), small)
    assert error.error_class == "too_large"


def test_a_gzip_body_of_several_members_is_one_body():
    packed = gzip.compress(b"one,") + gzip.compress(b"two,") + gzip.compress(b"three")
    with FaultServer({"acme.example": [faults.body(packed, Content_Encoding="gzip")]}) as server:
        assert content_of(Client(mirror=server.url, environment={})) == b"one,two,three"


def test_connections_are_not_left_open():
    with FaultServer({"acme.example": [faults.status(500), faults.body(b"x")]}) as server:
        for _ in range(5):
            content_of(Client(mirror=server.url, limits=LIMITS, environment={}))
    # filterwarnings = error: an unclosed socket or file would fail this test run.
