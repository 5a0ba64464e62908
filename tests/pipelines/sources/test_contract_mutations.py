"""Damage every source's fixture in the ways that price lists are damaged, and check the result.

What a number or a text means is found out, not declared: a number is a price if doubling it
changes an offer's price. A damaged price must end as a held row, as a refusal of the whole
payload (ParseError) or as no row: never as another offer, and never as another exception.
"""

from __future__ import annotations

import copy
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipelines.sources import all_sources
from pipelines.sources.base import ApiPrice, Held, Offer, ParseError, Payload, records

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
NO_PRICES = [None, 0, -1.5, "", "abc", "NaN", "Infinity", "1e400", "€1", True, False, [], {}]
NO_PRICES += ["1_9", "１.９", "1,299.00", "1 299.00", "2.9/mo", {"amount": 2.9}]
NO_PRICES_AS_TEXT = ["", "0", "-1.5", "abc", "NaN", "Infinity", "1e400", "True", "n/a"]
NO_PRICES_AS_TEXT += ["1_9", "1,9", "1 900"]
SPLIT_AMOUNTS = ("units", "nanos")  # Google's halves of one amount: either may rightly be 0
NUMBER = re.compile(r"\d+(?:\.\d+)?")
TEXT_NUMBER = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w-]|\.\d)")
ZIP_START = b"PK"
NEW_NAME = "Zorgon 9000"
PROBES = 120  # numbers of one payload that are tried
PRICES = 4  # of them, prices that are damaged in every way
FIELDS = 40  # values of one payload that take another type: those of its first records
NO_FLAGS: list[object] = ["false", "no", "sold_out", "true", 0, 1, []]
NO_COUNTS = [None, 0, -1, 0.5, "", "abc", True, [], {}, "eight", "8x", "1_6", "８"]
# Zones of one region are one offer there: another zone's printed price may replace it.
MERGES_ZONES = {"gpuhunt"}
Path_ = tuple[Any, ...]  # keys and indices down a JSON document


def fixtures() -> list[tuple[str, int]]:
    """Every payload of every source that has a fixture."""
    return [
        (folder.name, number)
        for folder in sorted(FIXTURES.iterdir())
        if (folder / "payloads.json").is_file() and folder.name in all_sources()
        for number in range(len(json.loads((folder / "payloads.json").read_text())))
    ]


@cache
def payload(source_id: str, number: int) -> Payload:
    entry = json.loads((FIXTURES / source_id / "payloads.json").read_text())[number]
    return Payload(
        source_id=source_id,
        key=entry["key"],
        url=entry["url"],
        content=(FIXTURES / source_id / entry["file"]).read_bytes(),
        sha256="0" * 64,
        seen_at=datetime(2026, 11, 21, tzinfo=UTC),
        content_type=entry.get("content_type", ""),
    )


def read(intact: Payload, content: bytes) -> tuple[list[Offer], int] | None:
    """Return the offers and the number of held rows, or None where the payload is refused."""
    try:
        found = list(
            records(all_sources()[intact.source_id].parse(replace(intact, content=content)))
        )
    except ParseError:
        return None
    held = sum(isinstance(row, Held) for row in found)
    return [row for row in found if isinstance(row, Offer)], held


@cache
def intact_offers(source_id: str, number: int) -> list[Offer]:
    whole = payload(source_id, number)
    found = read(whole, whole.content)
    assert found is not None, "the fixture itself is refused"
    return found[0]


WITH_OFFERS = [case for case in fixtures() if intact_offers(*case)]


def thing(offer: Offer) -> Offer:
    """Return what is offered, whatever it costs."""
    return replace(offer, price_amount=Decimal(1))


def is_changed(name: str, offers: list[Offer], before: list[Offer]) -> bool:
    """Return whether the same offers are there, one at another price or in another count."""
    if name == "gpu_count":
        return len(offers) == len(before) and any(
            one.gpu_count != other.gpu_count and one.price_amount == other.price_amount
            for one, other in zip(offers, before, strict=True)
        )
    things, new = {thing(offer) for offer in before}, [o for o in offers if o not in before]
    return bool(new) and all(thing(offer) in things for offer in new)


def wrong(offers: list[Offer], before: list[Offer], whole: Payload) -> list[Offer]:
    """Return the offers that the damage made up.

    An offer that was not there before may be right: a copy of the damaged one steps forward, or a
    spot price has lost the on-demand price that it equals. Then it is another thing, at a price
    that is printed.
    """
    printed = {Decimal(number) for number in NUMBER.findall(text_of(whole))}
    merges = whole.source_id in MERGES_ZONES
    things = set() if merges else {thing(offer) for offer in before}
    return [
        offer
        for offer in offers
        if offer not in before and (thing(offer) in things or offer.price_amount not in printed)
    ]


def text_of(whole: Payload) -> str:
    """Return the text of a payload; of an archive, that of its first file."""
    if whole.content.startswith(ZIP_START):
        with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
            return archive.read(archive.namelist()[0]).decode()
    return whole.content.decode()


def as_content(text: str, whole: Payload) -> bytes:
    """Return a damaged text as the payload's bytes, archived where the payload is an archive."""
    if not whole.content.startswith(ZIP_START):
        return text.encode()
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive, zipfile.ZipFile(target, "w") as new:
        first, *others = archive.namelist()
        new.writestr(first, text)
        for name in others:
            new.writestr(name, archive.read(name))
    return target.getvalue()


def document_of(whole: Payload) -> Any:
    try:
        return json.loads(whole.content)
    except ValueError:
        return None


def leaves(document: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from leaves(value, (*path, key))
    else:
        yield path, document


def with_leaf(document: Any, path: Path_, change: Callable[[Any, Any], None]) -> bytes:
    """Return the document with one leaf changed; the document itself stays as it is."""
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    before = copy.copy(parent)
    change(parent, path[-1])
    try:
        return json.dumps(document).encode()
    finally:
        parent.clear()
        parent.update(before) if isinstance(parent, dict) else parent.extend(before)


def put(value: Any) -> Callable[[Any, Any], None]:
    return lambda parent, key: parent.__setitem__(key, value)


def doubled(value: Any) -> Any:
    """Return twice the number in a leaf, in the leaf's own spelling, or None if it has none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        match = re.fullmatch(r"(\D{0,3})(\d+(?:\.\d+)?)(\D{0,12})", value)
        return f"{match[1]}{Decimal(match[2]) * 2}{match[3]}" if match else None
    return value * 2 if value else None


JSON_WITH_OFFERS = [case for case in WITH_OFFERS if document_of(payload(*case)) is not None]


@cache
def places(source_id: str, number: int, name: str = "price_amount") -> list[Path_]:
    """Return the places in a JSON payload that hold a price, or a count of GPUs."""
    whole, before = payload(source_id, number), intact_offers(source_id, number)
    document = document_of(whole)
    found = []
    numbers = [(path, value) for path, value in leaves(document) if doubled(value) is not None]
    for path, value in numbers[:PROBES]:
        result = read(whole, with_leaf(document, path, put(doubled(value))))
        if result is not None and is_changed(name, result[0], before):
            found.append(path)
        if len(found) == PRICES:
            break
    return found


@cache
def text_prices(source_id: str, number: int) -> list[str]:
    """Return the numbers of a text payload (CSV, HTML, YAML) that are prices, as printed."""
    whole, before = payload(source_id, number), intact_offers(source_id, number)
    text = text_of(whole)
    found = []
    for printed in list(dict.fromkeys(TEXT_NUMBER.findall(text)))[: 4 * PROBES]:
        result = read(whole, as_content(replaced(text, printed, str(Decimal(printed) * 2)), whole))
        if result is not None and is_changed("price_amount", result[0], before):
            found.append(printed)
        if len(found) == PRICES:
            break
    return found


def replaced(text: str, printed: str, by: str) -> str:
    """Return the text with a number replaced wherever it is a whole word: prices have copies."""
    return TEXT_NUMBER.sub(lambda match: by if match[0] == printed else match[0], text)


def damaged(source_id: str, number: int) -> Iterator[tuple[str, bytes]]:
    whole = payload(source_id, number)
    document = document_of(whole)
    if document is not None:
        for path in places(source_id, number):
            for value in NO_PRICES:
                if value == 0 and path[-1] in SPLIT_AMOUNTS:
                    continue
                yield f"{path} = {value!r}", with_leaf(document, path, put(value))
            yield f"no {path}", with_leaf(document, path, lambda parent, key: parent.pop(key))
    else:
        text = text_of(whole)
        for printed in text_prices(source_id, number):
            for by in NO_PRICES_AS_TEXT:
                yield f"{by!r} for {printed}", as_content(replaced(text, printed, by), whole)


@pytest.mark.parametrize(("source_id", "number"), WITH_OFFERS)
def test_a_damaged_price_is_never_an_offer(source_id: str, number: int) -> None:
    whole, before = payload(source_id, number), intact_offers(source_id, number)
    for what, content in damaged(source_id, number):
        found = read(whole, content)
        if found is not None:
            assert not (made_up := wrong(found[0], before, whole)), f"{what}: {made_up[0]}"


@pytest.mark.parametrize(("source_id", "number"), JSON_WITH_OFFERS)
def test_a_price_as_text_is_the_same_price_or_no_offer(source_id: str, number: int) -> None:
    whole, before = payload(source_id, number), intact_offers(source_id, number)
    document = document_of(whole)
    for path in places(source_id, number):
        (value,) = [value for leaf, value in leaves(document) if leaf == path]
        found = read(whole, with_leaf(document, path, put(str(value))))
        assert found is None or all(offer in before for offer in found[0]), path


@pytest.mark.parametrize(("source_id", "number"), JSON_WITH_OFFERS)
def test_a_damaged_count_is_never_an_offer(source_id: str, number: int) -> None:
    whole, before = payload(source_id, number), intact_offers(source_id, number)
    document = document_of(whole)
    for path in places(source_id, number, "gpu_count"):
        for value in NO_COUNTS:
            found = read(whole, with_leaf(document, path, put(value)))
            made_up = [offer for offer in found[0] if offer not in before] if found else []
            assert not made_up, f"{path} = {value!r}: {made_up[0]}"


@pytest.mark.parametrize(("source_id", "number"), JSON_WITH_OFFERS)
def test_an_unknown_field_changes_nothing(source_id: str, number: int) -> None:
    whole = payload(source_id, number)
    document = document_of(whole)

    def extend(value: Any) -> Any:
        if isinstance(value, list):
            grown = [extend(item) for item in value]
            # Objects of a list are records; other objects may be mappings with free keys.
            return [{**i, "unexpected_field": "x"} if isinstance(i, dict) else i for i in grown]
        if isinstance(value, dict):
            return {key: extend(item) for key, item in value.items()}
        return value

    found = read(whole, json.dumps(extend(document)).encode())
    assert found is not None
    assert found[0] == intact_offers(source_id, number)


@pytest.mark.parametrize(("source_id", "number"), JSON_WITH_OFFERS)
def test_an_emptied_list_brings_no_other_offer(source_id: str, number: int) -> None:
    whole, before = payload(source_id, number), intact_offers(source_id, number)
    document = document_of(whole)
    above = {path[:at] for path, _ in leaves(document) for at in range(len(path))}
    for path in sorted(above, key=str):
        place = document
        for key in path:
            place = place[key]
        if not isinstance(place, list):
            continue
        content = with_leaf(document, path, put([])) if path else b"[]"
        found = read(whole, content)
        if found is not None:
            known = {replace(offer, is_available=None, region=None) for offer in before}
            for offer in found[0]:
                assert replace(offer, is_available=None, region=None) in known, path


@pytest.mark.parametrize(("source_id", "number"), WITH_OFFERS)
def test_a_renamed_gpu_keeps_its_new_name(source_id: str, number: int) -> None:
    whole, before = payload(source_id, number), intact_offers(source_id, number)
    names = {offer.gpu_name_printed for offer in before}
    document = document_of(whole)
    if document is not None:
        contents = [
            with_leaf(document, path, put(NEW_NAME))
            for path, value in leaves(document)
            if isinstance(value, str) and value in names
        ]
    else:
        text = text_of(whole)
        contents = [
            as_content(text.replace(name, NEW_NAME), whole)
            for name in sorted(names)
            if name in text
        ]
    counts = {offer.gpu_count for offer in before}
    for content in contents:
        found = read(whole, content)
        if found is None:
            continue
        for offer in found[0]:
            if offer not in before:
                assert NEW_NAME in f"{offer.gpu_name_printed} {offer.sku}" or not wrong(
                    [offer], [], whole
                ), offer
                assert offer.gpu_count in counts


@pytest.mark.parametrize(("source_id", "number"), JSON_WITH_OFFERS)
def test_no_field_of_another_type_breaks_the_reader_or_names_an_offer(
    source_id: str, number: int
) -> None:
    whole, before = payload(source_id, number), intact_offers(source_id, number)
    document = document_of(whole)
    for path, _ in list(leaves(document))[:FIELDS]:
        for value in (None, [], True):
            found = read(whole, with_leaf(document, path, put(value)))
            for offer in found[0] if found else ():
                if offer not in before:
                    for name in (offer.sku, offer.gpu_name_printed):
                        assert isinstance(name, str), f"{path} = {value!r}"
                        assert not re.search(r"None|True|\[\]", name), f"{path} = {value!r}"


@pytest.mark.parametrize(("source_id", "number"), JSON_WITH_OFFERS)
def test_what_is_no_flag_is_neither_true_nor_false(source_id: str, number: int) -> None:
    """Where true and false are different offers, a word, a number or a list is neither."""
    whole, document = payload(source_id, number), document_of(payload(source_id, number))
    flags = {path[-1]: path for path, value in leaves(document) if isinstance(value, bool)}
    for path in flags.values():

        def offers(value: object, path: Path_ = path) -> set[Offer]:
            found = read(whole, with_leaf(document, path, put(value)))
            return set(found[0]) if found else set()

        decided = offers(True) ^ offers(False)
        if decided:
            for value in NO_FLAGS:
                made_up = offers(value) & decided
                assert not made_up, (path, value, min(map(str, made_up)))


@pytest.mark.parametrize(("source_id", "number"), WITH_OFFERS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[1, 2]",
        b"[[]]",
        b'"text"',
        b"true",
        b"<html><body>Please accept cookies</body></html>",
        b"\xff\xfe\x00",
        b"{" + b'"a":{' * 20_000,
        b"[" * 200_000,
        b"a,b\n1,2\n",
    ],
    ids=[
        "nothing",
        "null",
        "empty-list",
        "empty-object",
        "numbers",
        "lists",
        "text",
        "true",
        "wall",
        "no-utf8",
        "truncated",
        "deep",
        "csv",
    ],
)
def test_another_answer_is_refused_or_gives_nothing(
    source_id: str, number: int, content: bytes
) -> None:
    found = read(payload(source_id, number), content)
    assert found is None or found[0] == []


TOKEN_PRICES = (
    "usd_per_million_input_tokens",
    "usd_per_million_output_tokens",
    "usd_per_million_cache_read_tokens",
)


def token_prices(whole: Payload, content: bytes) -> dict[tuple[Any, ...], Decimal | None] | None:
    """Return every token price by provider, model, variant and field; None if refused."""
    try:
        found = list(records(all_sources()[whole.source_id].parse(replace(whole, content=content))))
    except ParseError:
        return None
    return {
        (
            row.api_provider_id,
            row.api_model_id,
            row.variant,
            row.above_input_tokens,
            row.modality,
            name,
        ): getattr(row, name)
        for row in found
        if isinstance(row, ApiPrice)
        for name in TOKEN_PRICES
    }


@pytest.mark.parametrize(
    ("source_id", "number"),
    [case for case in fixtures() if token_prices(payload(*case), payload(*case).content)],
)
def test_a_damaged_token_price_is_never_a_price(source_id: str, number: int) -> None:
    whole = payload(source_id, number)
    before, document = token_prices(whole, whole.content), document_of(whole)
    assert before
    tried = 0
    for path, value in list(leaves(document))[:PROBES]:
        twice = doubled(value)
        if twice is None or token_prices(whole, with_leaf(document, path, put(twice))) == before:
            continue
        for wrong_value in NO_PRICES:
            if wrong_value == 0 and wrong_value is not False:
                continue  # a free model is a price
            found = token_prices(whole, with_leaf(document, path, put(wrong_value))) or {}
            made_up = {k: v for k, v in found.items() if v not in (None, before.get(k))}
            assert not made_up, f"{path} = {wrong_value!r}: {made_up}"
            tried += 1
    assert tried


def test_the_probe_finds_prices_in_nearly_every_payload() -> None:
    without = [
        case
        for case in WITH_OFFERS
        if not (places(*case) if document_of(payload(*case)) is not None else text_prices(*case))
    ]
    assert len(without) <= len(WITH_OFFERS) / 10, without


def test_the_damage_would_be_seen() -> None:
    before = intact_offers("verda", 0)
    as_number = replace(before[0], price_amount=Decimal(1))  # true read as one
    fallen_back = replace(before[1], price_amount=before[0].price_amount)  # spot from on demand
    assert wrong([as_number], before, payload("verda", 0)) == [as_number]
    assert wrong([fallen_back], before, payload("verda", 0)) == [fallen_back]
    assert wrong(before, before, payload("verda", 0)) == []
