"""No pattern on a stranger's text takes more than a bounded number of steps for each character.

A pattern backtracks where one of its repetitions can end in several places: their numbers multiply.
A repetition without an upper bound makes the time grow by the square of the text, at least. Every
pattern of the parsers is taken apart here, and the choices at one starting place are counted.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pipelines.reading
import pipelines.sources
import pipelines.text
from pipelines.sources import all_sources
from pipelines.sources.declared_page import PricePage
from pipelines.sources.fixtures import fixture_payloads

parser: Any = importlib.import_module("re._parser")
FIXTURES = Path(__file__).parents[1] / "fixtures/sources"
MAX_REPEAT = 500
MAX_CHOICES = 150_000
LETTERS = frozenset(map(chr, range(9, 127))) | frozenset("é€×·–")
END = ""  # stands for what follows the whole pattern: anything, or a failure
CATEGORIES = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": lambda c: c.isalnum() or c == "_",
}
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def modules() -> Iterator[ModuleType]:
    yield pipelines.text
    for package in (pipelines.sources, pipelines.reading):
        for info in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"{package.__name__}.{info.name}")


def patterns_in(value: object) -> Iterator[str]:
    if isinstance(value, re.Pattern):
        yield value.pattern if isinstance(value.pattern, str) else value.pattern.decode("latin-1")
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from patterns_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from patterns_in(part)


def used_while_parsing(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Return the patterns, by module, that the parsers use on their fixtures."""
    found: set[tuple[str, str]] = set()
    compile_ = re._compile  # type: ignore[attr-defined]

    def recorded(pattern: Any, flags: int) -> Any:
        caller = sys._getframe(2).f_globals["__name__"]
        if caller.startswith("pipelines.") and isinstance(pattern, str):
            found.add((caller, pattern))
        return compile_(pattern, flags)

    monkeypatch.setattr(re, "_compile", recorded)
    for name, source in all_sources().items():
        if (FIXTURES / name / "payloads.json").is_file():
            for payload in fixture_payloads(FIXTURES / name, source):
                list(source.parse(payload))
    monkeypatch.undo()
    return found


def in_class(members: Iterable[Any], letter: str) -> bool:
    is_negated, is_in = False, False
    for op, value in members:
        match str(op):
            case "NEGATE":
                is_negated = True
            case "LITERAL":
                is_in |= ord(letter) == value
            case "RANGE":
                is_in |= value[0] <= ord(letter) <= value[1]
            case "CATEGORY":
                name = str(value)
                kind = CATEGORIES[name.replace("_NOT", "")]
                is_in |= bool(kind(letter)) != ("_NOT" in name)
    return is_in != is_negated


def first(items: Iterable[Any], after: frozenset[str]) -> frozenset[str]:
    """Return the letters with which a sequence, and what comes after it, may begin."""
    for op, value in reversed(list(items)):
        match str(op):
            case "LITERAL":
                after = frozenset({chr(value)})
            case "NOT_LITERAL":
                after = LETTERS - {chr(value)}
            case "ANY":
                after = LETTERS - {"\n"}
            case "IN":
                after = frozenset(letter for letter in LETTERS if in_class(value, letter))
            case "SUBPATTERN":
                after = first(value[3], after)
            case "ATOMIC_GROUP":
                after = first(value, after)
            case "BRANCH":
                after = frozenset().union(*(first(branch, after) for branch in value[1]))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                inside = first(value[2], after)
                after = inside if value[0] else inside | after
            case "ASSERT_NOT" if value[0] == 1 and str(value[1][0][0]) == "IN":
                allowed = LETTERS if END in after else after
                after = allowed - first(value[1], frozenset())
            case "AT" | "ASSERT" | "ASSERT_NOT":
                pass
            case other:
                raise NotImplementedError(other)
    return after


def choices(items: Iterable[Any], after: frozenset[str]) -> int:
    """Return in how many ways a sequence can end, at most, from one starting place."""
    count = 1
    for op, value in reversed(list(items)):
        match str(op):
            case "SUBPATTERN":
                count *= choices(value[3], after)
            case "BRANCH":
                starts = [letter for branch in value[1] for letter in first(branch, after)]
                counts = [choices(branch, after) for branch in value[1]]
                is_decided = len(starts) == len(set(starts))  # by the next letter
                count *= max(counts) if is_decided else sum(counts)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                low, high, inside = value
                assert high <= MAX_REPEAT, "a repetition without a bound"
                again = first(inside, frozenset())
                inner = choices(inside, again | after)
                is_ambiguous = bool(again & after) or END in after
                count *= inner**high * ((high - low + 1) if is_ambiguous else 1)
        after = first([(op, value)], after)
    return count


def is_one_class(tree: list[Any]) -> bool:
    """Return whether a pattern is a run of one class of letters: no place of it is read twice."""
    return len(tree) == 1 and str(tree[0][0]) in REPEATS and str(tree[0][1][2][0][0]) == "IN"


def check(pattern: str) -> None:
    tree = list(parser.parse(pattern))
    if not is_one_class(tree):
        found = choices(tree, frozenset({END}))
        assert found <= MAX_CHOICES, f"{found:,} choices"


def test_every_pattern_of_the_parsers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = used_while_parsing(monkeypatch)
    for module in modules():
        for value in vars(module).values():
            found |= {(module.__name__, pattern) for pattern in patterns_in(value)}
    for name, source in all_sources().items():
        page = getattr(source.parse, "__self__", None)
        if isinstance(page, PricePage):
            found |= {(name, p) for p in (page.row, page.price, page.prices) if p}
    assert len(found) > 70
    problems = []
    for where, pattern in sorted(found):
        try:
            check(pattern)
        except AssertionError as error:
            problems.append(f"{where}: {pattern!r}: {str(error).splitlines()[0]}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?:Dedicated .+ \+ )?(?P<gpu>.+?)(?: GPU)? x(?P<count>\d+)\b.*",
        r"^\s*REGION:\s*(?P<name>.+?)\s*$",
        r"(?P<count>\d[\d,]*)\+?",
        r"\s*\((\d+)GB\)",
        r"(?:\w{1,20} ?){1,20}x",
        r".{1,400}x.{1,400}y.{1,400}z",
    ],
)
def test_patterns_that_take_the_square_or_more_are_found(pattern: str) -> None:
    with pytest.raises(AssertionError):
        check(pattern)


@pytest.mark.parametrize("pattern", [r"\s+", r"[^a-z]*", r"\$\s{0,3}\d{1,12}(?:\.\d{1,12})?/hr"])
def test_patterns_that_are_linear_pass(pattern: str) -> None:
    check(pattern)
