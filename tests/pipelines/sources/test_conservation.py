"""Every row of every source has an outcome, whatever is missing, renamed, moved or there twice."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.reading.sheet import OUTCOMES, Sheet
from pipelines.sources import all_sources
from pipelines.sources.base import Offer, ParseError, Payload, ReadRow, records
from pipelines.sources.fixtures import fixture_payloads

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
SOURCES = sorted(name for name, source in all_sources().items() if not source.reads_path)
CHANGES = ("delete", "null", "rename", "duplicate", "reorder", "text", "nest")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
SUMS = {"aws_bulk", "cudo", "daytona", "gcp_billing", "tensordock"}  # of the parts that are there
Step = tuple[Any, ...]


@cache
def saved(source_id: str) -> list[Payload]:
    return list(fixture_payloads(FIXTURES / source_id, all_sources()[source_id]))


def counted(payload: Payload) -> tuple[dict[str, int], list[Offer]] | None:
    """Return the rows by outcome and the offers, or None where the payload is refused."""
    source = all_sources()[payload.source_id]
    sheet = Sheet(payload, source.parser_version)
    try:
        rows = list(source.parse(payload))
    except ParseError:
        return None
    assert all(isinstance(row, ReadRow) for row in rows)
    for row in rows:
        sheet.add(row)
    counts = {name: sheet.outcomes[name].total() for name in OUTCOMES}
    assert sum(counts.values()) == sum(row.count for row in rows)
    return counts, [row for row in records(rows) if isinstance(row, Offer)]


def places(document: Any, path: Step = ()) -> list[Step]:
    """Return the path of every container of a JSON document that is not empty."""
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    found = [path] if items and isinstance(document, (dict, list)) and document else []
    for key, value in items:
        found += places(value, (*path, key))
    return found


def changed(document: Any, path: Step, change: str, pick: int) -> Any:
    """Return a copy of a document with one change in the container at a path."""
    copy = json.loads(json.dumps(document))
    place = copy
    for key in path:
        place = place[key]
    key = list(place)[pick % len(place)] if isinstance(place, dict) else pick % len(place)
    if change == "delete":
        del place[key]
    elif change == "null":
        place[key] = None
    elif change == "text":
        place[key] = "?"
    elif change == "nest":
        place[key] = [place[key]]
    elif isinstance(place, list):
        if change == "duplicate":
            place.append(place[key])
        else:
            place.reverse()
    elif change == "reorder":
        items = list(place.items())[::-1]
        place.clear()
        place.update(items)
    else:
        place[f"{key}_{change}"] = place[key] if change == "duplicate" else place.pop(key)
    return copy


def changed_lines(text: str, change: str, pick: int) -> str:
    """Return a text with one line or one CSV field changed."""
    lines = text.splitlines(keepends=True)
    at = pick % len(lines)
    if change == "delete":
        del lines[at]
    elif change == "duplicate":
        lines.insert(at, lines[at])
    elif change == "reorder":
        lines[1:] = lines[:0:-1]
    else:
        cells = next(csv.reader([lines[at]]), [""]) or [""]
        by = {"null": "", "text": "?", "nest": "[1]"}.get(change, f"{cells[-1]}_renamed")
        cells[pick % len(cells)] = by
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        lines[at] = line.getvalue()
    return "".join(lines)


def damaged(payload: Payload, change: str, place: int, pick: int) -> Payload:
    """Return a payload with one change: in its JSON document, or in a line of its text."""
    try:
        document = json.loads(payload.content)
    except ValueError:
        try:
            text = payload.content.decode()
        except UnicodeDecodeError:  # an archive
            return payload
        return replace(payload, content=changed_lines(text, change, place * 7 + pick).encode())
    containers = places(document)
    new = changed(document, containers[place % len(containers)], change, pick)
    return replace(payload, content=json.dumps(new).encode())


@pytest.mark.parametrize("source_id", SOURCES)
def test_a_fixture_has_no_row_without_an_outcome(source_id: str) -> None:
    source = all_sources()[source_id]
    for payload in saved(source_id):
        sheet = Sheet(payload, source.parser_version)
        for row in source.parse(payload):
            sheet.add(row)
        assert "row_unexplained" not in sheet.outcomes["held"]


@pytest.mark.parametrize("source_id", SOURCES)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    change=st.sampled_from(CHANGES),
    number=st.integers(0, 9),
    place=st.integers(0, 400),
    pick=st.integers(0, 40),
)
def test_rows_add_up_and_no_unknown_shape_is_a_price(
    source_id: str, change: str, number: int, place: int, pick: int
) -> None:
    payloads = saved(source_id)
    payload = payloads[number % len(payloads)]
    intact = counted(payload)
    assert intact is not None
    found = counted(damaged(payload, change, place, pick))
    if found is None:
        return
    for offer in found[1]:
        assert offer.price_amount > 0
        assert offer.gpu_name_printed.strip() and offer.sku.strip()
    if change in ("delete", "null", "reorder") and intact[1]:
        known = {offer.price_amount for offer in intact[1]}
        # A printed price may come forward where the row that made it doubtful is gone.
        known |= {
            Decimal(number) for number in NUMBER.findall(payload.content.decode(errors="replace"))
        }
        made_up = [offer for offer in found[1] if offer.price_amount not in known]
        assert not made_up or payload.source_id in SUMS, made_up[:1]


def test_a_row_more_is_a_row_counted_more() -> None:
    for source_id in ("verda", "linode", "digitalocean_api", "oci", "runpod"):
        payload = saved(source_id)[0]
        document = json.loads(payload.content)
        lists = [path for path in places(document) if isinstance(value_of(document, path), list)]
        rows = max(lists, key=lambda path: len(value_of(document, path)))
        more = changed(document, rows, "duplicate", 0)
        before = counted(payload)
        after = counted(replace(payload, content=json.dumps(more).encode()))
        assert before is not None and after is not None
        assert sum(after[0].values()) == sum(before[0].values()) + 1, source_id


def value_of(document: Any, path: Step) -> Any:
    for key in path:
        document = document[key]
    return document
