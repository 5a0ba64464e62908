"""``truecost tidy``: old captures into packs, old runs out of Dagster's state."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from pipelines.capture.packs import PACKED_AFTER
from pipelines.commands import Refused
from pipelines.commands.arguments import AtLeast, usable_home
from warehouse.paths import Home

if TYPE_CHECKING:
    from pipelines.jobs.tidying import Tidied


@click.command()
@click.option(
    "--days",
    type=AtLeast(1),
    default=PACKED_AFTER.days,
    show_default=True,
    help="Pack a month whose last day is longer ago.",
)
def tidy(days: int) -> None:
    """Pack the captures of months long past, and delete old runs of Dagster; loses no byte.

    A pack is one zip file a source and month. It is flushed to disk, and every file in it is read
    back and compared, before the single files are deleted. A month with a damaged file stays as it
    is: the answer names the file, and the status is 2. `truecost run` and the daemon do the same
    each day.
    """
    home = usable_home()
    from pipelines.jobs.instance import prepare_instance

    prepare_instance(home)
    done = tidied(home, datetime.now(UTC), timedelta(days=days))
    for pack in done.packs:
        click.echo(f"{pack.path}: {pack.files} files, {pack.bytes:,} bytes")
    click.echo(f"{len(done.packs)} months packed, {done.runs} old runs deleted")
    if done.refused:
        sys.exit(2)


def tidied(home: Home, now: datetime, packed_after: timedelta = PACKED_AFTER) -> Tidied:
    """Tidy up, and print on standard error which months could not be packed."""
    from pipelines.jobs.tidying import tidy as tidy_up
    from warehouse.database import DataFolderError

    try:
        done = tidy_up(home, now, packed_after)
    except (DataFolderError, OSError) as error:
        raise Refused(f"not tidied up: {error}") from error
    for line in done.refused:
        click.echo(line, err=True)
    return done
