"""Files that appear whole or not at all, and survive a power cut.

Writing, copying, renaming and linking of files belongs here: every file of a data folder is written
under a temporary name, flushed to disk, and put in its place by one system call; the folder is
flushed after it. So does the check that a name stays inside its folder. What a file holds, and
which folder it belongs to, is decided by the callers. Nothing here knows DuckDB.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

COPY_BUFFER_BYTES = 4 * 1024 * 1024

Existing = Literal["replace", "keep", "refuse"]


class OutsideFolderError(ValueError):
    """A name that leads out of the folder it belongs to."""


@contextmanager
def new_file(
    target: Path, *, existing: Existing = "replace", temporary_folder: Path | None = None
) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name when the block ends without an error.

    Parameters
    ----------
    target : Path
        The final name. Its folder is created.
    existing : {"replace", "keep", "refuse"}
        What happens if the name is taken when the block ends: the new file replaces the old one,
        the old one is kept (for content under its own hash), or ``FileExistsError`` is raised.
    temporary_folder : Path, optional
        Where the unfinished file lies, on the same disk, under a name of its own. If not given it
        lies beside the target as ``.NAME.tmp``: then only one process may write the target, and
        the next one overwrites what a killed one left.

    Raises
    ------
    FileExistsError
        If the name is taken and ``existing`` is ``refuse``.
    OSError
        If the disk is full or read-only. Nothing is left under the final name or the temporary one.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "day" / "prices.csv"
    >>> with new_file(target) as file:
    ...     _ = file.write(b"H100,2.99")
    >>> target.read_bytes()
    b'H100,2.99'
    """
    is_new_folder = not target.parent.is_dir()
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _beside(target)
    if temporary_folder is not None:
        temporary_folder.mkdir(parents=True, exist_ok=True)
        unfinished = temporary_folder / f"{uuid.uuid4().hex}.tmp"
    try:
        unfinished.unlink(missing_ok=True)  # one that a killed process left
        with unfinished.open("xb") as file:  # never through a link that somebody put there
            yield file
            file.flush()
            os.fsync(file.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)  # an empty one may have been removed
        if existing == "replace":
            unfinished.replace(target)
        else:
            _link(unfinished, target, may_exist=existing == "keep")
        sync_folder(target.parent)
        if is_new_folder:
            sync_folder(target.parent.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.tmp")


def _link(source: Path, target: Path, *, may_exist: bool) -> None:
    """Link a file to a second name; unlike a rename, a link never replaces."""
    try:
        os.link(source, target)
    except FileExistsError:
        if not may_exist:
            raise


def private_folder(folder: Path) -> None:
    """Create a folder that only its owner may enter; an empty one becomes so, a filled one stays.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    is_own = folder.stat().st_uid == os.geteuid()
    if is_own and next(folder.iterdir(), None) is None:
        folder.chmod(0o700)


def lock_file(path: Path) -> IO[str]:
    """Open a file to lock it, and create it if need be; its content stays.

    Raises
    ------
    OSError
        If the name is taken by something that is no file, or by a link: what it leads to is not
        ours to write.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileExistsError(errno.EEXIST, "not a file", str(path))
    return os.fdopen(handle, "r+", encoding="utf-8")


def write_bytes(target: Path, content: bytes) -> None:
    """Write or replace a file (see ``new_file``)."""
    with new_file(target) as file:
        file.write(content)


def write_text(target: Path, text: str) -> None:
    """Write or replace a file of UTF-8 text (see ``new_file``)."""
    write_bytes(target, text.encode())


def copy_file(source: Path, target: Path) -> None:
    """Write a copy of a file, or replace a file by it (see ``new_file``)."""
    with source.open("rb") as content, new_file(target) as file:
        shutil.copyfileobj(content, file, COPY_BUFFER_BYTES)


def rename(source: Path, target: Path) -> None:
    """Rename a file or a folder whose content is on disk, and flush the names."""
    source.rename(target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def point_link(link: Path, target: str) -> None:
    """Point a symbolic link to another name in its folder; readers see the old or the new one.

    Raises
    ------
    IsADirectoryError
        If a folder has the name of the link.
    """
    if link.is_dir() and not link.is_symlink():
        raise IsADirectoryError(f"{link} is a folder, where a symbolic link is expected")
    unfinished = _beside(link)
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(link)
    sync_folder(link.parent)


def sync_file(path: Path) -> None:
    """Flush the content of a file to disk."""
    _sync(path)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk."""
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def inside(folder: Path, name: str) -> Path:
    """Return the path of a name below a folder.

    Raises
    ------
    OutsideFolderError
        If the name leads out of the folder, or names the folder itself.

    Examples
    --------
    >>> inside(Path("/data/out"), "../x.parquet")
    Traceback (most recent call last):
    warehouse.files.OutsideFolderError: '../x.parquet' leads out of /data/out
    """
    path = (folder / name).resolve()
    if path == folder.resolve() or not path.is_relative_to(folder.resolve()):
        raise OutsideFolderError(f"{name!r} leads out of {folder}")
    return path
