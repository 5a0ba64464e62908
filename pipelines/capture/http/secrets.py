"""Secrets: keys and passwords, kept out of everything that is written.

Finding them in a source, a request or an address, and masking them in text and bytes, belongs here.
Where they are sent is decided by ``session``.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pipelines.sources.base import Request, Source


def spellings(secret: str) -> set[str]:
    r"""Return the forms in which an answer may repeat a secret: plain, and in URLs, JSON and HTML.

    Examples
    --------
    >>> sorted(spellings("a/b"))
    ['a%2Fb', 'a%2fb', 'a/b', 'a\\/b']
    """
    found = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret)}
    found |= {re.sub("%..", lambda code: code[0].lower(), text) for text in found}
    in_json = json.dumps(secret)[1:-1]
    return found | {in_json, in_json.replace("/", "\\/")}


class Secrets:
    """The keys of one source and the passwords of proxies and mirrors, to be masked."""

    def __init__(
        self, source: Source, environment: Mapping[str, str], addresses: Iterable[str] = ()
    ) -> None:
        self._values: set[str] = set()
        if source.key_environment:
            self._add(environment.get(source.key_environment, ""))
        for address in addresses:
            user, _, password = urlsplit(address).netloc.rpartition("@")[0].partition(":")
            if password:
                pair = f"{unquote(user)}:{unquote(password)}"
                self._add(unquote(password))
                self._add(base64.b64encode(pair.encode()).decode())  # as it is sent

    def learn(self, request: Request) -> None:
        """Add the secrets of a request."""
        for value in (*request.secret_headers.values(), *request.secret_query.values()):
            self._add(value)

    def _add(self, value: str) -> None:
        # In "Bearer abc" the secret is "abc".
        for part in {value, value.rpartition(" ")[2]}:
            if len(part) >= 4:
                self._values |= spellings(part)

    def redact(self, text: str) -> str:
        """Return the text with every known secret replaced."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, "[secret]")
        return text

    def mask(self, content: bytes) -> bytes:
        """Return the content with every known secret overwritten, its length unchanged."""
        for value in sorted(self._values, key=len, reverse=True):
            content = content.replace(value.encode(), b"*" * len(value.encode()))
        return content

    def __bool__(self) -> bool:
        return bool(self._values)
