"""Foreign SQL: which statements and functions are admitted, and what a query may use.

Three barriers, one behind the other: a statement is admitted by its type and by the functions it
calls; the connection denies files and settings of the machine; the process that runs it cannot
write a file and has limits (``confine_process``). Opening files belongs to ``warehouse.database``,
starting the process to the caller.
"""

from __future__ import annotations

import math
import re
import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import duckdb


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STARTS = _words(
    "( desc describe explain from pivot select show summarize table unpivot values with"
)
# PIVOT without a list of values makes a temporary enum first.
ADMITTED_TYPES = ({"SELECT"}, {"CREATE", "SELECT"})
READING_FILES = _words(
    """
    arrow_scan arrow_scan_dumb glob pandas_scan parquet_bloom_probe parquet_file_metadata
    parquet_full_metadata parquet_kv_metadata parquet_metadata parquet_scan parquet_schema
    python_map_function read_blob read_csv read_csv_auto read_duckdb read_json read_json_auto
    read_json_objects read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects
    read_ndjson_objects_auto read_parquet read_text seq_scan sniff_csv
    """
)
REVEALING_THE_MACHINE = _words(
    """
    duckdb_extensions duckdb_external_file_cache duckdb_log_contexts duckdb_logs duckdb_logs_parsed
    duckdb_profiling_settings duckdb_secrets duckdb_temporary_files getenv which_secret
    """
)
CHANGING_STATE = _words(
    """
    checkpoint copy_database currval disable_logging disable_profiling enable_logging
    enable_profiling force_checkpoint nextval truncate_duckdb_logs write_log
    """
)
RUNNING_TEXT = _words("json_execute_serialized_sql query query_table")
REFUSED_FUNCTIONS = READING_FILES | REVEALING_THE_MACHINE | CHANGING_STATE | RUNNING_TEXT

_SPACE = r"(?>\s+|--[^\n]*+|/\*.*?\*/)*+"
_WORD = re.compile(rf'(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^\W\d][\w$]*)){_SPACE}', re.DOTALL)
_SYMBOL = re.compile(rf"""(?P<symbol>[^\w\s"']+?){_SPACE}""", re.DOTALL)


class QueryRefusedError(ValueError):
    """A statement that may not be run, in one line."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one query may use."""

    seconds: float = 60.0  # [s] of waiting for it
    memory_bytes: int = 2**30
    threads: int = 2

    @property
    def settings(self) -> dict[str, str | bool | int | float | list[str]]:
        """Settings of a DuckDB connection; nothing spills to disk."""
        return {
            "memory_limit": f"{self.memory_bytes // 2**20}MiB",
            "threads": self.threads,
            "temp_directory": "",
        }


def refuse_writing() -> None:
    """From now on this process can write no byte to any file; pipes are none."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails instead
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def confine_process(limits: Limits) -> None:
    """Limit this process: memory, CPU time, and no byte written to any file.

    The caller's clock limits how long it waits.
    """
    refuse_writing()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The interpreter, stacks and what DuckDB does not count as memory come on top.
    _limit(resource.RLIMIT_AS, limits.memory_bytes * 3 // 2 + 2**29)
    _limit(resource.RLIMIT_CPU, math.ceil(limits.seconds * limits.threads) + 5)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    # At the soft limit of CPU time the signal is SIGXCPU, which tells why; at the hard one SIGKILL.
    beyond = most + 1 if hard == resource.RLIM_INFINITY else min(most + 1, hard)
    resource.setrlimit(kind, (min(most, beyond), beyond))


def confined(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Deny the queries of a connection files, variables of Python, and settings."""
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def admit(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuse what is not one question that reads tables.

    SELECT, EXPLAIN, DESCRIBE, SHOW, SUMMARIZE, PIVOT and VALUES are admitted. Functions that read
    files, write, log or run other statements are refused wherever they stand.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A confined connection, which parses the query.
    query : str
        What a stranger typed.

    Raises
    ------
    QueryRefusedError
        One line that says what is refused.
    duckdb.Error
        If it is no SQL.
    """
    if "\0" in query:
        raise QueryRefusedError("cannot read a query with a NUL character")
    tokens = [token for token in _tokens(query) if token[1]]
    while tokens and tokens[-1][1] == ";":
        tokens.pop()
    words = [word for _, word in tokens]
    if not words:
        raise QueryRefusedError("an empty query; ask with select or from")
    if ";" in words:
        raise QueryRefusedError("one question at a time, please: this is more than one statement")
    for word, after in pairwise(words):
        if after == "(" and word in REFUSED_FUNCTIONS:
            raise QueryRefusedError(f"{word}() is refused: a query reads the published tables only")
    start = _explained(words) if words[0] == "explain" else 0
    if words[start] in STARTS - ({"explain"} if start else set()):
        text = query.encode()[tokens[start][0] :].decode()
        types = {statement.type.name for statement in connection.extract_statements(text)}
        if types in ADMITTED_TYPES:
            return
    raise QueryRefusedError(
        f"{words[start]} is refused: the published file is read-only; ask with select, from,"
        " explain, describe, show, summarize or pivot"
    )


def _tokens(query: str) -> Iterator[tuple[int, str]]:
    """Yield where each token begins [byte], and its word in lower case or its symbol.

    A constant yields a word that is none. What cannot be read with certainty is refused.
    """
    content = query.encode()
    found = duckdb.tokenize(query)
    ends = [offset for offset, _ in found[1:]] + [len(content)]
    for (offset, kind), end in zip(found, ends, strict=True):
        if kind.name in ("string_const", "numeric_const", "comment"):
            yield offset, "" if kind.name == "comment" else "'"
            continue
        text = content[offset:end].decode(errors="replace")
        if (symbol := _SYMBOL.fullmatch(text)) is not None:
            yield offset, symbol["symbol"]
        elif (word := _WORD.fullmatch(text)) is not None:
            name = word["plain"] or word["quoted"].replace('""', '"')
            yield offset, name.lower()
        else:
            raise QueryRefusedError(f"cannot read {text.strip()[:60]!r} in the query")


def _explained(words: list[str]) -> int:
    """Return where the statement that EXPLAIN explains begins."""
    start = 1
    while start < len(words) - 1 and words[start] in ("analyze", "verbose"):
        start += 1
    if words[start : start + 1] == ["("]:  # options, or a bracket of the statement
        depth = 0
        for number, word in enumerate(words[start:], start):
            depth += (word == "(") - (word == ")")
            if depth == 0:
                if words[number + 1 : number + 2] and words[number + 1] in STARTS:
                    return number + 1
                break
    return min(start, len(words) - 1)
