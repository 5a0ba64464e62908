"""The newest published file as a folder that any static host can serve, and ``pull`` reads.

Writing it into a bucket belongs to ``lake.bucket``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pipelines.answers.pull import LATEST
from warehouse import files
from warehouse.database import POINTER
from warehouse.parquet_export import has_bytes
from warehouse.paths import Home
from warehouse.publication import Manifest


class PushError(ValueError):
    """The published file cannot be written there; one line that says why."""


@dataclass(frozen=True)
class Newest:
    """The newest published run: its files, and the text of ``latest.json``, which goes last."""

    database: Path
    described: Path
    sha256: str
    latest: str


def newest(home: Home) -> Newest:
    """Return the newest published run of a data folder; its bytes were checked.

    Raises
    ------
    PushError
        If nothing is published, or the file is damaged.
    """
    database = (home.published / POINTER).resolve()
    if not database.is_file():
        raise PushError(f"nothing is published in {home.root}: truecost run makes it")
    described = database.with_name(database.name.replace("truecost-", "manifest-", 1)).with_suffix(
        ".json"
    )
    try:
        manifest = Manifest.read(described)
    except (OSError, ValueError) as error:
        raise PushError(f"{described.name} cannot be read: {error}") from None
    if not has_bytes(database, manifest.sha256):
        raise PushError(f"{database.name} is damaged: truecost restore puts another run back")
    text = json.dumps({"run_id": manifest.run_id, "sha256": manifest.sha256}, indent=1)
    return Newest(database, described, manifest.sha256, text + "\n")


def push(home: Home, folder: Path) -> Path:
    """Write the newest published file into a folder: its bytes, its manifest, then ``latest.json``.

    Each file appears whole. A reader sees the run before or the new one. Older runs stay.

    Parameters
    ----------
    home : Home
        The data folder.
    folder : Path
        It is created.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    PushError
        If nothing is published, the file is damaged, or the folder cannot be written.
    """
    run = newest(home)
    target = folder / run.database.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not has_bytes(target, run.sha256):
            files.copy_file(run.database, target)
        files.copy_file(run.described, folder / run.described.name)
        files.write_text(folder / LATEST, run.latest)
    except OSError as error:
        raise PushError(f"cannot write in {folder}: {error.strerror}") from None
    return target
