"""A published run in a bucket of S3, for ``truecost pull`` from its web address.

Which files make up a run belongs to ``answers.push``. They are written by DuckDB's client, with
the settings of a lake.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb

from pipelines.lake.connection import LakeError, first_line, load_extensions, s3_secret
from warehouse.rows import literal


def write(address: str, files: list[Path], latest: str, text: str) -> bool:
    """Write files below an address of a bucket, then the text that names them.

    Parameters
    ----------
    address : str
        ``s3://BUCKET/PREFIX``.
    files : list of Path
        Each is one object, of 4 GB at most.
    latest, text : str
        Name and JSON of the object that is written last. If it is there already, so is the rest.

    Returns
    -------
    bool
        Whether anything had to be written.

    Raises
    ------
    LakeError
        If the extra is missing, or the bucket cannot be written. Readers then see what they saw.
    """
    secret = s3_secret(os.environ)
    with duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    ) as connection:
        load_extensions(connection, ["httpfs"])
        if secret:
            connection.execute(secret)
        place = address.rstrip("/")
        try:
            [(there,)] = connection.execute(
                "select coalesce(max(content::varchar), '') from read_text(?)",
                [f"{place}/{latest[:-1]}[{latest[-1]}]"],  # a pattern: no object is no error
            ).fetchall()
            if there and json.loads(there) == json.loads(text):
                return False
            for file in files:
                _put(connection, "select content from read_blob(?)", str(file), place, file.name)
            _put(connection, "select encode(?)", text, place, latest)
        except (duckdb.Error, ValueError) as error:
            raise LakeError(f"cannot write in {address}: {first_line(error)}") from error
    return True


def _put(
    connection: duckdb.DuckDBPyConnection, select: str, value: str, place: str, name: str
) -> None:
    connection.execute(f"copy ({select}) to {literal(f'{place}/{name}')} (format blob)", [value])
