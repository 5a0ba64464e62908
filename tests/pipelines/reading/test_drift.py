"""The shape of an answer, and the verdict on one that differs from what is recorded of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipelines.reading.drift import changes, recorded
from pipelines.reading.examine import Examined, examined
from pipelines.reading.shape import shape_of
from pipelines.sources import all_sources
from pipelines.sources.base import Payload
from tests.pipelines.sources.saved import payloads

Document = Any


def answers(source_id: str, change: Callable[[Document], object] | None = None) -> list[Examined]:
    """Return the saved answers of a source, each JSON document changed."""
    source = all_sources()[source_id]
    found = []
    for payload in payloads(source_id):
        if change is not None:
            document = json.loads(payload.content)
            change(document)
            payload = replace(payload, content=json.dumps(document).encode())
        found.append(examined(source, payload, ()))
    return found


def differences(source_id: str, change: Callable[[Document], object]) -> dict[str, str]:
    source = all_sources()[source_id]
    before = json.loads(json.dumps(recorded(answers(source_id))))
    found = changes(source, before, answers(source_id, change))
    return {one.text: one.verdict for one in found}


def each(document: Document) -> list[Document]:
    found: list[Document] = document["data"]
    return found


@pytest.mark.parametrize("source_id", sorted(all_sources()))
def test_the_same_answer_is_unchanged(source_id: str) -> None:
    source = all_sources()[source_id]
    found = [examined(source, payload, ()) for payload in payloads(source_id)]
    assert changes(source, recorded(found), found) == []


def test_what_is_more_has_grown() -> None:
    def more(document: Document) -> None:
        for row in each(document):
            row["carbon_grams"] = 1.5

    assert differences("linode", more) == {"data[].carbon_grams: new": "grown"}


def test_a_field_that_is_gone_has_drifted() -> None:
    def less(document: Document) -> None:
        for row in each(document):
            del row["transfer"]

    assert differences("linode", less) == {"data[].transfer: gone": "drifted"}


def test_a_field_of_another_type_has_drifted_and_one_that_may_be_null_has_grown() -> None:
    def texts(document: Document) -> None:
        for row in each(document):
            row["transfer"] = str(row["transfer"])

    def one_null(document: Document) -> None:
        each(document)[0]["transfer"] = None

    def all_null(document: Document) -> None:
        for row in each(document):
            row["transfer"] = None

    assert differences("linode", texts) == {"data[].transfer: numeric text, was number": "drifted"}
    assert differences("linode", one_null) == {"data[].transfer: also null": "grown"}
    assert differences("linode", all_null) == {"data[].transfer: null, was number": "drifted"}


def test_a_source_without_a_price_is_broken() -> None:
    def renamed(document: Document) -> None:
        for row in each(document):
            row["cost"] = row.pop("price")

    found = differences("linode", renamed)
    assert "broken" in found.values()
    assert found["data[].price: gone"] == "drifted"


def test_keys_that_are_data_are_no_fields() -> None:
    prices = {f"model-{number}.x": {"input": 1, "output": 2} for number in range(20)}
    assert set(shape(prices).fields) == {"{}", "{}.input", "{}.output"}
    few = {"input": 1, "output": 2}
    assert set(shape(few).fields) == {"input", "output"}
    # What a recorded shape says holds for answers in which it could not be seen.
    assert set(shape({"only": {"input": 1}}, ["{}", "{}.input"]).fields) == {"{}", "{}.input"}


def test_a_word_counts_where_a_field_has_few_of_them() -> None:
    rows = [
        {"kind": "spot" if number % 2 else "on_demand", "id": f"x{number}"} for number in range(20)
    ]
    fields = shape(rows).as_json()["fields"]
    assert fields["[].kind"]["is_enumeration"]
    assert not fields["[].id"].get("is_enumeration")


def test_a_page_is_known_by_its_columns_prices_and_currencies() -> None:
    page = """<!doctype html><h1>We are great</h1><p>Call us</p>
    <h2>On demand</h2><table><tr><th>GPU</th><th>Price</th></tr><tr><td>H100</td><td>$2.99</td></tr>
    </table>"""
    assert shape_of(payload(page.encode(), "text/html")).anchors == [
        "column GPU",
        "column Price",
        "heading On demand",
        "currency $",
    ]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"{", b"<a>", b"a,b\n1", b"[" * 100_000, b"PK\x03\x04", b"{}" * 9]
)
def test_an_answer_that_cannot_be_read_is_an_error_and_no_crash(content: bytes) -> None:
    for source_id in ("linode", "fred", "nebius", "gpuhunt", "ecb"):
        found = examined(all_sources()[source_id], payload(content), ())
        assert found.error or not found.rows["kept"]


def shape(document: Document, known: list[str] | None = None) -> Any:
    return shape_of(payload(json.dumps(document).encode()), known or [])


def payload(content: bytes, content_type: str = "") -> Payload:
    whole = payloads("linode")[0]
    return replace(whole, content=content, content_type=content_type)
