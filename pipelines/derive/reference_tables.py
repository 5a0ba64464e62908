"""The reference data as tables of ``core``, replaced when the files changed.

Reading the files belongs to ``warehouse.reference``.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import duckdb

import warehouse.reference
from pipelines.derive.own_calibration import with_own
from warehouse.meaning import hash_of, python_hash
from warehouse.models import SQL_FOLDER, table_exists
from warehouse.reference import REFERENCE_FOLDER, Documents, ReferenceError, bundled
from warehouse.reference.documents import paths as document_paths
from warehouse.reference.recorded import record as record_documents
from warehouse.reference.tables import reference_tables


def load_reference(
    connection: duckdb.DuckDBPyConnection, own_calibration: Path | None = None
) -> None:
    """Replace the reference tables if the reference data changed.

    A break of method that is newly declared, or no longer, marks its days as affected, so that
    their daily prices are derived again.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    own_calibration : Path, optional
        Where the data folder may hold a calibration of the user.
    """
    version = files = reference_version()
    if own_calibration is not None and own_calibration.exists():
        version = hash_of((version, own_calibration.read_text(encoding="utf-8", errors="replace")))
    if table_exists(connection, "meta.reference_version"):
        known = connection.execute("from meta.reference_version").fetchall()
        if known == [(version,)]:
            return
    connection.execute(
        "create table if not exists core.method_break"
        " (source_id varchar, break_on date, settled_on date, change varchar)"
    )
    declared = "select source_id, break_on, settled_on, change from core.method_break"
    connection.execute(f"create or replace temp table break_before as {declared}")
    documents = _documents(files)
    if own_calibration is not None:
        documents = with_own(documents, own_calibration)
    now = connection.execute("select now_at from staged.build_clock").fetchall()[0][0]
    record_documents(connection, documents, now)
    for name, table in documents.once(reference_tables).items():
        connection.register("reference_table", table)
        connection.execute(f"create or replace table {name} as from reference_table")
        connection.unregister("reference_table")
    connection.execute((SQL_FOLDER / "price_correction_recorded.sql").read_text(encoding="utf-8"))
    if table_exists(connection, "marts.gpu_price_daily"):
        connection.execute(
            f"""
            insert into staged.affected_day
            select 'offer', d.day
            from marts.gpu_price_daily as d
            inner join (
                (from break_before except {declared})
                union all ({declared} except from break_before)
            ) as b on d.day between b.break_on and b.settled_on
            except from staged.affected_day
            """
        )
    connection.execute(
        "create or replace table meta.reference_version as select ? as version", [version]
    )


@lru_cache(maxsize=1)
def _documents(version: str) -> Documents:
    """Return the documents of this package as they are in this version of the files."""
    return Documents.of_folder()


def recorded_documents(connection: duckdb.DuckDBPyConnection) -> Documents:
    """Return the reference documents of a warehouse, or of its past.

    A warehouse of an older version records none; it is derived from those of this package.
    """
    try:
        return Documents.of_published(connection)
    except ReferenceError:
        return bundled()


def reference_version(folder: Path = REFERENCE_FOLDER) -> str:
    """Return a hash of the reference files and of the code that reads them."""
    code = Path(warehouse.reference.__file__).parent.glob("*.py")
    files = (
        f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in document_paths(folder)
    )
    return hash_of((python_hash(code), *files))
