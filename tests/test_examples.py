"""The examples in docstrings run and give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("cost_engine", "warehouse", "pipelines")
    for path in (ROOT / package).rglob("*.py")
    if "\n    >>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    failed = doctest.testmod(importlib.import_module(name)).failed
    assert failed == 0, capsys.readouterr().out


def test_there_are_examples_and_a_wrong_one_is_found() -> None:
    assert len(MODULES) > 40
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner().run(wrong, out=lambda _: None).failed == 1
