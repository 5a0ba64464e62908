"""``truecost rebuild``: rebuild the warehouse from landing.

How it is rebuilt belongs to ``pipelines.derive.rebuild``. Imports that are slow are inside the
functions, so that ``truecost --help`` stays fast.
"""

from __future__ import annotations

import time

import click

from pipelines.commands import Refused
from pipelines.commands.arguments import usable_home
from warehouse.paths import Home


def run_build(home: Home) -> str | None:
    """Run the build job, as ``truecost run --offline`` does; return why it failed, or None."""
    from pipelines.jobs.instance import prepare_instance
    from pipelines.jobs.runner import run_job
    from warehouse.database import DataFolderError, exclusive

    prepare_instance(home)
    try:
        with exclusive(home, "build"):
            succeeded, error = run_job("build", {})
    except DataFolderError as error_of_lock:
        raise Refused(str(error_of_lock)) from error_of_lock
    return None if succeeded else f"build failed: {error}"


@click.command()
@click.option("--parse", "is_parsed_again", is_flag=True, help="Also parse every payload again.")
def rebuild(is_parsed_again: bool) -> None:
    """Rebuild the warehouse from landing, publish it, and compare it with the previous one.

    The build file is kept until the new one is published. After a rebuild that was killed, the next
    run restores it.
    """
    from pipelines.derive.rebuild import rebuild as make_again
    from warehouse.database import DataFolderError, exclusive

    home = usable_home()
    started = time.monotonic()
    try:
        with exclusive(home, "build"):
            made = make_again(home, is_parsed_again=is_parsed_again, build=run_build)
    except DataFolderError as error:
        raise Refused(str(error)) from error
    for table, (rows, is_same) in made.tables.items():
        click.echo(f"{table}: {rows} rows, {'as before' if is_same else 'not as before'}")
    if made.lost_decisions:
        click.echo(
            f"{made.lost_decisions} decisions in meta.quarantine_audit are about entries that are"
            " no longer held"
        )
    click.echo(f"Rebuilt in {time.monotonic() - started:.1f} s.")
