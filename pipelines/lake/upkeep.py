"""Looking after a lake: what it holds, and joining its small files.

Moving captures and runs belongs to ``captures`` and ``runs``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.lake.connection import Address, LakeError, first_line, opened
from pipelines.lake.runs import last_push
from warehouse.models import table_exists


@dataclass(frozen=True)
class LakeStatus:
    """What a lake holds."""

    run_id: str | None
    builder: str | None
    pushed_at: datetime | None
    snapshots: int
    files: int
    bytes: int
    machines: dict[str, int]  # captured files by machine


def status(address: Address) -> LakeStatus:
    """Return what a lake holds."""
    with opened(address, is_read_only=True) as lake:
        run_id, builder, pushed_at = last_push(lake) or (None, None, None)
        snapshots = lake.execute("select count(*) from lake.snapshots()").fetchall()[0][0]
        files, size = lake.execute(
            "select sum(file_count)::bigint, sum(file_size_bytes)::bigint"
            " from ducklake_table_info('lake')"
        ).fetchall()[0]
        machines: dict[str, int] = {}
        if table_exists(lake, "observations.file", "lake"):
            machines = dict(
                lake.execute(
                    "select machine, count(*) from (from landing.file union all by name"
                    " from observations.file) group by machine order by machine"
                ).fetchall()
            )
        return LakeStatus(run_id, builder, pushed_at, snapshots, files or 0, size or 0, machines)


def compact(address: Address, *, keep_days: int) -> None:
    """Join small files, expire old snapshots, and delete files that no snapshot needs.

    Parameters
    ----------
    keep_days : int
        Snapshots of so many days stay readable. [d]
    """
    older = f"older_than => now() - interval {int(keep_days)} day"
    with opened(address) as lake:
        try:
            lake.execute("call ducklake_flush_inlined_data('lake')")
            lake.execute(f"call ducklake_expire_snapshots('lake', {older})")
            lake.execute("call ducklake_merge_adjacent_files('lake')")
            lake.execute("call ducklake_rewrite_data_files('lake')")
            lake.execute(f"call ducklake_cleanup_old_files('lake', {older})")
        except duckdb.Error as error:
            raise LakeError(f"compaction stopped: {first_line(error)}") from error
