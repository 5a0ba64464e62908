"""A file from an address that the user named: read in pieces, under a cap and a deadline.

Requests to sources belong to ``session``; whether the bytes are the right ones is decided by the
caller.
"""

from __future__ import annotations

import os
import time
from typing import IO

import requests

from pipelines.capture.http.answer import announced_bytes
from pipelines.capture.http.environment import certificates, user_agent
from pipelines.capture.http.errors import LIBRARY_ERRORS, FetchError, fetch_error

PIECE_BYTES = 1024 * 1024
ANSWER_SECONDS = 30.0  # for a connection, and for each part of the answer


def download(address: str, file: IO[bytes], *, max_bytes: int, seconds: float) -> None:
    """Write what an address answers into an open file.

    A file that holds a beginning already is continued where the server can (``Range``), and
    written anew where it cannot.

    Parameters
    ----------
    address : str
        Of http or https; redirects are followed.
    file : binary file
        Empty, or at the end of what an earlier attempt wrote.
    max_bytes : int
        The cap. [byte]
    seconds : float
        For all of it. [s]

    Raises
    ------
    FetchError
        If the answer is not 200, larger than the cap, or late.
    """
    ends = time.monotonic() + seconds
    begun = file.tell()
    continued = {"Range": f"bytes={begun}-"} if begun else {}
    try:
        with requests.get(
            address,
            headers={"User-Agent": user_agent(), "Accept-Encoding": "identity"} | continued,
            stream=True,
            timeout=ANSWER_SECONDS,
            verify=certificates(os.environ),
        ) as answer:
            is_rest = begun > 0 and answer.status_code == 206
            if is_rest and not _begins_at(answer.headers.get("Content-Range", ""), begun):
                raise FetchError("http_error", "the server sent another part than was asked for")
            if answer.status_code != 200 and not is_rest:
                raise FetchError("http_error", f"status {answer.status_code}")
            if begun and not is_rest:
                file.seek(0)
                file.truncate()
            left = max_bytes - (begun if is_rest else 0)
            if (announced_bytes(answer.headers) or 0) > left:
                raise FetchError("too_large", f"more than {max_bytes:,} bytes")
            for piece in answer.iter_content(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise FetchError("too_large", f"more than {max_bytes:,} bytes")
                if time.monotonic() > ends:
                    raise FetchError("timeout", f"not whole within {seconds:g} s")
                file.write(piece)
    except LIBRARY_ERRORS as error:
        raise fetch_error(error, ANSWER_SECONDS) from None


def _begins_at(content_range: str, place: int) -> bool:
    """Return whether a part of a file begins where it was asked to.

    Examples
    --------
    >>> _begins_at("bytes 500-999/1000", 500), _begins_at("", 500)
    (True, False)
    """
    return content_range.startswith(f"bytes {place}-")
