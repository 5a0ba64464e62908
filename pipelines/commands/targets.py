"""Files that a command writes for a person: whole or not at all, never over another by accident."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from pipelines.commands import Refused
from warehouse.files import new_file


def force_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--force``, without which no file is replaced."""
    return click.option("--force", is_flag=True, help="Replace the file to write, if it exists.")(
        command
    )


def refuse_existing(path: Path, force: bool) -> None:
    """Refuse a name that is taken, unless it is a file that may be replaced."""
    if path.is_symlink():
        raise Refused(f"{path} is a link; give the name of a file")
    if path.exists() and not path.is_file():
        raise Refused(f"{path} is not a file")
    if path.exists() and not force:
        raise Refused(f"{path} exists; --force replaces it")


@contextmanager
def new_target(path: Path, force: bool) -> Iterator[IO[bytes]]:
    """Yield a file that appears under its name when the block ends without an error."""
    refuse_existing(path, force)
    try:
        with new_file(path, existing="replace" if force else "refuse") as file:
            yield file
    except FileExistsError as error:  # somebody made it meanwhile
        raise Refused(f"{path} exists; --force replaces it") from error
