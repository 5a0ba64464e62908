"""A guard before a web server on this machine: lets in its own page, and nothing else.

Any page that is open in a browser can send requests to 127.0.0.1, and any program of the machine
can too. A request therefore needs the host name that was announced, no foreign origin, and a cookie
that only the announced address gives out. What changes something comes as JSON, which a foreign
page cannot send without asking first. Plain ASGI: the server behind it is not known here.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_MAX_BYTES = 4 * 2**20
GRAPHQL_MAX_TOKENS = 20_000  # of one document; the largest of Dagster's own pages has under 5,000
# A page may not frame this one, open it and keep a handle on it, or read what it loads.
HEADERS = (
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class RefusedError(Exception):
    """A request that is not let in: an HTTP status and one line that says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Guard:
    """ASGI middleware that checks every request and websocket before the application sees it.

    Parameters
    ----------
    app : callable
        The ASGI application behind the guard.
    hosts : collection of str
        The values of ``Host`` that are served, in lower case: ``127.0.0.1:3000``.
    port : int
        Where it listens: part of the cookie's name, because ports share cookies.
    is_read_only : bool
        Whether GraphQL mutations, and all other requests that are no reading, are refused.
    token : str
        What the announced address carries.
    cookie : str
        What the browser keeps; not the token, which stays in its history.

    Examples
    --------
    >>> guard = Guard(app=None, hosts=["127.0.0.1:3000"], port=3000, token="abc")
    >>> guard.address
    'http://127.0.0.1:3000/?token=abc'
    """

    app: App
    hosts: Collection[str]
    port: int
    is_read_only: bool = False
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def address(self) -> str:
        """The address that gives a browser its cookie."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie_name(self) -> str:
        """The name of the cookie."""
        return f"truecost_ui_{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal or hand the request on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        is_socket = scope["type"] == "websocket"
        try:
            headers = _headers(scope)
            check_place(self.hosts, scope, headers)
            given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")
            if not is_socket and scope["path"] == "/" and given is not None:
                await self._enter(scope, given, send)
                return
            self._check_cookie(headers)
            if not is_socket:
                receive = await self._checked_body(scope, headers, receive)
        except RefusedError as refused:
            await _refuse(scope, receive, send, refused)
            return
        await self.app(scope, receive, send if is_socket else _with_headers(send))

    def _check_cookie(self, headers: Mapping[str, str]) -> None:
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        given = [value for name, _, value in pairs if name == self.cookie_name]
        if not any(_is_same(value, self.cookie) for value in given):
            raise RefusedError(403, "open the address that `truecost ui` printed")

    async def _enter(self, scope: Scope, given: str, send: Send) -> None:
        """Exchange the token of the address for the cookie."""
        if scope["method"] != "GET" or not _is_same(given, self.token):
            raise RefusedError(403, "open the address that `truecost ui` printed")
        kept = f"{self.cookie_name}={self.cookie}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", kept.encode()), *_plain(b"")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _checked_body(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive
    ) -> Receive:
        """Return what the application receives, once the method and the body are checked."""
        method, path = scope["method"], scope["path"].rstrip("/")
        if method in ("GET", "HEAD"):
            if path == "/graphql" and scope["query_string"]:
                raise RefusedError(405, "queries come by POST with a JSON body")
            return receive
        if method != "POST":
            raise RefusedError(405, f"{method[:20]} is not served")
        if self.is_read_only and path != "/graphql":
            raise RefusedError(403, "this server only shows")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, "requests that change something have a JSON body")
        body = await _body(receive)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, "the body is not JSON") from None
        if not isinstance(content, dict):
            raise RefusedError(400, "the body is not a JSON object")
        if self.is_read_only and _changes_something(content.get("query")):
            raise RefusedError(403, "this server only shows")
        return _replayed(body, receive)


def check_place(hosts: Collection[str], scope: Scope, headers: Mapping[str, str]) -> None:
    """Refuse what another page or name leads here."""
    host = headers.get("host", "").lower()
    if host not in hosts:
        raise RefusedError(403, f"this server is not {host[:100]!r}")
    schemes = ("http", "https")
    own = {f"{scheme}://{name}" for scheme in schemes for name in hosts}
    if "origin" in headers and headers["origin"].lower() not in own:
        raise RefusedError(403, "a page of another origin asked")
    # Another port of this machine is the same site, and gets the cookie sent.
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        is_visit = headers.get("sec-fetch-mode") == "navigate"
        is_top = headers.get("sec-fetch-dest") == "document"
        if not (is_visit and is_top and scope.get("method") == "GET"):
            raise RefusedError(403, "a page of another origin asked")


@dataclass(frozen=True, kw_only=True)
class ReadingGuard:
    """ASGI middleware before a server that only answers: GET and HEAD, from this machine's pages.

    It needs no cookie, because what it guards changes nothing and holds nothing private.

    Parameters
    ----------
    app : callable
        The ASGI application behind the guard.
    hosts : collection of str
        The values of ``Host`` that are served, in lower case: ``127.0.0.1:9464``.
    """

    app: App
    hosts: Collection[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal or hand the request on."""
        try:
            headers = _headers(scope)
            check_place(self.hosts, scope, headers)
            if scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD"):
                raise RefusedError(405, "this server only answers GET and HEAD")
        except RefusedError as refused:
            await _refuse(scope, receive, send, refused)
            return
        await self.app(scope, receive, _with_headers(send))


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers of a request, refused if one that decides is there twice."""
    found: dict[str, str] = {}
    for raw_name, value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        if name in found and name in ("host", "origin", "content-type", "content-length"):
            raise RefusedError(400, f"two headers {name}")
        separator = "; " if name == "cookie" else ", "
        text = value.decode("latin-1")
        found[name] = f"{found[name]}{separator}{text}" if name in found else text
    return found


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


async def _body(receive: Receive) -> bytes:
    body, is_more = b"", True
    while is_more:
        message = await receive()
        if message["type"] != "http.request":  # the client went away
            raise RefusedError(400, "the body ends early")
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
        if len(body) > BODY_MAX_BYTES:
            raise RefusedError(413, f"the body has more than {BODY_MAX_BYTES} bytes")
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a receiver that gives a body that was read already, then what follows it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _changes_something(query: object) -> bool:
    """Return whether a GraphQL document holds a mutation; one that cannot be read counts as one."""
    try:
        document = parse(str(query), no_location=True, max_tokens=GRAPHQL_MAX_TOKENS)
    except (GraphQLError, RecursionError):
        return True
    return any(
        isinstance(part, OperationDefinitionNode) and part.operation is OperationType.MUTATION
        for part in document.definitions
    )


def _plain(body: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *HEADERS,
    ]


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: RefusedError) -> None:
    body = f"{refused}\n".encode()
    if scope["type"] == "websocket":
        await receive()  # the request to connect
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: HTTP 403
        return
    headers = _plain(body)
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    """Return a sender that adds the headers of the guard to every answer."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return sending
