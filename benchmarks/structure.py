"""Counts the shape of the code of a checkout: ``python benchmarks/structure.py FOLDER ...``.

Prints one line for each folder: Python files and lines of the product, the median file, files over
300 and 500 lines, modules outside a room, lines of SQL in Python strings, lines of .sql files, and
imports inside functions. Tests and benchmarks do not count.
"""

from __future__ import annotations

import argparse
import ast
import re
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGES = ("truecost", "pipelines", "warehouse", "cost_engine")
SQL = re.compile(
    r"\s*(--.*\n\s*)*(select|with|create|insert|delete|update|from|alter|drop|copy)\s",
    re.IGNORECASE,
)
SQL_WORDS = re.compile(r"\b(select|from|where|table|into|view|values|set)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Shape:
    """The counts of one checkout."""

    files: int
    lines: int
    median_lines: int
    over_300: int
    over_500: int
    loose_modules: int  # beside the rooms of pipelines
    sql_strings: int
    sql_string_lines: int
    sql_file_lines: int
    imports_in_functions: int


def shape(folder: Path) -> Shape:
    """Return the counts of a checkout."""
    files = [path for name in PACKAGES for path in sorted((folder / name).rglob("*.py"))]
    texts = [path.read_text(encoding="utf-8") for path in files]
    trees = [ast.parse(text) for text in texts]
    lines = [len(text.splitlines()) for text in texts]
    strings = [string for tree in trees for string in sql_strings(tree)]
    return Shape(
        files=len(files),
        lines=sum(lines),
        median_lines=round(statistics.median(lines)),
        over_300=sum(count > 300 for count in lines),
        over_500=sum(count > 500 for count in lines),
        loose_modules=sum(path.name != "__init__.py" for path in folder.glob("pipelines/*.py")),
        sql_strings=len(strings),
        sql_string_lines=sum(len(string.strip().splitlines()) for string in strings),
        sql_file_lines=sum(
            len(path.read_text(encoding="utf-8").splitlines())
            for name in PACKAGES
            for path in (folder / name).rglob("*.sql")
        ),
        imports_in_functions=sum(imports_in_functions(tree) for tree in trees),
    )


def sql_strings(tree: ast.Module) -> Iterator[str]:
    """Yield the strings of a module that hold a statement, docstrings excepted."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
        for part in node.values
    }  # fmt: skip
    for node in ast.walk(tree):
        if id(node) in documentation | inside:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if SQL.match(text) and len(set(SQL_WORDS.findall(text.lower()))) > 1:
            yield text


def imports_in_functions(tree: ast.Module) -> int:
    """Return the number of import statements inside functions."""
    return len(
        {
            (node.lineno, node.col_offset)
            for function in ast.walk(tree)
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            for node in ast.walk(function)
            if isinstance(node, (ast.Import, ast.ImportFrom))
        }
    )


def main() -> None:
    """Print the counts of every folder given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    counts = {str(folder): asdict(shape(folder)) for folder in parser.parse_args().folders}
    for name in next(iter(counts.values())):
        figures = "".join(f"{one[name]:>12,}" for one in counts.values())
        print(f"{name:22}{figures}")


if __name__ == "__main__":
    main()
