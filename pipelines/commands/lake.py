"""``truecost lake``: move the warehouse beyond one machine, look after it, and come back.

What is moved, and how, belongs to ``pipelines.lake``; when to use a lake is in docs/scaling.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.arguments import AtLeast
from pipelines.lake.captures import fetch, share
from pipelines.lake.connection import (
    CATALOG_VARIABLE,
    DATA_PATH_VARIABLE,
    Address,
    first_line,
    opened,
)
from pipelines.lake.runs import pull, push
from pipelines.lake.upkeep import compact, status
from warehouse.database import DatabaseError, DataFolderError
from warehouse.paths import Home


@contextmanager
def refusing() -> Iterator[None]:
    """Turn an error of the lake into one line."""
    try:
        yield
    except DataFolderError as error:
        raise Refused(str(error)) from error


def with_address(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a lake to a command."""
    command = click.option(
        "--data-path", help=f"Folder or s3://BUCKET/PREFIX, once ({DATA_PATH_VARIABLE})."
    )(command)
    return click.option(
        "--catalog", help=f"ducklake:postgres:dbname=... or ducklake:FILE ({CATALOG_VARIABLE})."
    )(command)


def address(catalog: str | None, data_path: str | None) -> Address:
    """Return the lake that is meant, or refuse."""
    with refusing():
        given = Address.given(catalog, data_path)
    if given is None:
        raise Refused(f"which lake? give --catalog, or set {CATALOG_VARIABLE}")
    return given


def snapshot(text: str | None) -> int | datetime | None:
    """Return the snapshot that ``--at`` names: a number, or an instant in UTC."""
    if text is None:
        return None
    if text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise Refused(f"--at {text!r}: give the number of a snapshot, or ISO 8601") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@click.group()
def lake() -> None:
    """Share captures and the warehouse between machines, through a DuckLake.

    The catalogue is a PostgreSQL database, the data are Parquet in a folder or in S3 (keys from
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL). `truecost run
    --catalog ...` does all of this by itself.

    \b
    export TRUECOST_CATALOG="ducklake:postgres:dbname=truecost host=db.example"
    truecost lake push --data-path s3://bucket/truecost
    truecost lake sql "from marts.offers_latest limit 5"
    """


@lake.command("push")
@with_address
@click.option("--take-over", is_flag=True, help="Build this lake from here from now on.")
def push_command(catalog: str | None, data_path: str | None, take_over: bool) -> None:
    """Move this data folder into the lake: its captures, and its newest published run."""
    where, home = address(catalog, data_path), Home.from_environment()
    with refusing():
        files = share(home, where)
        report = push(home, where, take_over=take_over)
    click.echo(
        f"run {report.run_id} is snapshot {report.snapshot}: {files} captured files,"
        f" {report.parts_written} of {report.parts} parts,"
        f" {report.rows_appended:,} rows appended, {report.rows_replaced:,} replaced"
    )


@lake.command("pull")
@with_address
@click.option("--at", "at_text", help="As of this snapshot (number, or ISO 8601).")
def pull_command(catalog: str | None, data_path: str | None, at_text: str | None) -> None:
    """Fill an empty data folder from the lake, to return to one machine."""
    where, home = address(catalog, data_path), Home.from_environment()
    at = snapshot(at_text)
    with refusing():
        path = pull(home, where, at=at)
        files = fetch(home, where)
    click.echo(f"{path} and {files} captured files")


@lake.command("status")
@with_address
def status_command(catalog: str | None, data_path: str | None) -> None:
    """Show what the lake holds, who built it, and who shares captures."""
    where = address(catalog, data_path)
    with refusing():
        found = status(where)
    click.echo(where.printed)
    click.echo(f"run {found.run_id or '-'} of {found.builder or '-'}, {found.pushed_at or '-'} UTC")
    click.echo(f"{found.snapshots} snapshots, {found.files} files, {found.bytes / 1e6:.1f} MB")
    for machine, files in found.machines.items():
        click.echo(f"{files:>8} captured files from {machine}")


@lake.command("sql")
@click.argument("query")
@with_address
@click.option("--at", "at_text", help="As of this snapshot (number, or ISO 8601).")
@format_option
def sql_command(
    query: str, catalog: str | None, data_path: str | None, at_text: str | None, output: str
) -> None:
    """Ask the lake one question in DuckDB SQL, now or as of a snapshot."""
    where, at = address(catalog, data_path), snapshot(at_text)
    with refusing(), opened(where, is_read_only=True, at=at) as connection:
        try:
            answer = connection.sql(query)
            columns, rows = (answer.columns, answer.fetchall()) if answer else ([], [])
        except DatabaseError as error:
            raise Refused(first_line(error)) from error
    print_rows(columns, rows, output)


@lake.command("compact")
@with_address
@click.option("--keep-days", type=AtLeast(0), default=30, show_default=True)
def compact_command(catalog: str | None, data_path: str | None, keep_days: int) -> None:
    """Join small files and delete what snapshots older than some days needed."""
    where = address(catalog, data_path)
    with refusing():
        before = status(where)
        compact(where, keep_days=keep_days)
        after = status(where)
    click.echo(
        f"{before.files} -> {after.files} files, {before.snapshots} -> {after.snapshots} snapshots"
    )
