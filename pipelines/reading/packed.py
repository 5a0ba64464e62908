"""Observations of months long past, in one file a source and month.

Which of them are packed belongs here, and bringing them back; the packs themselves to
``capture.packs``. The entries of the ledger are read in the pack. Rows come back to their places
when a build, a rebuild or a lake needs them, and are packed again the next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

from pipelines.capture import packs
from pipelines.capture.packs import Pack, PackError, Packs, content_of, make_pack, months
from pipelines.reading.whole import PATHS, entry_of
from warehouse.files import write_bytes
from warehouse.paths import Home


def make_packs(home: Home, before: date) -> tuple[list[Pack], list[str]]:
    """Pack landing (``capture.packs``), and what was read of the months that ended before a day.

    What was entered since that day stays, with its rows: the next build or run may need it.

    Returns
    -------
    tuple of list of Pack and list of str
        The packs that were made, and why other months were not packed, one line each.
    """
    made, refused = packs.make_packs(home, before)
    ended: dict[str, list[str]] = {}
    for source_id, month in months(home.observations, before):
        ended.setdefault(source_id, []).append(month)
    for source_id, its_months in ended.items():
        is_kept = partial(_is_in, _needed(home, source_id, before))
        for month in its_months:
            try:
                pack = make_pack(home.observations, source_id, month, is_kept=is_kept)
            except PackError as error:
                refused.append(f"not packed: {error}")
            else:
                made += [pack] if pack else []
    return made, refused


def unpack(path: Path) -> None:
    """Bring a packed file of observations back to its place; one that lies there stays."""
    if not path.exists():
        try:
            content = content_of(path)
        except (OSError, *packs.DAMAGED):
            return  # it is nowhere, and read again from landing
        write_bytes(path, content)


def observed(home: Home) -> Iterator[str]:
    """Yield the path below the data folder of every file of observations, packed or not."""
    for folder in sorted(home.observations.glob("[!.]*")):
        loose = {
            path.relative_to(folder).as_posix()
            for path in folder.glob("*/*")
            if path.name[0] != "." and path.is_file()
        }
        for name in sorted(loose | set(Packs(home.observations).names(folder.name))):
            yield f"observations/{folder.name}/{name}"


def _needed(home: Home, source_id: str, before: date) -> set[str]:
    """Return which files stay: ``<day>/`` and the name up to its first point."""
    needed = set()
    for path in (home.observations / source_id).glob("*/*.ledger.json"):
        entry = entry_of(path)
        rows = entry["rows"] if entry else []
        known_on = max((str(row.get("recorded_at"))[:10] for row in rows), default="")
        if entry is None or max(known_on, path.parent.name) >= before.isoformat():
            paths = [path, *(Path(row[kind]) for row in rows for kind in PATHS if row.get(kind))]
            needed |= {_stem(one.parent.name, one.name) for one in paths}
    return needed


def _stem(day: str, name: str) -> str:
    return f"{day}/{name.partition('.')[0]}"


def _is_in(needed: set[str], path: str) -> bool:
    day, _, name = path.partition("/")
    return _stem(day, name) in needed
