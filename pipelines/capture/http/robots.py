"""robots.txt of the hosts that a run asks for pages, read once a run.

What a failed answer means for permission belongs here (RFC 9309). Asking for the file belongs to
``session``.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from protego import Protego

from pipelines.capture.http.answer import Answer
from pipelines.capture.http.errors import FetchError
from pipelines.sources.base import Request

ROBOTS_KEY = "robots.txt"
ROBOTS_MAX_BYTES = 512 * 1024  # RFC 9309 section 2.5 asks for at least 500 KiB
CRAWL_DELAY_CAP_SECONDS = 10.0
AGENT = "truecost"


class Robots:
    """The rules of all hosts of a run."""

    def __init__(self) -> None:
        self._rules: dict[str, Protego] = {}

    def check(self, url: str, ask: Callable[[Request], Answer]) -> None:
        """Refuse a page that robots.txt of its host disallows.

        Parameters
        ----------
        url : str
            The page.
        ask : callable
            Fetches robots.txt, if it is not known yet.

        Raises
        ------
        FetchError
            If the page is disallowed, or robots.txt cannot be read.
        """
        parts = urlsplit(url)
        rules = self._rules.get(parts.netloc)
        if rules is None:
            address = f"https://{parts.netloc}/{ROBOTS_KEY}"
            asked = Request(key=ROBOTS_KEY, url=address, max_bytes=ROBOTS_MAX_BYTES)
            rules = self._rules[parts.netloc] = _rules(asked, ask)
        if not rules.can_fetch(url, AGENT):
            raise FetchError(
                "robots", f"robots.txt of {(parts.hostname or '').lower()} disallows it"
            )

    def crawl_delay_seconds(self, netloc: str) -> float:
        """Return the pause that a host asks for between requests, at most 10 [s]."""
        rules = self._rules.get(netloc)
        delay = rules.crawl_delay(AGENT) if rules else None
        return min(delay or 0.0, CRAWL_DELAY_CAP_SECONDS)


def _rules(asked: Request, ask: Callable[[Request], Answer]) -> Protego:
    try:
        answer = ask(asked)
    except FetchError as error:
        # RFC 9309 section 2.3.1: a client error means "no rules", any other error "disallow".
        if error.status is None and error.error_class != "empty":
            raise
        has_no_rules = error.error_class == "empty" or 400 <= (error.status or 0) < 500
        if not has_no_rules or error.status == 429:
            raise FetchError(
                "robots", f"robots.txt cannot be read: {error.message}", is_transient=True
            ) from None
        return Protego.parse("")
    assert answer.body is not None  # only a conditional request is answered without a body
    with answer.body as body:
        return Protego.parse(body.read().decode("utf-8", "replace"))
