"""What is wrong with an answer that cannot be read: a wall, an error message, or damage.

The status of a request belongs to ``reader``, rows that break a rule to ``contract``.
"""

from __future__ import annotations

import json

from pipelines.sources.base import ParseError, Payload, Source
from warehouse.rows import exact

WALL_WORDS = ("captcha", "consent", "accept cookies", "enable javascript", "access denied")
MAX_MESSAGE_CHARACTERS = 300


def error_class(payload: Payload, source: Source) -> str:
    """Return the class of the error of a payload that cannot be read.

    ``unexpected_content`` is a wall (HTML where data is expected, or a page that asks to prove
    something), ``api_error`` an error message, ``parse_error`` everything else.
    """
    start = payload.content[:2000].lstrip().lower()
    is_html = start.startswith((b"<!doctype html", b"<html", b"<head"))
    text = payload.content[:200_000].decode("utf-8", "replace").lower()
    if is_html and (source.kind != "page" or any(word in text for word in WALL_WORDS)):
        return "unexpected_content"
    return "api_error" if error_in_answer(payload) else "parse_error"


def error_in_answer(payload: Payload) -> str | None:
    """Return the error message in an answer of status 200, or None if it holds none."""
    if b'"errors"' not in payload.content or payload.content.lstrip()[:1] != b"{":
        return None
    try:
        said = payload.json().get("errors")
    except ParseError:
        return None
    return (
        f"the answer says: {json.dumps(said, default=exact)[:MAX_MESSAGE_CHARACTERS]}"
        if said
        else None
    )
