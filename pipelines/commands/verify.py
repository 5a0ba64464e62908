"""``truecost verify``: whether payloads, files and prices are intact.

The checks belong to ``answers.verify``, ``capture.landing`` and ``warehouse.publication``. Imports
that are slow are inside the functions, so that ``truecost --help`` stays fast.
"""

from __future__ import annotations

import click

from pipelines.commands import Refused
from pipelines.commands.arguments import AtLeast
from pipelines.commands.index import verify_index
from pipelines.text import single_spaced


@click.group(invoke_without_command=True)
@click.option(
    "--rows",
    type=AtLeast(0),
    default=50,
    show_default=True,
    help="Published prices to parse again.",
)
@click.pass_context
def verify(context: click.Context, rows: int) -> None:
    """Check every payload and published file by its hash, and parse some prices again.

    A sample of published prices is parsed again from the bytes in landing, and the build file is
    compared with the run that was published from it. Bundled prices and a file from `truecost
    pull` have no landing here: of these only the hash is checked. Ends with status 1 and one line
    for each fault. `truecost verify index --day D` recomputes the index.
    """
    if context.invoked_subcommand:
        return
    from pipelines.answers.pull import is_pulled
    from pipelines.answers.verify import wrong_prices
    from pipelines.capture.landing import Landing
    from pipelines.reading.whole import damaged
    from warehouse import publication
    from warehouse.database import (
        DatabaseError,
        DataFolderError,
        ForeignLogError,
        PublishedDamagedError,
        foreign_logs,
        is_damage,
        open_published,
        published_files,
    )
    from warehouse.paths import Home

    home = Home.from_environment()
    landing = Landing(home)
    wrong = [f"landing: {name}" for name in landing.damaged()]
    wrong += [f"observations: {name}" for name in damaged(home)]
    wrong += [
        f"published: {path.name} was not published: truecost restore removes it"
        for path in foreign_logs(home)
    ]
    published = published_files(home)
    for path in published:
        wrong += [f"published: {what}" for what in publication.damage(path)]
    checked = 0
    try:
        with open_published(home) as connection:
            if is_pulled(home):
                click.echo("truecost verify: its prices are read again where it was made", err=True)
            else:
                checked, bundled, differences = wrong_prices(connection, landing, rows)
                wrong += differences
                if bundled:
                    click.echo(
                        f"truecost verify: {bundled} prices are bundled ones, whose bytes are not"
                        " on this machine: not read again",
                        err=True,
                    )
    except ForeignLogError:
        pass  # named above
    except PublishedDamagedError as error:
        wrong.append(f"published: {error}")
    except DataFolderError as error:
        raise Refused(str(error)) from error
    except DatabaseError as error:
        if not is_damage(error):
            raise
        wrong.append(f"published: {single_spaced(error)}")
    try:
        wrong += publication.build_damage(home)
    except DataFolderError as error:
        click.echo(f"truecost verify: {error}: not checked", err=True)
    click.echo(f"{len(published)} published runs, {checked} prices read again, {len(wrong)} wrong.")
    for one in wrong:
        click.echo(f"truecost verify: {one}", err=True)
    if wrong:
        raise SystemExit(1)


verify.add_command(verify_index, "index")
