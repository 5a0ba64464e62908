"""Make the bundled snapshot: the rows of a data folder that may be redistributed, in its layout.

``python -m pipelines.reading.snapshot HOME`` replaces ``warehouse/snapshot``. It takes only rows
that our parsers made, of sources whose licence allows it, and no payload. A machine without a
network starts from it.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from pipelines.sources import all_sources
from warehouse.paths import Home

SNAPSHOT = Path(__file__).parents[2] / "warehouse" / "snapshot"


def copy_snapshot(home: Home, target: Path = SNAPSHOT) -> dict[str, int]:
    """Copy observations and ledgers of redistributable sources.

    Returns
    -------
    dict of str to int
        Bytes copied, by source. [byte]
    """
    copied: dict[str, int] = {}
    shutil.rmtree(target / "observations", ignore_errors=True)
    for source in all_sources().values():
        ledgers = sorted((home.observations / source.source_id).glob("*/*.ledger.json"))
        if not source.may_redistribute:
            continue
        for ledger in ledgers:
            rows = json.loads(ledger.read_bytes())["rows"]
            paths = {row["observation_path"] for row in rows if row["observation_path"]}
            for name in sorted(paths):
                copied[source.source_id] = copied.get(source.source_id, 0) + copy_one(
                    home.root / name, target / name
                )
            # Held rows are left out: a snapshot holds the rows that count, and their origin.
            for row in rows:
                row["quarantine_path"] = None
            entry = target / ledger.relative_to(home.root)
            entry.parent.mkdir(parents=True, exist_ok=True)
            entry.write_text(json.dumps({"rows": rows, "rows_known": {}}), encoding="utf-8")
    return copied


def copy_one(origin: Path, target: Path) -> int:
    """Copy a file once and return the bytes copied."""
    if target.exists():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(origin, target)
    return target.stat().st_size


if __name__ == "__main__":
    for name, size in copy_snapshot(Home(Path(sys.argv[1]))).items():
        print(f"{name:24}{size:>12,} bytes")
