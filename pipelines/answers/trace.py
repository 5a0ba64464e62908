"""From a published row back to payload, parser and rule, and forward to what depends on it.

The steps are those of ``meta.lineage``. Rows of two tables belong together if they agree in the key
columns that both have. Nothing is computed here; printing belongs to the commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from pipelines.answers.price_corrections import corrections
from warehouse.reports import Report, read_reports, report_dicts
from warehouse.rows import dicts, identifier

# The columns that name things; two rows that agree in all that they share belong together.
KEYS = (
    "offer_key", "gpu_id", "model_id", "model", "provider_id", "day", "purchase_model",
    "commitment_months", "market_family", "reference_region", "precision", "workload",
    "service_level_id", "gpu_count", "method", "price_basis", "api_source_id", "api_provider_id",
    "api_model_id", "variant", "methodology_version", "revision", "horizon_days", "job_months",
)  # fmt: skip
# A key that says how a result was made, not of what: it does not restrict the tables before it.
OWN = frozenset({"precision", "method", "price_basis", "gpu_count", "horizon_days", "provider_id"})
LATE = ("superseded_at", "valid_to", "withheld_reason")  # a row with one comes after those without
AFFECTED = ("gpu_id", "model_id", "purchase_model")  # what a change of a price is about
VISIBLE = ("core", "marts", "focus", "meta")


class UntracedError(ValueError):
    """The table, a column or the row is not there; one line that says what is."""


@dataclass
class TraceStep:
    """One table on the way: how many of its rows belong to the row asked for, and its rule."""

    table: str
    rows: int
    rule: str  # the grain, and the file that makes it
    matched_on: str  # column=value, ...
    example: dict[str, Any] = field(default_factory=dict)


@dataclass
class Trace:
    """The row, the tables before it, and the bytes, corrections and assumptions behind it."""

    table: str
    row: dict[str, Any]
    matching_rows: int
    steps: list[TraceStep] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    assumptions: list[dict[str, Any]] = field(default_factory=list)


def relations(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Return the published tables and views, each with the types of its columns."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where not internal and database_name = current_database()"
        " order by schema_name, table_name, column_index"
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def table_named(asked: str, known: Iterable[str]) -> str:
    """Return the published table that was meant, with its schema.

    Examples
    --------
    >>> table_named("gpu_price_index", ["marts.gpu_price_index", "core.gpu"])
    'marts.gpu_price_index'
    """
    names = [name for name in known if name.split(".")[0] in VISIBLE]
    meant = [name for name in names if asked.lower() in (name.lower(), name.split(".")[1].lower())]
    if len(meant) != 1:
        raise UntracedError(f"no table {asked!r}; there are: {', '.join(sorted(names))}")
    return meant[0]


def rows_of(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Iterable[str],
    conditions: Sequence[tuple[str, Any]],
    limit: int,
) -> tuple[int, list[dict[str, Any]]]:
    """Return how many rows satisfy all conditions, and the first of them, see ``newest_first``."""
    where = " and ".join(text for text, _ in conditions) or "true"
    values = [value for _, value in conditions if value is not None]
    count = connection.execute(f"select count(*) from {table} where {where}", values).fetchall()
    answer = connection.execute(
        f"from {table} where {where} order by {newest_first(columns)} limit {limit}", values
    )
    return count[0][0], dicts(answer)


def newest_first(columns: Iterable[str]) -> str:
    """Return an order that leaves no choice: newest day, what counts now, then every column.

    Examples
    --------
    >>> newest_first(["usd", "gpu_id", "day"])
    '"day" desc, "gpu_id", "usd"'
    """
    there = list(columns)
    first = [f"{identifier(c)} desc" for c in there if c == "day"]
    first += [f"{identifier(c)} is not null" for c in LATE if c in there]
    keys = [c for c in KEYS if c in there and c != "day"]
    rest = [c for c in there if c not in KEYS]
    return ", ".join(first + [identifier(c) for c in keys + rest])


def condition(column: str, value: Any) -> tuple[str, Any]:
    """Return an equality and its parameter; null equals null."""
    if value is None:
        return f"{identifier(column)} is null", None
    return f"{identifier(column)} = ?", value


def asked_conditions(columns: dict[str, str], key: Sequence[str]) -> list[tuple[str, Any]]:
    """Return the conditions that a key typed by a person means.

    Each word is ``column=value``, or a value that any text or date column of the table may hold;
    the beginning of a hash is enough.
    """
    found: list[tuple[str, Any]] = []
    for word in key:
        name, is_pair, text = word.partition("=")
        if is_pair and name not in columns:
            raise UntracedError(f"no column {name!r}; there are: {', '.join(columns)}")
        if is_pair and text.lower() in ("", "null"):
            found.append((f"{identifier(name)} is null", None))
        elif is_pair:
            found.append((f"lower({identifier(name)}::varchar) = lower(?)", text))
        else:
            texts = [c for c, kind in columns.items() if kind in ("VARCHAR", "DATE")]
            hashes = [c for c in texts if c.endswith(("_key", "_sha256", "PriceId"))]
            tests = [f"lower({identifier(c)}::varchar) = lower($word)" for c in texts]
            tests += [f"starts_with({identifier(c)}, $word)" for c in hashes if len(word) >= 4]
            if not tests:
                raise UntracedError(f"say which column is {word!r}: column=value")
            literal = "'" + word.replace("'", "''") + "'"
            found.append(("(" + " or ".join(tests).replace("$word", literal) + ")", None))
    return found


def trace(connection: duckdb.DuckDBPyConnection, asked: str, key: Sequence[str]) -> Trace:
    """Follow a published row back to the bytes and assumptions behind it.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file.
    asked : str
        The table, with or without its schema.
    key : sequence of str
        What names the row, see ``asked_conditions``; of several rows the newest is followed. Not
        needed for a report (``reports.offers``), of which the tables it reads are returned.

    Raises
    ------
    UntracedError
        If there is no such table, column or row.
    """
    known = relations(connection)
    if asked in read_reports():
        return trace_report(connection, known, read_reports()[asked])
    table = table_named(asked, known)
    if not key:
        raise UntracedError(f"say which row of {table}: values of its keys, or column=value")
    columns = known[table]
    held = [c for c in KEYS if c in columns]
    count, rows = rows_of(connection, table, columns, asked_conditions(columns, key), 1)
    if not rows:
        raise UntracedError(f"no row {' '.join(key)!r} in {table}; its keys: {', '.join(held)}")
    found = Trace(table, rows[0], count)
    context = {c: v for c, v in rows[0].items() if c in KEYS}
    if "x_GpuModel" in rows[0]:  # the names of FOCUS are not ours
        context |= {"gpu_id": rows[0]["x_GpuModel"], "provider_id": rows[0]["ProviderName"]}
    rules = described(connection)
    found.steps.append(TraceStep(table, count, rules.get(table, ""), " ".join(key), rows[0]))
    payloads = [rows[0]] if "payload_sha256" in columns else []
    if "x_PayloadSha256" in columns:
        payloads.append({"payload_sha256": rows[0]["x_PayloadSha256"]})
    if not payloads:
        payloads = walk_back(connection, known, rules, found, context)
    if not payloads and len(found.steps) == 1:  # made of whole tables, such as a trend
        payloads = whole_tables(connection, known, rules, found)
    found.payloads = captures_of(connection, payloads)
    found.corrections = corrections(connection, [row.get("correction_id") for row in payloads])
    found.assumptions = assumptions_of(connection, found.steps, context)
    return found


def trace_report(
    connection: duckdb.DuckDBPyConnection, known: dict[str, dict[str, str]], report: Report
) -> Trace:
    """Return a report and the published tables that it reads."""
    rules = described(connection)
    found = Trace(report.name, {}, 0)
    found.steps.append(TraceStep(report.name, 0, rules.get(report.name, report.grain), ""))
    for table in sorted(report.depends_on & known.keys()):
        count, rows = rows_of(connection, table, known[table], [], 1)
        found.steps.append(
            TraceStep(table, count, rules.get(table, ""), "every row", rows[0] if rows else {})
        )
    return found


def described(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the rule of each table: its grain and the file that makes it, where one does."""
    commented = connection.execute(
        "select schema_name || '.' || table_name, comment from duckdb_tables()"
        " where comment is not null"
    ).fetchall()
    return dict(commented) | {
        name: f"{grain} ({made_by})"
        for name, grain, made_by in connection.execute(
            "select distinct table_name, grain, made_by from meta.column"
        ).fetchall()
    }


def walk_back(
    connection: duckdb.DuckDBPyConnection,
    known: dict[str, dict[str, str]],
    rules: dict[str, str],
    found: Trace,
    context: dict[str, Any],
) -> list[dict[str, Any]]:
    """Add the tables before a row to its trace, nearest first; return rows that name payloads."""
    before: dict[str, list[str]] = {}
    for name, upstream in connection.execute(
        "select distinct table_name, from_table from meta.lineage order by all"
    ).fetchall():
        before.setdefault(name, []).append(upstream)
    payloads: list[dict[str, Any]] = []
    visited, queue = {found.table}, list(before.get(found.table, ()))
    while queue:
        table = queue.pop(0)
        if table in visited:
            continue
        visited.add(table)
        if table == "core.offer_open":
            table = "core.offer_price"
        if table.split(".")[0] == "staged" or table not in known:
            queue += before.get(table, ())
            continue
        conditions = shared(table, known[table], context)
        if not conditions:
            continue
        count, rows = rows_of(connection, table, known[table], [c for _, c in conditions], 200)
        on = ", ".join(
            f"{name}={value}" if value is not None else name for name, (_, value) in conditions
        )
        found.steps.append(
            TraceStep(table, count, rules.get(table, ""), on, rows[0] if rows else {})
        )
        if "payload_sha256" in known[table]:
            payloads += rows
            continue
        if count == 1 or (rows and "gpu_id" not in context and "gpu_id" in rows[0]):
            for name, value in rows[0].items():
                if name in KEYS and name not in OWN:
                    context.setdefault(name, value)
        queue += before.get(table, ())
    return payloads


def whole_tables(
    connection: duckdb.DuckDBPyConnection,
    known: dict[str, dict[str, str]],
    rules: dict[str, str],
    found: Trace,
) -> list[dict[str, Any]]:
    """Add the tables right before one that shares no name with them; return their payloads."""
    payloads: list[dict[str, Any]] = []
    for (table,) in connection.execute(
        "select distinct from_table from meta.lineage where table_name = ? order by 1",
        [found.table],
    ).fetchall():
        if table not in known or table.split(".")[0] == "staged":
            continue
        count, rows = rows_of(connection, table, known[table], [], 1)
        found.steps.append(
            TraceStep(table, count, rules.get(table, ""), "every row", rows[0] if rows else {})
        )
        if "payload_sha256" in known[table]:
            payloads += [
                {"payload_sha256": sha}
                for (sha,) in connection.execute(
                    f"select distinct payload_sha256 from {table}"
                ).fetchall()
            ]
    return payloads


def shared(
    table: str, columns: dict[str, str], context: dict[str, Any]
) -> list[tuple[str, tuple[str, Any]]]:
    """Return the named conditions that rows of a table before must satisfy."""
    found = [
        (name, condition(name, value))
        for name, value in context.items()
        if name in columns and (name not in OWN or name in ("provider_id",))
    ]
    if not any(value is not None for _, (_, value) in found):
        return []
    if table == "core.offer_price":
        found.append(("believed now", ("superseded_at is null", None)))
        if context.get("day") is not None:
            end = "cast(? as date) + interval 1 day"
            found.append(("standing on", (f"valid_from < {end}", context["day"])))
            found.append(("", (f"(valid_to is null or valid_to >= {end})", context["day"])))
        family = context.get("market_family")
        if family == "marketplace":
            found.append(("marketplace", ("market_tier like 'marketplace%'", None)))
        elif family not in (None, "all"):
            found.append(("market_tier", ("market_tier = ?", family)))
    return found


def captures_of(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the payloads behind rows: source, parser, address, bytes, and the first capture."""
    hashes = sorted({row["payload_sha256"] for row in rows if row.get("payload_sha256")})
    return report_dicts(connection, "payloads", hashes=hashes)


def assumptions_of(
    connection: duckdb.DuckDBPyConnection, steps: Sequence[TraceStep], context: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the reference figures of the GPU and the model that the tables before read."""
    tables = {step.table for step in steps}
    subjects = [
        context[name]
        for name, read in (("gpu_id", {"core.gpu", "core.gpu_peak"}), ("model_id", {"core.model"}))
        if context.get(name) and read & tables
    ]
    return report_dicts(connection, "assumptions", subjects=subjects)


def normalisation(row: dict[str, Any]) -> str | None:
    """Return the sentence of how a printed price became USD per GPU and hour, if the row has one.

    Examples
    --------
    >>> normalisation({"price_amount": 98.32, "currency": "USD", "price_basis": "instance",
    ...     "price_unit": "hour", "gpu_count": 8, "usd_per_gpu_hour": 12.29,
    ...     "gpu_name_printed": "L4", "gpu_id": "L4-24GB"})
    "98.32 USD per instance and hour, 8 GPUs: 12.29 USD per GPU and hour; 'L4' is L4-24GB"
    """
    if row.get("price_amount") is None or row.get("usd_per_gpu_hour") is None:
        return None
    return (
        f"{float(row['price_amount']):g} {row['currency']} per {row['price_basis']} and"
        f" {row['price_unit']}, {row['gpu_count']} GPUs: {row['usd_per_gpu_hour']:.4g} USD per GPU"
        f" and hour; {row.get('gpu_name_printed')!r} is {row.get('gpu_id') or 'not known'}"
    )


def made_from(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Return the published tables that are made from a table, near first."""
    after: dict[str, list[str]] = {}
    for name, upstream in connection.execute(
        "select distinct table_name, from_table from meta.lineage order by all"
    ).fetchall():
        after.setdefault(upstream, []).append(name)
    # The open half of the history is part of the one table that people read.
    queue = [table, "core.offer_open"] if table == "core.offer_price" else [table]
    visited: dict[str, None] = {}
    while queue:
        here = queue.pop(0)
        if here not in visited:
            visited[here] = None
            queue += after.get(here, ())
    known = relations(connection)
    return [
        name
        for name in visited
        if name in known
        and name.split(".")[0] in VISIBLE
        and name not in (table, "core.offer_open")
    ]


def made_from_row(
    connection: duckdb.DuckDBPyConnection, table: str, context: dict[str, Any]
) -> list[TraceStep]:
    """Return the tables made from a table, near first, and how many rows share the row's names.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file.
    table : str
        Where the change is.
    context : dict
        The names that changed, such as ``gpu_id`` and ``purchase_model``.
    """
    known, rules = relations(connection), described(connection)
    found = []
    for here in made_from(connection, table):
        names = [n for n in AFFECTED if context.get(n) and n in known[here]]
        if not names:
            continue
        conditions = [condition(n, context[n]) for n in names]
        if "day" in known[here]:  # a literal day: a view is made for it alone
            [(newest,)] = connection.execute(f"select max(day) from {here}").fetchall()
            conditions.append(condition("day", newest))
        count, rows = rows_of(connection, here, known[here], conditions, 1)
        on = ", ".join(f"{n}={context[n]}" for n in names)
        found.append(TraceStep(here, count, rules.get(here, ""), on, rows[0] if rows else {}))
    return [step for step in found if step.rows]
