"""What a usable answer is, and what its headers say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO

MOVED = "moved permanently to"  # begins the warning about an address; meta_views.sql looks for it
MAX_HEADER_CHARACTERS = 1000  # of a header that is kept and sent back
MAX_DIGITS = 20  # of an announced length: no disk holds so much


@dataclass(frozen=True, kw_only=True)
class Validators:
    """The version that the last good answer named, for a conditional request."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A usable answer.

    The caller reads ``body`` once and closes it. It is None after status 304, when nothing has
    changed.
    """

    status: int
    body: IO[bytes] | None
    byte_count: int
    content_type: str
    etag: str
    last_modified: str
    attempts: int = 1
    warnings: tuple[str, ...] = ()


def retry_after_seconds(value: str | None) -> float | None:
    """Return the pause [s] that a Retry-After header asks for, None if it is absent or invalid.

    A number is a pause, a date is when to ask again (RFC 9110 section 10.2.3).

    Examples
    --------
    >>> retry_after_seconds("7"), retry_after_seconds("soon")
    (7.0, None)
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)  # infinite for hundreds of digits
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, LookupError, OverflowError):
        return None


def header_text(value: str) -> str:
    r"""Return the text of a header if it can be sent back as one, else the empty text.

    Examples
    --------
    >>> header_text('"v1"'), header_text("a\nb"), header_text("x" * 2000)
    ('"v1"', '', '')
    """
    is_plain = value.isascii() and value.isprintable() and len(value) <= MAX_HEADER_CHARACTERS
    return value.strip() if is_plain else ""


def announced_bytes(headers: Mapping[str, str]) -> int | None:
    """Return the length of the body that the headers announce, None if they do not. [byte].

    Examples
    --------
    >>> announced_bytes({"Content-Length": "12"}), announced_bytes({"Content-Length": "-1"})
    (12, None)
    """
    text = headers.get("Content-Length", "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text.lstrip("0")[:MAX_DIGITS] or "0")  # what is cut off is too large anyhow
