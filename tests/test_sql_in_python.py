"""SQL is kept in .sql files: how many lines of it are strings in Python is counted and limited.

What remains builds a statement from names that are known only when it runs (a table, a column, a
file), or is a line long.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import warehouse

PROJECT = Path(warehouse.__file__).parents[1]
PACKAGES = ("cost_engine", "warehouse", "pipelines", "truecost")
LIMIT_LINES = 432
STATEMENT = re.compile(
    r"\s*(--[^\n]*\n\s*)*\(?\s*"
    r"(select|with|create|insert|delete|update|from|copy|attach|drop|alter|comment on|merge)\b"
)
CLAUSE = re.compile(r"\b(select|from|into|table|view|set)\b")


def sql_lines(source: str) -> int:
    """Return how many lines of a Python file are SQL strings."""
    tree = ast.parse(source)
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node)} - {id(node)}
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            inside.add(id(body[0].value))  # a docstring
    lines = 0
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "x" for p in node.values)
            text = "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if STATEMENT.match(text) and CLAUSE.search(text) and len(text.split()) > 3:
            lines += (node.end_lineno or node.lineno) - node.lineno + 1
    return lines


def counted() -> dict[str, int]:
    """Return the lines of SQL of each Python file that has any."""
    found = {
        path.relative_to(PROJECT).as_posix(): sql_lines(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in (PROJECT / package).rglob("*.py")
    }
    return {name: lines for name, lines in found.items() if lines}


def test_sql_stays_in_its_files() -> None:
    found = counted()
    assert sum(found.values()) <= LIMIT_LINES, sorted(found.items(), key=lambda pair: -pair[1])[:8]


def test_the_count_sees_a_statement_of_several_lines() -> None:
    assert sql_lines('ask(f"""\n    select {column}\n    from core.gpu\n""")') == 4
