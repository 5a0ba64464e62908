"""Packs: the files of a source and a month in one, each in it as it was.

    landing/<source_id>/<YYYY-MM>.zip         <YYYY-MM-DD>/<name>, uncompressed: ``unzip`` restores
    observations/<source_id>/<YYYY-MM>.zip    them

Reading packs and making them belongs here. A path is the same before and after: whether its bytes
are in a file or in a pack is known to ``landing``, ``reading`` and here alone. What of observations
is packed is for ``reading.packed`` to say.
"""

from __future__ import annotations

import calendar
import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import IO

import zstandard

from warehouse import files
from warehouse.paths import Home

PACKED_AFTER = timedelta(days=30)
"""Captures of a month whose last day is longer ago are packed. [d]"""

PACK = re.compile(r"\d{4}-\d{2}\.zip")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
PACKED = re.compile(
    r"\d[0-9-]*\.json|[0-9a-f]{64}\.zst"  # of landing
    r"|\d[0-9-]*\.ledger\.json|[0-9a-f]{64}-[0-9a-f]{8}-\d+\.(?:result\.json|\w+\.parquet)"
)
EPOCH = (1980, 1, 1, 0, 0, 0)  # of each entry: the same files make the same pack
FOREIGN_FLAGS = 0x61  # of an entry: encrypted, patched, strongly encrypted
# What reading a damaged pack raises: damage can also name a compression that does not exist.
DAMAGED = (zipfile.BadZipFile, zstandard.ZstdError, EOFError, NotImplementedError, OSError)


class PackError(Exception):
    """A month that cannot be packed without losing bytes; its files are as they were."""


@dataclass(frozen=True, kw_only=True)
class Pack:
    """A pack that was made."""

    path: str  # below the data folder
    files: int  # that went into it now
    bytes: int  # of the pack


class Packs:
    """The packs of landing or of observations, for reading.

    What they hold is read once, and again when a pack was replaced.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, tuple[tuple[int, int, int], frozenset[str]]] = {}

    def names(self, source_id: str) -> Iterator[str]:
        """Yield ``<day>/<name>`` of every packed file of a source; damaged packs have none."""
        for path in self.paths(source_id):
            try:
                yield from self._names(path)
            except (zipfile.BadZipFile, OSError):  # ``Landing.damaged`` names it
                continue

    def has(self, path: str) -> bool:
        """Return whether a path of the folder is in a pack."""
        try:
            return path.partition("/")[2] in self._names(self._pack_of(path))
        except (zipfile.BadZipFile, OSError):
            return False

    def open(self, path: str) -> IO[bytes]:
        """Open the bytes of a path of the folder.

        Raises
        ------
        FileNotFoundError
            If they are in no pack.
        zipfile.BadZipFile
            If the pack is damaged.
        """
        try:
            with opened(self._pack_of(path)) as pack:
                return pack.open(path.partition("/")[2])  # keeps the file open until it is closed
        except (KeyError, FileNotFoundError):
            raise FileNotFoundError(
                errno.ENOENT, os.strerror(errno.ENOENT), str(self._root / path)
            ) from None

    def paths(self, source_id: str) -> list[Path]:
        """Return the packs of a source, oldest first."""
        folder = self._root / source_id
        names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208  as in landing.filed
        return [folder / name for name in sorted(names) if PACK.fullmatch(name)]

    def damaged(self, source_id: str) -> Iterator[str]:
        """Yield one line for each pack of a source whose list of files cannot be read."""
        for path in self.paths(source_id):
            try:
                opened(path).close()
            except zipfile.BadZipFile as error:
                yield f"pack {path} is damaged ({error}); restore it from a backup"

    def _pack_of(self, path: str) -> Path:
        source_id, _, name = path.partition("/")
        return self._root / source_id / f"{name[:7]}.zip"

    def _names(self, path: Path) -> frozenset[str]:
        state = path.stat()
        identity = state.st_ino, state.st_mtime_ns, state.st_size
        known = self._known.get(path)
        if known is None or known[0] != identity:
            with opened(path) as pack:
                known = self._known[path] = identity, frozenset(pack.namelist())
        return known[1]


def opened(path: Path) -> zipfile.ZipFile:
    """Open a pack for reading.

    Raises
    ------
    zipfile.BadZipFile
        If it is none that ``make_pack`` writes: files of its month, uncompressed, each once.
    FileNotFoundError
        If there is none.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise zipfile.BadZipFile("it is not a file")
        pack = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise
    # zipfile raises the last two for methods and offsets that no pack of ours has.
    except (OSError, NotImplementedError, ValueError) as error:
        raise zipfile.BadZipFile(str(error)) from None
    names = set()
    for entry in pack.infolist():
        day, _, name = entry.filename.partition("/")
        is_ours = DAY.fullmatch(day) and day[:7] == path.stem and PACKED.fullmatch(name)
        if not is_ours or entry.filename in names:
            fault = "is there twice" if is_ours else "does not belong there"
        elif entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & FOREIGN_FLAGS:
            fault = "is compressed or encrypted"
        elif not 0 <= entry.header_offset <= found.st_size - entry.compress_size:
            fault = "lies outside of it"
        elif entry.file_size != entry.compress_size:
            fault = "has two sizes"
        else:
            names.add(entry.filename)
            continue
        pack.close()
        raise zipfile.BadZipFile(f"{entry.filename[:100]!r} in it {fault}")
    return pack


def content_of(path: Path) -> bytes:
    """Return the bytes of a file ``<folder>/<source>/<day>/<name>``, whether or not it is packed.

    Raises
    ------
    FileNotFoundError
        If it is in neither form.
    zipfile.BadZipFile
        If its pack is damaged.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        root = path.parents[2]
        with Packs(root).open(path.relative_to(root).as_posix()) as file:
            return file.read()


def damage_of(path: Path) -> str | None:
    """Return why a pack, or a file in it, cannot be read, or None."""
    try:
        with opened(path) as pack:
            name = pack.testzip()
    except DAMAGED as error:
        return str(error)
    return f"{name} in it" if name else None


def months(root: Path, before: date) -> list[tuple[str, str]]:
    """Return (source, month) of every month that ended before a day and has files not packed."""
    found = set()
    for folder in root.glob("[!.]*/*"):
        if DAY.fullmatch(folder.name) and folder.is_dir():
            year, month = int(folder.name[:4]), int(folder.name[5:7])
            last = folder.name[:8] + f"{calendar.monthrange(year, month)[1]:02d}"
            if last < before.isoformat():
                found.add((folder.parent.name, folder.name[:7]))
    return sorted(found)


def make_packs(home: Home, before: date) -> tuple[list[Pack], list[str]]:
    """Pack every month of landing that ended before a day (see ``make_pack``).

    Returns
    -------
    tuple of list of Pack and list of str
        The packs that were made, and why other months were not packed, one line each.
    """
    made, refused = [], []
    for source_id, month in months(home.landing, before):
        try:
            pack = make_pack(home.landing, source_id, month)
        except PackError as error:
            refused.append(f"not packed: {error}")
        else:
            made += [pack] if pack else []
    return made, refused


def make_pack(
    root: Path, source_id: str, month: str, *, is_kept: Callable[[str], bool] | None = None
) -> Pack | None:
    """Move the files of a source and month into one.

    The pack holds what an earlier one of the month held, and every file that lies beside it. It is
    flushed to disk, and each file in it is read back and compared, before it gets its name; only
    then are the files deleted. A process that is killed leaves both, or the files alone; the next
    one goes on.

    Parameters
    ----------
    root : Path
        The folder of landing or of observations.
    source_id, month : str
        As ``months`` returns them.
    is_kept : callable, optional
        Of observations, which can be made again: whether ``<day>/<name>`` stays as it is. A file
        beside the pack takes the place of the one in it, and a damaged one is left out.

    Returns
    -------
    Pack or None
        None if there is nothing to pack.

    Raises
    ------
    PackError
        If a file is damaged, or two of one name differ. Nothing is changed.
    OSError
        If the disk is full or read-only. Nothing is changed.
    """
    folder = root / source_id
    target = folder / f"{month}.zip"
    loose = {
        f"{path.parent.name}/{path.name}": path
        for path in sorted(folder.glob(f"{month}-[0-9][0-9]/*"))
        if PACKED.fullmatch(path.name) and path.is_file()
        if not (is_kept and is_kept(f"{path.parent.name}/{path.name}"))
    }
    if not loose:
        _remove_empty(folder, month)  # of a process that was killed
        return None
    states = {name: _state(path) for name, path in loose.items()}
    with files.new_file(target, temporary_folder=root / ".unfinished") as file:
        digests = _write(file, target, loose, is_derived=is_kept is not None)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # read back from the disk
        _read_back(Path(file.name), target, digests)
    for name, path in loose.items():
        if _state(path) == states[name]:  # else it was written again meanwhile: the next time
            path.unlink()
    _remove_empty(folder, month)
    files.sync_folder(folder)
    return Pack(
        path=target.relative_to(root.parent).as_posix(),
        files=len(loose),
        bytes=target.stat().st_size,
    )


def _remove_empty(folder: Path, month: str) -> None:
    """Remove the folders of days in which nothing is left."""
    for day in folder.glob(f"{month}-[0-9][0-9]"):
        with contextlib.suppress(OSError):  # something else is in it
            day.rmdir()


def _write(
    file: IO[bytes], target: Path, loose: dict[str, Path], *, is_derived: bool
) -> dict[str, str]:
    """Write the new pack, and return the hash of each file in it."""
    digests = {}
    earlier = None
    try:
        earlier = _earlier(target, is_derived)
        packed = set(earlier.namelist()) if earlier else set()
        if earlier and is_derived:
            packed = {name for name in packed - loose.keys() if _is_whole(earlier, name)}
        with zipfile.ZipFile(file, "w") as pack:
            for name in sorted(packed | loose.keys()):
                if earlier and name in packed and not _is_replaced(earlier, name, loose.get(name)):
                    source: IO[bytes] = earlier.open(name)
                else:
                    source = loose[name].open("rb")
                with source, pack.open(zipfile.ZipInfo(name, EPOCH), "w", force_zip64=True) as into:
                    digest = _Digest(into)
                    shutil.copyfileobj(source, digest, files.COPY_BUFFER_BYTES)
                digests[name] = digest.hash.hexdigest()
    except (zipfile.BadZipFile, EOFError) as error:
        raise PackError(f"{target} is damaged ({error}); restore it from a backup") from None
    finally:
        if earlier:
            earlier.close()
    return digests


def _earlier(target: Path, is_derived: bool) -> zipfile.ZipFile | None:
    """Return the pack before, if there is one; of files that can be made again, a whole one."""
    try:
        return opened(target)
    except FileNotFoundError:
        return None
    except zipfile.BadZipFile:
        if not is_derived:
            raise
        return None


def _is_whole(pack: zipfile.ZipFile, name: str) -> bool:
    try:
        pack.read(name)
    except DAMAGED:
        return False
    return True


def _is_replaced(earlier: zipfile.ZipFile, name: str, path: Path | None) -> bool:
    """Return whether a file takes the place of the damaged one in the pack before."""
    if path is None:
        return False
    if name.endswith(".zst"):
        return _payload_damage(earlier, name) is not None
    if earlier.read(name) != path.read_bytes():
        raise PackError(f"{path} differs from the one in {earlier.filename}; move one away")
    return False


class _Digest:
    """A file to write into that takes the hash of what it gets."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.hash = hashlib.sha256()

    def write(self, chunk: bytes) -> int:
        self.hash.update(chunk)
        return self._target.write(chunk)


def _read_back(unfinished: Path, target: Path, digests: dict[str, str]) -> None:
    """Compare each file of a pack with what was read, and each payload with its name.

    Raises
    ------
    PackError
        If one differs.
    """
    with zipfile.ZipFile(unfinished) as pack:
        if set(pack.namelist()) != digests.keys():
            raise PackError(f"{target}: the pack does not hold every file; nothing was packed")
        for name, expected in digests.items():
            with pack.open(name) as file:
                # zipfile declares an IO, which lacks readinto; what it returns has it.
                found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            damage = "other bytes were read back" if found != expected else None
            if name.endswith(".zst"):
                damage = damage or _payload_damage(pack, name)
            if damage:
                raise PackError(
                    f"{target.parent / name} is damaged: {damage};"
                    f" {target.stem} of {target.parent.name} stays as it is."
                    " Restore the file from a backup"
                )


def _payload_damage(pack: zipfile.ZipFile, name: str) -> str | None:
    """Return why a packed payload is not what its name says, or None."""
    digest = hashlib.sha256()
    try:
        with pack.open(name) as raw, zstandard.ZstdDecompressor().stream_reader(raw) as reader:
            while chunk := reader.read(files.COPY_BUFFER_BYTES):
                digest.update(chunk)
    except DAMAGED as error:
        return str(error)
    sha256 = digest.hexdigest()
    return None if sha256 == Path(name).stem else f"its content has sha256 {sha256[:12]}"


def _state(path: Path) -> tuple[int, int, int]:
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size
