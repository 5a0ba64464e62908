"""One test for each way in which a naive reading of a table is wrong.

Each takes the fixture of the source, or a line of it changed, and fails on the naive reading that
its name denies. The numbers are those that were printed.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.sources import all_sources
from pipelines.sources.base import (
    ApiPrice,
    Fetching,
    Held,
    Offer,
    ParseError,
    Request,
    SeriesPoint,
    TableRow,
)
from pipelines.sources.instance_types import AWS, AZURE, GCP, instance_type
from tests.pipelines.sources.saved import (
    csv_rows,
    held,
    offers,
    payloads,
    prices,
    read,
    rows,
)

# --- CSV in the wild


def test_azures_surplus_field_is_a_second_generation_and_shifts_nothing():
    found = offers("anycloud_catalog", "azure", sku="Standard_NC12s_v3")
    assert {(o.region, o.gpu_count) for o in found} == {("australiaeast", 2)}
    assert sorted(str(o.price_amount) for o in found) == ["1.564886", "8.468"]


def test_a_surplus_field_that_is_no_generation_is_held():
    (row,) = held("anycloud_catalog", "wrong_field_count")
    assert "11 fields under 10 columns" in row.reason


def test_columns_are_found_by_name_and_not_by_place():
    assert prices("skypilot_catalog", "runpod", sku="1x_H100-SXM_COMMUNITY") == ["2.69", "1.5"]


def test_a_catalogue_without_a_needed_column_is_refused():
    with pytest.raises(ParseError, match="Price"):
        csv_rows("skypilot_catalog", "nebius", "InstanceType,AcceleratorName,Region\nx,H100,eu\n")


def test_epoch_text_stays_as_printed_and_empty_is_null():
    (first, second) = [row for row in rows("epoch_hardware") if isinstance(row, TableRow)]
    assert first.values["Notes"] == "Two lines\nof notes, with a comma"
    assert second.values["Memory (bytes)"] is None
    assert (first.row_key, second.row_key) == (
        "NVIDIA H100 SXM5 80GB",
        "NVIDIA H100 SXM5 80GB #2",
    )


def test_a_mark_in_front_of_the_bytes_is_no_part_of_a_column():
    chips = [row for row in rows("epoch_training_cost", "chips") if isinstance(row, TableRow)]
    assert chips[0].values["Hardware name"] == "Google TPU v4"


def test_a_table_of_2024_is_read_under_its_old_names():
    (payload,) = payloads("epoch_training_cost", "models")
    text = payload.text().replace("Model,", "System,", 1)
    (row,) = read(replace(payload, content=text.encode()))
    assert isinstance(row, TableRow) and row.row_key == "Acme-1"


def test_a_fred_month_without_a_value_is_no_point_and_never_zero():
    points = [row for row in rows("fred") if isinstance(row, SeriesPoint)]
    assert [(p.series_id, p.on) for p in points if p.value == 0] == []
    assert date(1978, 12, 1) not in {p.on for p in points}


def test_a_fred_answer_for_another_series_is_refused():
    (payload,) = payloads("fred", "PCU518210518210")
    with pytest.raises(ParseError, match="still CPIAUCSL"):
        read(replace(payload, key="CPIAUCSL"))


def test_euro_rates_are_units_for_one_euro():
    (point, *_) = [row for row in rows("ecb", "daily") if isinstance(row, SeriesPoint)]
    assert (point.series_id, point.unit, str(point.value)) == (
        "ecb_usd_per_eur",
        "USD/EUR",
        "1.1523",
    )


def test_an_entity_in_the_rates_is_not_expanded():
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "1.5">]><a><b rate="x">&e;</b></a>'
    (payload, *_) = payloads("ecb")
    with pytest.raises(ParseError, match="document type"):
        read(replace(payload, content=bomb))


def test_gcp_without_zones_is_refused_because_hosts_and_gpus_cannot_meet():
    text = "InstanceType,AcceleratorName,AcceleratorCount,Price,Region\na2-highgpu-1g,,,0.7,us\n"
    with pytest.raises(ParseError, match="AvailabilityZone"):
        csv_rows("anycloud_catalog", "gcp", text)


def test_a_full_page_of_scaleway_has_a_next_one():
    source = all_sources()["scaleway"]
    (payload,) = payloads("scaleway", "pl-waw-2")
    request = Request(key="pl-waw-2", url=payload.url)
    assert source.follow is not None and source.follow(request, payload) == []
    servers = {f"DEV1-{number}": {"gpu": None} for number in range(100)}
    full = replace(payload, content=json.dumps({"servers": servers}).encode())
    (second,) = source.follow(request, full)
    (third,) = source.follow(second, full)
    assert [(r.key, r.url[-7:]) for r in (second, third)] == [
        ("pl-waw-2:2", "&page=2"),
        ("pl-waw-2:3", "&page=3"),
    ]


def test_azures_filter_is_one_that_its_api_reads():
    (nc, *_) = all_sources()["azure"].requests(Fetching(on=date(2026, 11, 21)))
    assert "?$filter=serviceName%20eq%20%27Virtual%20Machines%27%20and%20" in nc.url
    assert "+" not in nc.url


# --- prices of tokens


def api_prices(source_id: str) -> dict[tuple[str, str | None], ApiPrice]:
    found = [row for row in rows(source_id) if isinstance(row, ApiPrice)]
    return {
        (price.api_model_id, price.variant): price
        for price in found
        if price.above_input_tokens is None and price.modality is None
    }


def conditions(source_id: str, model: str) -> dict[tuple[str | None, int | None, str | None], str]:
    """Return input and output price by variant, length and modality."""
    return {
        (price.variant, price.above_input_tokens, price.modality): (
            f"{price.usd_per_million_input_tokens} {price.usd_per_million_output_tokens}"
        )
        for price in rows(source_id)
        if isinstance(price, ApiPrice) and price.api_model_id == model
    }


def test_prices_per_token_become_prices_per_million():
    assert api_prices("openrouter")["acme/acme-1", None].usd_per_million_input_tokens == Decimal(
        "0.7"
    )
    batch = api_prices("litellm")["together_ai/acme-1", "batch"]
    assert (batch.usd_per_million_input_tokens, batch.usd_per_million_output_tokens) == (
        Decimal("1.25"),
        Decimal(5),
    )


def test_prices_per_million_stay_as_they_are():
    assert api_prices("genai_prices")["acme-1", None].usd_per_million_output_tokens == 15


def test_a_router_has_no_price_and_free_is_a_variant():
    assert len(held("openrouter", "price_varies")) == 1
    assert ("acme/acme-1:free", "free") in api_prices("openrouter")
    assert ("glm-4.5-flash", "free") in api_prices("genai_prices")


@pytest.mark.parametrize(
    ("source_id", "model", "expected"),
    [
        ("genai_prices", "acme-tiered", {
            (None, None, None): "5 25", (None, 200_000, None): "10 37.5",
            (None, None, "audio"): "7 None"}),
        ("litellm", "dashscope/acme-tiered", {
            (None, None, None): "0.05 0.4", (None, 256_000, None): "0.25 2"}),
        ("litellm", "vertex_ai/acme-2", {
            (None, None, None): "1 2", (None, 200_000, None): "2 3",
            ("priority", None, None): "2 4", ("priority", 200_000, None): "4 6",
            (None, None, "audio"): "5 None"}),
        ("openrouter", "acme/acme-1", {
            (None, None, None): "0.7 2.8", (None, 200_000, None): "1.4 4.2",
            (None, None, "audio"): "1 None"}),
    ],
)  # fmt: skip
def test_each_condition_of_a_price_is_a_row(source_id: str, model: str, expected: dict[Any, str]):
    def plain(prices: str) -> list[Decimal | None]:
        return [None if text == "None" else Decimal(text) for text in prices.split()]

    found = conditions(source_id, model)
    assert {key: plain(text) for key, text in found.items()} == {
        key: plain(text) for key, text in expected.items()
    }


def test_a_condition_that_nobody_knows_is_held():
    assert len(held("openrouter", "condition_unknown")) == 1


def test_the_plain_price_is_that_of_short_prompts():
    assert api_prices("genai_prices")["acme-tiered", None].usd_per_million_input_tokens == 5
    tiered = api_prices("litellm")["dashscope/acme-tiered", None]
    assert tiered.usd_per_million_output_tokens == Decimal("0.4")


def test_of_dated_prices_the_one_in_force_is_taken():
    price = api_prices("genai_prices")["acme-dated", None]
    assert (price.usd_per_million_input_tokens, price.price_from) == (2, date(2025, 6, 10))
    assert len(held("genai_prices", "not_yet_effective")) == 1


def test_of_prices_by_the_hour_the_dearer_is_the_list_price():
    found = api_prices("genai_prices")
    assert found["acme-hours", None].usd_per_million_output_tokens == Decimal("1.1")
    assert found["acme-hours", "off_peak"].usd_per_million_output_tokens == Decimal("0.55")


def test_the_example_of_the_format_is_no_model_and_true_is_no_price():
    assert not [name for name, _ in api_prices("litellm") if name == "sample_spec"]
    (row,) = held("litellm", "price_not_a_number")
    assert row.row["model"] == "acme-bool"


# --- the table of instance types


def test_instance_types_are_spelled_once_and_held_by_known_counts():
    for cloud, families in (("aws", AWS), ("azure", AZURE), ("gcp", GCP)):
        sizes = [size for family in families.values() for size in family.counts]
        if cloud == "azure":
            assert len(set(sizes)) == len(sizes)
        for key, family in families.items():
            assert 8 <= family.gibibytes <= 288, key
            assert all(0 < count <= 16 for count in family.counts.values()), key


@pytest.mark.parametrize(
    ("cloud", "name", "gpu", "count"),
    [
        ("aws", "p2.16xlarge", "K80", 16),
        ("aws", "p4de.24xlarge", "A100-SXM4-80GB", 8),
        ("aws", "inf2.24xlarge", "Inferentia2", 6),
        ("azure", "Standard_ND128isr_NDR_GB200_v6", "GB200", 4),
        ("gcp", "a2-megagpu-16g", "nvidia-tesla-a100", 16),
        ("gcp", "g2-standard-48", "nvidia-l4", 4),
    ],
)
def test_what_an_instance_type_holds(cloud, name, gpu, count):
    found = instance_type(cloud, name)
    assert found is not None
    assert (found.gpu, found.gpu_count) == (gpu, count)


# --- the recordings themselves


@pytest.mark.recorded
def test_the_27141_azure_rows_of_11_fields_are_read(recorded: Path):
    path = recorded / "payloads/anycloud_catalog/azure/2026-05-20.csv.gz"
    content = gzip.decompress(path.read_bytes())
    (payload,) = payloads("anycloud_catalog", "azure")
    found = read(replace(payload, content=content))
    assert not [row for row in found if isinstance(row, Held) and row.rule == "wrong_field_count"]
    lines = [line.split(",") for line in content.decode().splitlines()]
    assert sum(len(line) == 11 for line in lines) == 27_141
    machines = {o.sku for o in found if isinstance(o, Offer)}
    wide = {line[0] for line in lines if len(line) == 11 and line[1] == "V100"}
    assert wide and wide <= machines
    regions = {o.region for o in found if isinstance(o, Offer)}
    assert len(regions) > 30 and not {r for r in regions if r in {"V1", "V2"} or r.isdigit()}


@pytest.mark.recorded
def test_gcp_blocks_of_the_whole_file_are_what_yaml_reads(recorded: Path):
    path = recorded / "payloads/gcp_pricing_yml/2026-07-30.yml.gz"
    content = gzip.decompress(path.read_bytes())
    whole = yaml.load(content, Loader=yaml.CSafeLoader)["compute"]["instance"]
    (payload,) = payloads("gcp_pricing_yml")
    found = [o for o in read(replace(payload, content=content)) if isinstance(o, Offer)]
    on_demand = {(o.sku, o.region): o for o in found if o.purchase_model == "on_demand"}
    expected = {
        (name, region): Decimal(str(cost["hour"]))
        for name, machine in whole.items()
        if (known := instance_type("gcp", name)) is not None and known.is_whole
        for region, cost in machine["cost"].items()
    }
    assert {key: offer.price_amount for key, offer in on_demand.items()} == expected
    for (name, _), offer in on_demand.items():
        (printed,) = [
            count
            for key, count in whole[name].items()
            if key not in {"cost", "cpu", "ram", "local-ssd", "type"}
        ]
        assert printed == offer.gpu_count
