"""Why a request has no usable answer.

The error, its classes, and the translation of the errors of requests and urllib3 belong here. Which
errors are transient is decided here too; when to retry is decided by ``session``.
"""

from __future__ import annotations

from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import Literal

import requests
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

ErrorClass = Literal[
    "unreachable",
    "timeout",
    "rate_limited",
    "http_error",
    "source_gone",
    "truncated",
    "too_large",
    "bad_redirect",
    "robots",
    "empty",
    "unexpected_content",
]


# What libraries raise for bytes that are no HTTP, or that no number or address can hold. A stranger
# chooses those bytes, so each becomes a ``FetchError``.
UNREADABLE = (HTTPException, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
LIBRARY_ERRORS = (requests.RequestException, HTTPError, *UNREADABLE)


class FetchError(Exception):
    """A request without a usable answer.

    ``error_class`` is a stable word for programs; the message is one line for people.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        message: str,
        *,
        status: int | None = None,
        is_transient: bool = False,
        is_without_connection: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.error_class: ErrorClass = error_class
        self.message = message
        self.status = status
        self.is_transient = is_transient
        self.is_without_connection = is_without_connection
        self.retry_after_seconds = retry_after_seconds
        self.attempts = 1


def fetch_error(error: Exception, read_seconds: float) -> FetchError:
    """Return the error of a library as ours, without its text, which may hold a key.

    Parameters
    ----------
    error : Exception
        One of ``LIBRARY_ERRORS``.
    read_seconds : float
        The read timeout, for the message. [s]
    """
    match error:
        case requests.exceptions.SSLError():
            return FetchError("unreachable", "the TLS certificate or handshake is not valid")
        case requests.exceptions.ProxyError():
            return FetchError("unreachable", "the proxy does not answer", is_transient=True)
        case requests.exceptions.ConnectTimeout():
            return FetchError(
                "unreachable",
                "no connection in time",
                is_transient=True,
                is_without_connection=True,
            )
        case requests.exceptions.ReadTimeout() | ReadTimeoutError():
            return FetchError("timeout", f"no byte for {read_seconds:g} s")
        case requests.exceptions.ConnectionError() if _is_no_http(error):
            return FetchError("unexpected_content", "the answer is not valid HTTP")
        case requests.exceptions.ConnectionError():
            reason = _reason_without_connection(error)
            return FetchError(
                "unreachable",
                reason or "the connection was closed without an answer",
                is_transient=True,
                is_without_connection=reason is not None,
            )
        case HTTPError() | requests.exceptions.ChunkedEncodingError():
            return FetchError("truncated", "the connection broke", is_transient=True)
        case requests.exceptions.InvalidHeader():
            return FetchError("unexpected_content", "a header is not valid")
        case requests.RequestException():
            return FetchError("unreachable", f"cannot ask: {type(error).__name__}")
        case _:
            return FetchError(
                "unexpected_content", f"the answer cannot be read: {type(error).__name__}"
            )


def _is_no_http(error: requests.RequestException) -> bool:
    """Return whether an answer came that breaks the protocol: asking again brings the same."""
    inner: object = error.args[0] if error.args else None
    causes = (inner, *getattr(inner, "args", ()))
    is_cut = any(isinstance(cause, RemoteDisconnected | IncompleteRead) for cause in causes)
    return not is_cut and any(isinstance(cause, HTTPException) for cause in causes)


def _reason_without_connection(error: requests.RequestException) -> str | None:
    """Return why no connection was made, in our own words, or None if one was made."""
    inner: object = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    if isinstance(inner, NewConnectionError):
        return str(inner).partition(": ")[2]
    return None
