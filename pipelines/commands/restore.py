"""``truecost restore``: make a published run the current one again.

Imports that are slow are inside the functions, so that ``truecost --help`` stays fast.
"""

from __future__ import annotations

import click

from pipelines.commands import Refused


@click.command()
@click.argument("run_id", required=False)
def restore(run_id: str | None) -> None:
    """Restore a published run: the newest whole one, or RUN_ID.

    What was captured after it is still in landing; the next run merges it again.
    """
    from warehouse import publication
    from warehouse.database import DataFolderError
    from warehouse.paths import Home

    try:
        path = publication.restore(Home.from_environment(), run_id)
    except DataFolderError as error:
        raise Refused(str(error)) from error
    click.echo(f"Restored {path.name}; truecost run brings it up to date.")
