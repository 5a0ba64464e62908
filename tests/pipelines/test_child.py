"""A call in the child process ends with its answer or one typed error that names the limit."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.child.limits import CallError, LimitError, Limits, at_most, limits_lacking
from pipelines.child.process import BoundedChild

LIMITS = Limits(memory_bytes=256 * 2**20, cpu_seconds=1, wall_seconds=60, result_bytes=10_000)
ONE_CALL = """
import re, sys, threading
from pipelines.child.limits import Limits
from pipelines.child.process import BoundedChild
child = BoundedChild()
child.call(Limits(), abs, 1)
threading.Thread(target=child.call, args=(Limits(), re.match, "(a*)*b", "a" * 40)).start()
print(child._process.pid, flush=True)
"""


@pytest.fixture(scope="module")
def child() -> Iterator[BoundedChild]:
    with BoundedChild(raises=(OSError,)) as one:
        yield one


def process_id(child: BoundedChild) -> int:
    return child.call(LIMITS, os.getpid)


def test_one_process_answers_many_calls(child: BoundedChild) -> None:
    first = process_id(child)
    assert [child.call(LIMITS, math.factorial, n) for n in (3, 4)] == [6, 24]
    assert child.call(LIMITS, json.dumps, {"a": [1]}, indent=None) == '{"a": [1]}'
    assert child.call(LIMITS, bytes, 3) == b"\0\0\0"
    assert process_id(child) == first != os.getpid()


@pytest.mark.parametrize(
    ("limit", "function", "arguments"),
    [
        ("memory", bytearray, (2**30,)),
        ("cpu", re.match, ("(a*)*b", "a" * 40)),
        ("result", bytes, (20_000,)),
        ("crash", os.abort, ()),
        ("crash", os._exit, (3,)),
        ("rows", list, (at_most, 3)),
    ],
)
def test_a_limit_that_is_passed_is_named_and_the_next_call_works(
    child: BoundedChild, limit: str, function: object, arguments: tuple[object, ...]
) -> None:
    if limit == "rows":
        function, arguments = rows_of, arguments[1:]
    with pytest.raises(LimitError) as raised:
        child.call(LIMITS, function, *arguments)  # type: ignore[arg-type]
    assert raised.value.limit == limit
    assert str(raised.value)
    assert child.call(LIMITS, math.factorial, 5) == 120


def rows_of(most: int) -> list[int]:
    return list(at_most(range(10), most))


def test_a_call_that_waits_is_ended_by_the_wall_clock(child: BoundedChild) -> None:
    with pytest.raises(LimitError) as raised:
        child.call(Limits(wall_seconds=0.1), time.sleep, 60)
    assert raised.value.limit == "wall"
    assert child.call(LIMITS, abs, -1) == 1


def test_declared_exceptions_pass_with_their_arguments(child: BoundedChild) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        child.call(LIMITS, os.listdir, "/no such folder")
    assert (raised.value.errno, raised.value.filename) == (2, "/no such folder")


def test_other_exceptions_are_one_error_and_do_not_end_the_process(child: BoundedChild) -> None:
    first = process_id(child)
    with pytest.raises(CallError, match="ValueError: invalid literal"):
        child.call(LIMITS, int, "x")
    with pytest.raises(CallError, match="SystemExit"):
        child.call(LIMITS, sys.exit, 1)
    with pytest.raises(CallError, match="not JSON serializable"):
        child.call(LIMITS, set, "ab")  # nothing is pickled on the way back
    assert process_id(child) == first


def test_what_one_call_used_is_not_missing_in_the_next(child: BoundedChild) -> None:
    for _ in range(3):
        assert child.call(LIMITS, held_on_to, 200 * 2**20) == 200 * 2**20


KEPT: list[bytearray] = []


def held_on_to(size: int) -> int:
    KEPT.append(bytearray(size))
    return size


def test_a_crash_after_earlier_calls_is_tried_in_a_new_process(
    child: BoundedChild, tmp_path: Path
) -> None:
    process_id(child)
    assert child.call(LIMITS, crashed_once, tmp_path / "tried") == "second"
    with pytest.raises(LimitError):
        child.call(LIMITS, os.abort)


def crashed_once(mark: Path) -> str:
    if mark.exists():
        return "second"
    mark.touch()
    os.abort()


def test_threads_share_one_process(child: BoundedChild) -> None:
    found: list[int] = []

    def ask() -> None:
        found.append(process_id(child))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_environment_of_the_child_has_no_keys(
    child: BoundedChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUECOST_ACME_API_KEY", "sesame")
    child.close()
    assert child.call(LIMITS, os.getenv, "TRUECOST_ACME_API_KEY") is None
    assert child.call(LIMITS, os.getenv, "PATH") == os.environ["PATH"]


def test_what_a_function_prints_is_no_answer(child: BoundedChild) -> None:
    assert child.call(LIMITS, print, "hello") is None
    assert child.call(LIMITS, os.system, "echo hello") == 0
    assert child.call(LIMITS, abs, -1) == 1


@pytest.mark.skipif(bool(limits_lacking()), reason="the system lacks limits")
def test_the_child_ends_with_its_parent_in_the_middle_of_a_call() -> None:
    parent = subprocess.Popen([sys.executable, "-c", ONE_CALL], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child_id = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    state = Path(f"/proc/{child_id}/stat")
    for _ in range(600):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    os.kill(child_id, signal.SIGKILL)
    pytest.fail("the child outlived its parent")
