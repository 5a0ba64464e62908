"""The table of all sources, as ``docs/sources.md`` shows it.

    python -m tests.source_table    # rewrite the table, here and the counts in README.md

What a source declares is in its module; the rows are those of the answer whose shape is recorded
in ``pipelines/sources/shapes``.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from pipelines.answers.check_sources import recorded_shape
from pipelines.answers.status import verified
from pipelines.sources import all_sources
from pipelines.sources.base import Source

ROOT = Path(__file__).parents[1]
START, END = "<!-- sources: python -m tests.source_table -->\n", "<!-- end of sources -->\n"
PAGES = (ROOT / "docs" / "sources.md", ROOT / "README.md")


def counts() -> str:
    """Return how many sources there are, how many are on, and on what they were verified."""
    declared = [
        (each.verified_with, each.disabled_reason is None) for each in all_sources().values()
    ]
    return textwrap.fill(verified(declared), 80) + "\n"


def row(source: Source) -> str:
    """Return the line of a source."""
    shape = recorded_shape(source)
    assert shape is not None
    rows = [shape["rows"][name] for name in ("kept", "held", "out_of_scope")]
    cells = " | ".join(f"{number:,}" for number in (sum(rows), *rows))
    state = f"off: {source.disabled_reason}" if source.disabled_reason else "on"
    key = f", needs `{source.key_environment}`" if source.key_environment else ""
    shown = source.verified_with + (f", {source.verified_on}" if source.verified_on else "")
    return f"| {source.source_id} | {source.kind} | {state}{key} | {shown} | {cells} |"


def document() -> str:
    """Return the table of all sources."""
    head = "| source | kind | asked | verified on | rows read | kept | held | out of scope |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    lines += [row(source) for source in all_sources().values()]
    return f"{counts()}\n" + "\n".join(lines) + "\n"


def written(page: Path) -> str:
    """Return a page with what is made from the code as it should be."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    made = counts() if page.name == "README.md" else document()
    return f"{before}{START}{made}{END}{after}"


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page), encoding="utf-8")
