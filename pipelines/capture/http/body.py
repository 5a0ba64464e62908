"""The body of an answer, read under a size cap and a deadline.

Decompressing, counting and spooling to disk belong here. Whether the answer is usable is decided by
``session``.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import requests

from pipelines.capture.http.answer import announced_bytes
from pipelines.capture.http.errors import FetchError

CHUNK_BYTES = 64 * 1024
PIECE_BYTES = 256 * 1024  # of decompressed body held in memory at once
SPOOL_BYTES = 1024 * 1024  # a larger body goes to disk


def read_body(
    response: requests.Response,
    *,
    max_bytes: int,
    spool_folder: Path | None,
    seconds_left: Callable[[], float],
) -> tuple[IO[bytes], int]:
    """Return the decompressed body as an open file, and its size.

    Parameters
    ----------
    response : Response
        With its body unread.
    max_bytes : int
        The cap on the bytes received and on the bytes decompressed. [byte]
    spool_folder : Path, optional
        Where a body over 1 MiB lies; by default the system's folder for temporary files.
    seconds_left : callable
        Called after each chunk; at 0 or less the reading ends. [s]

    Returns
    -------
    (binary file, int)
        At its start, to be closed by the caller; the decompressed size. [byte]

    Raises
    ------
    FetchError
        If the body is too large, too slow, damaged, or shorter than announced.
    """
    declared = announced_bytes(response.headers)
    if declared is not None and declared > max_bytes:
        raise FetchError(
            "too_large", f"{declared} bytes announced, {max_bytes} allowed", status=200
        )
    inflater = _Inflater(response.headers.get("Content-Encoding", "").strip().lower())
    folder = str(spool_folder) if spool_folder else None
    body = tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=folder)  # noqa: SIM115  the caller closes it
    received = kept = 0
    try:
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
            received += len(chunk)
            for piece in inflater.pieces(chunk):
                kept += len(piece)
                if max(received, kept) > max_bytes:
                    raise FetchError("too_large", f"over {max_bytes} bytes", status=200)
                body.write(piece)
            if seconds_left() <= 0:
                raise FetchError("timeout", "too slow")
        is_short = declared is not None and received < declared
        if is_short or not inflater.is_complete:
            raise FetchError(
                "truncated", f"the body ends after {received} bytes", is_transient=True
            )
    except BaseException:
        body.close()
        raise
    body.seek(0)
    return body, kept


class _Inflater:
    """Decompress piece by piece, so that the size cap acts before memory is used up."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise FetchError(
                "unexpected_content",
                f"the answer has Content-Encoding {encoding!r}, which was not accepted",
            )
        self._gzip = zlib.decompressobj(31) if encoding.endswith("gzip") else None

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        if self._gzip is None:
            yield chunk
            return
        is_more = True
        while is_more:
            if self._gzip.eof:  # the next gzip member
                self._gzip = zlib.decompressobj(31)
            try:
                piece = self._gzip.decompress(chunk, PIECE_BYTES)
            except zlib.error:
                raise FetchError("unexpected_content", "the gzip body is damaged") from None
            yield piece
            chunk = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
            # After a full piece there may be more output, even with all input consumed.
            is_more = bool(chunk) or (len(piece) == PIECE_BYTES and not self._gzip.eof)

    @property
    def is_complete(self) -> bool:
        return self._gzip is None or self._gzip.eof
