"""Backfill: what a source said in the past, filed as captures of that time, known since today.

The past comes from four places: a file that holds its own history (its module has ``moments``),
catalogues that stay at dated addresses (its module has ``versions``), a mirror that keeps dated
copies and lists them at ``/__index``, or the versions that GitHub keeps of a file in a public
repository. Each instant becomes one capture in landing; reading, merging and
publishing are those of any other capture. What is filed already is not asked for again.

The past has the resolution of a day: what was read or changed on a UTC day is filed at its start.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

from pipelines import capture as capturing
from pipelines.http import Client, FetchError, fingerprint
from pipelines.landing import Capture, Landing, RequestRecord
from pipelines.parse import capture_ledger
from pipelines.sources.base import Fetching, ParseError, Payload, Request, Source
from pipelines.sources.dated_file import Moment
from warehouse.paths import Home

RAW_HOST = "raw.githubusercontent.com"
API_HOST = "api.github.com"
RAW_FILE = re.compile(r"^/(?P<owner>[^/]+)/(?P<name>[^/]+)/(?P<branch>[^/]+)/(?P<path>.+)$")
COMMITS_A_PAGE = 100
MAX_PAGES = 30
Every = Literal["day", "week", "month"]
Progress = Callable[[int, int, datetime], None]


class NoHistoryError(ValueError):
    """A source whose past nobody keeps for us; one line that says what works."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One instant of the past, and how its answers are asked for."""

    at: datetime  # UTC
    requests: tuple[Request, ...]
    mirror: str | None

    def asked(self, fetching: Fetching) -> Sequence[Request]:
        """Return the requests, in place of the source's own of today."""
        return self.requests

    def instant(self) -> datetime:
        """Return the instant, in place of the clock."""
        return self.at


@dataclass(frozen=True, kw_only=True)
class Backfilled:
    """What came of a backfill of one source."""

    source_id: str
    filed: int  # captures
    known: int  # instants that were filed before
    failed: int
    first: datetime | None
    last: datetime | None
    error: str | None = None


def backfill(
    source: Source,
    *,
    home: Home,
    recorded_at: datetime,
    since: date | None = None,
    until: date | None = None,
    every: Every = "day",
    mirror: str | None = None,
    environment: Mapping[str, str] = os.environ,
    is_again: bool = False,
    progress: Progress = lambda done, total, at: None,
) -> Backfilled:
    """File every instant of a source's past that is to be had and not filed yet.

    Parameters
    ----------
    source : Source
        What to ask.
    home : Home
        Its landing folder takes payloads and manifests, each as soon as it is there.
    recorded_at : datetime
        Since when we know, UTC: the moment of the backfill.
    since, until : date, optional
        The days wanted, both included.
    every : {"day", "week", "month"}
        How many versions are wanted: the last of each. Files with their own history have days.
    mirror : str, optional
        Asked instead of the sources; one with dated copies is asked for them.
    environment : Mapping
        Where sources find their keys.
    is_again : bool
        Whether instants that are filed already are asked for again, to record corrections.
    progress : callable
        Called with done, total and the instant, after each.

    Raises
    ------
    NoHistoryError
        If nobody keeps the past of this source.
    FetchError
        If the list of versions, or the file with the history, is not to be had.
    ParseError
        If they cannot be read.
    """
    landing = Landing(home)
    landing.prepare()
    client = Client(mirror=mirror, environment=environment, spool_folder=landing.spool_folder)
    filed = set() if is_again else _filed_instants(landing, source.source_id)

    def is_wanted(at: datetime) -> bool:
        return (since is None or at.date() >= since) and (until is None or at.date() <= until)

    module = importlib.import_module(f"pipelines.sources.{source.source_id}")
    if hasattr(module, "moments"):
        [request] = source.requests(Fetching(on=recorded_at.date(), environment=environment))
        captures = _parts(
            source, request, module.moments, landing, client, recorded_at, is_wanted
        )  # fmt: skip
        return _file_parts(source, landing, captures, filed, progress)
    versions = [
        version
        for version in _versions(
            source, client, mirror, since, until, every, module, recorded_at.date()
        )
        if is_wanted(version.at)
    ]
    if not versions:
        raise NoHistoryError(_nothing_kept(source, mirror))
    failed, done = 0, []
    for number, version in enumerate(versions, start=1):
        if version.at not in filed and len(version.requests) == 1 and hasattr(module, "parts"):
            try:
                captures = _parts(
                    source,
                    version.requests[0],
                    partial(module.parts, at=version.at),
                    landing,
                    client,
                    recorded_at,
                    is_wanted,
                )
            except FetchError:
                failed += 1
            else:
                done += [landing.record(capture).captured_at for capture in captures]
        elif version.at not in filed:
            [result] = capturing.capture(
                [dataclasses.replace(source, requests=version.asked)],
                home=home,
                clock=version.instant,
                recorded_clock=lambda: recorded_at,
                mirror=version.mirror,
                environment=environment,
                named=(source.source_id,),
            )
            if result.status in ("failed", "skipped"):
                failed += 1
            else:
                done.append(version.at)
        progress(number, len(versions), version.at)
    return _report(source, done, len(versions), failed)


def refile(source: Source, *, home: Home, recorded_at: datetime) -> int:
    """File again, as known from now on, every capture that an older parser has read.

    The bytes are those that are kept; what the parser of today reads in them supersedes what was
    believed, and what was believed stays on record.

    Returns
    -------
    int
        Captures filed again.
    """
    landing = Landing(home)
    parsers = {
        row["capture_id"]: row["parser_version"]
        for row in capture_ledger(home).to_pylist()
        if row["source_id"] == source.source_id and row["parser_version"] is not None
    }
    newest = {capture.captured_at: capture for capture in landing.captures(source.source_id)}
    old = [
        capture
        for capture in newest.values()
        if parsers.get(capture.capture_id, source.parser_version) < source.parser_version
    ]
    for capture in old:
        landing.record(dataclasses.replace(capture, recorded_at=recorded_at))
    return len(old)


def _report(source: Source, done: Sequence[datetime], total: int, failed: int = 0) -> Backfilled:
    return Backfilled(
        source_id=source.source_id,
        filed=len(done),
        known=total - len(done) - failed,
        failed=failed,
        first=min(done, default=None),
        last=max(done, default=None),
    )


def _filed_instants(landing: Landing, source_id: str) -> set[datetime]:
    return {
        capture.captured_at
        for capture in landing.captures(source_id)
        if capture.status not in ("failed", "skipped")
    }


def _parts(
    source: Source,
    request: Request,
    moments: Callable[[Payload], Iterator[Moment]],
    landing: Landing,
    client: Client,
    recorded_at: datetime,
    is_wanted: Callable[[datetime], bool],
) -> list[Capture]:
    """Fetch a file that holds its own history, keep it once, and make a capture an instant."""
    captures: list[Capture] = []
    started_at = capturing.now()
    with client.session(source) as session:
        answer = session.fetch(request)
        assert answer.body is not None  # nothing was said about a version that we have
        with answer.body as body:
            kept = landing.keep(source.source_id, recorded_at.date(), body)
    record = RequestRecord(
        key=request.key,
        scope=request.key,
        url=request.url,
        method=request.method,
        question=fingerprint(request),
        outcome="ok",
        status=answer.status,
        sha256=kept.sha256,
        path=kept.path,
        bytes=kept.bytes,
        ending=kept.ending,
        content_type=answer.content_type,
        started_at=started_at,
        finished_at=capturing.now(),
        attempts=answer.attempts,
        warnings=answer.warnings,
    )
    whole = Payload(
        source_id=source.source_id,
        key=request.key,
        url=request.url,
        content=landing.content(kept.path),
        sha256=kept.sha256,
        captured_at=recorded_at,
        content_type=answer.content_type,
    )
    by_instant: defaultdict[datetime, list[Moment]] = defaultdict(list)
    for moment in moments(whole):
        if is_wanted(moment.at):
            by_instant[_start_of_day(moment.at)].append(moment)
    for at, parts in sorted(by_instant.items()):
        records = tuple(
            dataclasses.replace(
                record,
                key=f"{request.key}@{part.part}",
                scope=part.scope,
                question=f"{record.question} @{part.part}",
                bytes=record.bytes if number == 0 else 0,
            )
            for number, part in enumerate(parts)
        )
        captures.append(
            Capture(
                source_id=source.source_id,
                capture_id="",  # given when it is filed
                captured_at=at,
                recorded_at=recorded_at,
                status="ok",
                mirror=client.mirror,
                requests=records,
            )
        )
    return captures


def _file_parts(
    source: Source,
    landing: Landing,
    captures: Sequence[Capture],
    filed: set[datetime],
    progress: Progress,
) -> Backfilled:
    done = []
    for number, capture in enumerate(captures, start=1):
        if capture.captured_at not in filed:
            landing.record(capture)
            done.append(capture.captured_at)
        progress(number, len(captures), capture.captured_at)
    return _report(source, done, len(captures))


def _versions(
    source: Source,
    client: Client,
    mirror: str | None,
    since: date | None,
    until: date | None,
    every: Every,
    module: Any,
    today: date,
) -> list[Version]:
    """Return the versions to ask for, oldest first: the last of each day, week or month."""
    requests = source.requests(Fetching(on=today, environment=client.environment))
    found = _mirror_versions(source, client, requests) if mirror else []
    if not found and hasattr(module, "versions"):
        found = _catalogue_versions(source, client, module, since, until or today, every)
    elif not found:
        found = _git_versions(source, client, requests, since, until)
    last = {_period(version.at, every): version for version in sorted(found, key=lambda v: v.at)}
    return [
        dataclasses.replace(version, at=_start_of_day(version.at))
        for version in sorted(last.values(), key=lambda version: version.at)
    ]


def _start_of_day(at: datetime) -> datetime:
    return datetime.combine(at.date(), time(), UTC)


def _period(at: datetime, every: Every) -> tuple[int, ...]:
    if every == "month":
        return at.year, at.month
    if every == "week":
        return tuple(at.isocalendar()[:2])
    return at.year, at.month, at.day


def _mirror_versions(source: Source, client: Client, requests: Sequence[Request]) -> list[Version]:
    """Return the days of which a mirror has copies of all that the source asks.

    The mirror's index names the address and the day of each copy; ``/__asof/DAY`` before an
    address asks for the newest copy of that day or before.
    """
    index = Request(key="index", url="https://__index")
    try:
        copies = _fetched_json(source, client, index, "__index")
    except FetchError:
        return []
    days: defaultdict[str, set[str]] = defaultdict(set)
    for copy in copies:
        days[unquote(copy["url"]).partition("?")[0]].add(copy["as_of"])
    wanted = [unquote(request.url).partition("?")[0] for request in requests]
    starts = [min(days[url]) for url in wanted if days[url]]
    if len(starts) < len(wanted) or client.mirror is None:
        return []
    return [
        Version(
            at=datetime.combine(date.fromisoformat(day), time(), UTC),
            requests=tuple(requests),
            mirror=f"{client.mirror.rstrip('/')}/__asof/{day}",
        )
        for day in sorted(set().union(*(days[url] for url in wanted)))
        if day >= max(starts)
    ]


def _catalogue_versions(
    source: Source, client: Client, module: Any, since: date | None, until: date, every: Every
) -> list[Version]:
    """Return the catalogues at dated addresses that a module tells from lists it asks for."""
    first = since or module.V1_DAYS[0]
    runs: list[Any] = []
    for request in module.version_lists(first, until, every, client.environment):
        runs += _fetched_json(source, client, request, API_HOST, within="workflow_runs")
    return [
        Version(at=at, requests=requests, mirror=client.mirror)
        for at, requests in module.versions(runs, first, until)
    ]


def _git_versions(
    source: Source,
    client: Client,
    requests: Sequence[Request],
    since: date | None,
    until: date | None,
) -> list[Version]:
    """Return the versions of a source's only file, if it lies in a public repository."""
    if len(requests) != 1 or urlsplit(requests[0].url).hostname != RAW_HOST:
        return []
    [request] = requests
    place = RAW_FILE.match(urlsplit(request.url).path)
    if place is None:
        return []
    repository = f"{place['owner']}/{place['name']}"
    question = f"sha={place['branch']}&path={place['path']}&per_page={COMMITS_A_PAGE}"
    if since is not None:
        question += f"&since={since.isoformat()}T00:00:00Z"
    if until is not None:
        question += f"&until={(until + timedelta(days=1)).isoformat()}T00:00:00Z"
    versions: list[Version] = []
    for page in range(1, MAX_PAGES + 1):
        url = f"https://{API_HOST}/repos/{repository}/commits?{question}&page={page}"
        commits = _fetched_json(source, client, Request(key=f"commits {page}", url=url), API_HOST)
        for commit in commits:
            raw = f"https://{RAW_HOST}/{repository}/{commit['sha']}/{quote(unquote(place['path']))}"
            at = datetime.fromisoformat(commit["commit"]["committer"]["date"]).astimezone(UTC)
            versions.append(
                Version(
                    at=at,
                    requests=(dataclasses.replace(request, url=raw),),
                    mirror=client.mirror,
                )
            )
        if len(commits) < COMMITS_A_PAGE:
            break
    return versions


def _fetched_json(
    source: Source, client: Client, request: Request, host: str, within: str | None = None
) -> Any:
    """Return what a list of versions says: the answer, or the field of it that is the list.

    Raises
    ------
    FetchError
        If there is no answer.
    ParseError
        If it is not JSON of a list.
    """
    asking = dataclasses.replace(source, allowed_hosts=(*source.allowed_hosts, host))
    with client.session(asking) as session:
        answer = session.fetch(request)
        assert answer.body is not None
        with answer.body as body:
            text = body.read()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ParseError(f"{source.source_id}: {request.url} is not JSON: {error}") from error
    listed = found.get(within) if within and isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise ParseError(f"{source.source_id}: {request.url} is no list: {str(found)[:80]}")
    return listed


def _nothing_kept(source: Source, mirror: str | None) -> str:
    where = f"the mirror {mirror}" if mirror else "GitHub"
    return (
        f"{source.source_id}: {where} keeps no dated copies of what it asks in these days;"
        " a past price cannot be fetched again, only captured day by day"
    )
