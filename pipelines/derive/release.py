"""From a checked build to a published run: refuse wrong rows, record the run, publish.

The order and the record belong here. Copying, verifying and moving the pointer belong to
``warehouse.publication``, pages to ``pipelines.site``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from pipelines.derive.load import as_utc
from warehouse import publication
from warehouse.citation import citation
from warehouse.data_version import DATA_VERSION
from warehouse.database import open_build
from warehouse.models import SQL_FOLDER
from warehouse.paths import Home


class ChecksFailedError(RuntimeError):
    """A check of the warehouse found wrong rows; nothing is published."""


@dataclass(frozen=True)
class PublishReport:
    """Where the published file is and what it holds."""

    path: Path
    bytes: int


def publish_build(home: Home, *, run_id: str, now: datetime) -> PublishReport:
    """Publish the build under the name of the run, if its checks found nothing wrong.

    Raises
    ------
    ChecksFailedError
        If a check found wrong rows: what was published before stays.
    """
    with open_build(home) as connection:
        refuse_failed_checks(connection)
        record_run(connection, run_id, now)
    path = publication.publish(home, run_id)
    return PublishReport(path, path.stat().st_size)


def refuse_failed_checks(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise if ``meta.check_result`` holds a check with wrong rows."""
    wrong = connection.execute(
        "select model, name, wrong_rows, example from meta.check_result where wrong_rows > 0"
    ).fetchall()
    if wrong:
        model, name, rows, example = wrong[0]
        more = f" and {len(wrong) - 1} more checks" if len(wrong) > 1 else ""
        raise ChecksFailedError(
            f"{model}, {name}: {rows} wrong rows, such as {example}{more}; not published"
        )


def record_run(connection: duckdb.DuckDBPyConnection, run_id: str, now: datetime) -> None:
    """Enter the run, and how to cite it, in one transaction."""
    connection.begin()
    connection.execute("delete from meta.run where run_id = ?", [run_id])
    connection.execute(
        """
        insert into meta.run
        select ?, now_at, ?::timestamp, 'published',
            (select count(distinct capture_id) from meta.capture where run_id = c.run_id),
            (select sum(offers_kept) from meta.capture where run_id = c.run_id),
            (select sum(offers_held) from meta.capture where run_id = c.run_id), ?, null
        from staged.build_clock as c
        """,
        [run_id, as_utc(now), version("truecost")],
    )
    cited, published_at = citation(), as_utc(now)
    connection.execute(
        (SQL_FOLDER / "publication.sql").read_text(encoding="utf-8"),
        {
            "run_id": run_id,
            "published_at": published_at,
            "data_version": DATA_VERSION,
            "code_version": version("truecost"),
            "licence": cited.licence,
            "licence_url": cited.licence_url,
            "citation": cited.sentence(run_id, published_at),
            "doi": cited.doi,
        },
    )
    connection.commit()
