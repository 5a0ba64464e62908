"""Reaching a lake: where it is, DuckDB's extensions, secrets, and a connection to it.

A lake is a DuckLake: a catalogue (PostgreSQL; a DuckDB file for one machine) and Parquet in a
folder or in S3. It holds what a data folder holds, as tables. What moves in and out belongs to
``captures`` and ``runs``, looking after it to ``upkeep``. docs/scaling.md says when to use one.
"""

from __future__ import annotations

import importlib.resources
import os
import platform
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import duckdb

from warehouse.database import SESSION, DataFolderError
from warehouse.paths import Home
from warehouse.rows import literal

CATALOG_VARIABLE = "TRUECOST_CATALOG"
DATA_PATH_VARIABLE = "TRUECOST_DATA_PATH"
EXTENSIONS = ("ducklake", "postgres_scanner", "httpfs")
ATTEMPTS = 100  # how often a commit is tried again after commits of other machines
_SECRET = re.compile(r"(password\s*=\s*)('[^']*'|\S+)|(://[^:/@\s]+:)[^@\s]+(?=@)", re.IGNORECASE)


class LakeError(DataFolderError):
    """The lake cannot be used as asked; one line that says why and what helps."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a lake is.

    Parameters
    ----------
    catalog : str
        ``ducklake:postgres:dbname=... host=...``, or ``ducklake:FILE`` for one machine.
    data_path : str, optional
        Folder or ``s3://bucket/prefix``; needed once, when the lake is created.

    Examples
    --------
    >>> Address(catalog="ducklake:postgres:dbname=lake password=secret").printed
    'ducklake:postgres:dbname=lake password=***'
    """

    catalog: str
    data_path: str | None = None

    def __post_init__(self) -> None:
        if not self.catalog.startswith("ducklake:"):
            raise LakeError(
                f"{without_secret(self.catalog)!r} is not a catalogue; give"
                " ducklake:postgres:dbname=NAME host=HOST, or ducklake:FILE"
            )

    @classmethod
    def given(
        cls,
        catalog: str | None,
        data_path: str | None,
        environment: Mapping[str, str] = os.environ,
    ) -> Address | None:
        """Return the address that was given, else that of the environment, if there is one."""
        catalog = catalog or environment.get(CATALOG_VARIABLE)
        if not catalog:
            return None
        return cls(catalog=catalog, data_path=data_path or environment.get(DATA_PATH_VARIABLE))

    @property
    def extensions(self) -> list[str]:
        """The extensions that this lake may need: they take a while to load."""
        is_local = self.data_path is not None and "://" not in self.data_path
        needed = {
            "ducklake": True,
            "postgres_scanner": self.catalog.startswith("ducklake:postgres"),
            "httpfs": not is_local,  # the catalogue knows where the data of a lake lie
        }
        return [name for name in EXTENSIONS if needed[name]]

    @property
    def printed(self) -> str:
        """The catalogue as it may be shown."""
        return without_secret(self.catalog)


def without_secret(text: str) -> str:
    """Return a text with its passwords replaced by asterisks."""
    return _SECRET.sub(lambda m: f"{m[1] or m[3]}***", text)


def load_extensions(
    connection: duckdb.DuckDBPyConnection, names: Iterable[str] = EXTENSIONS
) -> None:
    """Load extensions that the ``lake`` extra installs, from their packages.

    Raises
    ------
    LakeError
        If they are not installed, or for another version of DuckDB.
    """
    version = f"v{duckdb.__version__}"
    for name in names:
        try:
            package = importlib.resources.files(f"duckdb_extension_{name}")
        except ModuleNotFoundError as error:
            raise LakeError("a lake needs the extra `lake`: make lake") from error
        path = package / "extensions" / version / f"{name}.duckdb_extension"
        if not path.is_file():
            raise LakeError(f"{name} is not installed for DuckDB {version}: make lake")
        connection.execute(f"load {literal(str(path))}")


@contextmanager
def opened(
    address: Address,
    *,
    is_read_only: bool = False,
    at: int | datetime | None = None,
    memory_limit: str = "2GiB",
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection whose schemas are those of the lake.

    Parameters
    ----------
    address : Address
        The lake; created if it does not exist, unless ``is_read_only``.
    is_read_only : bool
        Whether the connection may not write.
    at : int or datetime, optional
        The snapshot to read: its number, or the last one at an instant.
    memory_limit : str
        DuckDB's limit.

    Raises
    ------
    LakeError
        If the catalogue or the data cannot be reached, or there is no such lake or snapshot.
    """
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": memory_limit,
        }
    )
    try:
        load_extensions(connection, address.extensions)
        connection.execute(SESSION)
        connection.execute(f"set ducklake_max_retry_count = {ATTEMPTS}")
        secret = s3_secret(os.environ)
        if secret and "httpfs" in address.extensions:
            connection.execute(secret)
        options = []
        if address.data_path:
            options.append(f"data_path {literal(address.data_path.rstrip('/') + '/')}")
        if is_read_only or at is not None:
            options.append("read_only")
        if isinstance(at, int):
            options.append(f"snapshot_version {at}")
        elif at is not None:
            options.append(f"snapshot_time '{at.isoformat(sep=' ')}'")
        attach = f"attach {literal(address.catalog)} as lake"
        _attach(connection, attach + (f" ({', '.join(options)})" if options else ""), address)
        connection.execute("use lake")
        yield connection
    finally:
        connection.close()


def _attach(connection: duckdb.DuckDBPyConnection, statement: str, address: Address) -> None:
    for attempt in range(5):
        try:
            connection.execute(statement)
            return
        except duckdb.Error as error:
            # Another machine may be making this very catalogue at this moment.
            is_race = re.search(r"already exists|duplicate key", str(error)) is not None
            if not is_race or attempt == 4:
                raise LakeError(f"cannot open {address.printed}: {first_line(error)}") from error
        time.sleep(0.2 * 2**attempt)


def first_line(error: BaseException) -> str:
    """Return the first line of an error, without passwords."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return without_secret(lines[0]) if lines else type(error).__name__


def s3_secret(environment: Mapping[str, str]) -> str | None:
    """Return the statement that gives DuckDB access to S3, from the usual variables.

    Examples
    --------
    >>> s3_secret({}) is None
    True
    >>> s3_secret({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    "create secret (type s3, key_id 'a', secret 'b')"
    """
    given = {
        "key_id": environment.get("AWS_ACCESS_KEY_ID"),
        "secret": environment.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": environment.get("AWS_SESSION_TOKEN"),
        "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
    }
    if not given["key_id"]:
        return None
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if endpoint:
        parts = urlsplit(endpoint)
        given |= {"endpoint": parts.netloc, "url_style": "path"}
        given["use_ssl"] = "true" if parts.scheme == "https" else "false"
    settings = ", ".join(f"{name} {literal(value)}" for name, value in given.items() if value)
    return f"create secret (type s3, {settings})"


def machine_name(home: Home) -> str:
    """Return the name under which a data folder shares and builds: host and folder."""
    return f"{platform.node() or 'localhost'}:{home.root.absolute()}"


def run_at_once(lake: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Run a statement that another machine may run at the same time; retry if it does."""
    for attempt in range(10):
        try:
            lake.execute(statement)
            return
        except duckdb.TransactionException:
            time.sleep(0.05 * 2**attempt)
    lake.execute(statement)


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    """Return the columns (name, type) of a relation."""
    rows = connection.execute(f"describe select * from {relation}").fetchall()
    return [(row[0], row[1]) for row in rows]
