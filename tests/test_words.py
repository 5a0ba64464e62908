"""The project's text uses plain English: phrases that readers misread do not occur."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "cost_engine", "docs", "pipelines", "tests", "warehouse")
SUFFIXES = {".py", ".sql", ".md", ".j2"}
NEVER = re.compile(
    r"\bhang(s|ing)? on\b|\bmend(s|ed|ing)?\b|\bbe had\b|\bborne out\b|\bbearable\b"
    r"|\bthe dear of\b|\bcomes second\b"
)
# A value that is already published in marts.gpu_price_index_revision, which never changes.
PUBLISHED = "'nothing can be had'"


def texts() -> list[Path]:
    """Return the files of the project that hold text of its own."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return [
        path
        for path in (*ROOT.glob("*.md"), *found)
        if path.suffix in SUFFIXES
        and path != Path(__file__)
        and ROOT / "tests" / "fixtures" not in path.parents
    ]


def phrases(text: str) -> list[str]:
    """Return the phrases of a text that are never right."""
    one_line = " ".join(text.replace(PUBLISHED, "").split())
    return [match[0] for match in NEVER.finditer(one_line)]


def test_the_phrases_are_found_across_lines() -> None:
    assert phrases("what hangs\n    on it, mended") == ["hangs on", "mended"]


def test_no_text_has_a_phrase_that_is_never_right() -> None:
    assert len(texts()) > 500
    wrong = {str(path.relative_to(ROOT)): phrases(path.read_text()) for path in texts()}
    assert {path: found for path, found in wrong.items() if found} == {}
