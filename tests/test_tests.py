"""What holds for the tests themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns",
          "process_time", "process_time_ns"}  # fmt: skip


def reads_clock(node: ast.AST, timed: set[str]) -> bool:
    """Return whether an expression reads a clock of ``time``, or a name that was set from one."""
    for part in ast.walk(node):
        match part:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr=name)):
                if name in CLOCKS:
                    return True
            case ast.Call(func=ast.Name(id=name)) if name in CLOCKS - {"time"}:
                return True
            case ast.Name(id=name) if name in timed:
                return True
    return False


def asserted_times(source: str) -> Iterator[int]:
    """Yield the lines that assert, or branch on, how much time of the clock has passed."""
    tree = ast.parse(source)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        timed: set[str] = set()
        nodes = sorted(
            (node for node in ast.walk(function) if hasattr(node, "lineno")),
            key=lambda node: node.lineno,
        )
        for node in nodes:
            if isinstance(node, ast.Assign) and reads_clock(node.value, timed):
                timed |= {name.id for name in node.targets if isinstance(name, ast.Name)}
            elif isinstance(node, ast.Assert | ast.If | ast.While) and reads_clock(
                node.test, timed
            ):
                yield node.lineno


def test_no_test_asserts_how_long_something_took() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        if re.search(r"^ *(import|from) time\b", source := path.read_text("utf-8"), re.MULTILINE)
        for line in asserted_times(source)
    ]
    assert found == []


@pytest.mark.parametrize(
    "body",
    [
        "assert time.monotonic() - started < 5",
        "took = time.perf_counter() - started\n    assert 0.25 < took < 2",
        "started = monotonic()\n    assert monotonic() < started + 9",
        "took = time.time()\n    more = took + 1\n    if more > 4:\n        fail()",
    ],
)
def test_an_assertion_on_the_clock_would_be_found(body: str) -> None:
    assert list(asserted_times(f"def test_it():\n    {body}\n"))
    assert not list(asserted_times("def test_it():\n    os.utime(path, time.time())\n"))
