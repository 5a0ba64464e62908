"""Connections that capture nothing: a probe of a mirror, and a notice to a webhook.

They follow no redirect and keep no answer. Requests to sources belong to ``session``.
"""

from __future__ import annotations

import socket

import requests

from pipelines.capture.http.errors import LIBRARY_ERRORS


class NotSentError(RuntimeError):
    """A notice was not delivered; the message is the kind of failure, without the address."""


def probe(host: str, port: int, timeout_seconds: float) -> None:
    """Open a connection and close it again.

    Raises
    ------
    OSError
        If nothing accepts connections there within the time.
    """
    try:
        socket.create_connection((host, port), timeout_seconds).close()
    except UnicodeError:  # a label of over 63 characters
        raise OSError(None, "not a host name") from None


def post_json(address: str, content: object, timeout_seconds: float) -> int:
    """Post content as JSON.

    Parameters
    ----------
    address : str
        Where to; it may hold a secret, so no message repeats it.
    content : object
        Whatever JSON can hold.
    timeout_seconds : float
        How long to wait for the connection, and for each part of the answer. [s]

    Returns
    -------
    int
        The HTTP status.

    Raises
    ------
    NotSentError
        If there is no answer.
    """
    try:
        with requests.post(
            address, json=content, timeout=timeout_seconds, allow_redirects=False, stream=True
        ) as answer:  # the body is not read
            return answer.status_code
    except LIBRARY_ERRORS as error:
        raise NotSentError(type(error).__name__) from None
