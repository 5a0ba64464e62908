"""Landing: every byte as it was received, and the request that brought it.

Writing payloads and manifests, and reading them back, belongs here. Files are written once, under
the hash of their content, and no program changes them or loses a byte: everything after landing can
be rebuilt from it. Requests belong to ``capture.http``, understanding the bytes to parsers.

    landing/<source_id>/<YYYY-MM-DD>/<sha256>.zst           one payload
    landing/<source_id>/<YYYY-MM-DD>/<HHMMSSffffff>.json    one capture, written last
    landing/<source_id>/<YYYY-MM>.zip                       both, of a month long past (``packs``)
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import io
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO

import zstandard

from pipelines.capture.field_names import on_disk
from pipelines.capture.manifest import (
    Capture,
    LandingDamagedError,
    RequestRecord,
    read_capture,
    skipping_damage,
)
from pipelines.capture.packs import PACK, Packs
from pipelines.sources.base import Payload
from warehouse.files import Existing, new_file
from warehouse.paths import Home
from warehouse.rows import exact

ENDING_BYTES = 64
COMPRESSION_LEVEL = 6
CHUNK_BYTES = 1024 * 1024
MOST_IN_MEMORY_BYTES = 2**30
ABANDONED_AFTER_SECONDS = 3600.0
NO_FOLDER = (errno.ENOTDIR, errno.ENOENT, errno.ELOOP)  # a file or a link; it belongs to somebody
LOOK_BACK_CAPTURES = 30  # manifests read to find the last good answer to a request


@dataclass(frozen=True, kw_only=True)
class LastGood:
    """The newest good answer to a question, and the ending of the newest answer of any kind."""

    record: RequestRecord
    mirror: str | None  # that gave it, if one did
    newest_ending: str  # of the newest answer with bytes, good or not


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A payload in landing."""

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
        self._packs = Packs(self._root)

    def prepare(self) -> None:
        """Create the folder, and remove files that a killed run left unfinished an hour ago."""
        prepare_folder(self._unfinished)

    @property
    def spool_folder(self) -> Path:
        """The folder of unfinished files: on the same disk, outside every source."""
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
            If the source id is not lower case letters, digits and ``_``.
        OSError
            If the disk is full or read-only; no incomplete file has a final name.
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
        known = self._kept(source_id, day, sha256)
        if known is not None:
            if self._is_whole(known):
                return Kept(
                    sha256=sha256, path=known, bytes=size, ending=ending(tail), is_new=False
                )
            path = known  # damaged: these bytes replace it
        body.seek(0)
        compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL, write_checksum=True)
        target = self._root / path
        existing: Existing = "replace" if target.exists() else "keep"
        with new_file(target, existing=existing, temporary_folder=self._unfinished) as file:
            compressor.copy_stream(body, file, size=size)
        return Kept(sha256=sha256, path=path, bytes=size, ending=ending(tail), is_new=True)

    def _kept(self, source_id: str, day: date, sha256: str) -> str | None:
        """Return where a payload of a source was kept, this day or another, or None."""
        for known_day in (day.isoformat(), *self._days(source_id, newest_first=True)):
            known = f"{source_id}/{known_day}/{sha256}.zst"
            if os.path.isfile(f"{self._root}/{known}"):  # noqa: PTH113  as in filed
                return known
        packed = (name for name in self._packs.names(source_id) if name.endswith(f"/{sha256}.zst"))
        return next((f"{source_id}/{name}" for name in packed), None)

    def bytes_of_day(self, source_id: str, day: date) -> int:
        """Return what the payloads of a source and day that are not packed take on disk [byte]."""
        folder = self._source_folder(source_id) / day.isoformat()
        return sum(file.stat().st_size for file in folder.glob("*.zst"))

    def record(self, capture: Capture) -> Capture:
        """Write the manifest of a capture and return the capture with its final id.

        The manifest is written last, so that a killed run leaves no capture without payloads. A
        second capture of the same microsecond gets its own name; none is overwritten.
        """
        folder = self._source_folder(capture.source_id) / capture.day.isoformat()
        moment = f"{capture.seen_at:%H%M%S%f}"
        for number in range(1000):
            name = moment + (f"-{number:03d}" if number else "")
            target = folder / f"{name}.json"
            if self._exists(f"{capture.source_id}/{capture.day.isoformat()}/{name}.json"):
                continue
            filed = dataclasses.replace(
                capture, capture_id=f"{capture.source_id}/{capture.day.isoformat()}/{name}"
            )
            text = json.dumps(on_disk(dataclasses.asdict(filed)), indent=1, default=exact)
            try:
                with new_file(target, existing="refuse", temporary_folder=self._unfinished) as file:
                    file.write(text.encode())
            except FileExistsError:  # another process has just taken the name
                continue
            return filed
        raise FileExistsError(f"{capture.source_id}: 1000 captures at {capture.seen_at}")

    def sources(self) -> list[str]:
        """Return the ids of all sources that were ever captured, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(f.name for f in self._root.iterdir() if f.is_dir() and f.name[0] != ".")

    def captures(self, source_id: str, since: date | None = None) -> Iterator[Capture]:
        """Yield the captures of a source, oldest first, from a UTC day on."""
        for day in self._days(source_id):
            if since is None or day >= since.isoformat():
                for capture_id in self._captured(source_id, day):
                    with skipping_damage():
                        yield self.capture(capture_id)

    def capture_ids(self, source_id: str) -> list[str]:
        """Return the ids of the captures of a source, oldest first, without reading them."""
        loose = filed(self._source_folder(source_id), ".json")  # before the packs they may go to
        packed = (name for name in self._packs.names(source_id) if name.endswith(".json"))
        names = {*loose, *(name.removesuffix(".json") for name in packed)}
        return [f"{source_id}/{name}" for name in sorted(names)]

    def capture(self, capture_id: str) -> Capture:
        """Return one capture by its id.

        Raises
        ------
        LandingDamagedError
            If its manifest or its pack is damaged.
        FileNotFoundError
            If there is none.
        """
        try:
            with self.open(f"{capture_id}.json") as file:
                content = file.read()
        except (zipfile.BadZipFile, EOFError) as error:
            raise LandingDamagedError(f"the pack of {capture_id} is damaged: {error}") from None
        return read_capture(content, self._root / f"{capture_id}.json")

    def open(self, path: str) -> IO[bytes]:
        """Open a file of landing as it is stored, whether or not it is packed.

        Raises
        ------
        FileNotFoundError
            If it is in neither form.
        zipfile.BadZipFile
            If its pack is damaged.
        """
        try:
            return (self._root / path).open("rb")
        except FileNotFoundError:
            return self._packs.open(path)

    def files(self) -> Iterator[str]:
        """Yield the path below landing of every file, once, whether or not it is packed."""
        for source_id in self.sources():
            loose = (self._root / source_id).glob("*/*")
            names = {
                path.relative_to(self._root / source_id).as_posix()
                for path in loose
                if path.name[0] != "." and path.is_file()
            }
            for name in sorted(names | set(self._packs.names(source_id))):
                yield f"{source_id}/{name}"

    def last_good(
        self, source_id: str, is_good: Callable[[Capture, RequestRecord], bool]
    ) -> dict[str, LastGood]:
        """Return the newest good answer to every recent request to a source.

        Parameters
        ----------
        source_id : str
            Whose answers.
        is_good : callable
            Whether the bytes of a record of a capture could be read, which landing cannot know.
        """
        found: dict[str, LastGood] = {}
        endings: dict[str, str] = {}
        seen = 0
        for day in self._days(source_id, newest_first=True):
            for capture_id in reversed(self._captured(source_id, day)):
                requests: tuple[RequestRecord, ...] = ()
                with skipping_damage():
                    capture = self.capture(capture_id)
                    requests = capture.requests
                for record in requests:
                    if record.path is None or not self._exists(record.path):
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
        """Yield the payloads of a capture, request by request, without failed ones.

        Raises
        ------
        LandingDamagedError
            If a file is missing, or its content does not match its hash.
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
            content=self.content(record.path, record.bytes or None),
            sha256=record.sha256,
            seen_at=capture.seen_at,
            content_type=record.content_type,
        )

    def content(self, path: str, size: int | None = None) -> bytes:
        """Return the bytes of a landing file, checked against the hash in its name.

        Parameters
        ----------
        path : str
            Below the landing folder.
        size : int, optional
            The bytes that it has by its manifest; unpacking ends there. At most 1 GiB where not
            given.

        Raises
        ------
        LandingDamagedError
            If the file is missing, its content does not match its hash, or it unpacks to more.
        """
        content = io.BytesIO()
        self.unpack(path, content, MOST_IN_MEMORY_BYTES if size is None else size)
        return content.getvalue()

    def unpack(self, path: str, target: IO[bytes] | None, most: int | None = None) -> None:
        """Write the bytes of a landing file into an open one, in bounded memory (see ``content``).

        Without a target they are only checked.

        Raises
        ------
        LandingDamagedError
            If the file is gone or does not hold what its name says; the target is then useless.
        """
        file = self._root / path
        digest, size = hashlib.sha256(), 0
        try:
            with self.open(path) as raw, zstandard.ZstdDecompressor().stream_reader(raw) as reader:
                while chunk := reader.read(CHUNK_BYTES):
                    size += len(chunk)
                    if most is not None and size > most:
                        raise LandingDamagedError(
                            f"landing file {file} is damaged: it unpacks to over {most:,} bytes"
                        )
                    digest.update(chunk)
                    if target is not None:
                        target.write(chunk)
        except FileNotFoundError:
            raise LandingDamagedError(
                f"landing file {file} is missing; restore it from a backup"
            ) from None
        except (zstandard.ZstdError, zipfile.BadZipFile, EOFError) as error:
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
        paths = [path for path in self.files() if path.endswith(f"/{sha256}.zst")]
        if not paths:
            raise LandingDamagedError(f"no landing file of sha256 {sha256}")
        for path in paths:
            self.unpack(path, None)
        return paths

    def damaged(self) -> Iterator[str]:
        """Read every file, and yield one line for each that is damaged or missing."""
        named: dict[str, None] = {}  # in order: those of manifests, then all in the folder
        for source_id in self.sources():
            for capture_id in self.capture_ids(source_id):
                try:
                    capture = self.capture(capture_id)
                except LandingDamagedError as error:
                    yield str(error)
                    continue
                named |= dict.fromkeys(one.path for one in capture.requests if one.path)
            yield from self._packs.damaged(source_id)
        files = (path for path in self.files() if path.endswith(".zst"))
        for path in named | dict.fromkeys(files):
            try:
                self.unpack(path, None)
            except LandingDamagedError as error:
                yield str(error)

    def _is_whole(self, path: str) -> bool:
        try:
            self.unpack(path, None)
        except LandingDamagedError:
            return False
        return True

    def _exists(self, path: str) -> bool:
        return (self._root / path).is_file() or self._packs.has(path)

    def _source_folder(self, source_id: str) -> Path:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", source_id):
            raise ValueError(f"source id {source_id!r} is not lower case letters, digits and _")
        return self._root / source_id

    def _days(self, source_id: str, *, newest_first: bool = False) -> list[str]:
        folder = self._source_folder(source_id)
        names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208  as in filed
        days = {name for name in names if not PACK.fullmatch(name)}
        days |= {name.partition("/")[0] for name in self._packs.names(source_id)}
        return sorted(days, reverse=newest_first)

    def _captured(self, source_id: str, day: str) -> list[str]:
        """Return the ids of the captures of a source and day, oldest first."""
        folder = self._source_folder(source_id) / day
        loose = {file.stem for file in folder.glob("[0-9]*.json")}
        packed = {
            name.removeprefix(f"{day}/").removesuffix(".json")
            for name in self._packs.names(source_id)
            if name.startswith(f"{day}/") and name.endswith(".json")
        }
        return [f"{source_id}/{day}/{moment}" for moment in sorted(loose | packed)]


def prepare_folder(unfinished: Path) -> None:
    """Create a folder for unfinished files, and remove old ones that no process finishes."""
    unfinished.mkdir(parents=True, exist_ok=True)
    for left_over in unfinished.iterdir():
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            if time.time() - left_over.lstat().st_mtime > ABANDONED_AFTER_SECONDS:
                left_over.unlink()


def ending(tail: bytes) -> str:
    r"""Return the end mark of a text, ``</html>`` or a line break, or empty if it has none.

    JSON has none, because its parser notices a missing end.

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

    Each run lists every day of history, so this uses strings, which are faster than ``Path``.
    """
    found = []
    for day in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208
        try:
            names = os.listdir(f"{folder}/{day}")  # noqa: PTH208
        except OSError as error:
            if error.errno not in NO_FOLDER:
                raise
            continue
        moments = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
        found += [f"{day}/{moment}" for moment in sorted(moments) if moment[:1].isdigit()]
    return found
