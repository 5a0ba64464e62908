"""The child's side: wait for a call, set the limits, answer.

Frames: to the child the size of a call and its pickle, from the child a header, and JSON (J, or E
for an exception) or bytes (B).
"""

from __future__ import annotations

import fcntl
import importlib
import io
import json
import os
import pickle
import resource
import select
import struct
import sys
from collections.abc import Callable
from typing import IO, Any, NoReturn

from pipelines.child.limits import LimitError, Limits, address_space

SIZE = struct.Struct(">Q")
HEADER = struct.Struct(">c?Q")  # kind of the frame, whether the child leaves, bytes that follow
MAX_ERROR_CHARACTERS = 2000


def serve() -> NoReturn:
    """Answer calls until the parent closes the pipe."""
    end_with_parent(int(sys.argv[1]))
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for name in filter(None, sys.argv[2].split(",")):
            _named(name)()
        room = address_space()
        write(answers, HEADER.pack(b"J", False, 0))
        while True:
            head = sys.stdin.buffer.read(SIZE.size)
            if len(head) < SIZE.size:
                os._exit(0)
            request = sys.stdin.buffer.read(SIZE.unpack(head)[0])
            before = address_space()
            limits, function, arguments = _unpacked(request)
            room += address_space() - before  # modules that the call imported
            kind, body, is_leaving = _outcome(limits, room, function, *arguments)
            del request, arguments
            is_leaving |= address_space() > room + limits.memory_bytes // 4
            write(answers, HEADER.pack(kind, is_leaving, len(body)))
            write(answers, body)
            del body


def end_with_parent(lifeline: int) -> None:
    """Let the kernel end this process when the other end of a pipe is closed, however that happens.

    It holds for the program that this process becomes (``os.exec``) too.

    Parameters
    ----------
    lifeline : int
        The read end; nobody but the parent may hold the other one.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    # The kernel sends SIGIO, which ends the process.
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(0)  # it was closed before


def _unpacked(request: bytes) -> tuple[Limits, Callable[..., Any], Any]:
    stream = io.BytesIO(request)
    limits, name = pickle.load(stream)
    return limits, _named(name), pickle.load(stream)


def _named(name: str) -> Callable[..., Any]:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = found
    return function


def _outcome(
    limits: Limits, room: int, function: Callable[..., Any], args: Any, kwargs: Any
) -> tuple[bytes, bytes, bool]:
    """Return the kind of the answer, the answer, and whether the process should end after it."""
    is_out_of_memory = False
    spent = os.times()
    _limit(resource.RLIMIT_CPU, int(spent.user + spent.system) + 1 + limits.cpu_seconds)
    if room:
        _limit(resource.RLIMIT_AS, room + limits.memory_bytes)
    try:
        found = function(*args, **kwargs)
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        if len(body) > limits.result_bytes:
            raise LimitError("result", f"answers with over {limits.result_bytes} bytes")
        return b"B" if isinstance(found, bytes) else b"J", body, False
    except MemoryError:
        is_out_of_memory = True
    except BaseException as error:  # whatever it is, it is the answer
        return b"E", _described(error), False
    finally:
        _limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
        _limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
    needed = f"needs over {limits.memory_bytes // 2**20} MiB of memory"
    return b"E", _described(LimitError("memory", needed)), is_out_of_memory


def _described(error: BaseException) -> bytes:
    arguments = list(error.args)
    if isinstance(error, OSError) and error.filename is not None:
        arguments.append(str(error.filename))
    try:
        json.dumps(arguments)
    except (TypeError, ValueError):
        arguments = [str(error)]
    described = {
        "classes": [name_of(kind) for kind in type(error).__mro__],
        "arguments": arguments,
        "text": f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS],
    }
    return json.dumps(described).encode()


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def name_of(thing: Callable[..., object]) -> str:
    """Return the name of a class or a function, by which both sides know it."""
    return f"{thing.__module__}:{thing.__qualname__}"


def write(pipe: IO[bytes], content: bytes) -> None:
    """Write all of it; a pipe takes as much as it has room for."""
    left = memoryview(content)
    while left:
        left = left[pipe.write(left) :]
