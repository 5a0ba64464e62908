"""A published file from a static host: its manifest, then its bytes, checked and kept.

The bytes come through ``capture.http``. Opening the file belongs to ``warehouse.database``.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from pipelines.capture.http.download import download
from pipelines.capture.http.errors import FetchError
from warehouse.files import new_file
from warehouse.parquet_export import has_bytes

MANIFEST_BYTES = 16 * 2**20
FILE_BYTES = 16 * 2**30
MANIFEST_SECONDS = 60.0
FILE_SECONDS = 3600.0
_PUBLISHED = re.compile(r"(?:truecost|manifest)-([A-Za-z0-9][A-Za-z0-9_.-]{0,99})\.(?:duckdb|json)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class PullError(ValueError):
    """A published file that cannot be read from there; one line that says why."""


def is_address(path: object) -> bool:
    """Return whether this is an address of the web rather than a path."""
    return isinstance(path, str) and path.lower().startswith(("http://", "https://"))


def pulled(address: str, folder: Path) -> Path:
    """Return the published file of an address; one that is kept already is not read again.

    Parameters
    ----------
    address : str
        Of ``truecost-<run>.duckdb`` or ``manifest-<run>.json``, which lie side by side.
    folder : Path
        Where files are kept, each under its hash.

    Raises
    ------
    PullError
        If there is no such file, or its bytes are not those of its manifest.
    """
    name = urlsplit(address).path.rpartition("/")[2]
    found = _PUBLISHED.fullmatch(name)
    if found is None:
        raise PullError(
            f"{address}: give the address of truecost-<run>.duckdb or manifest-<run>.json"
        )
    run_id = found[1]
    try:
        text = io.BytesIO()
        download(
            urljoin(address, f"manifest-{run_id}.json"),
            text,
            max_bytes=MANIFEST_BYTES,
            seconds=MANIFEST_SECONDS,
        )
        sha256, size = _promised(address, text.getvalue())
        kept = folder / f"{sha256}.duckdb"
        if has_bytes(kept, sha256):
            return kept
        with new_file(kept, temporary_folder=folder / "unfinished") as file:
            download(
                urljoin(address, f"truecost-{run_id}.duckdb"),
                file,
                max_bytes=size,
                seconds=FILE_SECONDS,
            )
            file.flush()
            if not has_bytes(Path(file.name), sha256):
                raise PullError(f"{address}: its bytes are not those of its manifest")
    except FetchError as error:
        raise PullError(f"{address}: {error}") from None
    except OSError as error:
        raise PullError(f"cannot keep it in {folder}: {error.strerror}") from None
    kept.chmod(0o444)
    return kept


def _promised(address: str, text: bytes) -> tuple[str, int]:
    """Return the hash and the size that a manifest states."""
    try:
        manifest = json.loads(text)
        sha256, size = manifest["sha256"], manifest["bytes"]
        if not _SHA256.fullmatch(sha256) or not 0 < size <= FILE_BYTES:
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise PullError(f"{address}: its manifest is not one of truecost") from None
    return sha256, size
