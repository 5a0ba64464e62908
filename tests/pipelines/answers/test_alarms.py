"""Alarms: what needs someone is found, sent once, and once more when it is over."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.answers import alarm_notices as notices
from pipelines.answers import alarms as found
from pipelines.answers.alarms import Alarm
from pipelines.answers.alert import Alert, Judgement
from pipelines.answers.alert_rules import Rule
from pipelines.cli import truecost
from warehouse.paths import Home
from warehouse.reports import ReportRows

NOW = datetime.fromisoformat("2026-08-11 06:30")
DOWN = Alarm(
    "source vast", "gives no good answer (<HTTP 500>)", datetime.fromisoformat("2026-08-09 06:00"),
    "its last good rows", "truecost run --source vast",
)  # fmt: skip
OLD = Alarm(
    "published file",
    "no build",
    datetime.fromisoformat("2026-08-09"),
    "the prices of then",
    "truecost run",
)


class Receiver(HTTPServer):
    """A receiver on this machine that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.received: list[dict[str, Any]] = []
        self.status = 204

    @property
    def address(self) -> str:
        """Return where it answers, with a secret."""
        return f"http://127.0.0.1:{self.server_port}/s3cret"


class Hook(BaseHTTPRequestHandler):
    """Keeps each body."""

    server: Receiver

    def do_POST(self) -> None:
        self.server.received.append(
            json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        )
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver that answers until the end of the test."""
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return an empty data folder."""
    return Home(tmp_path / "home")


def test_an_alarm_is_sent_once_and_when_it_is_over(home: Home, receiver: Receiver):
    hook = {notices.WEBHOOK: receiver.address}
    for lasting in ([DOWN], [DOWN], [], []):
        assert notices.tell(home, lasting, environment=hook) == []
    begun, over = receiver.received
    assert [(one["key"], one["is_over"]) for one in begun["alarms"]] == [("source vast", False)]
    assert [(one["key"], one["is_over"]) for one in over["alarms"]] == [("source vast", True)]
    for part in ("HTTP 500", "since 2026-08-09 06:00Z", "its last good rows", "--source vast"):
        assert part in begun["text"]


def test_an_alarm_that_begins_again_is_sent_again(home: Home, receiver: Receiver):
    hook = {notices.WEBHOOK: receiver.address}
    for lasting in ([DOWN], [], [DOWN]):
        notices.tell(home, lasting, environment=hook)
    assert [one["alarms"][0]["is_over"] for one in receiver.received] == [False, True, False]


def test_another_kind_that_was_not_looked_at_is_not_over(home: Home, receiver: Receiver):
    hook = {notices.WEBHOOK: receiver.address}
    notices.tell(home, [DOWN, OLD], environment=hook)
    notices.tell(home, [], ("published",), hook)
    assert [one["key"] for one in receiver.received[1]["alarms"]] == ["published file"]
    notices.tell(home, [DOWN], environment=hook)
    assert len(receiver.received) == 2


def test_an_alarm_that_reached_nobody_is_tried_again(home: Home, receiver: Receiver):
    hook = {notices.WEBHOOK: receiver.address}
    receiver.status = 500
    [line] = notices.tell(home, [DOWN], environment=hook)
    assert "HTTP 500" in line and "s3cret" not in line
    assert notices.undelivered(home) == [line]
    receiver.status = 204
    assert notices.tell(home, [DOWN], environment=hook) == []
    assert notices.undelivered(home) == []
    assert notices.tell(home, [DOWN], environment=hook) == []
    assert len(receiver.received) == 2


def test_the_end_of_an_alarm_that_reached_nobody_is_tried_again(home: Home, receiver: Receiver):
    hook = {notices.WEBHOOK: receiver.address}
    notices.tell(home, [DOWN], environment=hook)
    receiver.status = 404
    assert notices.tell(home, [], environment=hook) != []
    receiver.status = 200
    assert notices.tell(home, [], environment=hook) == []
    assert receiver.received[-1]["alarms"][0]["is_over"]


def test_slack_gets_a_text_without_tags(home: Home, receiver: Receiver):
    notices.tell(home, [DOWN], environment={notices.SLACK: receiver.address})
    [content] = receiver.received
    assert list(content) == ["text"] and "&lt;HTTP 500&gt;" in content["text"]


def test_a_file_gets_one_line_an_alarm(home: Home, tmp_path: Path):
    path = tmp_path / "alarms.jsonl"
    assert notices.tell(home, [DOWN, OLD], environment={notices.FILE: str(path)}) == []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["key"] for line in lines] == ["source vast", "published file"]


def test_what_strangers_wrote_is_harmless_in_the_file(home: Home, tmp_path: Path):
    said = Alarm("source vast", "has never answered (\x1b[31m\u202e\n{})", None, "others", "run")
    path = tmp_path / "alarms.jsonl"
    assert notices.tell(home, [said], environment={notices.FILE: str(path)}) == []
    text = path.read_text(encoding="utf-8")
    assert text.isascii() and text.count("\n") == 1 and "\x1b" not in text


def test_a_pipe_that_nobody_reads_is_one_line(home: Home, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    [line] = notices.tell(home, [DOWN], environment={notices.FILE: str(tmp_path / "pipe")})
    assert notices.FILE in line


class MailServer(socketserver.ThreadingTCPServer):
    """Takes one mail after the other, without encryption."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MailHandler)
        self.mails: list[str] = []


class MailHandler(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as a client needs."""

    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                lines = []
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(part.decode())
                self.server.mails.append("".join(lines))
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


def test_a_mail_is_sent_and_no_password_without_encryption(home: Home):
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_address[1]}"
        settings = {notices.SMTP: f"smtp://{place}", notices.MAIL_TO: "ops@example.org"}
        assert notices.tell(home, [DOWN], environment=settings) == []
        settings[notices.SMTP] = f"smtp://me:s3cret@{place}"
        [line] = notices.tell(home, [DOWN, OLD], environment=settings)
        server.shutdown()
    [mail] = server.mails
    assert "To: ops@example.org" in mail and "source vast" in mail
    assert "no password is sent" in line and "s3cret" not in line


@pytest.mark.parametrize(
    "settings",
    [
        {notices.WEBHOOK: "file:///etc/passwd"},
        {notices.WEBHOOK: "http://[broken/s3cret"},
        {notices.SLACK: "s3cret"},
        {notices.WEBHOOK: "http://127.0.0.1:1/s3cret"},
        {notices.SMTP: "127.0.0.1", notices.MAIL_TO: "a@b.example"},
        {notices.SMTP: "smtp://127.0.0.1:1"},
        {notices.SMTP: "smtp://127.0.0.1:99999", notices.MAIL_TO: "a@b.example"},
        {notices.SMTP: "smtp://127.0.0.1:1", notices.MAIL_TO: "a@b.example\nBcc: c@d.example"},
        {notices.FILE: "/proc/no/such/file"},
    ],
)
def test_a_channel_that_cannot_be_used_is_one_line(home: Home, settings: dict[str, str]):
    [line] = notices.tell(home, [DOWN], environment=settings)
    assert next(iter(settings)) in line and "s3cret" not in line and "\n" not in line
    assert notices.undelivered(home) == [line]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"open": {"a": 1}}', '{"open": 3}', "\x00", "[" * 10**5]
)
def test_a_damaged_state_silences_nothing(home: Home, receiver: Receiver, text: str):
    hook = {notices.WEBHOOK: receiver.address}
    notices.tell(home, [DOWN], environment=hook)
    (home.root / notices.STATE).write_text(text, encoding="utf-8")
    notices.tell(home, [DOWN], environment=hook)
    assert len(receiver.received) == 2


def test_a_failed_run_lasts_until_a_publication(
    home: Home, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(notices.WEBHOOK, receiver.address)
    assert notices.tell_of_failed_run(home, "build", "a check\nfailed", NOW) == []
    assert "the build failed: a check failed" in receiver.received[0]["text"]
    assert [one.key for one in notices.current(home, NOW, ("run",))] == ["run build"]
    monkeypatch.setattr(notices, "open_published", lambda home: duckdb.connect())
    monkeypatch.setattr(notices, "published_at", lambda connection: NOW + timedelta(hours=1))
    assert notices.current(home, NOW, ("run",)) == []


def status_of(**row: Any) -> ReportRows:
    """Return the status of one source."""
    return ReportRows(tuple(row), [tuple(row.values())])


@pytest.mark.parametrize(
    ("status", "age_hours", "is_down"),
    [
        ("ok", 25, False), ("failed", 25, False), ("failed", 49, True), ("ok", 49, True),
        ("frozen", 1, True), ("quarantined", 1, True), ("failed", None, True),
        ("never_asked", None, False), ("skipped", None, False),
    ],
)  # fmt: skip
def test_a_source_is_down_after_two_rhythms(
    monkeypatch: pytest.MonkeyPatch, status: str, age_hours: int | None, is_down: bool
):
    seen_at = None if age_hours is None else NOW - timedelta(hours=age_hours)
    row = status_of(
        source_id="vast", status=status, seen_at=seen_at, error="HTTP 500", offers_kept=100
    )
    monkeypatch.setattr(found, "status", lambda connection: row)
    moment = type("Moment", (), {"is_bundled": False})()
    monkeypatch.setattr(found, "moment_of", lambda connection: moment)
    with duckdb.connect() as connection:
        assert [one.key for one in found.sources(connection, NOW)] == ["source vast"] * is_down


def test_an_answer_of_another_size_has_drifted(monkeypatch: pytest.MonkeyPatch):
    moment = type("Moment", (), {"is_bundled": False})()
    monkeypatch.setattr(found, "moment_of", lambda connection: moment)
    least, most = found.all_sources()["vast"].expected_rows
    for rows, is_drifted in ((least - 1, True), (least, False), (most, False), (most + 1, True)):
        row = status_of(source_id="vast", status="ok", seen_at=NOW, error=None, offers_kept=rows)
        monkeypatch.setattr(found, "status", lambda connection, row=row: row)
        with duckdb.connect() as connection:
            lines = [one.what for one in found.sources(connection, NOW)]
        assert [line.startswith(f"has drifted: {rows:,} rows") for line in lines] == (
            [True] * is_drifted
        )


@pytest.mark.parametrize(
    ("held", "is_grown"),
    [((5, 0, 4, 25), True), ((5, 0, 4, 24), False), ((30, 0, 4, 59), False), ((25,), False)],
)
def test_a_quarantine_that_has_grown_is_named(held: tuple[int, ...], is_grown: bool):
    with duckdb.connect() as connection:
        connection.execute(
            "create schema meta; create table meta.quarantine (source_id varchar,"
            " capture_id varchar, rule varchar, state varchar);"
            " create table meta.source_status (source_id varchar, capture_id varchar,"
            " asked_at timestamp, status varchar)"
        )
        for day, count in enumerate(held):
            at = NOW + timedelta(days=day)
            connection.execute(
                "insert into meta.source_status values ('vast', ?, ?, 'ok')", [f"vast/{day}", at]
            )
            connection.execute(
                "insert into meta.quarantine"
                " select 'vast', ?, if(i < 3, 'rare', 'price_band'), 'held' from range(?) t(i)",
                [f"vast/{day}#1", count],
            )
        grown = list(found.quarantine(connection))
    assert [one.key for one in grown] == ["quarantine vast"] * is_grown
    assert all(f"{held[-1]} rows are held, 5 at most" in one.what for one in grown)
    assert all("price_band" in one.what for one in grown)


def judgement(state: str, name: str = "cheap H100") -> Any:
    """Return a rule held against the prices."""
    return Judgement(
        rule=Rule(
            place="rules.yaml:2", name=name, gpu="H100-SXM-80GB", model=None,
            purchase_model="on_demand", commitment_months=None, market_family="neocloud",
            reference_region="us", provider=None, tokens="blended", below_usd=2.0,
            above_usd=None, moves_by_fraction=None, over_days=30,
        ),
        state=state, subject="H100", unit="USD/h", value=1.9, low=None, high=None,
        change_fraction=None, since=NOW.date(), provider_count=3, provider_ids="a, b, c",
        seen_at=NOW, reason=None, command="truecost offers H100-SXM-80GB",
    )  # fmt: skip


def test_rules_about_prices_go_to_the_same_receivers(home: Home, receiver: Receiver):
    hook = {notices.WEBHOOK: receiver.address}
    for state in ("fired", "fired", "withheld", "quiet"):
        told = Alert(NOW, [judgement(state)])
        assert notices.tell_of_rules(home, "rules.yaml", told, hook) == []
        assert notices.tell_of_rules(home, "others.yaml", Alert(NOW, []), hook) == []
    begun, over = receiver.received
    [one] = begun["alarms"]
    assert one["key"] == "rule:rules.yaml cheap H100" and not one["is_over"]
    assert "truecost offers H100" in begun["text"]
    assert [one["is_over"] for one in over["alarms"]] == [True]


def test_what_a_source_printed_stays_on_one_line(monkeypatch: pytest.MonkeyPatch):
    error = "no\x1b[31m\ntable\u202e" + "x" * 9999
    row = status_of(source_id="vast", status="failed", seen_at=None, error=error)
    monkeypatch.setattr(found, "status", lambda connection: row)
    moment = type("Moment", (), {"is_bundled": False})()
    monkeypatch.setattr(found, "moment_of", lambda connection: moment)
    with duckdb.connect() as connection:
        [one] = found.sources(connection, NOW)
    assert not {"\n", "\x1b", "\u202e"} & set(one.what) and len(one.line) <= 500
    assert "--source vast" in one.line


def test_an_empty_folder_has_nothing_published(home: Home):
    assert [one.key for one in found.alarms(home, NOW, ("published", "source"))] == [
        "published file"
    ]


def test_the_command_prints_one_line_each_and_ends_with_1(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))
    done = CliRunner().invoke(truecost, ["status", "--check"], env=dict(os.environ))
    assert done.exit_code == 1
    assert done.output.startswith("published file: nothing is published")
    refused = CliRunner().invoke(truecost, ["status", "--check", "--json"], env=dict(os.environ))
    assert refused.exit_code == 2


def test_rules_that_nobody_is_to_hear_of_are_refused(monkeypatch: pytest.MonkeyPatch):
    for name in notices.CHANNELS:
        monkeypatch.delenv(name, raising=False)
    refused = CliRunner().invoke(truecost, ["alert", "rules.yaml", "--send"], env=dict(os.environ))
    assert refused.exit_code == 2 and notices.WEBHOOK in refused.output
