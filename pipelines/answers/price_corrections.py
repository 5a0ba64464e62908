"""Corrections of printed prices: what they say, and which of them no offer has any more.

Which offer a correction is about is decided while captures are loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

from warehouse.reports import report_dicts


def corrections(
    connection: duckdb.DuckDBPyConnection, correction_ids: Iterable[str | None] | None = None
) -> list[dict[str, Any]]:
    """Return corrections of prices with a sentence each: all, or those named."""
    ids = None
    if correction_ids is not None:
        ids = sorted({one for one in correction_ids if one})
        if not ids:
            return []
    return [
        row | {"sentence": "{correction_id}: {figure}: {reason} ({source_url})".format(**row)}
        for row in report_dicts(connection, "price_corrections", correction_ids=ids)
    ]


def unmatched(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return a sentence for each correction of today's prices that no standing offer has."""
    return [row["sentence"] for row in corrections(connection) if row["is_unmatched"]]
