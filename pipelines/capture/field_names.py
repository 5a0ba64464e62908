"""The names that fields have in the files of landing and observations.

A file of landing is never rewritten, and files of every version are read. A field that was renamed
in the code therefore keeps on disk the name it was first written under. What is written and what is
read passes through here; nothing else knows the old names, except the reader of Parquet rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES_ON_DISK = {"seen_at": "captured_at"}
"""Name in the code to name in manifests, ledgers and Parquet columns."""
_NAMES_IN_CODE = {on_disk: in_code for in_code, on_disk in NAMES_ON_DISK.items()}


def on_disk(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields under the names that files have, in the same order.

    Examples
    --------
    >>> on_disk({"source_id": "acme", "seen_at": 1})
    {'source_id': 'acme', 'captured_at': 1}
    """
    return {NAMES_ON_DISK.get(name, name): value for name, value in fields.items()}


def from_disk(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a file under the names of the code (see ``on_disk``).

    Examples
    --------
    >>> from_disk({"source_id": "acme", "captured_at": 1})
    {'source_id': 'acme', 'seen_at': 1}
    """
    return {_NAMES_IN_CODE.get(name, name): value for name, value in fields.items()}
