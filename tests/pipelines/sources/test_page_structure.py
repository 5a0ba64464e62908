"""Pages are read by what they print and how it is nested: new class names change no offer."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sources import all_sources
from pipelines.sources.base import ParseError, Payload
from tests.pipelines.sources.saved import payloads, read

CLASSES = re.compile(r'(\bclass=\\?")([^"\\]*)(\\?")')
PAGES = sorted(
    name
    for name in all_sources()
    if any(CLASSES.search(payload.content.decode("utf-8", "replace")) for payload in payloads(name))
)


def renamed(payload: Payload, seed: int) -> Payload:
    """Return a page in which each class has another name, the same one everywhere."""
    chance = random.Random(seed)
    names: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        new = [names.setdefault(name, f"c{chance.getrandbits(40):x}") for name in found[2].split()]
        chance.shuffle(new)
        return f"{found[1]}{' '.join(new)}{found[3]}"

    return replace(payload, content=CLASSES.sub(other, payload.content.decode()).encode())


def without_classes(payload: Payload) -> Payload:
    return replace(payload, content=CLASSES.sub("", payload.content.decode()).encode())


def test_there_are_pages_with_classes() -> None:
    assert {"hyperstack", "coreweave", "crusoe", "nebius", "civo"} <= set(PAGES)


@pytest.mark.parametrize("source_id", PAGES)
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_a_page_with_renamed_classes_gives_the_same_rows(source_id: str, seed: int) -> None:
    for payload in payloads(source_id):
        assert read(renamed(payload, seed)) == read(payload)


@pytest.mark.parametrize("source_id", PAGES)
def test_a_page_without_classes_gives_the_same_rows(source_id: str) -> None:
    for payload in payloads(source_id):
        assert read(without_classes(payload)) == read(payload)


@pytest.mark.parametrize("source_id", ["hyperstack", "coreweave", "crusoe", "nebius", "civo"])
def test_boxes_around_rows_and_cells_change_no_price(source_id: str) -> None:
    for payload in payloads(source_id):
        text = payload.content.decode()
        boxed = re.sub(r"<(h[2-5])([^>]*)>(.*?)</\1>", r"<div><\1\2>\3</\1></div>", text)
        assert read(replace(payload, content=boxed.encode())) == read(payload)


@pytest.mark.parametrize("source_id", ["hyperstack", "coreweave", "crusoe", "civo"])
def test_a_page_whose_headings_say_something_else_has_no_price(source_id: str) -> None:
    for payload in payloads(source_id):
        words = (
            r"GPU model|On-Demand GPU|Spot VM|Reservation|On-Demand Price:|\d x NVIDIA|Spot Price:"
        )
        changed = re.sub(words, "Something", payload.content.decode())
        with pytest.raises(ParseError):
            read(replace(payload, content=changed.encode()))
