"""What other pages and programs send to the Dagster UI: none of it reaches the application."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipelines.cli import truecost
from pipelines.doors.guard import BODY_MAX_BYTES, Guard, Message, Receive, Scope, Send
from pipelines.jobs.instance import STATE_VARIABLE, prepare_instance
from tests.pipelines.conftest import free_port
from tests.pipelines.fault_server import FaultServer
from warehouse.paths import HOME_VARIABLE, Home

HOST, TOKEN, COOKIE = "127.0.0.1:3000", "the-token", "the-cookie"
OWN = {"host": HOST, "cookie": f"truecost_ui_3000={COOKIE}"}
JSON = {"content-type": "application/json"}
QUERY = json.dumps({"query": "{version}"}).encode()
LAUNCH = json.dumps({"query": "mutation { launchRun { __typename } }"}).encode()


@dataclass
class Behind:
    """The application behind the guard: keeps what reaches it."""

    reached: list[tuple[str, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"") if scope["type"] == "http" else b""
        self.reached.append((scope["path"], body))
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"inside"})
        else:
            await send({"type": "websocket.accept"})


@dataclass
class Outcome:
    status: int
    headers: dict[str, str]
    reached: list[tuple[str, bytes]]


def sent(
    method: str,
    address: str,
    headers: dict[str, str] | list[tuple[str, str]],
    body: bytes = b"",
    *,
    kind: str = "http",
    is_read_only: bool = False,
) -> Outcome:
    """Send one request through a guard."""
    behind = Behind()
    guard = Guard(
        app=behind, hosts=[HOST], port=3000, is_read_only=is_read_only, token=TOKEN, cookie=COOKIE
    )
    path, _, query = address.partition("?")
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
    }
    answered: list[Message] = []
    pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)] or [b""]
    waiting: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, start=1)
    ]

    async def receive() -> Message:
        return {"type": "websocket.connect"} if kind == "websocket" else waiting.pop(0)

    async def send(message: Message) -> None:
        answered.append(message)

    asyncio.run(guard(scope, receive, send))
    first = answered[0]
    status = first.get("status", 403 if first["type"] == "websocket.close" else 101)
    named = {name.decode(): value.decode() for name, value in first.get("headers", ())}
    return Outcome(status, named, behind.reached)


def without(*names: str, **more: str) -> dict[str, str]:
    """Return the headers of our own page without some, and with others."""
    kept = {name: value for name, value in (OWN | JSON).items() if name not in names}
    return kept | {name.replace("_", "-"): value for name, value in more.items()}


ATTACKS: dict[str, tuple[str, str, Any, bytes, int]] = {
    "no cookie": ("GET", "/", {"host": HOST}, b"", 403),
    "no cookie, a query": ("POST", "/graphql", {"host": HOST} | JSON, QUERY, 403),
    "no cookie, a mutation": ("POST", "/graphql", {"host": HOST} | JSON, LAUNCH, 403),
    "no cookie, a file": ("GET", "/static/app.js", {"host": HOST}, b"", 403),
    "no cookie, a log": ("GET", "/logs/a.out", {"host": HOST}, b"", 403),
    "no cookie, server_info": ("GET", "/server_info", {"host": HOST}, b"", 403),
    "wrong cookie": ("GET", "/", without(cookie="truecost_ui_3000=x"), b"", 403),
    "empty cookie": ("GET", "/", without(cookie="truecost_ui_3000="), b"", 403),
    "token as cookie": ("GET", "/", without(cookie=f"truecost_ui_3000={TOKEN}"), b"", 403),
    "cookie of another port": ("GET", "/", without(cookie=f"truecost_ui_3001={COOKIE}"), b"", 403),
    "cookie not of ASCII": ("GET", "/", without(cookie="truecost_ui_3000=\xe9"), b"", 403),
    "wrong token": ("GET", "/?token=x", {"host": HOST}, b"", 403),
    "empty token": ("GET", "/?token=", {"host": HOST}, b"", 403),
    "token by POST": ("POST", f"/?token={TOKEN}", {"host": HOST}, b"", 403),
    "token of another page": (
        "GET", f"/?token={TOKEN}", {"host": HOST, "origin": "http://evil.example"}, b"", 403),
    "token at another address": ("GET", f"/graphql?token={TOKEN}", {"host": HOST}, b"", 403),
    "token under a foreign name": ("GET", f"/?token={TOKEN}", {"host": "evil.example"}, b"", 403),
    "foreign name": ("GET", "/", without(host="evil.example"), b"", 403),
    "foreign name, our port": ("GET", "/", without(host="evil.example:3000"), b"", 403),
    "our address, other port": ("GET", "/", without(host="127.0.0.1:80"), b"", 403),
    "our address without a port": ("GET", "/", without(host="127.0.0.1"), b"", 403),
    "name that begins like ours": ("GET", "/", without(host=f"{HOST}.evil.example"), b"", 403),
    "no name": ("GET", "/", without("host"), b"", 403),
    "two names": ("GET", "/", [*OWN.items(), ("host", "evil.example")], b"", 400),
    "foreign page": ("POST", "/graphql", without(origin="http://evil.example"), LAUNCH, 403),
    "page of no origin": ("POST", "/graphql", without(origin="null"), LAUNCH, 403),
    "page at another port": ("POST", "/graphql", without(origin="http://127.0.0.1:8"), LAUNCH, 403),
    "origin that begins like ours": (
        "POST", "/graphql", without(origin=f"http://{HOST}.evil.example"), LAUNCH, 403),
    "image of a page at another port": (
        "GET", "/download_debug/x", without(sec_fetch_site="same-site", sec_fetch_mode="no-cors"),
        b"", 403),
    "frame in a foreign page": (
        "GET", "/", without(sec_fetch_site="cross-site", sec_fetch_mode="navigate",
                            sec_fetch_dest="iframe"), b"", 403),
    "form of a page at another port": (
        "POST", "/graphql", without(sec_fetch_site="same-site", sec_fetch_mode="navigate",
                                    sec_fetch_dest="document"), LAUNCH, 403),
    "mutation by GET": ("GET", "/graphql?query=mutation{launchRun}", OWN, b"", 405),
    "mutation by GET, a slash more": ("GET", "/graphql/?query=mutation{x}", OWN, b"", 405),
    "mutation by HEAD": ("HEAD", "/graphql?query=mutation{launchRun}", OWN, b"", 405),
    "mutation by PUT": ("PUT", "/graphql", OWN | JSON, LAUNCH, 405),
    "preflight": ("OPTIONS", "/graphql", OWN, b"", 405),
    "form": ("POST", "/graphql", OWN | {"content-type": "text/plain"}, LAUNCH, 415),
    "form that speaks of JSON": (
        "POST", "/graphql", OWN | {"content-type": "text/plain; application/json"}, LAUNCH, 415),
    "bare GraphQL": ("POST", "/graphql", OWN | {"content-type": "application/graphql"}, b"x", 415),
    "no type": ("POST", "/graphql?query=mutation{x}", OWN, b"", 415),
    "two types": (
        "POST", "/graphql", [*(OWN | JSON).items(), ("content-type", "text/plain")], LAUNCH, 400),
    "report without a body": ("POST", "/report_asset_check/sources/runpod", OWN, b"", 415),
    "report, empty JSON": (
        "POST", "/report_asset_materialization/sources/runpod?metadata={}", OWN | JSON, b"", 400),
    "list": ("POST", "/graphql", OWN | JSON, b"[" + LAUNCH + b"]", 400),
    "no JSON": ("POST", "/graphql", OWN | JSON, b"\xff\xfe", 400),
    "deep JSON": ("POST", "/graphql", OWN | JSON, b"[" * 200_000, 400),
    "large body": ("POST", "/graphql", OWN | JSON, b" " * (BODY_MAX_BYTES + 1), 413),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_before_the_application(attack: str) -> None:
    method, address, headers, body, status = ATTACKS[attack]
    outcome = sent(method, address, headers, body)
    assert (outcome.status, outcome.reached) == (status, [])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OWN, 101),
        (OWN | {"origin": f"http://{HOST}"}, 101),
        ({"host": HOST}, 403),
        (OWN | {"origin": "http://evil.example"}, 403),
        (OWN | {"origin": "null"}, 403),
        (OWN | {"host": "evil.example"}, 403),
        (OWN | {"sec-fetch-site": "same-site", "sec-fetch-mode": "websocket"}, 403),
    ],
)
def test_a_websocket_needs_the_same(headers: dict[str, str], status: int) -> None:
    outcome = sent("", f"/graphql?token={TOKEN}", headers, kind="websocket")
    assert (outcome.status, len(outcome.reached)) == (status, int(status == 101))


def test_the_printed_address_gives_a_cookie_that_lets_in() -> None:
    entered = sent("GET", f"/?token={TOKEN}", {"host": HOST})
    assert (entered.status, entered.headers["location"], entered.reached) == (303, "/", [])
    kept, *flags = entered.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} == set(flags)
    page = sent("GET", "/runs", {"host": HOST, "cookie": f"other=1; {kept}"})
    assert (page.status, page.reached) == (200, [("/runs", b"")])
    assert page.headers["x-frame-options"] == "DENY"
    asked = sent("POST", "/graphql", {"host": HOST, "cookie": kept} | JSON, LAUNCH)
    assert (asked.status, asked.reached) == (200, [("/graphql", LAUNCH)])


def test_each_server_has_a_token_and_a_cookie_of_its_own_and_shows_neither() -> None:
    one, two = (Guard(app=Behind(), hosts=[HOST], port=3000) for _ in range(2))
    assert len({one.token, two.token, one.cookie, two.cookie}) == 4
    assert one.token not in repr(one)
    assert one.cookie not in repr(one)


def test_a_body_in_pieces_arrives_whole() -> None:
    body = json.dumps({"query": "{version}", "more": "x" * 200_000}).encode()
    assert sent("POST", "/graphql", OWN | JSON, body).reached == [("/graphql", body)]


SHOWN = {
    "{version}": 200,
    "query a { version }": 200,
    "subscription { x }": 200,
    "mutation { launchRun { __typename } }": 403,
    "query a { version } mutation b { setNuxSeen }": 403,
    "#mutation\nmutation{setNuxSeen}": 403,
    "\ufeffmutation{x}": 403,
    "fragment f on A { x } mutation { ...f }": 403,
    "{a(b: \"mutation {x}\")}": 200,
    "no GraphQL": 403,
    "": 403,
    "{" * 100_000: 403,
}  # fmt: skip


@pytest.mark.parametrize("document", SHOWN)
def test_read_only_takes_no_mutation(document: str) -> None:
    body = json.dumps({"query": document}).encode()
    outcome = sent("POST", "/graphql", OWN | JSON, body, is_read_only=True)
    assert outcome.status == SHOWN[document]
    assert len(outcome.reached) == (outcome.status == 200)


def test_read_only_takes_no_report() -> None:
    outcome = sent("POST", "/report_asset_check/a", OWN | JSON, b"{}", is_read_only=True)
    assert (outcome.status, outcome.reached) == (403, [])


# ------------------------------------------------------------------ what a run may choose


def test_a_run_cannot_choose_its_folder_or_its_mirror() -> None:
    import dagster as dg

    from pipelines.definitions import defs

    job = defs().resolve_job_def("capture")
    for name in ("home", "mirror"):
        config = {"resources": {"settings": {"config": {name: "http://evil.example"}}}}
        with pytest.raises(dg.DagsterInvalidConfigError, match=f'unexpected config entry "{name}"'):
            dg.validate_run_config(job, config)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a new data folder that this process works on; its choice is undone at the end."""
    for name in (HOME_VARIABLE, STATE_VARIABLE, "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return Home(tmp_path)


def test_the_schema_of_a_new_state_is_made_under_a_lock(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    from pipelines.jobs.storage import opened_instance

    prepare_instance(home)
    get = dg.DagsterInstance.get
    was_locked: list[bool] = []

    def is_locked() -> bool:
        lock = os.open(home.locks / "dagster", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def watched() -> dg.DagsterInstance:
        was_locked.append(is_locked())
        return get()

    monkeypatch.setattr(dg.DagsterInstance, "get", watched)
    with opened_instance() as instance:
        assert list(instance.get_runs()) == []
        assert was_locked == [True]
        assert not is_locked()
    assert {file.stem for file in (home.root / "dagster").rglob("*.db")} >= {"schedules", "runs"}


def test_a_state_with_two_revisions_is_one_line_that_says_what_helps(home: Home) -> None:
    from pipelines.jobs.storage import StateError, opened_instance

    prepare_instance(home)
    with opened_instance():
        pass
    [schedules] = home.root.rglob("schedules.db")
    with contextlib.closing(sqlite3.connect(schedules)) as state:
        state.execute("insert into alembic_version values ('5771160a95ad')")
        state.commit()
    with pytest.raises(StateError, match="move that folder away") as caught, opened_instance():
        pass
    assert "\n" not in str(caught.value)


def test_a_port_that_is_taken_is_one_line_and_status_2(home: Home) -> None:
    with FaultServer() as other:
        port = other.url.rpartition(":")[2]
        done = CliRunner().invoke(truecost, ["ui", "--port", port])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith(f"Error: port {port} is taken")


def test_the_daemon_ends_with_a_server_that_is_killed() -> None:
    serving = """
import sys, time
from pipelines.jobs import webserver
webserver.DAEMON = (sys.executable, "-c", "import time; time.sleep(60)")
with webserver._daemon(lambda: None) as daemon:
    print(daemon.pid, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", serving], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        daemon = int(server.stdout.readline())
        time.sleep(1.0)  # it becomes the daemon's program
        assert is_alive(daemon)
        server.kill()
    for _ in range(100):
        if not is_alive(daemon):
            return
        time.sleep(0.1)
    os.kill(daemon, signal.SIGKILL)
    pytest.fail("the daemon lives on")


def is_alive(process_id: int) -> bool:
    """Return whether a process exists that has not ended (Linux)."""
    stat = Path(f"/proc/{process_id}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_definitions_that_do_not_load_are_one_line_and_status_1(home: Home) -> None:
    code = (
        "import pipelines.jobs.webserver as web; web.MODULE = 'no_such_module'\n"
        "from pipelines.cli import main; main(['ui', '--port', '{port}'])"
    ).replace("{port}", str(free_port()))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1, done.stderr
    first, *rest = done.stderr.splitlines()
    assert first == "Starting Dagster ..."
    assert [line.startswith("truecost: no_such_module does not load: ") for line in rest] == [True]
