"""``truecost pull`` and ``truecost push``: a published file from and for others."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands import Refused
from warehouse.database import DataFolderError
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
@click.argument("target")
def push(target: str) -> None:
    """Write the newest published file into TARGET, for truecost pull.

    TARGET is a folder that any static host can serve, or s3://BUCKET/PREFIX, which needs the
    extra of a lake and its settings (AWS_ACCESS_KEY_ID and others). latest.json goes last.

    \b
    truecost push /srv/www/truecost
    truecost push s3://prices/truecost
    """
    from pipelines.answers.pull import LATEST
    from pipelines.answers.push import PushError, newest
    from pipelines.answers.push import push as write

    home = Home.from_environment()
    try:
        if not target.startswith("s3://"):
            file = write(home, Path(target))
        else:
            from pipelines.lake import bucket

            run = newest(home)
            file = run.database
            bucket.write(target, [file, run.described], LATEST, run.latest)
    except (PushError, DataFolderError) as error:
        raise Refused(str(error)) from error
    click.echo(f"{file.name} in {target}")
