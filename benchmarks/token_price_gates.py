"""Measures the gates of token prices: ``python benchmarks/token_price_gates.py FOLDER``.

FOLDER holds recorded answers as ``<source>/<...YYYY-MM-DD>.json`` (also ``.json.gz``) of the three
lists. Prints, for each recorded list, what is held in the order of its days, and then, for each
list and mutation, how many of the prices that the mutation made wrong are published: on the day
after the newest list, and as the first answer ever, beside the other lists and alone. The last
figure says how many right prices are no longer there on the day after.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.reading.contract import COLUMNS, CONTRACT
from pipelines.sources import all_sources
from pipelines.sources.base import ApiPrice, Payload, records
from tests.warehouse.token_lists import MUTATIONS, TokenLists, day_after, wrong_prices

LISTS = ("litellm", "genai_prices", "openrouter")
Recorded = tuple[datetime, str, list[dict[str, Any]]]


def rows_of(source_id: str, path: Path, day: datetime) -> list[dict[str, Any]]:
    """Return the rows of a recorded answer that keep the contract."""
    content = path.read_bytes()
    payload = Payload(
        source_id=source_id,
        key="prices",
        url="",
        content=gzip.decompress(content) if path.suffix == ".gz" else content,
        sha256="0" * 64,
        seen_at=day.replace(tzinfo=UTC),
    )
    rows = []
    for row in records(all_sources()[source_id].parse(payload)):
        if isinstance(row, ApiPrice):
            record = {column.name: column.read(row) for column in COLUMNS["api_price"]}
            if all(holds(record) for _, _, holds in CONTRACT["api_price"]):
                rows.append(record)
    return rows


def recorded(folder: Path) -> list[Recorded]:
    """Return the recorded lists, oldest first."""
    found = []
    for source_id in LISTS:
        for path in sorted((folder / source_id).glob("*.json*")):
            day = re.search(r"\d{4}-\d\d-\d\d", path.name)
            if day and "full" not in path.name:
                at = datetime.fromisoformat(f"{day[0]}T06:00:00")
                found.append((at, source_id, rows_of(source_id, path, at)))
    return sorted(found, key=lambda each: each[:2])


def replay(days: list[Recorded], without: str = "") -> TokenLists:
    """Return what stands after the recorded days."""
    lists = TokenLists()
    for at, source_id, rows in days:
        if source_id != without:
            lists.see(at, {source_id: rows})
    return lists


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    days = recorded(parser.parse_args().folder)
    lists = TokenLists()
    prices, held_rows = 0, 0
    for at, source_id, rows in days:
        found = lists.see(at, {source_id: rows})
        prices, held_rows = prices + len(rows), held_rows + len(found)
        rules = dict(Counter(f"{holding.scope} {holding.rule}" for holding in found))
        print(f"{at:%Y-%m-%d} {source_id:<13} {len(rows):>5} prices, held {rules}")
    print(f"{held_rows} of {prices} prices held: {held_rows / prices:.2%}\n")
    newest = {source_id: (at, rows) for at, source_id, rows in days}
    print("list, mutation: wrong prices published of those made, on the day after / first / alone")
    for source_id, (at, rows) in newest.items():
        for name, mutate in MUTATIONS.items():
            mutated = mutate(rows)
            wrong = wrong_prices(rows, mutated)
            published = []
            after = replay(days)
            before = after.standing(source_id)
            for start in (after, replay(days, without=source_id), TokenLists()):
                start.see(day_after(at), {source_id: mutated})
                standing = {(key, *both) for key, both in start.standing(source_id).items()}
                published.append(len(wrong & standing))
            counts = " / ".join(map(str, published))
            lost = len(before.keys() - after.standing(source_id).keys())
            print(
                f"{source_id:<13} {name:<25} {len(mutated):>5} rows, {len(wrong):>5}: {counts};"
                f" {lost} of {len(before)} right prices lost"
            )


if __name__ == "__main__":
    main()
