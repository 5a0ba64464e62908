"""``truecost ui``: Dagster's pages and daemon, for the person who started them."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from pipelines.commands import Refused
from pipelines.jobs.instance import noted_ui, prepare_instance
from warehouse.paths import Home


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--read-only", is_flag=True, help="Let people look and start nothing: for sharing.")
@click.option(
    "--host",
    "names",
    multiple=True,
    metavar="NAME[:PORT]",
    help="Also answer to this name: that of a proxy in front. May be repeated.",
)
def ui(port: int, read_only: bool, names: tuple[str, ...]) -> None:
    """Start the Dagster webserver and daemon on 127.0.0.1 and keep them running.

    Lineage, schedules (06:00 and 06:20 UTC), runs and checks. Open the address that it prints: only
    that lets a browser in, and whoever has it can start runs. Stop with Ctrl-C.
    """
    from pipelines.doors.guard import Guard
    from pipelines.doors.ports import PortTakenError, refuse_taken
    from pipelines.jobs.webserver import NotServedError, serve
    from warehouse.database import DataFolderError

    prepare_instance(Home.from_environment())
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    hosts |= {name.lower() for name in names}

    def guard(app: Any) -> Guard:
        return Guard(app=app, hosts=hosts, port=port, is_read_only=read_only)

    def announce(guarded: Guard) -> None:
        click.echo(f"Dagster on {guarded.address} (Ctrl-C ends it)")
        for name in names:
            click.echo(f"behind a proxy: https://{name}/?token={guarded.token}")

    click.echo("Starting Dagster ...", err=True)
    try:
        refuse_taken(port)
        with contextlib.suppress(KeyboardInterrupt), noted_ui(port):
            serve(port=port, is_read_only=read_only, guard=guard, announce=announce)
    except (DataFolderError, PortTakenError) as error:
        raise Refused(str(error)) from error
    except NotServedError as error:
        raise click.ClickException(str(error)) from error
