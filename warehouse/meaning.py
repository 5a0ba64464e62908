"""Hashes of what code computes: the same for two texts that differ only in words for people.

Comments, docstrings, blank lines and layout are left out, so that an edit to them makes nothing
again (docs/decisions/0017-versions-hash-meaning.md). What is hashed, and what a new hash sets off,
is decided by the callers.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

# Comments, then what is kept: texts, quoted names, words and numbers, signs.
SQL_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|('(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|[^\w\s])""", re.DOTALL
)


@cache  # several hashes of one build read the same files
def sql_meaning(text: str) -> str:
    r"""Return SQL without comments and layout, for hashing; not for running.

    Examples
    --------
    >>> sql_meaning("-- a price\nselect  1") == sql_meaning("select 1 -- one")
    True
    >>> sql_meaning("select 'a'") == sql_meaning("select a")
    False
    >>> sql_meaning("select '-- a'") == sql_meaning("select '-- b'")
    False
    """
    return " ".join(filter(None, SQL_TOKEN.findall(text)))


@cache
def python_meaning(text: str) -> str:
    r"""Return Python without comments, docstrings and layout, for hashing.

    Examples
    --------
    >>> python_meaning('def f():\n    "Return 1."\n    return 1') == python_meaning(
    ...     "def f():\n    return 1  # one"
    ... )
    True
    """
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree)


def hash_of(parts: Iterable[str]) -> str:
    """Return a short hash of some texts, in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def python_hash(files: Iterable[Path]) -> str:
    """Return a hash of what Python files compute, in the order of their names."""
    return hash_of(
        f"{path.name} {python_meaning(path.read_text(encoding='utf-8'))}" for path in sorted(files)
    )
