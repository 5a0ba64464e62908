"""The macros of the published file: what each is for, and how they are made again elsewhere.

DuckDB looks up the tables of a macro where the macro is called. In a file that was attached as
``tc``, macros over tables therefore need ``use tc``, or the statements of ``qualified``. What the
macros compute is in ``warehouse/sql/macros``; when the build makes them is decided by
``pipelines.derive.make``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.migrations import SCHEMAS
from warehouse.models import SQL_FOLDER
from warehouse.rows import identifier, literal

ATTACHED = "It reads tables: where the file is attached under a NAME, run `use NAME` first."

_HEADER = re.compile(
    r"(?P<words>(?:^-- .*\n)*)^create or replace macro (?P<name>\w+)\((?P<parameters>[^)]*)\)"
    r"\s+as\s+(?P<is_table>table\b)?",
    re.MULTILINE,
)
_CONSTANT = re.compile(r"create or replace macro (?P<name>\w+)\(\)\s+as\s+(?P<value>[^;]+)")
_TABLE = re.compile(rf"\b((?:{'|'.join(SCHEMAS)})\.[a-z_]+)\b")


@dataclass(frozen=True)
class Macro:
    """One macro, as its file defines it."""

    name: str
    meaning: str
    is_table: bool
    reads_tables: bool  # itself, or a macro that it calls
    statement: str  # create or replace macro ...

    def qualified(self, database: str) -> str:
        """Return the statement for a session that has attached the file under a name."""
        temporary = self.statement.replace(
            "create or replace macro", "create or replace temp macro"
        )
        return _TABLE.sub(rf"{identifier(database)}.\1", temporary)


def read_macros(folder: Path = SQL_FOLDER) -> list[Macro]:
    """Return every macro in the order in which they are made.

    A constant is written out in the macros that use it: where a file is attached, DuckDB does not
    find a macro that another one calls.
    """
    found: list[Macro] = []
    constants: dict[str, str] = {}
    for path in sorted((folder / "macros").glob("*.sql")):
        for statement in duckdb.extract_statements(path.read_text(encoding="utf-8")):
            header = _HEADER.search(statement.query)
            if header is None:
                raise ValueError(f"{path.name}: not a macro: {statement.query.strip()[:80]!r}")
            text = statement.query[header.end("words") :].strip().rstrip(";")
            for name, value in constants.items():
                text = re.sub(rf"\b{name}\(\)", value, text)
            if constant := _CONSTANT.fullmatch(text):
                constants[constant["name"]] = constant["value"]
            called = (macro.name for macro in found if macro.reads_tables)
            reads_tables = bool(_TABLE.search(text)) or any(f"{name}(" in text for name in called)
            found.append(
                Macro(
                    header["name"],
                    " ".join(line[3:] for line in header["words"].splitlines()),
                    header["is_table"] is not None,
                    reads_tables,
                    text,
                )
            )
    return found


def run_formulas(connection: duckdb.DuckDBPyConnection, folder: Path = SQL_FOLDER) -> None:
    """Run ``sql/macros/formulas.sql``: macros that read no table, so that models can use them.

    DuckDB binds a macro when it is made, so macros over tables follow the tables (``run_macros``).
    """
    connection.execute((folder / "macros" / "formulas.sql").read_text(encoding="utf-8"))


def run_macros(connection: duckdb.DuckDBPyConnection, folder: Path = SQL_FOLDER) -> None:
    """Make every macro, with a comment that says what it is for and what it needs."""
    for macro in read_macros(folder):
        connection.execute(macro.statement)
        words = f"{macro.meaning} {ATTACHED}" if macro.reads_tables else macro.meaning
        kind = "macro table" if macro.is_table else "macro"
        connection.execute(f"comment on {kind} {macro.name} is {literal(words)}")
