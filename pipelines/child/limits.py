"""What a call in the child process may use, and the errors of calls that use more."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

T = TypeVar("T")
Limit = Literal["memory", "cpu", "wall", "result", "rows", "crash", "killed"]
# The environment of a confined process. Each further thread or heap reserves address space, which
# the limit counts: without these, a query of no size came within 2 % of its 2 GiB.
SMALL_HEAP = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one call may use."""

    memory_bytes: int = 2**30  # address space beyond what the interpreter and its modules hold
    cpu_seconds: int = 60
    wall_seconds: float = 600.0  # for a call that waits; a busy machine must not reach it
    result_bytes: int = 64 * 2**20  # the answer, encoded


class LimitError(RuntimeError):
    """A call that passed a limit, or whose process died; ``limit`` names which."""

    def __init__(self, limit: Limit, message: str) -> None:
        super().__init__(limit, message)
        self.limit = limit
        self.message = message

    def __str__(self) -> str:
        return self.message


class CallError(RuntimeError):
    """An exception of the function that was called, other than those it may raise."""


def at_most(rows: Iterable[T], most: int) -> Iterator[T]:
    """Yield rows, at most so many.

    Raises
    ------
    LimitError
        If there is one more.

    Examples
    --------
    >>> list(at_most("abc", 3))
    ['a', 'b', 'c']
    """
    for number, row in enumerate(rows):
        if number >= most:
            raise LimitError("rows", f"gives more than {most} rows")
        yield row


def limits_lacking() -> list[str]:
    """Return what this system cannot limit, for people to read; empty on Linux."""
    return [] if address_space() else ["memory of one call (needs /proc, as on Linux)"]


def address_space() -> int:
    """Return the bytes that this process has reserved, or 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()
