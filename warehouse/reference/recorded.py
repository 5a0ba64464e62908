"""The reference documents in the warehouse: what they held, and from when to when.

A document that did not change adds no row. The published file carries this table, so every answer
uses the documents that its prices were published with.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import duckdb

from warehouse.reference.documents import Documents


def record(connection: duckdb.DuckDBPyConnection, documents: Documents, now: datetime) -> None:
    """Write the documents that changed into ``meta.reference_document``.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing, with its ledgers made.
    documents : Documents
        All documents as they are now.
    now : datetime
        The clock of the run. [UTC, without a zone]

    Raises
    ------
    ReferenceError
        If a document is not what it must be; nothing is written then.
    """
    rows = [
        (name, text, hashlib.sha256(text.encode()).hexdigest())
        for name, text in documents.texts().items()
    ]
    connection.execute(
        "create or replace temp table document_now (name varchar, document varchar, sha256 varchar)"
    )
    connection.executemany("insert into document_now values (?, ?, ?)", rows)
    connection.execute(
        """
        update meta.reference_document set superseded_at = $now
        where superseded_at is null
            and (name, sha256) not in (select (name, sha256) from document_now)
        """,
        {"now": now},
    )
    connection.execute(
        """
        insert into meta.reference_document
        select name, document, sha256, $now, null
        from document_now
        anti join (from meta.reference_document where superseded_at is null) using (name)
        order by name
        """,
        {"now": now},
    )
    connection.execute("drop table document_now")
