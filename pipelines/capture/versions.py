"""Past versions of an answer: which there are, and how each is asked for.

Three places keep them: a mirror with dated copies, listed at ``/__index``; addresses with a date
(``DatedFiles``); and the commits of a public GitHub repository (``GitHistory``). Asking for the
versions and recording them belongs to ``backfill``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

from pipelines.capture.http.client import Client
from pipelines.capture.http.errors import FetchError
from pipelines.capture.parsers import in_child
from pipelines.sources.base import DatedFiles, Fetching, GitHistory, ParseError, Request, Source

RAW_HOST = "raw.githubusercontent.com"
API_HOST = "api.github.com"
RAW_FILE = re.compile(r"^/(?P<owner>[^/]+)/(?P<name>[^/]+)/(?P<branch>[^/]+)/(?P<path>.+)$")
COMMITS_A_PAGE = 100
MAX_PAGES = 30
Every = Literal["day", "week", "month"]


@dataclass(frozen=True, kw_only=True)
class Version:
    """One instant of the past, and how its answers are asked for."""

    at: datetime  # UTC
    requests: tuple[Request, ...]
    mirror: str | None

    def asked(self, fetching: Fetching) -> Sequence[Request]:
        """Return the requests, in place of ``Source.requests``."""
        return self.requests

    def instant(self) -> datetime:
        """Return the instant, as a clock."""
        return self.at


def past_versions(
    source: Source,
    client: Client,
    mirror: str | None,
    since: date | None,
    until: date | None,
    every: Every,
    today: date,
) -> list[Version]:
    """Return the versions to ask for, oldest first: the last of each day, week or month.

    Raises
    ------
    FetchError
        If a list of versions cannot be fetched.
    ParseError, LimitError, CallError
        If a list of versions cannot be read.
    """
    requests = source.requests(Fetching(on=today, environment=client.environment))
    window = (mirror, since, until, every, today)
    found = _versions(source, client, requests, *window)
    former_url = source.past.former_url if isinstance(source.past, GitHistory) else None
    if former_url is not None:
        moved_at = min((version.at for version in found), default=None)
        asked = [dataclasses.replace(request, url=former_url) for request in requests]
        before = _versions(source, client, asked, *window)
        found += [version for version in before if moved_at is None or version.at < moved_at]
    last = {_period(version.at, every): version for version in sorted(found, key=lambda v: v.at)}
    return [
        dataclasses.replace(version, at=start_of_day(version.at))
        for version in sorted(last.values(), key=lambda version: version.at)
    ]


def _versions(
    source: Source,
    client: Client,
    requests: Sequence[Request],
    mirror: str | None,
    since: date | None,
    until: date | None,
    every: Every,
    today: date,
) -> list[Version]:
    found = _mirror_versions(source, client, requests) if mirror else []
    if not found and isinstance(source.past, DatedFiles):
        found = _dated_versions(source, source.past, client, since, until or today, every)
    elif not found and isinstance(source.past, GitHistory):
        found = _git_versions(source, client, requests, since, until)
    return found


def start_of_day(at: datetime) -> datetime:
    """Return the start of the UTC day of an instant."""
    return datetime.combine(at.date(), time(), UTC)


def _period(at: datetime, every: Every) -> tuple[int, ...]:
    if every == "month":
        return at.year, at.month
    if every == "week":
        return tuple(at.isocalendar()[:2])
    return at.year, at.month, at.day


def _mirror_versions(source: Source, client: Client, requests: Sequence[Request]) -> list[Version]:
    """Return the days of which a mirror has copies of every request of the source.

    The index of the mirror names the address and the day of each copy. ``/__asof/DAY`` before an
    address asks for the newest copy of that day or an earlier one.
    """
    index = Request(key="index", url="https://__index")
    try:
        answer = _fetched(source, client, index, "__index")
    except FetchError:
        return []
    days: defaultdict[str, set[str]] = defaultdict(set)
    for url, day in in_child(source, _copies, answer):
        days[url].add(day)
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


def _dated_versions(
    source: Source,
    past: DatedFiles,
    client: Client,
    since: date | None,
    until: date,
    every: Every,
) -> list[Version]:
    """Return the versions at dated addresses, from the lists that name them."""
    first = since or past.first_day
    answers = [
        _fetched(source, client, request, past.list_host)
        for request in past.lists(first, until, every, client.environment)
    ]
    return [
        Version(
            at=datetime.fromisoformat(at),
            requests=tuple(Request(**fields) for fields in requests),
            mirror=client.mirror,
        )
        for at, requests in in_child(source, _dated, answers, first, until)
    ]


def _git_versions(
    source: Source,
    client: Client,
    requests: Sequence[Request],
    since: date | None,
    until: date | None,
) -> list[Version]:
    """Return the versions of the only file of a source, from the commits that changed it."""
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
        answer = _fetched(source, client, Request(key=f"commits {page}", url=url), API_HOST)
        commits = in_child(source, _commits, answer)
        for commit, at in commits:
            raw = f"https://{RAW_HOST}/{repository}/{commit}/{quote(unquote(place['path']))}"
            versions.append(
                Version(
                    at=datetime.fromisoformat(at),
                    requests=(dataclasses.replace(request, url=raw),),
                    mirror=client.mirror,
                )
            )
        if len(commits) < COMMITS_A_PAGE:
            break
    return versions


@dataclass(frozen=True)
class _Answer:
    """A list of versions as it was answered."""

    url: str
    body: bytes


def _fetched(source: Source, client: Client, request: Request, host: str) -> _Answer:
    """Return the answer to a request on one more host.

    Raises
    ------
    FetchError
        If there is no usable answer.
    """
    asking = dataclasses.replace(source, allowed_hosts=(*source.allowed_hosts, host))
    with client.session(asking) as session:
        answer = session.fetch(request)
        assert answer.body is not None
        with answer.body as body:
            return _Answer(request.url, body.read())


# What follows reads strangers' bytes: called in the child.


def _copies(source: Source, answer: _Answer) -> list[tuple[str, str]]:
    """Return address and day of each copy that a mirror lists."""
    with _of_this_layout(source, [answer]):
        return [
            (unquote(copy["url"]).partition("?")[0], date.fromisoformat(copy["as_of"]).isoformat())
            for copy in _list(source, answer)
        ]


def _dated(
    source: Source, answers: Sequence[_Answer], first: date, until: date
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return when each version was made, and how to ask for it."""
    past = source.past
    assert isinstance(past, DatedFiles)
    listed = [one for answer in answers for one in _list(source, answer, past.list_field)]
    with _of_this_layout(source, answers):
        return [
            (at.isoformat(), [dataclasses.asdict(request) for request in requests])
            for at, requests in past.versions(listed, first, until)
        ]


def _commits(source: Source, answer: _Answer) -> list[tuple[str, str]]:
    """Return hash and time, UTC, of each commit that GitHub lists."""
    with _of_this_layout(source, [answer]):
        return [
            (
                bytes.fromhex(commit["sha"]).hex(),  # it becomes part of an address
                datetime.fromisoformat(commit["commit"]["committer"]["date"])
                .astimezone(UTC)
                .isoformat(),
            )
            for commit in _list(source, answer)
        ]


def _list(source: Source, answer: _Answer, field: str | None = None) -> list[Any]:
    """Return a list of versions: the answer, or a field of it."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{source.source_id}: {answer.url} is not JSON: {error}") from error
    listed = found.get(field) if field and isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise ParseError(f"{source.source_id}: {answer.url} holds no list: {str(found)[:80]}")
    return listed


@contextlib.contextmanager
def _of_this_layout(source: Source, answers: Sequence[_Answer]) -> Iterator[None]:
    """Refuse a list whose entries are not as they were."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
        if isinstance(error, ParseError):
            raise
        said = f"{type(error).__name__}: {error}"[:120]
        where = ", ".join(answer.url for answer in answers[:1])
        raise ParseError(
            f"{source.source_id}: {where} lists no versions ({said}); did the layout change?"
        ) from error
