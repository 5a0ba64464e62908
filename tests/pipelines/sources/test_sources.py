"""Every source: a fixture with a reviewed reading, and declarations that hold.

One test a fact, over all sources there are; a new source is covered by adding its folder under
``tests/fixtures/sources``.
"""

from __future__ import annotations

import cProfile
import csv
import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from pipelines.sources import all_sources
from pipelines.sources.base import (
    ApiPrice,
    Fetching,
    Held,
    Offer,
    Payload,
    Request,
    SeriesPoint,
    Source,
    TableRow,
    records,
)
from pipelines.sources.fixtures import fixture_payloads, row_as_json
from warehouse.reference import load_csv

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
OPEN_LICENCES = re.compile(
    r"^(CC-BY-4\.0|CC0-1\.0|MIT|Apache-2\.0|BSD-3-Clause|public domain|free reuse.*)$"
)
TERM_NOT_PRINTED = {"hyperstack"}  # reserved, for no stated time
SOURCES = sorted(all_sources().items())
every_source = pytest.mark.parametrize(
    "source", [pytest.param(source, id=source_id) for source_id, source in SOURCES]
)


def asked(source: Source) -> list[Request]:
    environment = {source.key_environment: "key"} if source.key_environment else {}
    return list(source.requests(Fetching(on=date(2026, 11, 21), environment=environment)))


def natural_key(offer: Offer) -> tuple[Any, ...]:
    return (
        offer.provider_id,
        offer.sku,
        offer.region,
        offer.gpu_count,
        offer.purchase_model,
        offer.commitment_months,
        offer.upfront_fraction,
        offer.market_tier,
        offer.price_basis,
    )


def test_every_fixture_folder_belongs_to_a_source():
    folders = {folder.name for folder in FIXTURES.iterdir() if folder.is_dir()}
    assert folders == set(all_sources())


@every_source
def test_the_fixture_reads_as_reviewed(source: Source):
    folder = FIXTURES / source.source_id
    expected = json.loads((folder / "expected.json").read_text())
    found = [
        row_as_json(row)
        for payload in fixture_payloads(folder, source)
        for row in records(source.parse(payload))
    ]
    assert found == expected


@every_source
def test_a_fixture_keeps_rows_and_its_answers_are_ones_that_are_asked_for(source: Source):
    folder = FIXTURES / source.source_id
    keys = {request.key for request in asked(source)}
    kept = 0
    for payload in fixture_payloads(folder, source):
        assert payload.key in keys or source.follow is not None
        assert urlsplit(payload.url).hostname in source.allowed_hosts
        kept += sum(not isinstance(row, Held) for row in records(source.parse(payload)))
    assert kept > 0


@every_source
def test_offers_are_as_declared_and_one_a_key(source: Source):
    for payload in fixture_payloads(FIXTURES / source.source_id, source):
        offers = [row for row in records(source.parse(payload)) if isinstance(row, Offer)]
        assert [key for key, count in Counter(map(natural_key, offers)).items() if count > 1] == []
        for offer in offers:
            assert offer.price_amount > 0
            assert offer.gpu_count > 0
            assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", offer.provider_id)
            assert re.fullmatch(r"[A-Z]{3}", offer.currency)
            assert source.currency in (None, offer.currency)
            assert source.price_basis in (None, offer.price_basis)
            assert source.price_unit in (None, offer.price_unit)
            if source.source_id not in TERM_NOT_PRINTED:
                assert (offer.purchase_model == "reserved") <= (offer.commitment_months is not None)
            assert (offer.price_unit == "term") <= (offer.commitment_months is not None)
            if offer.gpu_memory_bytes is not None:
                assert 10**9 < offer.gpu_memory_bytes < 10**12, "bytes of ONE GPU"


@every_source
def test_declarations_are_sane(source: Source):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", source.source_id)
    assert source.title and source.credit and source.licence
    for url in (source.homepage_url, source.terms_url):
        assert urlsplit(url).scheme == "https" and "." in (urlsplit(url).hostname or "")
    assert source.parser_version >= 1
    assert len(source.row_of_answer.split()) >= 1, "say what one row of its answer is"
    low, high = source.expected_rows
    assert 0 < low < high
    assert source.cadence_hours > 0 and 0 < source.requests_per_second <= 10
    assert source.allowed_hosts and all("/" not in host for host in source.allowed_hosts)
    if source.disabled_reason is not None:
        assert len(source.disabled_reason) > 20, "say why it is off"


@every_source
def test_only_a_source_that_says_so_reads_the_day(source: Source):
    by_day = [
        [
            row
            for payload in fixture_payloads(FIXTURES / source.source_id, source)
            for row in records(
                source.parse(replace(payload, seen_at=datetime(year, 1, 1, tzinfo=UTC)))
            )
        ]
        for year in (2001, 2101)
    ]
    assert (by_day[0] != by_day[1]) == source.reads_day


@every_source
def test_only_open_licences_may_be_redistributed(source: Source):
    assert source.may_redistribute <= bool(OPEN_LICENCES.match(source.licence))


@every_source
def test_requests_have_unique_keys_and_stay_with_the_declared_hosts(source: Source):
    requests = asked(source)
    assert requests
    keys = [request.key for request in requests]
    assert len(set(keys)) == len(keys)
    for request in requests:
        parts = urlsplit(request.url)
        assert (parts.scheme, parts.username) == ("https", None)
        assert parts.hostname in source.allowed_hosts
        assert "key" not in (parts.query or "").lower().split("=")[0], "keys go in secret_query"


@every_source
def test_a_source_that_sells_says_what_it_holds(source: Source):
    rows = [
        row
        for payload in fixture_payloads(FIXTURES / source.source_id, source)
        for row in records(source.parse(payload))
    ]
    if any(isinstance(row, Offer) for row in rows) and not (
        source.key_environment or source.disabled_reason
    ):
        assert source.known_gpus, "names that a good answer holds, as printed"


def test_wrong_bytes_are_refused_by_every_source_and_never_read_as_an_empty_day():
    wall = b"<!doctype html><html><body><h1>Before you continue</h1></body></html>"
    for source_id, source in SOURCES:
        if source.reads_path:
            continue
        for payload in list(fixture_payloads(FIXTURES / source_id, source))[:1]:
            damaged = Payload(**{**vars(payload), "content": wall})
            with pytest.raises(ValueError, match=source_id):
                list(records(source.parse(damaged)))


def recordings(recorded: Path, source: Source, *, newest: bool) -> Iterator[Payload]:
    """Yield the recorded answers to the requests of a source, as the replay server finds them."""
    lines = (recorded / "payloads/index.csv").read_text(encoding="utf-8").splitlines()
    index = list(csv.DictReader(lines))
    for request in asked(source):
        body = json.dumps(request.json_body) if request.json_body is not None else ""

        def answers(
            url: str, method: str = request.method, body: str = body
        ) -> list[dict[str, str]]:
            return [
                entry
                for entry in index
                if entry["method"] == method
                and unquote(entry["url"]) == unquote(url)
                and entry["body_contains"] in body
            ]

        found = answers(request.url) or answers(request.url.partition("?")[0])
        found.sort(key=lambda entry: entry["as_of"])
        for entry in found[-1:] if newest else found:
            content = (recorded / "payloads" / entry["file"]).read_bytes()
            if entry["file"].endswith(".gz"):
                content = gzip.decompress(content)
            yield Payload(
                source_id=source.source_id,
                key=request.key,
                url=request.url,
                content=content,
                sha256=hashlib.sha256(content).hexdigest(),
                seen_at=datetime.fromisoformat(entry["as_of"]).replace(tzinfo=UTC),
                content_type=entry["content_type"],
            )


# Sources whose recordings are whole enough to count; the others are trimmed to a few rows.
WHOLE = (
    "anycloud_catalog",
    "epoch_hardware",
    "epoch_models",
    "epoch_training_cost",
    "fred",
    "gcp_pricing_yml",
    "genai_prices",
    "gpu_rental_prices",
    "litellm",
    "nebius",
    "oci",
    "openrouter",
    "runpod",
    "scaleway",
    "skypilot_catalog",
    "vast",
)


@pytest.mark.recorded
@pytest.mark.parametrize("source_id", WHOLE)
def test_newest_recordings_give_the_expected_rows_and_known_gpus(source_id: str, recorded: Path):
    source = all_sources()[source_id]
    rows = [
        row for p in recordings(recorded, source, newest=True) for row in records(source.parse(p))
    ]
    kept = [row for row in rows if not isinstance(row, Held)]
    low, high = source.expected_rows
    assert low <= len(kept) <= high
    printed = {row.gpu_name_printed for row in kept if isinstance(row, Offer)}
    assert source.known_gpus <= printed


# The most function calls that reading one byte may take. Up to 4 MB, the recordings take 0.004 to
# 5; work that grows faster than the payload would take thousands.
MOST_CALLS_PER_BYTE = 20


@pytest.mark.recorded
@pytest.mark.parametrize("source_id", [*WHOLE, "aws", "azure"])
def test_every_recording_is_read_with_one_offer_a_key(source_id: str, recorded: Path):
    source = all_sources()[source_id]
    for payload in recordings(recorded, source, newest=False):
        work = cProfile.Profile()
        rows = work.runcall(lambda payload=payload: list(records(source.parse(payload))))
        calls = sum(entry.callcount for entry in work.getstats())
        assert calls <= MOST_CALLS_PER_BYTE * len(payload.content), payload.where()
        offers = Counter(natural_key(row) for row in rows if isinstance(row, Offer))
        assert [key for key, count in offers.items() if count > 1] == [], payload.where()
        prices = Counter(
            (
                row.api_provider_id,
                row.api_model_id,
                row.variant,
                row.above_input_tokens,
                row.modality,
            )
            for row in rows
            if isinstance(row, ApiPrice)
        )
        assert [key for key, count in prices.items() if count > 1] == [], payload.where()


@every_source
def test_rows_are_of_the_declared_kind(source: Source):
    kinds = {
        "offer": Offer,
        "api_price": ApiPrice,
        "series_point": SeriesPoint,
        "table_row": TableRow,
    }
    rows = [
        row
        for payload in fixture_payloads(FIXTURES / source.source_id, source)
        for row in records(source.parse(payload))
        if not isinstance(row, Held)
    ]
    assert {type(row) for row in rows} == {kinds[source.record_kind]}


def test_every_declared_break_is_of_a_source() -> None:
    declared = {row["source_id"] for row in load_csv("method_breaks")}
    assert declared and declared <= all_sources().keys()


@pytest.mark.recorded
@pytest.mark.parametrize("source_id", all_sources())
def test_answers_may_be_four_times_the_largest_recorded(source_id: str, recorded: Path) -> None:
    source = all_sources()[source_id]
    largest = max((len(p.content) for p in recordings(recorded, source, newest=False)), default=0)
    assert source.max_bytes >= 4 * largest


def test_answers_of_over_64_mebibytes_are_rare() -> None:
    large = {name for name, source in SOURCES if source.max_bytes > 64 * 2**20}
    assert large == {"aws_bulk", "vantage"}
