"""``truecost pull`` and ``truecost push``: a published file from and for others."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands import Refused
from warehouse.paths import Home

VARIABLE = "TRUECOST_DATA"


@click.command()
@click.argument("address", envvar=VARIABLE)
def pull(address: str) -> None:
    """Get the newest published file from ADDRESS, in place of reading the price lists.

    ADDRESS is a folder, of this machine or of the web, as truecost push writes it; or one
    truecost-<run>.duckdb with its manifest beside it. Its bytes are checked against the manifest.
    What was interrupted is continued. TRUECOST_DATA gives a default.

    \b
    truecost pull https://prices.example/truecost/
    truecost pull /mnt/share/truecost
    """
    from pipelines.answers.pull import PullError
    from pipelines.answers.pull import pull as read

    try:
        file = read(address, Home.from_environment())
    except PullError as error:
        raise Refused(str(error)) from error
    click.echo(f"{file.name} in {file.parent}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def push(folder: Path) -> None:
    """Write the newest published file into FOLDER, for truecost pull.

    Any static host can serve the folder, and any tool for S3 can copy it: latest.json goes last.

    \b
    truecost push /srv/www/truecost
    """
    from pipelines.answers.push import PushError
    from pipelines.answers.push import push as write

    try:
        file = write(Home.from_environment(), folder)
    except PushError as error:
        raise Refused(str(error)) from error
    click.echo(f"{file.name} in {folder}")
