"""The notebooks run on a published home, and hold what they printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.notebooks import FOLDER, code_cells, printed, read, run, write_outputs
from warehouse.paths import Home

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_it_shows(
    path: Path, answers_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUECOST_HOME", str(answers_home.root))
    notebook = read(path)
    kept = [printed(cell) for cell in code_cells(notebook)]
    found = list(run(notebook))
    # The figures are those of another day: the columns, or the first words, are the same.
    assert [begun(text) for text in found] == [begun(text) for text in kept]
    assert "Traceback" not in "".join(kept)


def begun(text: str) -> list[str]:
    """Return the words of the first line, up to the first figure."""
    words = text.splitlines()[0].split() if text else []
    return words[: next((i for i, word in enumerate(words) if word[0].isdigit()), len(words))]


def test_there_are_notebooks_without_paths_of_a_machine() -> None:
    assert {path.stem for path in NOTEBOOKS} == {"five_questions", "refit_growth"}
    for path in NOTEBOOKS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|tmp|Users)\b", text)
        counts = [cell["execution_count"] for cell in code_cells(read(path))]
        assert counts == list(range(1, len(counts) + 1))


def test_a_cell_sees_the_names_of_the_cells_before(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    cells = [
        {"cell_type": "code", "source": ["x = 2\n", "y = 3"], "outputs": []},
        {"cell_type": "markdown", "source": ["print(x)"]},
        {"cell_type": "code", "source": ["print(x * y)"], "outputs": []},
    ]
    path.write_text(json.dumps({"cells": cells}))
    write_outputs(path)
    assert [printed(cell) for cell in code_cells(read(path))] == ["", "6\n"]
