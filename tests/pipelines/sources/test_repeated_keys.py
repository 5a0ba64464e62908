"""A key that a JSON object prints twice, with two values, never decides a price."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipelines.sources import all_sources
from pipelines.sources.base import (
    ApiPrice,
    Held,
    Offer,
    ParseError,
    Payload,
    Repeated,
    records,
    unambiguous,
)
from pipelines.sources.documents import yaml_of
from pipelines.sources.fixtures import fixture_payloads

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
PLACES_A_PAYLOAD = 60
# There a held row changes what is thought of others: one price on many models, a copy of another.
JUDGES_ROWS_BY_OTHERS = {"azure", "gpu_price_feed", "gputable", "runpod"}


@cache
def json_payloads() -> tuple[Payload, ...]:
    found = []
    for source_id, source in sorted(all_sources().items()):
        for payload in fixture_payloads(FIXTURES / source_id, source):
            if payload.content[:1] in (b"{", b"["):
                found.append(payload)
    return tuple(found)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every key of every object."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in children:
        if isinstance(node, dict):
            yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def text(node: Any, twice: tuple[Any, ...], path: tuple[Any, ...] = ()) -> str:
    """Return the JSON of a document in which the key at ``twice`` stands twice."""
    if isinstance(node, list):
        return f"[{','.join(text(item, twice, (*path, at)) for at, item in enumerate(node))}]"
    if not isinstance(node, dict):
        return json.dumps(node)
    pairs = [(key, text(value, twice, (*path, key))) for key, value in node.items()]
    if twice and twice[:-1] == path and twice[-1] in node:
        pairs.append((twice[-1], json.dumps(other(node[twice[-1]]))))
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs) + "}"


def other(value: Any) -> Any:
    """Return another value of the same shape."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 3 + 1
    if isinstance(value, str):
        return f"{value}9"
    if isinstance(value, dict):
        return {key: other(item) for key, item in value.items()} or {"x": 1}
    if isinstance(value, list):
        return [other(item) for item in value] or [1]
    return 1


def priced(payload: Payload) -> set[str]:
    found = records(all_sources()[payload.source_id].parse(payload))
    return {
        repr(replace(row, is_available=None) if isinstance(row, Offer) else row)
        for row in found
        if isinstance(row, (Offer, ApiPrice))
    }


@pytest.mark.parametrize("payload", json_payloads(), ids=lambda p: f"{p.source_id}-{p.key}")
def test_no_price_comes_from_a_key_that_is_printed_twice(payload: Payload) -> None:
    document = json.loads(payload.content)
    everywhere = list(places(document))
    drawn = random.Random(7).sample(everywhere, min(PLACES_A_PAYLOAD, len(everywhere)))
    whole = priced(payload)
    for path in drawn:
        changed = replace(payload, content=text(document, path).encode())
        try:
            found = priced(changed)
            assert found <= whole or payload.source_id in JUDGES_ROWS_BY_OTHERS, path
        except ParseError:
            continue


def test_a_key_printed_twice_with_one_value_says_it_once() -> None:
    assert unambiguous([("a", {"b": 1}), ("a", {"b": 1})]) == {"a": {"b": 1}}
    assert unambiguous([("a", 1), ("a", 2)]) == {"a": Repeated((1, 2))}


def test_only_the_rows_under_a_repeated_key_are_held() -> None:
    (payload, *_) = [each for each in json_payloads() if each.source_id == "litellm"]
    document = json.loads(payload.content)
    name = next(key for key, value in document.items() if value.get("mode") == "chat")
    changed = replace(payload, content=text(document, (name,)).encode())
    found = list(records(all_sources()["litellm"].parse(changed)))
    assert [row.row["model"] for row in found if getattr(row, "rule", "") == "duplicate_key"] == [
        name
    ]
    assert priced(changed) < priced(payload)
    assert priced(changed)


def test_every_row_of_a_list_that_is_printed_twice_is_held() -> None:
    (payload, *_) = [each for each in json_payloads() if each.source_id == "seeweb_api"]
    changed = replace(payload, content=text(json.loads(payload.content), ("plans",)).encode())
    found = list(records(all_sources()["seeweb_api"].parse(changed)))
    assert found and all(isinstance(row, Held) and row.rule == "duplicate_key" for row in found)


CSV = sorted(
    {
        source_id
        for source_id, source in all_sources().items()
        for payload in fixture_payloads(FIXTURES / source_id, source)
        if payload.path is None and b"," in payload.content.partition(b"\n")[0]
        if payload.content[:1] not in (b"{", b"[", b"<")
    }
)


@pytest.mark.parametrize("source_id", CSV)
def test_a_column_that_a_table_names_twice_is_never_one_of_the_two(source_id: str) -> None:
    source = all_sources()[source_id]
    for payload in fixture_payloads(FIXTURES / source_id, source):
        header, _, lines = payload.content.partition(b"\n")
        last = header.strip().rpartition(b",")[2]
        more = b"".join(line.rstrip(b"\r\n") + b",9\n" for line in lines.splitlines(keepends=True))
        twice = replace(payload, content=header.strip() + b"," + last + b"\n" + more)
        try:
            found = list(records(source.parse(twice)))
        except ParseError:
            continue
        # A wide table of which any column may be missing keeps both.
        assert all(any(name.endswith(" #2") for name in row.values) for row in found), found[:1]


def test_a_key_that_yaml_prints_twice_holds_its_row_and_no_other() -> None:
    source = all_sources()["gcp_pricing_yml"]
    (payload,) = fixture_payloads(FIXTURES / "gcp_pricing_yml", source)
    lines = payload.content.decode().splitlines(keepends=True)
    before = {record for record in map(repr, records(source.parse(payload)))}
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("hour: "))
    other = lines[at].partition(":")[0] + ": 0.000123\n"
    changed = "".join([*lines[: at + 1], other, *lines[at + 1 :]])
    found = list(records(source.parse(replace(payload, content=changed.encode()))))
    assert any(isinstance(record, Held) and record.rule == "duplicate_key" for record in found)
    offers = [repr(record) for record in found if isinstance(record, Offer)]
    assert offers and set(offers) <= before
    assert not any("0.000123" in offer for offer in offers)


def test_what_yaml_merges_may_be_overridden() -> None:
    text = "base: &base {hour: 1, month: 2}\nmine: {<<: *base, hour: 3}\ntwice: {a: 1, a: 1}\n"
    (payload,) = fixture_payloads(FIXTURES / "gcp_pricing_yml", all_sources()["gcp_pricing_yml"])
    found = yaml_of(payload, text)
    assert found["mine"] == {"hour": 3, "month": 2}
    assert found["twice"] == {"a": 1}
    with pytest.raises(ParseError):
        yaml_of(payload, "? [1, 2]\n: 3\n")
