"""``truecost package``: the published tables as a data package that can be cited."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands import Refused
from pipelines.commands.opening import published
from pipelines.text import single_spaced
from warehouse.database import DatabaseError, is_damage
from warehouse.files import OutsideFolderError


@click.command()
@click.option(
    "--out", "folder", required=True, type=click.Path(path_type=Path, file_okay=False),
    help="The folder: new, empty, or holding an older package.",
)  # fmt: skip
@click.option("--table", "only", multiple=True, help="Only this table (schema.table); repeatable.")
def package(folder: Path, only: tuple[str, ...]) -> None:
    """Write Parquet and CSV, README, data dictionary, citation and changelog.

    datapackage.json (Frictionless) and croissant.json (MLCommons) describe files and columns. Rows
    as printed by a source are left out where its licence does not allow redistribution.

    \b
    truecost package --out dist
    truecost package --out dist --table marts.gpu_price_index
    """
    from pipelines.answers.package import PackageError, write_package

    with published(folders=[folder]) as connection:
        try:
            resources = write_package(connection, folder, only)
        except (PackageError, OutsideFolderError) as error:
            raise Refused(str(error)) from error
        except OSError as error:
            raise Refused(f"cannot write in {folder}: {error.strerror}") from error
        except DatabaseError as error:
            if is_damage(error):
                raise
            raise Refused(f"cannot write in {folder}: {single_spaced(error)}") from error
    tables = [one for one in resources if one["format"] == "parquet"]
    rows, size = sum(r["rows"] for r in tables), sum(r["bytes"] for r in resources)
    click.echo(f"{len(tables)} tables, {rows:,} rows, {size / 1e6:.1f} MB in {folder}")
