"""The manifest of a capture: which requests were sent to a source, and the outcome of each.

Where manifests and payloads lie belongs to ``landing``. A manifest is never rewritten:
``field_names`` says under which names its fields are on disk.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pipelines.capture.field_names import from_disk

log = logging.getLogger(__name__)

PAYLOAD = re.compile(r"[a-z0-9][a-z0-9_]*/\d{4}-\d{2}-\d{2}/[0-9a-f]{64}\.zst")
Outcome = Literal["ok", "unchanged", "absent", "failed"]
CaptureStatus = Literal["ok", "partial", "unchanged", "failed", "skipped"]


class LandingDamagedError(Exception):
    """A landing file that is missing, or whose content does not match its hash."""


@dataclass(frozen=True, kw_only=True)
class RequestRecord:
    """One request of a capture and its outcome. Holds no secret."""

    key: str
    scope: str  # the key of the first page that this one continues, or its own
    url: str  # the address of the source, even if a mirror was asked
    method: str
    question: str  # by which two requests are the same; see http.addresses.fingerprint
    outcome: Outcome
    status: int | None = None  # of HTTP
    sha256: str | None = None
    path: str | None = None  # below the landing folder
    bytes: int = 0
    ending: str = ""  # how the text ends, see ``ending``
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    started_at: datetime
    finished_at: datetime
    attempts: int = 0
    warnings: tuple[str, ...] = ()
    error_class: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Capture:
    """One visit to a source: its requests, in the order in which they were asked."""

    source_id: str
    capture_id: str  # <source_id>/<YYYY-MM-DD>/<HHMMSSffffff>
    seen_at: datetime  # UTC, the clock of the run
    recorded_at: datetime  # UTC, when it became known
    status: CaptureStatus
    mirror: str | None = None
    requests: tuple[RequestRecord, ...] = ()
    was_cut_short: bool = False  # some next pages were not requested
    error_class: str | None = None
    error: str | None = None

    @property
    def day(self) -> date:
        """The UTC day under which the capture is filed."""
        return self.seen_at.date()


@contextmanager
def skipping_damage() -> Iterator[None]:
    """Leave out what the block reads in landing if it is damaged or missing; a warning names it."""
    try:
        yield
    except (LandingDamagedError, FileNotFoundError) as error:
        log.warning("%s; left out", error)


def read_capture(content: bytes, manifest: Path) -> Capture:
    """Return the capture that a manifest describes.

    Parameters
    ----------
    content : bytes
        The manifest.
    manifest : Path
        The name that it has in landing, packed or not.

    Raises
    ------
    LandingDamagedError
        If the manifest cannot be read, names another capture than its file does, or a payload
        outside landing.
    """
    try:
        fields: dict[str, Any] = json.loads(content)
        requests = tuple(
            RequestRecord(
                **{
                    **record,
                    "started_at": datetime.fromisoformat(record["started_at"]),
                    "finished_at": datetime.fromisoformat(record["finished_at"]),
                    "warnings": tuple(record["warnings"]),
                }
            )
            for record in fields.pop("requests")
        )
        fields = from_disk(fields)
        for name in ("seen_at", "recorded_at"):
            fields[name] = datetime.fromisoformat(fields[name]).astimezone(UTC)
        capture = Capture(**fields, requests=requests)
        source_id, day = manifest.parts[-3:-1]
        if capture.capture_id != f"{source_id}/{day}/{manifest.stem}":
            raise ValueError(f"it describes {capture.capture_id!r}")
        if capture.source_id != source_id:
            raise ValueError(f"it describes the source {capture.source_id!r}")
        for record in requests:
            if record.path is not None and not PAYLOAD.fullmatch(record.path):
                raise ValueError(f"{record.path!r} is no payload in landing")
        return capture
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LandingDamagedError(f"manifest {manifest} is damaged: {error}") from None
