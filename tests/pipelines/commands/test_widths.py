"""Tables fit their screen: no line is wider, and nothing is lost but where a word alone is."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.commands.answer import print_table
from tests.pipelines.commands.conftest import Truecost
from tests.pipelines.commands.test_questions import QUESTIONS

ASKED = [
    *(question.command.removeprefix("truecost ") for question in QUESTIONS),
    "fit llama-3.1-70b", "quote --gpu H100-SXM-80GB -n 8", "flop", "quarantine list", "sources",
    "train --parameters 70B --tokens 15T --gpus 4096 --staff", "napkin llama-3.1-70b",
    "trend --where compute_rank<=10", "own-vs-rent --gpus 64",
    "budget llama-3.1-8b --requests-per-day 20K --tokens 10B",
    "reserve --gpu H100-SXM-80GB -n 64 --job-months 18", "reserve --gpu H100-SXM-80GB --terms",
    "api llama-3.3-70b", "compare H100-SXM-80GB B200-180GB", "compare lambda crusoe",
    "train GPT-4", "why gpu_price_index H100-SXM-80GB neocloud", "quote --gpu V100-PCIE-16GB -n 3",
    "budget llama-3.1-8b --requests-per-day 20K --capital 1M",
    "sql 'from marts.offers_latest limit 20'", "sql 'from marts.training_cost limit 20'",
]  # fmt: skip

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=24)
CELLS = st.one_of(
    st.none(), st.integers(-(10**6), 10**6), WORDS, st.lists(WORDS, max_size=9).map(" ".join)
)


def too_wide(text: str, width: int) -> list[str]:
    """Return the lines that are wider and could have been broken between two words.

    Markdown is for other programs, which break its lines themselves.
    """
    if text.startswith("# ") or "\n# " in text:
        return []
    return [line for line in text.splitlines() if len(line) > width and " " in line.strip()]


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("asked", ASKED)
def test_every_command_fits_its_screen(
    ask: Truecost, asked: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    result = ask(*shlex.split(asked))
    assert result.exit_code == 0, result.output
    assert too_wide(result.stdout, width) == []


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.integers(1, 12).flatmap(
        lambda count: st.tuples(
            st.lists(WORDS, min_size=count, max_size=count),
            st.lists(st.lists(CELLS, min_size=count, max_size=count), max_size=5),
        )
    ),
    width=st.integers(40, 160),
)
def test_no_table_is_wider_than_its_screen_and_no_word_is_lost(
    table: tuple[list[str], list[list[object]]],
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    columns, rows = table
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(columns, rows)
    out = capsys.readouterr().out
    assert all(len(line) <= width for line in out.splitlines())
    for word in (word for row in rows for cell in row for word in str(cell or "").split()):
        if word.isalpha():
            assert word in out
    for heading in columns:
        assert heading in out


def test_without_a_screen_lines_are_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(["a"] * 30, [["wide" * 5] * 30])
    assert len(capsys.readouterr().out.splitlines()) == 2
