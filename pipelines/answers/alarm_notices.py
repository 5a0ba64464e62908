"""Who hears of an alarm: a webhook, Slack, mail, a file, each named by the environment.

An alarm is sent once, and once more when it is over. What was sent, and what could not be, is kept
in ``alarms.json`` of the data folder, so that the next run and ``truecost status --check`` know it.
What is wrong belongs to ``alarms``, opening connections to ``capture.http``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines.answers.alarms import KINDS, Alarm, alarms
from pipelines.answers.alert import Alert
from pipelines.answers.status import published_at
from pipelines.capture.http.direct import NotSentError, post_json, send_mail
from pipelines.text import one_line
from warehouse import files
from warehouse.database import DataFolderError, exclusive, open_published
from warehouse.paths import Home
from warehouse.rows import plain

WEBHOOK = "TRUECOST_ALARM_WEBHOOK"  # gets JSON: title, text, alarms
SLACK = "TRUECOST_ALARM_SLACK"  # an incoming webhook of Slack, or of what takes its form
FILE = "TRUECOST_ALARM_FILE"  # one line of JSON an alarm
SMTP = "TRUECOST_ALARM_SMTP"  # smtp://USER:PASSWORD@HOST:PORT, or smtps://
MAIL_TO, MAIL_FROM = "TRUECOST_ALARM_MAIL_TO", "TRUECOST_ALARM_MAIL_FROM"
HEARTBEAT = "TRUECOST_HEARTBEAT"  # gets JSON after each publication
CHANNELS = (WEBHOOK, SLACK, FILE, SMTP)
TIMEOUT_SECONDS = 10
STATE = "alarms.json"
FIELDS = ("key", "what", "works", "command")


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment names anyone who is to hear of alarms."""
    return any(environment.get(name) for name in CHANNELS)


def current(home: Home, now: datetime, kinds: Collection[str] = KINDS) -> list[Alarm]:
    """Return what is wrong now, with the runs that failed since the last publication."""
    found = alarms(home, now, kinds)
    if "run" in kinds:
        found += failed_runs(home)
    return found


def failed_runs(home: Home) -> list[Alarm]:
    """Return the failed runs after which nothing has been published."""
    kept = [_alarm(one) for one in read_state(home)["open"].values()]
    try:
        with open_published(home) as connection:
            last = published_at(connection)
    except DataFolderError:
        last = None
    failed = [one for one in kept if one.key.startswith("run ") and one.since]
    return [one for one in failed if last is None or (one.since and one.since > last)]


def undelivered(home: Home) -> list[str]:
    """Return what could not be delivered the last time, one line each."""
    return [str(line) for line in read_state(home)["undelivered"]]


def tell(
    home: Home,
    found: Sequence[Alarm],
    kinds: Collection[str] = KINDS,
    environment: Mapping[str, str] = os.environ,
) -> list[str]:
    """Send the alarms that are new, and those that are over.

    Parameters
    ----------
    home : Home
        The data folder, which keeps what was sent.
    found : sequence of Alarm
        What is wrong now.
    kinds : collection of str
        The kinds that were looked at: an alarm of another kind is neither new nor over.
    environment : mapping
        Names who hears of it.

    Returns
    -------
    list of str
        What could not be delivered, without the addresses. It is tried again the next time.
    """
    with exclusive(home, "alarms"):
        state = read_state(home)
        before: dict[str, Any] = state["open"]
        now = {one.key: plain(asdict(one)) for one in found if one.key.split()[0] in kinds}
        for key, one in now.items():
            one["is_told"] = key in before and before[key]["is_told"]
        new = [one for one in now.values() if not one["is_told"]]
        gone = {
            key: one
            for key, one in before.items()
            if key.split()[0] in kinds and key not in now and one["is_told"]
        }
        kept = {key: one for key, one in before.items() if key.split()[0] not in kinds}
        failed: list[str] = []
        read = json.dumps(state)
        if (new or gone) and is_wanted(environment):
            failed, is_heard = _deliver(new, list(gone.values()), environment)
            state["undelivered"] = failed
            if is_heard:
                gone = {}
                for one in new:
                    one["is_told"] = True
        state["open"] = kept | gone | now
        if json.dumps(state) != read:
            files.write_text(home.root / STATE, json.dumps(state, indent=1) + "\n")
    return failed


def tell_of_rules(
    home: Home, file: str, found: Alert, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """Send which rules of a file fire now, and which do no more; see ``tell``.

    A rule that is withheld is as it was: its prices are too few or too old to say.
    """
    kind = "rule:" + "_".join(file.split())
    before = read_state(home)["open"]
    now = []
    for one in found.judgements:
        key = f"{kind} {one.rule.name or one.rule.place.rpartition(':')[2]}"
        if one.state == "fired":
            since = one.since and datetime.combine(one.since, time.min)
            now.append(Alarm(key, one.line, since, "every answer", one.command))
        elif one.state == "withheld" and key in before:
            now.append(_alarm(before[key]))
    return tell(home, now, (kind,), environment)


def tell_of_failed_run(home: Home, job: str, reason: object, at: datetime) -> list[str]:
    """Send that a run failed; what is over is left to the next look."""
    failed = Alarm(
        f"run {job}", f"the {job} failed: {one_line(reason)}", at,
        "what was published before", "truecost ui",
    )  # fmt: skip
    kept = [one for one in failed_runs(home) if one.key != failed.key]
    try:
        return tell(home, [failed, *kept], ("run",))
    except (OSError, DataFolderError) as error:  # the folder may be why the run failed
        return [f"{STATE}: {one_line(error)}"] if is_wanted() else []


def tell_after_publication(
    home: Home, now: datetime, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """Send what is wrong after a build, and a heartbeat that it was published."""
    failed = (
        tell(home, current(home, now), environment=environment) if is_wanted(environment) else []
    )
    if address := environment.get(HEARTBEAT):
        try:
            _post(HEARTBEAT, address, {"published_at": f"{now:%Y-%m-%dT%H:%M:%SZ}"})
        except NotSentError as error:
            failed.append(str(error))
    return failed


def _deliver(
    new: Sequence[dict[str, Any]], gone: Sequence[dict[str, Any]], environment: Mapping[str, str]
) -> tuple[list[str], bool]:
    """Send to each channel; return what failed, and whether anyone has heard."""
    title = f"truecost: {len(new)} new, {len(gone)} over"
    text = "\n".join([*(_alarm(one).line for one in new), *(f"over: {one['key']}" for one in gone)])
    entries = [
        {name: one[name] for name in (*FIELDS, "since")} | {"is_over": one in gone}
        for one in (*new, *gone)
    ]
    failed = []
    channels = [name for name in CHANNELS if environment.get(name)]
    for name in channels:
        try:
            _send(name, environment, title, text, entries)
        except NotSentError as error:
            failed.append(one_line(error))
        except OSError as error:
            failed.append(f"{name}: {error.strerror}")
    return failed, len(failed) < len(channels)


def _alarm(one: Mapping[str, Any]) -> Alarm:
    since = datetime.fromisoformat(one["since"]).replace(tzinfo=None) if one["since"] else None
    return Alarm(**{name: one[name] for name in FIELDS}, since=since)


def _send(
    name: str,
    environment: Mapping[str, str],
    title: str,
    text: str,
    entries: Sequence[dict[str, Any]],
) -> None:
    value = environment[name]
    if name == WEBHOOK:
        _post(name, value, {"title": title, "text": text, "alarms": list(entries)})
    elif name == SLACK:
        harmless = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        _post(name, value, {"text": f"*{title}*\n{harmless}"})
    elif name == FILE:
        lines = "".join(json.dumps(one) + "\n" for one in entries)  # ASCII: errors quote strangers
        # A pipe that nobody reads is an error at once, and no end of waiting.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
        with os.fdopen(os.open(Path(value).expanduser(), flags, 0o600), "a") as file:
            file.write(lines)
    else:
        to = environment.get(MAIL_TO)
        if not to:
            raise NotSentError(f"{MAIL_TO} is not set; give the address that {SMTP} is for")
        try:
            sender = environment.get(MAIL_FROM) or to
            send_mail(value, sender, to, title, text, TIMEOUT_SECONDS)
        except NotSentError as error:
            raise NotSentError(f"{SMTP}: {error}") from None


def _post(name: str, address: str, content: object) -> None:
    """Post JSON to the address of a setting; no message repeats it, it may hold a secret."""
    try:
        parts = urlsplit(address)
        host = parts.hostname if parts.scheme in ("https", "http") else None
    except ValueError:
        host = None
    if not host:
        raise NotSentError(f"{name} is not an address; give https://HOST/PATH")
    try:
        status = post_json(address, content, TIMEOUT_SECONDS)
    except NotSentError as error:
        raise NotSentError(f"{name}: {host} does not answer ({error})") from None
    if status >= 300:
        raise NotSentError(f"{name}: {host} answered HTTP {status}")


def read_state(home: Home) -> dict[str, Any]:
    """Return the alarms that were sent and are not over, and what could not be delivered."""
    nothing: dict[str, Any] = {"open": {}, "undelivered": []}
    try:
        found = json.loads((home.root / STATE).read_text(encoding="utf-8"))
        for one in found["open"].values():
            _ = _alarm(one).line, one["is_told"]
        return {"open": dict(found["open"]), "undelivered": list(found["undelivered"])}
    except FileNotFoundError:
        return nothing
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Everything that is wrong is then sent once more: nothing is silenced.
        return nothing | {"undelivered": [f"{STATE} was damaged and is begun anew"]}
