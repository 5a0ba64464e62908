"""The data package: Parquet, CSV, README, datapackage.json, dictionary, citation, licences.

The layout is that of Frictionless (datapackage.org, version 2.0); ``croissant`` says the same in
the words of data hubs. The package contains our own
tables only. Printed values of a source are included where its licence allows it. The meanings of
tables and columns are taken from their comments.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from pipelines.answers.croissant import croissant
from warehouse.data_version import DATA_VERSION
from warehouse.files import inside
from warehouse.parquet_export import Layout
from warehouse.paths import project_file
from warehouse.reports import report_dicts
from warehouse.rows import identifier, literal

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
SCHEMAS = ("core", "marts", "focus", "meta")
NAME = "truecost"
DESCRIPTION = "datapackage.json"
CROISSANT = "croissant.json"
UNFINISHED = ".truecost-package"
COPIED = ("CHANGELOG.md", "DATA_LICENSES.md", "LICENSE")
FREE = "(select source_id from meta.source where may_redistribute)"
# Tables whose rows are included only if their source allows redistribution.
BY_SOURCE = {
    "core.offer_price": f"source_id in {FREE}",
    "core.api_price": f"source_id in {FREE}",
    "core.series_point": f"source_id in {FREE}",
    "marts.offers_latest": f"source_id in {FREE}",
    "marts.spot_effective": "offer_key in (select offer_key from marts.offers_latest"
    f" where source_id in {FREE})",
    "marts.api_price": f"api_source_id in {FREE}",
    "marts.api_price_history": f"api_source_id in {FREE}",
    "marts.api_margin": f"api_source_id in {FREE}",
    "focus.sku_price": f'"x_SourceId" in {FREE}',
    "meta.quarantine": f"source_id in {FREE}",
    "meta.unmapped_gpu": f"source_id in {FREE}",
}
# Parts of a view that is included whole, and tables that only the build uses.
CSV_ROWS = 100_000  # a table with more is there as Parquet alone
CSV_OPTIONS = "header, timestampformat '%Y-%m-%dT%H:%M:%S.%fZ'"
RUN_BY_SPREADSHEETS = r"^[=+\-@\t\r]"
GUARD = r"'\0"  # an apostrophe before it, as everywhere (pipelines.text.spreadsheet)
LEFT_OUT = re.compile(r"core\.\w+_(open|closed|capture)|meta\.reference_version")
PRIMARY_KEYS = {
    "core.gpu": ["gpu_id"],
    "core.model": ["model_id"],
    "core.provider": ["provider_id"],
    "core.gpu_peak": ["gpu_id", "precision", "is_sparse"],
    "marts.offers_latest": ["offer_key"],
    "meta.source": ["source_id"],
}
# DuckDB's types in the words of Table Schema.
TYPES = (
    (r"VARCHAR", "string"),
    (r"BOOLEAN", "boolean"),
    (r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)", "integer"),
    (r"(DOUBLE|FLOAT|DECIMAL\(.*\))", "number"),
    (r"DATE", "date"),
    (r"TIMESTAMP.*", "datetime"),
    (r".*\[\]", "array"),
    (r"(MAP|STRUCT|JSON).*", "object"),
)


class PackageError(ValueError):
    """The package cannot be written there; one line that says why."""


@dataclass(frozen=True)
class PackageColumn:
    """A published column, as its comment describes it."""

    name: str
    kind: str  # of Table Schema
    meaning: str
    unit: str | None


@dataclass(frozen=True)
class PackageTable:
    """A published table or view, as its comment describes it."""

    name: str  # schema.table
    grain: str
    columns: tuple[PackageColumn, ...]


def field_type(duckdb_type: str) -> str:
    """Return the type of Table Schema for a type of DuckDB.

    Examples
    --------
    >>> field_type("DECIMAL(24,10)"), field_type("TIMESTAMP"), field_type("STRUCT(a INTEGER)[]")
    ('number', 'datetime', 'array')
    """
    return next((name for pattern, name in TYPES if re.fullmatch(pattern, duckdb_type)), "any")


def tables_of(connection: duckdb.DuckDBPyConnection) -> list[PackageTable]:
    """Return the tables and views of the package, with what their comments say."""
    grains = dict(
        connection.execute(
            "select schema_name || '.' || table_name, comment from duckdb_tables()"
            " union all select schema_name || '.' || view_name, comment from duckdb_views()"
            " where not internal"
        ).fetchall()
    )
    columns: dict[str, list[PackageColumn]] = {}
    for table, name, kind, comment in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type, comment"
        " from duckdb_columns() where not internal and list_contains($schemas, schema_name)"
        " order by schema_name, table_name, column_index",
        {"schemas": list(SCHEMAS)},
    ).fetchall():
        if LEFT_OUT.fullmatch(table):
            continue
        meaning, _, unit = (comment or "").partition(" [")
        columns.setdefault(table, []).append(
            PackageColumn(name, field_type(kind), meaning, unit.removesuffix("]") or None)
        )
    return [
        PackageTable(name, grains.get(name) or "", tuple(found))
        for name, found in sorted(columns.items())
    ]


def write_package(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    only: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Write the data package of the published file into a folder.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file.
    folder : Path
        New, empty, or holding an older package, which is replaced.
    only : sequence of str
        Only these tables; all where none is given.

    Returns
    -------
    list of dict
        The resources, as ``datapackage.json`` has them.

    Raises
    ------
    PackageError
        If the folder holds something else, or a table is not known.
    """
    tables = tables_of(connection)
    unknown = set(only) - {table.name for table in tables}
    if unknown:
        known = ", ".join(table.name for table in tables)
        raise PackageError(f"no table {min(unknown)!r}; there are: {known}")
    refuse_other_folder(folder)
    fresh = inside(folder, UNFINISHED)
    if fresh.exists():
        shutil.rmtree(fresh)  # left by a run that was killed
    fresh.mkdir(parents=True)
    chosen = [table for table in tables if not only or table.name in only]
    resources = [one for table in chosen for one in resources_of(connection, fresh, table)]
    newest, run_id = connection.execute(
        "select max(day), (select arg_max(run_id, started_at) from meta.run)"
        " from marts.gpu_price_daily"
    ).fetchall()[0]
    [published] = report_dicts(connection, "publication")
    cited = published["citation"]
    described = package(connection, resources, newest, run_id)
    for name, text in ((DESCRIPTION, described), (CROISSANT, croissant(described, cited))):
        (fresh / name).write_text(json.dumps(text, indent=1) + "\n", "utf-8")
    read = read_me(resources, newest, published["licence"], cited)
    (fresh / "README.md").write_text(read, "utf-8")
    (fresh / "data_dictionary.html").write_text(dictionary(chosen, newest), "utf-8")
    (fresh / "CITATION.cff").write_text(citation(newest), "utf-8")
    for name in COPIED:
        shutil.copyfile(project_file(name), fresh / name)
    put_in_place(fresh, folder)
    return resources


def refuse_other_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but a package, whole or unfinished.

    Raises
    ------
    PackageError
        If it does.
    """
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if names and UNFINISHED not in names and not is_ours(folder / DESCRIPTION):
        raise PackageError(f"{folder} holds something else than a data package; give a new folder")


def is_ours(description: Path) -> bool:
    """Return whether a file describes a data package of Truecost."""
    try:
        described = json.loads(description.read_bytes()) if description.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(described, dict) and described.get("name") == NAME


def put_in_place(fresh: Path, folder: Path) -> None:
    """Move the parts of a whole package up into its folder, its description last.

    While the folder of unfinished parts exists, another run may begin again.
    """
    (folder / DESCRIPTION).unlink(missing_ok=True)  # it describes what is replaced now
    parts = sorted(fresh.iterdir(), key=lambda path: path.name == DESCRIPTION)
    for part in parts:
        target = inside(folder, part.name)
        if part.is_dir() and target.exists():
            shutil.rmtree(target)
        part.rename(target)
    fresh.rmdir()


def rows_query(table: PackageTable) -> str:
    """Return the query of the rows of a table that go into the package."""
    schema, name = table.name.split(".")
    condition = BY_SOURCE.get(table.name)
    where = f" where {condition}" if condition else ""
    return f'from {schema}."{name}"{where}'


def resources_of(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: PackageTable
) -> list[dict[str, Any]]:
    """Write one table as Parquet, a small one as CSV too, and return their descriptions."""
    path = inside(folder, f"data/{table.name.replace('.', '/')}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    schema_name, name = table.name.split(".")
    layout = Layout.of(connection, f'{schema_name}."{name}"', table.name, path.parent)
    rows = connection.execute(
        f"copy (select {layout.columns} {rows_query(table)}) to {literal(str(path))}"
        f" ({layout.options})"
    ).fetchall()[0][0]
    schema: dict[str, Any] = {
        "fields": [
            {"name": c.name, "type": c.kind, "description": c.meaning}
            | ({"unit": c.unit} if c.unit else {})
            for c in table.columns
        ]
    }
    if table.name in PRIMARY_KEYS:
        schema["primaryKey"] = PRIMARY_KEYS[table.name]
    shared = {"title": table.grain, "rows": rows, "schema": schema}
    found = [
        {"name": table.name.lower()}
        | file_facts(folder, path)
        | {"format": "parquet", "mediatype": "application/vnd.apache.parquet"}
        | shared
    ]
    if rows <= CSV_ROWS:
        target = path.with_suffix(".csv")
        write_csv(connection, table, target)
        found.append(
            {"name": f"{table.name.lower()}.csv"}
            | file_facts(folder, target)
            | {"format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}
            | shared
        )
    return found


def file_facts(folder: Path, path: Path) -> dict[str, Any]:
    """Return where a file lies in the package, its size and its hash."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "path": str(path.relative_to(folder.resolve())),
        "bytes": path.stat().st_size,
        "hash": f"sha256:{sha256}",
    }


def write_csv(connection: duckdb.DuckDBPyConnection, table: PackageTable, target: Path) -> None:
    """Write a table as CSV: times in UTC, lists as JSON, no text that a spreadsheet would run."""
    columns = []
    for column in table.columns:
        name = identifier(column.name)
        if column.kind == "string":
            guarded = f"regexp_replace({name}, {literal(RUN_BY_SPREADSHEETS)}, {literal(GUARD)})"
            columns.append(f"{guarded} as {name}")
        elif column.kind in ("array", "object"):
            columns.append(f"to_json({name}) as {name}")
        else:
            columns.append(name)
    query = f"select {', '.join(columns)} {rows_query(table)}"
    connection.execute(f"copy ({query}) to {literal(str(target))} (format csv, {CSV_OPTIONS})")


def read_me(
    resources: Sequence[dict[str, Any]], newest: date | None, licence: str, cited: str
) -> str:
    """Return the README: what is in the package, sizes, licence and how to cite it."""
    csv = {one["name"].removesuffix(".csv"): one for one in resources if one["format"] == "csv"}
    tables = [
        {
            "name": one["name"],
            "path": one["path"],
            "rows": one["rows"],
            "size": size(one["bytes"]),
            "csv": f"[{size(csv[one['name']]['bytes'])}]({csv[one['name']]['path']})"
            if one["name"] in csv
            else "",
            "grain": one["title"].replace("|", "\\|"),
        }
        for one in resources
        if one["format"] == "parquet"
    ]
    return (
        templates()
        .get_template("package.md.j2")
        .render(
            tables=tables,
            rows=sum(table["rows"] for table in tables),
            size=size(sum(one["bytes"] for one in resources)),
            version=DATA_VERSION,
            newest=newest,
            licence=licence,
            cited=cited,
        )
    )


def size(count: int) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> size(1_234), size(12_345_678)
    ('1.2 kB', '12.3 MB')
    """
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def package(
    connection: duckdb.DuckDBPyConnection,
    resources: list[dict[str, Any]],
    newest: date | None,
    run_id: str | None,
) -> dict[str, Any]:
    """Return what ``datapackage.json`` says."""
    sources = connection.execute(
        "select title, homepage_url, licence, credit, may_redistribute from meta.source"
        " where source_id in (select source_id from meta.capture) order by source_id"
    ).fetchall()
    return {
        "$schema": PROFILE,
        "name": NAME,
        "title": "Truecost: what AI compute really costs",
        "description": (
            "List prices of rented accelerators, a price index with its inputs, and what FLOPs,"
            " tokens and training runs cost. List prices are not transaction prices. Rows as"
            " printed by a source are left out where its licence does not allow redistribution."
        ),
        "version": DATA_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_until": newest.isoformat() if newest else None,
        "run_id": run_id,
        "keywords": ["GPU", "cloud", "prices", "inference", "training"],
        "licenses": [
            {
                "name": "CC-BY-4.0",
                "path": "https://creativecommons.org/licenses/by/4.0/",
                "title": "Creative Commons Attribution 4.0",
            }
        ],
        "contributors": [{"title": "The Truecost authors", "roles": ["author"]}],
        "sources": [
            {"title": credit or title, "path": url, "licence": licence, "has_rows": has_rows}
            for title, url, licence, credit, has_rows in sources
        ],
        "resources": resources,
    }


def citation(newest: date | None) -> str:
    """Return CITATION.cff with the version and the date of the data."""
    text = project_file("CITATION.cff").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^version: .*$", f"version: {DATA_VERSION}", text)
    if newest:
        text = re.sub(r"(?m)^date-released: .*$", f'date-released: "{newest}"', text)
    return text


def dictionary(tables: Sequence[PackageTable], newest: date | None) -> str:
    """Return the data dictionary as one page of HTML without scripts."""
    template = templates().get_template("dictionary.html.j2")
    return template.render(tables=tables, newest=newest, version=DATA_VERSION)


@cache
def templates() -> Environment:
    """Return the templates of this room; in a page of HTML everything is escaped."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
