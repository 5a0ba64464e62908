"""Files of strangers, read in a child process within limits.

A bill or a table of cases may be a bomb: a few kilobytes that unpack to gigabytes. Whether a file
may be read at all, and what is said of one that passes a limit, belongs here. What is read out of
it belongs to the reader of its kind.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipelines.child.limits import CallError, LimitError, Limits
from pipelines.child.process import BoundedChild
from warehouse.confinement import refuse_writing

T = TypeVar("T")
MOST_BYTES = 2**31  # of a file on disk
LIMITS = Limits(memory_bytes=2**30, cpu_seconds=60, wall_seconds=120)
WAYS_OUT = {
    "memory": "split it, or allow more memory",
    "cpu": "split it, or allow more time",
    "wall": "split it, or allow more time",
}


class ForeignFileError(ValueError):
    """A file that is not read, in one line that says why."""


def read_foreign(
    path: Path,
    read: Callable[..., T],
    *arguments: Any,
    raises: Sequence[type[Exception]] = (),
    limits: Limits | None = None,
) -> T:
    """Return what a function reads in a file, in a process that cannot write and may die.

    Parameters
    ----------
    path : Path
        The file: no link, no device, at most 2 GiB.
    read : callable
        Called with the path and the arguments. It returns what JSON holds.
    *arguments
        Anything that can be pickled.
    raises : sequence of exception classes
        What the function may raise for the caller.
    limits : Limits
        Of this call.

    Raises
    ------
    ForeignFileError
        If the file is none that is read, passes a limit, or cannot be read.
    """
    refuse_special(path)
    with BoundedChild(raises=[OSError, *raises]) as child:
        try:
            return child.call(limits or LIMITS, without_writing, read, path, *arguments)
        except LimitError as error:
            way_out = WAYS_OUT.get(error.limit, "is it what its name says?")
            raise ForeignFileError(f"{path.name}: reading it {error}; {way_out}") from None
        except OSError as error:
            raise ForeignFileError(f"{path.name} cannot be read: {error.strerror}") from None
        except CallError as error:
            raise ForeignFileError(f"{path.name} cannot be read: {error}") from None


def without_writing(read: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a process that can write no file from now on."""
    refuse_writing()
    return read(*arguments)


def refuse_special(path: Path) -> None:
    """Refuse what is not a file that holds its own bytes.

    Raises
    ------
    ForeignFileError
        If there is no such file, or it is a folder, a link, a device or a pipe, or too large.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ForeignFileError(f"{path} is a link; give the file itself") from None
        raise ForeignFileError(f"{path}: {error.strerror}; give the path of a file") from None
    except ValueError:
        raise ForeignFileError(f"{str(path)!r} is no name of a file") from None
    try:
        found = os.fstat(handle)
    finally:
        os.close(handle)
    if not stat.S_ISREG(found.st_mode):
        raise ForeignFileError(f"{path} is not a file")
    if found.st_size > MOST_BYTES:
        raise ForeignFileError(f"{path} has {found.st_size:,} bytes; {MOST_BYTES:,} are allowed")
