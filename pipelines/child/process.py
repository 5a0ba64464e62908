"""Calls in a child process: starting it, sending calls, and what a death means.

The child is a new interpreter, not a fork: DuckDB and pyarrow have threads, which a fork would lose
in mid-step. It gets its calls pickled; its answers are JSON or bytes, so nothing that strangers
influence is ever unpickled. It holds the read end of a pipe that only the parent can close: when
the parent ends, however it ends, the kernel ends the child. Its environment has no keys.
"""

from __future__ import annotations

import atexit
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from pipelines.child.limits import SMALL_HEAP, CallError, LimitError, Limits
from pipelines.child.serving import HEADER, SIZE, name_of, write

P = ParamSpec("P")
T = TypeVar("T")

START = "import sys; sys.path[:] = sys.argv[3:]; import pipelines.child.serving as s; s.serve()"
START_SECONDS = 120.0  # a start takes under 1 s; the machine may be busy
CHUNK_BYTES = 2**20
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "TRUECOST_HOME")


class BoundedChild:
    """A process for calls within limits; started at the first call, replaced when it dies.

    Parameters
    ----------
    prepare : sequence of callable
        Called without arguments when the process starts: what they load does not count.
    raises : sequence of exception classes
        Passed on to the caller with their arguments; every other exception is a ``CallError``.

    Examples
    --------
    >>> import math
    >>> with BoundedChild() as child:
    ...     child.call(Limits(), math.factorial, 5)
    120
    """

    def __init__(
        self, prepare: Sequence[Callable[[], object]] = (), raises: Sequence[type[Exception]] = ()
    ) -> None:
        self._prepare = ",".join(map(name_of, prepare))
        known: tuple[type[Exception], ...] = (LimitError, *raises)
        self._raises: dict[str, Callable[..., Exception]] = {name_of(k): k for k in known}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None
        self._owner = 0  # the process that started the child
        self._is_used = False
        atexit.register(self.close)

    def call(
        self, limits: Limits, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what a function returns in the child.

        Calls from several threads wait for each other. A call that runs out of memory, or crashes,
        in a process that served others before is repeated once in a new one, so that what is
        possible does not depend on what came before.

        Parameters
        ----------
        limits : Limits
            Of this call.
        function : callable
            With a name in a module. It returns bytes, or what JSON holds: a tuple arrives as a
            list.
        *args, **kwargs
            Anything that can be pickled.

        Raises
        ------
        LimitError
            If a limit is passed or the process dies.
        CallError
            If the function raises something that was not declared.
        OSError
            If no process can be started.
        """
        request = pickle.dumps((limits, name_of(function)))
        request += pickle.dumps((args, kwargs))
        with self._lock:
            was_used = self._is_used and self._is_running()
            try:
                answer: T = self._answer(limits, request)
                return answer
            except LimitError as error:
                if not was_used or error.limit not in ("memory", "crash"):
                    raise
            self._end()
            answer = self._answer(limits, request)
            return answer

    def close(self) -> None:
        """End the process, if one runs."""
        with self._lock:
            self._end()

    def __enter__(self) -> BoundedChild:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        atexit.unregister(self.close)

    def _is_running(self) -> bool:
        return (
            self._process is not None
            and self._owner == os.getpid()  # the child of a process that forked is not ours
            and self._process.poll() is None
        )

    def _answer(self, limits: Limits, request: bytes) -> Any:
        if not self._is_running():
            self._start()
        self._is_used = True
        kind, body, is_leaving = b"", b"", True
        try:
            deadline = time.monotonic() + limits.wall_seconds
            try:
                self._send(request)
                kind, is_leaving, body = self._receive(deadline, limits.result_bytes)
            except TimeoutError:
                raise LimitError("wall", f"took over {limits.wall_seconds:g} s") from None
            except (EOFError, BrokenPipeError):
                raise self._death(limits) from None
        finally:
            if is_leaving:
                self._end()
        if kind == b"B":
            return body
        said = json.loads(body)
        if kind == b"J":
            return said
        for name in said["classes"]:
            if name in self._raises:
                raise self._raises[name](*said["arguments"])
        raise CallError(said["text"])

    def _start(self) -> None:
        self._end()
        reads, self._lifeline = os.pipe()
        try:
            command = [sys.executable, "-c", START, str(reads), self._prepare, *sys.path]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                pass_fds=(reads,),
                start_new_session=True,  # Ctrl-C is for the parent
                env={n: os.environ[n] for n in ENVIRONMENT if n in os.environ} | SMALL_HEAP,
            )
        finally:
            os.close(reads)
        self._owner = os.getpid()
        self._is_used = False
        try:
            self._receive(time.monotonic() + START_SECONDS, 0)
        except (TimeoutError, EOFError):
            self._end()
            raise ChildProcessError("a process for parsing and queries does not start") from None

    def _end(self) -> None:
        process, self._process = self._process, None
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        if self._owner == os.getpid():
            process.kill()
            process.wait()
        else:
            process.returncode = 0  # another process waits for it

    def _send(self, request: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        write(self._process.stdin, SIZE.pack(len(request)) + request)

    def _receive(self, deadline: float, most: int) -> tuple[bytes, bool, bytes]:
        assert self._process is not None and self._process.stdout is not None
        handle = self._process.stdout.fileno()
        kind, is_leaving, size = HEADER.unpack(_read(handle, HEADER.size, deadline))
        if size > most + 100_000:  # the child keeps the limit, unless it is no longer itself
            raise LimitError("result", f"the answer has {size} bytes, {most} are allowed")
        return kind, is_leaving, _read(handle, size, deadline)

    def _death(self, limits: Limits) -> LimitError:
        """Return what a process died of."""
        assert self._process is not None
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return LimitError("cpu", f"used over {limits.cpu_seconds} s of CPU time")
        if code == -signal.SIGKILL:
            return LimitError("killed", "was killed; was the machine out of memory?")
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return LimitError("crash", f"ended the process that ran it: {name}")


def _read(handle: int, size: int, deadline: float) -> bytes:
    """Read so many bytes, or raise EOFError or TimeoutError."""
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    content = bytearray()
    while len(content) < size:
        left = deadline - time.monotonic()
        if left <= 0 or not waiting.poll(left * 1000):
            raise TimeoutError
        piece = os.read(handle, min(size - len(content), CHUNK_BYTES))
        if not piece:
            raise EOFError
        content += piece
    return bytes(content)
