"""A small web server on 127.0.0.1 that only answers: JSON, metrics, prices for OpenCost.

Here are addresses, status codes, ETags and limits of the transport. What is answered, and within
which limits, is passed in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipelines.doors.guard import ReadingGuard
from pipelines.doors.ports import refuse_taken

MOST_REQUESTS = 32  # at once; more get 503
MOST_HEADER_BYTES = 64 * 2**10
KEEP_ALIVE_SECONDS = 5
ASKING_SECONDS = 10.0  # to send a request
READING_SECONDS = 60.0  # without taking a byte of the answer
GOODBYE_SECONDS = 3  # for open connections at the end
JSON = "application/json"

Parameters = Mapping[str, Sequence[str]]


def application(
    *,
    questions: Collection[str],
    pages: Mapping[str, str],
    ask: Callable[[str, Parameters], Mapping[str, Any]],
    page: Callable[[str, Parameters], str],
    health: Callable[[], Mapping[str, Any]],
    refusal: type[Exception],
) -> Starlette:
    """Return the application behind the guard.

    Parameters
    ----------
    questions : collection of str
        What ``/v1/NAME`` answers, as JSON.
    pages : mapping of str to str
        What ``/NAME`` gives, and its media type.
    ask, page, health : callable
        Answer a question, give a page, say what is published; called in a thread.
    refusal : exception class
        What they raise for bad input: status 400 and one JSON object.
    """

    def asked(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in questions:
            raise HTTPException(
                404, f"no question {name[:100]!r}; there are: {', '.join(questions)}"
            )
        return _reply(request, json.dumps(ask(name, _parameters(request))), JSON)

    def paged(request: Request) -> Response:
        name = request.url.path.removeprefix("/")
        return _reply(request, page(name, _parameters(request)), pages[name])

    def healthy(request: Request) -> Response:
        return _reply(request, json.dumps({"status": "ok"} | dict(health())), JSON)

    def listed(request: Request) -> Response:
        paths = [*(f"/v1/{name}" for name in questions), *(f"/{name}" for name in pages)]
        return _reply(request, json.dumps({"paths": [*paths, "/health"]}), JSON)

    def refused(_: Request, error: Exception) -> Response:
        return _error(400, str(error))

    def not_found(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _error(error.status_code, error.detail)

    return Starlette(
        routes=[
            Route("/", listed, methods=["GET"]),
            Route("/health", healthy, methods=["GET"]),
            Route("/v1/{name}", asked, methods=["GET"]),
            *(Route(f"/{name}", paged, methods=["GET"]) for name in pages),
        ],
        exception_handlers={refusal: refused, HTTPException: not_found},
    )


class Connection(H11Protocol):
    """A connection that ends if its client neither asks nor reads: it would keep others out."""

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait_for_request()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait_for_request()

    def _wait_for_request(self) -> None:
        answered = self.cycle

        def end() -> None:
            if self.cycle is answered and (answered is None or answered.response_complete):
                self.transport.close()

        self.loop.call_later(ASKING_SECONDS, end)

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._stalled = self.loop.call_later(READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        self._stalled.cancel()


def serve(app: Any, port: int, announce: Callable[[str], None]) -> None:
    """Serve on 127.0.0.1 until this process gets a signal to end.

    Parameters
    ----------
    app : callable
        The application, which gets a guard before it.
    port : int
        Where to listen; 0 takes a free one.
    announce : callable
        Called with the address when it listens.

    Raises
    ------
    PortTakenError
        If something else listens there.
    """
    if port:
        refuse_taken(port)
    hosts: set[str] = set()

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                taken = self.servers[0].sockets[0].getsockname()[1]
                hosts.update(f"{name}:{taken}" for name in ("127.0.0.1", "localhost"))
                announce(f"http://127.0.0.1:{taken}")

    config = uvicorn.Config(
        ReadingGuard(app=app, hosts=hosts),
        host="127.0.0.1",
        port=port,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        http=Connection,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        limit_concurrency=MOST_REQUESTS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    Announcing(config).run()


def _parameters(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _reply(request: Request, text: str, media_type: str) -> Response:
    """Return an answer with its ETag, or 304 where the client has it."""
    content = text.encode()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    known = request.headers.get("if-none-match", "")
    if tag in [one.strip().removeprefix("W/") for one in known.split(",")] or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _error(status: int, reason: str) -> Response:
    return Response(json.dumps({"error": reason}) + "\n", status, media_type=JSON)
