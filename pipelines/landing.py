"""Landing: every byte that was read, kept as it came, and what was asked to get it.

Writing payloads and manifests, and reading them back, belongs here. Files are written once, under
the hash of their content, and are never rewritten or deleted by a program: everything after
landing can be made again from it. Asking belongs to ``pipelines.http``, understanding to parsers.

    landing/<source_id>/<YYYY-MM-DD>/<sha256>.zst           one payload
    landing/<source_id>/<YYYY-MM-DD>/<HHMMSSffffff>.json    one capture, written last
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, Literal

import zstandard

from pipelines.sources.base import Payload
from warehouse.paths import Home

Outcome = Literal["ok", "unchanged", "absent", "failed"]
CaptureStatus = Literal["ok", "partial", "unchanged", "failed", "skipped"]

ENDING_BYTES = 64
COMPRESSION_LEVEL = 6
CHUNK_BYTES = 1024 * 1024
ABANDONED_AFTER_SECONDS = 3600.0
LOOK_BACK_CAPTURES = 30  # manifests read to find the last good answer of a request


class LandingDamagedError(Exception):
    """A landing file that is gone or does not hold what its name says."""


@dataclass(frozen=True, kw_only=True)
class RequestRecord:
    """One request of a capture and what came of it. Holds no secret."""

    key: str
    scope: str  # the key whose answer this one continues (the first page's), or its own
    url: str  # the source's own address, also where a mirror was asked
    method: str
    question: str  # what makes two requests the same; see http.fingerprint
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
    captured_at: datetime  # UTC, the clock of the run
    recorded_at: datetime  # UTC, when we knew
    status: CaptureStatus
    mirror: str | None = None
    requests: tuple[RequestRecord, ...] = ()
    was_cut_short: bool = False  # pages that the answers lead to were not asked
    error_class: str | None = None
    error: str | None = None

    @property
    def day(self) -> date:
        """The UTC day under which the capture is filed."""
        return self.captured_at.date()


@dataclass(frozen=True, kw_only=True)
class LastGood:
    """The newest good answer to a question, and what else is known from earlier answers."""

    record: RequestRecord
    mirror: str | None  # that gave it, if one did
    newest_ending: str  # of the newest answer with bytes, good or not


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where a payload lies."""

    sha256: str
    path: str  # below the landing folder
    bytes: int
    ending: str
    is_new: bool


class Landing:
    """The landing folder of one home.

    Examples
    --------
    >>> import io, tempfile
    >>> home = Home(Path(tempfile.mkdtemp()))
    >>> kept = Landing(home).keep("acme", date(2026, 7, 1), io.BytesIO(b"H100,2.99"))
    >>> Landing(home).content(kept.path)
    b'H100,2.99'
    """

    def __init__(self, home: Home) -> None:
        self._root = home.landing
        self._unfinished = home.landing / ".unfinished"

    def prepare(self) -> None:
        """Make the folder, and remove what a killed run left half written over an hour ago."""
        prepare_folder(self._unfinished)

    @property
    def spool_folder(self) -> Path:
        """Where unfinished files lie: on the same disk, outside every source."""
        return self._unfinished

    def keep(self, source_id: str, day: date, body: IO[bytes]) -> Kept:
        """Keep a payload under its hash, once per source.

        Parameters
        ----------
        source_id : str
            Lower case letters, digits and ``_``.
        day : date
            UTC day of the capture.
        body : binary file
            Read from its start to its end; stays open.

        Raises
        ------
        ValueError
            If the source id could leave the folder.
        OSError
            If the disk refuses; nothing half written is left under a final name.
        """
        digest = hashlib.sha256()
        size = 0
        tail = b""
        body.seek(0)
        while chunk := body.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            tail = (tail + chunk)[-ENDING_BYTES:]
        sha256 = digest.hexdigest()
        path = f"{source_id}/{day.isoformat()}/{sha256}.zst"
        for known_day in (day.isoformat(), *self._days(source_id, newest_first=True)):
            known = f"{source_id}/{known_day}/{sha256}.zst"
            if os.path.isfile(f"{self._root}/{known}"):  # noqa: PTH113  a thousand times a payload
                if self._is_whole(known):
                    return Kept(
                        sha256=sha256, path=known, bytes=size, ending=ending(tail), is_new=False
                    )
                path = known  # damaged: these bytes mend it
                break
        body.seek(0)
        compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL, write_checksum=True)
        target = self._root / path
        with Unfinished(self._unfinished, target, may_replace=target.exists()) as file:
            compressor.copy_stream(body, file, size=size)
        return Kept(sha256=sha256, path=path, bytes=size, ending=ending(tail), is_new=True)

    def record(self, capture: Capture) -> Capture:
        """Write the manifest of a capture and return the capture with its final id.

        The manifest comes last: without it the payloads of a killed run do not exist. A second
        capture of the same microsecond gets its own name; none is ever overwritten.
        """
        folder = self._source_folder(capture.source_id) / capture.day.isoformat()
        moment = f"{capture.captured_at:%H%M%S%f}"
        for number in range(1000):
            name = moment + (f"-{number:03d}" if number else "")
            target = folder / f"{name}.json"
            if target.exists():
                continue
            filed = dataclasses.replace(
                capture, capture_id=f"{capture.source_id}/{capture.day.isoformat()}/{name}"
            )
            text = json.dumps(dataclasses.asdict(filed), indent=1, default=_as_text)
            try:
                with Unfinished(self._unfinished, target) as file:
                    file.write(text.encode())
            except FileExistsError:  # another process took the name just now
                continue
            return filed
        raise FileExistsError(f"{capture.source_id}: 1000 captures at {capture.captured_at}")

    def sources(self) -> list[str]:
        """Return the ids of all sources that were ever captured, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(f.name for f in self._root.iterdir() if f.is_dir() and f.name[0] != ".")

    def captures(self, source_id: str, since: date | None = None) -> Iterator[Capture]:
        """Yield the captures of a source, oldest first, from a UTC day on."""
        for day in self._days(source_id):
            if since is None or day >= since.isoformat():
                for manifest in self._manifests(source_id, day):
                    yield read_capture(manifest)

    def capture_ids(self, source_id: str) -> list[str]:
        """Return the ids of the captures of a source, oldest first, without reading them."""
        return [f"{source_id}/{name}" for name in filed(self._source_folder(source_id), ".json")]

    def capture(self, capture_id: str) -> Capture:
        """Return one capture by its id."""
        return read_capture(self._root / f"{capture_id}.json")

    def last_good(
        self, source_id: str, is_good: Callable[[Capture, RequestRecord], bool]
    ) -> dict[str, LastGood]:
        """Return the newest good answer to every question asked of a source lately.

        Parameters
        ----------
        source_id : str
            Whose answers.
        is_good : callable
            Whether the bytes of a record of a capture could be read; landing itself cannot know.
        """
        found: dict[str, LastGood] = {}
        endings: dict[str, str] = {}
        seen = 0
        for day in self._days(source_id, newest_first=True):
            for manifest in reversed(self._manifests(source_id, day)):
                capture = read_capture(manifest)
                for record in capture.requests:
                    if record.path is None or not (self._root / record.path).is_file():
                        continue
                    newest = endings.setdefault(record.question, record.ending)
                    if record.question not in found and is_good(capture, record):
                        last = LastGood(record=record, mirror=capture.mirror, newest_ending=newest)
                        found[record.question] = last
                seen += 1
                if (found and found.keys() == endings.keys()) or seen >= LOOK_BACK_CAPTURES:
                    return found
        return found

    def payloads(self, capture: Capture) -> Iterator[tuple[RequestRecord, Payload]]:
        """Yield what a capture brought, request by request, failed ones left out.

        Raises
        ------
        LandingDamagedError
            If a file is gone or does not hold what its name says.
        """
        for record in capture.requests:
            if record.path is not None:
                yield record, self.payload(capture, record)

    def payload(self, capture: Capture, record: RequestRecord) -> Payload:
        """Return the bytes that one request brought (see ``payloads``)."""
        if record.path is None or record.sha256 is None:
            raise ValueError(f"{capture.capture_id}[{record.key}] brought no bytes")
        return Payload(
            source_id=capture.source_id,
            key=record.key,
            url=record.url,
            content=self.content(record.path),
            sha256=record.sha256,
            captured_at=capture.captured_at,
            content_type=record.content_type,
        )

    def content(self, path: str) -> bytes:
        """Return the bytes of a landing file, checked against the hash in its name.

        Raises
        ------
        LandingDamagedError
            If the file is gone or does not hold what its name says.
        """
        content = io.BytesIO()
        self.unpack(path, content)
        return content.getvalue()

    def unpack(self, path: str, target: IO[bytes]) -> None:
        """Write the bytes of a landing file into an open one, in bounded memory (see ``content``).

        Raises
        ------
        LandingDamagedError
            If the file is gone or does not hold what its name says; the target is then worthless.
        """
        file = self._root / path
        digest = hashlib.sha256()
        try:
            with file.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as reader:
                while chunk := reader.read(CHUNK_BYTES):
                    digest.update(chunk)
                    target.write(chunk)
        except FileNotFoundError:
            raise LandingDamagedError(
                f"landing file {file} is gone; restore it from a backup"
            ) from None
        except zstandard.ZstdError as error:
            raise LandingDamagedError(f"landing file {file} is damaged: {error}") from None
        sha256 = digest.hexdigest()
        if sha256 != file.stem:
            raise LandingDamagedError(
                f"landing file {file} is damaged: its content has sha256 {sha256[:12]}; "
                "restore it from a backup"
            )

    def verify(self, sha256: str) -> list[str]:
        """Return the paths of all intact files of a hash.

        Raises
        ------
        LandingDamagedError
            If one of them is damaged, or there is none.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise ValueError(f"{sha256!r} is not a sha256 in hexadecimal digits")
        paths = sorted(p.relative_to(self._root).as_posix() for p in self._find(f"{sha256}.zst"))
        if not paths:
            raise LandingDamagedError(f"no landing file of sha256 {sha256}")
        for path in paths:
            self.content(path)
        return paths

    def damaged(self) -> Iterator[str]:
        """Yield one line for every damaged or missing file, after reading all of them."""
        named: dict[str, None] = {}  # in order: by manifests, then all that lie there
        for source_id in self.sources():
            for capture_id in self.capture_ids(source_id):
                try:
                    capture = self.capture(capture_id)
                except LandingDamagedError as error:
                    yield str(error)
                    continue
                named |= dict.fromkeys(one.path for one in capture.requests if one.path)
        files = (file.relative_to(self._root).as_posix() for file in sorted(self._find("*.zst")))
        for path in named | dict.fromkeys(files):
            try:
                self.content(path)
            except LandingDamagedError as error:
                yield str(error)

    def _is_whole(self, path: str) -> bool:
        try:
            self.content(path)
        except LandingDamagedError:
            return False
        return True

    def _find(self, name: str) -> Iterator[Path]:
        return self._root.glob(f"[!.]*/*/{name}")

    def _source_folder(self, source_id: str) -> Path:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", source_id):
            raise ValueError(f"source id {source_id!r} is not lower case letters, digits and _")
        return self._root / source_id

    def _days(self, source_id: str, *, newest_first: bool = False) -> list[str]:
        folder = self._source_folder(source_id)
        names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208  as in filed
        return sorted(names, reverse=newest_first)

    def _manifests(self, source_id: str, day: str) -> list[Path]:
        return sorted(
            (self._source_folder(source_id) / day).glob("[0-9]*.json"), key=lambda file: file.stem
        )


class Unfinished:
    """A file that appears under its final name only when it is whole and on the disk.

    Written beside, flushed, then put in place.

    Parameters
    ----------
    folder : Path
        Where the unfinished file lies; on the same disk as the target.
    target : Path
        The final name; its folder is made.
    may_replace : bool
        Whether an existing file gives way; otherwise ``FileExistsError`` is raised on leaving,
        but for content under its own hash, where the file that is there is as good.
    """

    def __init__(self, folder: Path, target: Path, *, may_replace: bool = False) -> None:
        self._target = target
        self._may_replace = may_replace
        self._beside = folder / f"{uuid.uuid4().hex}.tmp"

    def __enter__(self) -> IO[bytes]:
        self._beside.parent.mkdir(parents=True, exist_ok=True)
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._beside.open("wb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
            self._file.close()
            if kind is None:
                self._put_in_place()
        finally:
            self._file.close()
            self._beside.unlink(missing_ok=True)

    def _put_in_place(self) -> None:
        if self._may_replace:
            self._beside.replace(self._target)
            return
        try:
            os.link(self._beside, self._target)
        except FileExistsError:
            if self._target.suffix != ".zst":
                raise
        sync_folder(self._target.parent)
        sync_folder(self._target.parent.parent)


def prepare_folder(unfinished: Path) -> None:
    """Make a folder for unfinished files, and remove those that nobody finishes any more."""
    unfinished.mkdir(parents=True, exist_ok=True)
    for left_over in unfinished.iterdir():
        if time.time() - left_over.stat().st_mtime > ABANDONED_AFTER_SECONDS:
            left_over.unlink(missing_ok=True)


def ending(tail: bytes) -> str:
    r"""Return the end mark of a text, ``</html>`` or a line break, or empty where it has none.

    JSON has none: a parser sees for itself whether it is whole.

    Examples
    --------
    >>> ending(b"</body></html>\n"), ending(b"[1]\n"), ending(b"H100,2.99\n"), ending(b"H100,2.")
    ('</html>', '', 'line break', '')
    """
    text = tail.rstrip()
    if text.lower().endswith(b"</html>"):
        return "</html>"
    is_json = text.endswith((b"}", b"]"))
    return "line break" if tail.endswith(b"\n") and not is_json else ""


def filed(folder: Path, suffix: str) -> list[str]:
    """Return ``<day>/<moment>`` of every file of a source that is named so, oldest first.

    Every day of all history is listed at each run, so this is plain text and no ``Path``.
    """
    found = []
    for day in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208
        with contextlib.suppress(NotADirectoryError):
            names = os.listdir(f"{folder}/{day}")  # noqa: PTH208
            moments = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
            found += [f"{day}/{moment}" for moment in sorted(moments) if moment[0].isdigit()]
    return found


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_capture(manifest: Path) -> Capture:
    """Return the capture that a manifest describes.

    Raises
    ------
    LandingDamagedError
        If the manifest cannot be read.
    """
    try:
        fields: dict[str, Any] = json.loads(manifest.read_bytes())
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
        for name in ("captured_at", "recorded_at"):
            fields[name] = datetime.fromisoformat(fields[name]).astimezone(UTC)
        return Capture(**fields, requests=requests)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LandingDamagedError(f"manifest {manifest} is damaged: {error}") from None


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} does not belong in a manifest")
