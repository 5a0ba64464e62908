"""Files that hold their own history: their parts, and what each part says."""

from __future__ import annotations

import csv
import importlib
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.sources import all_sources
from pipelines.sources.base import Held, Offer, OutOfScope, ParseError, records
from pipelines.sources.cloud_gpus import provider
from pipelines.sources.fixtures import fixture_payloads
from pipelines.sources.providers import provider_id
from warehouse.reference import load_csv

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
DATED = ("aws_p5_history", "epoch_hardware_prices", "gpu_market_intel", "gpu_pricing_tracker")


def whole(source_id):
    [payload] = fixture_payloads(FIXTURES / source_id, all_sources()[source_id])
    return payload


def moments(source_id):
    return list(importlib.import_module(f"pipelines.sources.{source_id}").moments(whole(source_id)))


def offers(source_id, part):
    payload = whole(source_id)
    rows = records(all_sources()[source_id].parse(replace(payload, key=f"{payload.key}@{part}")))
    return [row for row in rows if isinstance(row, Offer)]


@pytest.mark.parametrize("source_id", DATED)
def test_every_part_has_offers_and_the_parts_are_in_order(source_id):
    found = moments(source_id)
    days = [moment.at.date() for moment in found]
    assert days == sorted(days)
    assert len({moment.part for moment in found}) == len(found) > 1
    assert all(offers(source_id, moment.part) for moment in found)


@pytest.mark.parametrize("source_id", DATED)
def test_a_part_that_is_not_there_is_never_another_part(source_id):
    try:
        assert offers(source_id, "1999-01-01") == []
    except ParseError as error:
        assert "no row of 1999-01-01" in str(error)


def test_the_last_priced_reading_of_a_day_stands():
    assert [moment.part for moment in moments("aws_p5_history")] == [
        "2025-04-23T18:52:57",
        "2025-06-04T07:41:10",
        "2025-06-05T19:40:01",
    ]


def test_a_change_of_collector_ends_one_series_and_begins_another():
    found = moments("gpu_pricing_tracker")
    assert {moment.scope for moment in found if moment.part.startswith("2026-05-07")} == {
        "getdeploying.com"
    }
    new = {moment.scope for moment in found if moment.part.startswith("2026-05-08")}
    assert new == {"getdeploying.com", "lambda.ai", "console.vast.ai"}
    for moment in found:
        for offer in offers("gpu_pricing_tracker", moment.part):
            assert offer.sku.endswith(f"via {moment.scope}")


def test_repeated_rows_count_once_and_variants_are_told_apart_by_price():
    found = offers("gpu_market_intel", "2026-03-11 04:17:38")
    assert [(o.sku, o.purchase_model, str(o.price_amount)) for o in found] == [
        ("H200 #1", "spot", "1.9368"),
        ("H100 #1", "on_demand", "1.99"),
        ("H100 #2", "on_demand", "2.69"),
    ]


def test_an_epoch_reading_covers_its_own_series_only():
    scopes = {moment.part: moment.scope for moment in moments("epoch_hardware_prices")}
    assert len(scopes) == 3 and len(set(scopes.values())) == 2
    part = next(part for part in scopes if part.startswith("2024-09-01"))
    [offer] = offers("epoch_hardware_prices", part)
    assert (offer.provider_id, str(offer.price_amount), offer.gpu_count) == ("lambda", "2.99", 8)
    assert offer.source_time == datetime(2024, 9, 1, tzinfo=UTC)


def test_a_time_that_is_none_is_refused():
    payload = whole("aws_p5_history")
    damaged = replace(payload, content=payload.content.replace(b"2025-06-04T07", b"2025-06-04X"))
    with pytest.raises(ParseError, match="is not a time"):
        list(records(all_sources()["aws_p5_history"].parse(damaged)))


def test_the_rows_of_aws_are_held_where_its_v100_has_a_spot_price():
    rows = list(records(all_sources()["cloud_gpus"].parse(whole("cloud_gpus"))))
    held = [row for row in rows if isinstance(row, Held)]
    assert {row.rule for row in held} == {"purchase_model_unknown"}
    assert "aws" not in {row.provider_id for row in rows if isinstance(row, Offer)}


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("Amazon AWS", "aws"),
        ("Google Cloud Platform (GCP)", "gcp"),
        ("Microsoft Azure", "azure"),
        ("Lambda Cloud", "lambda"),
        ("Oracle Cloud", "oci"),
        ("RunPod", "runpod"),
        ("Vast.ai", "vast"),
        ("FluidStack (code CGPUCOMP50)", "fluidstack"),
        ("Cudo Compute", "cudo"),
        ("Salad", "salad"),
        ("SaladCloud", "salad"),
        ("Atlantic.Net", "atlanticnet"),
    ],
)
def test_clouds_have_the_ids_of_the_other_sources(printed, expected):
    assert provider(printed) == expected


def test_one_seller_has_one_id_whatever_a_list_calls_it() -> None:
    for names, expected in (
        (("Oblivus", "Oblivus Cloud", "OblivusCloud"), "oblivus"),
        (("ACE", "ACE Cloud", "AceCloud"), "acecloud"),
        (("RunC", "RunC.AI", "runc.ai"), "runcai"),
    ):
        assert {provider_id(name) for name in names} == {expected}
        assert {provider(name) for name in names} == {expected}


def test_every_seller_of_the_hand_kept_lists_is_known() -> None:
    known = {row["provider_id"] for row in load_csv("providers")}
    assert {"acecloud", "cr8dl", "novonimbus", "oblivus", "runcai"} <= known


def test_who_rents_databases_is_no_gpu_cloud() -> None:
    payload, parse = whole("epoch_hardware_prices"), all_sources()["epoch_hardware_prices"].parse
    printed = next(row.printed for row in parse(payload) if isinstance(row.found[0], Offer))
    lines = io.StringIO()
    writer = csv.DictWriter(lines, printed.keys())
    writer.writeheader()
    writer.writerows([printed, {**printed, "Vendor": "Databricks"}])
    rows = list(parse(replace(payload, content=lines.getvalue().encode())))
    assert [type(row.found[0]) for row in rows] == [Offer, OutOfScope]
