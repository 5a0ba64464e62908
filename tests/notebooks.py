"""The notebooks of ``docs/notebooks``: code cells run in order in one namespace, as Jupyter does.

    python -m tests.notebooks    # run them on the data of TRUECOST_HOME and write their outputs

They print, so an output is plain text, and running them needs no Jupyter.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"


def read(path: Path) -> dict[str, Any]:
    """Return a notebook."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells that run."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def printed(cell: dict[str, Any]) -> str:
    """Return the text that stands below a cell."""
    return "".join("".join(output["text"]) for output in cell["outputs"])


def run(notebook: dict[str, Any]) -> Iterator[str]:
    """Run the code cells, and give what each printed."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in code_cells(notebook):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec("".join(cell["source"]), names)
        yield out.getvalue()


def write_outputs(path: Path) -> None:
    """Run a notebook and keep what it printed."""
    notebook = read(path)
    for number, (cell, text) in enumerate(zip(code_cells(notebook), run(notebook), strict=True), 1):
        output = {"name": "stdout", "output_type": "stream", "text": text.splitlines(True)}
        cell |= {"execution_count": number, "outputs": [output] if text else []}
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for found in sorted(FOLDER.glob("*.ipynb")):
        write_outputs(found)
