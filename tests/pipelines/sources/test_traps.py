"""One test for each way in which a naive reading of the first sources is wrong.

Each takes the source's own fixture (or a line of it, changed), and fails on the naive reading that
its name denies. The numbers are those that were really printed.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.commands.sources import fixture_payloads
from pipelines.sources import all_sources
from pipelines.sources.base import (
    ApiPrice,
    Fetching,
    Held,
    Offer,
    ParseError,
    Payload,
    Request,
    Row,
    SeriesPoint,
    TableRow,
)
from pipelines.sources.instance_types import AWS, AZURE, GCP, instance_type

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
GIB = 2**30


def payloads(source_id: str, key: str = "") -> list[Payload]:
    source = all_sources()[source_id]
    found = list(fixture_payloads(FIXTURES / source_id, source))
    return [payload for payload in found if not key or payload.key == key]


def read(payload: Payload) -> list[Row]:
    return list(all_sources()[payload.source_id].parse(payload))


def rows(source_id: str, key: str = "") -> list[Row]:
    return [row for payload in payloads(source_id, key) for row in read(payload)]


def offers(source_id: str, key: str = "", **wanted: object) -> list[Offer]:
    found = [row for row in rows(source_id, key) if isinstance(row, Offer)]
    return [o for o in found if all(getattr(o, name) == value for name, value in wanted.items())]


def prices(source_id: str, key: str = "", **wanted: object) -> list[str]:
    return [str(offer.price_amount) for offer in offers(source_id, key, **wanted)]


def held(source_id: str, rule: str, key: str = "") -> list[Held]:
    return [row for row in rows(source_id, key) if isinstance(row, Held) and row.rule == rule]


def changed(source_id: str, change: Callable[[Any], object], key: str = "") -> list[Row]:
    (payload, *_) = payloads(source_id, key)
    document = json.loads(payload.content)
    change(document)
    return read(replace(payload, content=json.dumps(document).encode()))


def csv_rows(source_id: str, key: str, text: str) -> list[Row]:
    (payload, *_) = payloads(source_id, key)
    return read(replace(payload, content=text.encode()))


# --- what a price is the price of


@pytest.mark.parametrize(
    ("source_id", "sku", "basis", "count", "amount"),
    [
        ("aws", "p5.48xlarge", "instance", 8, "55.0400000000"),  # text, not a number
        ("vast", "32302-x8", "instance", 8, "15.36"),
        ("scaleway", "H100-SXM-2-80G", "instance", 2, "6.6198"),
        ("runpod", "NVIDIA H100 80GB HBM3", "gpu", 1, "2.99"),
        ("oci", "B98415", "gpu", 1, "10"),
        ("nebius", "NVIDIA HGX B300", "gpu", 1, "6.10"),
    ],
)
def test_an_instance_is_priced_whole_and_a_gpu_alone(source_id, sku, basis, count, amount):
    offer = offers(source_id, sku=sku)[0]
    assert (offer.price_basis, offer.gpu_count, str(offer.price_amount)) == (basis, count, amount)


def test_feed_prices_are_per_gpu_also_where_eight_must_be_rented():
    (offer,) = offers("gpu_rental_prices", provider_id="aws", purchase_model="on_demand")
    assert (offer.price_basis, offer.gpu_count) == ("gpu", 8)


def test_scaleway_bills_euros_that_it_does_not_label():
    assert {offer.currency for offer in offers("scaleway")} == {"EUR"}


def test_an_azure_reservation_is_the_price_of_the_whole_term():
    reserved = offers("azure", purchase_model="reserved")
    assert [(o.price_unit, o.commitment_months, str(o.price_amount)) for o in reserved] == [
        ("term", 12, "551221.0"),
        ("term", 36, "1134310.0"),
    ]


def test_gcp_commitments_are_billed_by_the_month_with_nothing_up_front():
    reserved = offers("gcp_pricing_yml", purchase_model="reserved")
    assert [(o.price_unit, o.commitment_months, o.upfront_fraction) for o in reserved] == [
        ("month", 12, 0),
        ("month", 36, 0),
    ]


def test_runpod_months_are_reserved_prices_per_gpu_and_hour():
    reserved = offers("runpod", purchase_model="reserved")
    assert [(o.commitment_months, o.price_unit) for o in reserved] == [
        (3, "hour"),
        (6, "hour"),
        (12, "hour"),
    ]


def test_runpod_lowest_price_of_a_pod_is_never_a_price_of_a_gpu():
    assert "21.52" not in prices("runpod")


# --- rows that are something else


@pytest.mark.parametrize(
    ("rule", "amount"),
    [
        ("windows", "125.35"),
        ("low_priority", "23.594"),
        ("dev_test", "54.39"),
        ("government_region", "117.98"),
        ("price_placeholder", "0.01"),
        ("superseded", "97.0"),
        ("not_yet_effective", "120.0"),
        ("term_unknown", "4000000.0"),
    ],
)
def test_azure_rows_that_are_no_plain_linux_machine_are_held(rule, amount):
    assert [str(row.row["retailPrice"]) for row in held("azure", rule)] == [amount]
    assert amount not in prices("azure")


def test_azure_cloud_services_and_secondary_meters_are_held():
    assert len(held("azure", "look_alike")) == len(held("azure", "not_primary_meter")) == 1
    assert offers("azure", region="northeurope") == []


def test_azure_low_priority_is_not_spot():
    assert prices("azure", purchase_model="spot") == ["18.17"]


def test_an_azure_answer_without_its_filter_is_read_once():
    # The row of the ND series stands in the answer for NV too.
    assert prices("azure", key="nv") == ["3.2"]


def test_azure_follows_the_link_to_the_next_page_under_a_key_of_its_own():
    source = all_sources()["azure"]
    (first,) = payloads("azure", "nd")
    request = Request(key="nd", url=first.url)
    assert source.follow is not None
    (second,) = source.follow(request, first)
    assert (second.key, "skip=1000" in second.url) == ("nd:2", True)
    assert source.follow(second, payloads("azure", "nv")[0]) == []
    assert len(read(replace(first, key=second.key))) == len(read(first))


def test_azure_spot_falls_with_the_price_it_is_compared_with():
    def without_price(document: Any) -> None:
        document["Items"][0]["retailPrice"] = None

    found = changed("azure", without_price, key="nd")
    assert [row.rule for row in found if isinstance(row, Held) and row.rule == "price_in_doubt"]
    assert not [o for o in found if isinstance(o, Offer) and o.purchase_model == "spot"]


@pytest.mark.parametrize(
    "name", ["H100T", "AI Enterprise", "VMware", "Roving Edge", "Cloud@Customer"]
)
def test_oci_look_alikes_are_held(name):
    assert [row for row in held("oci", "look_alike") if name in row.reason]


def test_an_unknown_oci_part_is_held_and_not_guessed_from_its_name():
    (row,) = held("oci", "part_unknown")
    assert "Z900" in row.reason


def test_oci_prices_in_another_currency_are_not_read_as_dollars():
    assert "5.5" not in prices("oci")


def test_serverless_is_not_rent_and_a_gpu_without_its_machine_no_offer():
    assert [row.row["provider"] for row in held("gpu_rental_prices", "serverless")] == ["modal"]
    assert [row.row["gpu"] for row in held("gpu_rental_prices", "gpu_without_host")] == ["h100"]
    assert prices("gpu_rental_prices", provider_id="gcp") == ["16.11"]  # the A4 slice is whole


def test_community_secure_and_spot_are_told_apart():
    tiers = {(o.sku, o.market_tier) for o in offers("gpu_rental_prices", provider_id="runpod")}
    assert ("h100-pcie-80gb", "marketplace_secure") in tiers
    assert ("h100-pcie-80gb", "marketplace_community") in tiers


def test_two_cards_under_one_name_are_two_offers():
    def twice(document: Any) -> None:
        first = document["offers"][0]
        document["offers"].append({**first, "usd_hr": 11.1})

    found = [row for row in changed("gpu_rental_prices", twice) if isinstance(row, Offer)]
    skus = [o.sku for o in found if o.provider_id == "aws" and o.purchase_model == "on_demand"]
    assert skus == ["h100-sxm-80gb-x8", "h100-sxm-80gb-x8-2"]


def test_a_feed_row_is_as_old_as_its_fetch_and_not_as_the_feed():
    (old,) = offers("gpu_rental_prices", sku="h100-pcie-80gb", market_tier="marketplace_community")
    assert old.source_time == datetime(2026, 8, 7, 6, 45, 18, 230000, tzinfo=UTC)


def test_a_renamed_cloud_keeps_one_id():
    assert offers("gpu_rental_prices", provider_id="verda") and not offers(
        "gpu_rental_prices", provider_id="datacrunch"
    )


# --- placeholders, zeros, and spot that nobody knows


def test_runpods_half_dollar_stands_on_models_that_are_not_offered():
    assert len(held("runpod", "price_placeholder")) == 5
    assert "0.5" not in prices("runpod")


def test_a_real_half_dollar_is_kept():
    def one(document: Any) -> None:
        document["data"]["gpuTypes"][0]["communityPrice"] = 0.5
        del document["data"]["gpuTypes"][4:]

    found = [row for row in changed("runpod", one) if isinstance(row, Offer)]
    assert Decimal("0.5") in {offer.price_amount for offer in found}


def test_a_tier_that_is_switched_off_has_no_price():
    (row,) = held("runpod", "not_offered")
    assert row.row["id"] == "AMD Instinct MI300X OAM"


def test_zero_means_not_offered():
    skus = {offer.sku: offer.market_tier for offer in offers("runpod")}
    assert skus["NVIDIA GeForce RTX 3070"] == "marketplace_community"


@pytest.mark.parametrize("source_id", ["runpod", "azure", "skypilot_catalog", "anycloud_catalog"])
def test_spot_equal_to_on_demand_is_held(source_id):
    assert held(source_id, "spot_equals_on_demand")
    on_demand = {
        (o.sku, o.region, o.market_tier, o.price_amount)
        for o in offers(source_id, purchase_model="on_demand")
    }
    for spot in offers(source_id, purchase_model="spot"):
        assert (spot.sku, spot.region, spot.market_tier, spot.price_amount) not in on_demand


def test_mithrils_one_dollar_on_every_gpu_is_held():
    assert len(held("skypilot_catalog", "price_placeholder", "mithril")) == 2
    assert offers("skypilot_catalog", "mithril") == []


def test_tpu_v6e_at_700_dollars_whatever_its_size_is_held():
    assert len(held("anycloud_catalog", "price_placeholder", "gcp")) == 4
    assert prices("anycloud_catalog", "gcp", gpu_name_printed="v6e") == ["2.7"]


def test_a_catalogue_spot_of_zero_is_unknown_and_not_free():
    assert offers("skypilot_catalog", "vast", purchase_model="spot") == []
    assert not [row for row in held("skypilot_catalog", "price_zero", "vast")]


def test_a_catalogue_price_of_zero_is_held():
    (row,) = held("skypilot_catalog", "price_zero", "nebius")
    assert row.row["AcceleratorName"] == "B300"


def test_aws_machines_sold_as_capacity_blocks_only_have_no_hourly_price():
    (row,) = held("aws", "price_zero")
    assert row.row["Instance Type"] == "p6e-gb200.36xlarge"


def test_aws_prices_with_software_in_them_are_held():
    (row,) = held("aws", "licensed_software")
    assert row.row["Pre Installed S/W"] == "SQL Std"


# --- hosts without their GPUs, GPUs without a host


def test_gcp_machine_and_gpus_make_one_price():
    (offer,) = offers("anycloud_catalog", "gcp", sku="a2-highgpu-1g", purchase_model="on_demand")
    assert offer.price_amount == Decimal("0.73948") + Decimal("2.933908")
    assert (offer.gpu_count, offer.region) == (1, "us-central1")


def test_gcp_a4_prices_the_machine_in_the_gpu_row():
    (offer,) = offers("anycloud_catalog", "gcp", sku="a4-highgpu-8g", purchase_model="on_demand")
    assert (str(offer.price_amount), offer.gpu_count) == ("64.44", 8)


def test_gcp_machines_without_gpus_and_gpus_without_a_machine_are_held():
    hosts = {row.row["InstanceType"] for row in held("anycloud_catalog", "host_without_gpu")}
    assert hosts == {"a3-megagpu-8g", "a2-ultragpu-1g"}
    (part,) = held("anycloud_catalog", "gpu_without_host")
    assert part.row["AcceleratorName"] == "T4"


def test_a_gcp_region_that_prices_the_host_alone_is_held():
    (row,) = held("gcp_pricing_yml", "host_without_gpu")
    assert (row.row["region"], row.row["hour"]) == ("northamerica-northeast2", 0.814)


def test_zero_is_no_gcp_spot_price_and_licences_are_no_machines():
    assert prices("gcp_pricing_yml", region="us-west1") == ["3.673385"]
    assert "0.1296" not in prices("gcp_pricing_yml")


def test_gcp_blocks_cut_from_the_text_are_what_yaml_reads():
    (payload,) = payloads("gcp_pricing_yml")
    whole = yaml.safe_load(payload.text())["compute"]["instance"]
    for offer in offers("gcp_pricing_yml", purchase_model="on_demand"):
        cost = whole[offer.sku]["cost"][offer.region]
        assert Decimal(str(cost["hour"])) == offer.price_amount
    families = ("a2-", "a9-", "g4-")
    read_or_held = {row.row["machine_type"] for row in rows("gcp_pricing_yml") if is_held(row)}
    read_or_held |= {offer.sku for offer in offers("gcp_pricing_yml")}
    assert read_or_held == {name for name in whole if name.startswith(families)}


def is_held(row: Row) -> bool:
    return isinstance(row, Held)


# --- fractions, slices, counts, memory


@pytest.mark.parametrize(
    ("source_id", "key", "name"),
    [
        ("aws", "", "g6f.large"),
        ("azure", "", "NV6ads_A10_v5"),
        ("gcp_pricing_yml", "", "g4-standard-12"),
        ("skypilot_catalog", "aws", "g6f.large"),
        ("anycloud_catalog", "azure", "NV6ads_A10_v5"),
        ("anycloud_catalog", "azure", "NV8as_v4"),  # printed as one whole MI25
    ],
)
def test_a_share_of_a_gpu_is_never_a_gpu(source_id, key, name):
    assert [row for row in held(source_id, "fractional_gpu", key) if name in row.reason]
    assert not [offer for offer in offers(source_id, key) if name in offer.sku]


def test_a_mig_slice_is_never_a_gpu():
    assert len(held("runpod", "mig_slice")) == 1
    assert not [offer for offer in offers("runpod") if "MIG" in offer.gpu_name_printed]


def test_a_share_of_vasts_machine_is_still_a_whole_gpu():
    (one,) = offers("vast", "H100 SXM", sku="32302-x1", purchase_model="on_demand")
    assert (one.gpu_count, str(one.price_amount)) == (1, "1.92")  # gpu_frac is 0.125


def test_a_wrong_count_is_held_against_the_table_of_instance_types():
    (row,) = held("skypilot_catalog", "gpu_count_disagrees")
    assert row.row["InstanceType"] == "inf2.24xlarge"  # holds 6, printed 12


def test_unknown_instance_types_are_held_and_cpu_machines_are_no_rows():
    assert [row.row["Instance Type"] for row in held("aws", "instance_type_unknown")] == [
        "g9.24xlarge"
    ]
    everything = [row.row for row in rows("aws") if isinstance(row, Held)]
    assert "m5.large" not in {row["Instance Type"] for row in everything}


def test_azure_nc_h100_is_the_94_gigabyte_nvl_card():
    offer = offers("anycloud_catalog", sku="Standard_NC40ads_H100_v5")[0]
    assert (offer.gpu_name_printed, offer.gpu_memory_bytes) == ("H100 NVL", 94 * GIB)


def test_a_gpu_that_azures_catalogue_does_not_name_is_known_by_its_machine():
    offer = offers("anycloud_catalog", sku="Standard_ND96is_MI300X_v5")[0]
    assert (offer.gpu_name_printed, offer.gpu_count) == ("MI300X", 8)


def test_the_vast_catalogue_prints_the_memory_of_all_gpus_together():
    found = offers("skypilot_catalog", "vast", gpu_name_printed="A100 SXM4")
    assert [offer.gpu_memory_bytes for offer in found] == [40 * GIB, 80 * GIB]
    assert len({offer.sku for offer in found}) == 2


def test_the_vast_catalogue_loses_names_that_its_instances_keep():
    names = {offer.gpu_name_printed for offer in offers("skypilot_catalog", "vast")}
    assert "RTX 4060 Ti" in names and "RTX4060" not in names
    assert offers("anycloud_catalog", "vast")[0].gpu_name_printed == "H100 NVL"


def test_runpods_catalogue_writes_gigabytes_where_it_says_mebibytes():
    found = offers("skypilot_catalog", "runpod", gpu_name_printed="A100-80GB")
    assert [offer.gpu_memory_bytes for offer in found] == [80 * GIB]


def test_form_factors_are_taken_from_the_name_of_the_machine():
    found = {offer.sku: offer.form_factor for offer in offers("anycloud_catalog", "lambda")}
    assert found["gpu_1x_h100_pcie"] == "PCIe"
    assert found["gpu_8x_h100_sxm5"] == "SXM"


def test_scaleways_h100_without_sxm_is_the_pcie_card():
    (offer,) = offers("scaleway", sku="H100-1-80G")
    assert (offer.gpu_name_printed, offer.form_factor) == ("H100-PCIe", "PCIe")


@pytest.mark.parametrize(
    ("slice_name", "chips"),
    [("tpu-v2-8", 4), ("tpu-v2-32", 16), ("tpu-v5litepod-4", 4), ("tpu-v5p-8", 4)],
)
def test_a_tpu_slice_counts_cores_or_chips_by_its_version(slice_name, chips):
    assert {offer.gpu_count for offer in offers("anycloud_catalog", sku=slice_name)} == {chips}


def test_an_unknown_tpu_version_is_held():
    (row,) = held("anycloud_catalog", "tpu_unknown")
    assert row.row["AcceleratorName"] == "tpu-v9-8"


# --- copies


def test_one_price_in_every_region_is_one_offer_without_a_region():
    (lambda_h100,) = offers("anycloud_catalog", "lambda", sku="gpu_1x_h100_pcie")
    assert lambda_h100.region is None
    (runpod_a100,) = offers("skypilot_catalog", "runpod", sku="1x_A100-80GB_SECURE")
    assert runpod_a100.region is None  # printed in four zones


def test_a_price_of_one_region_keeps_its_region():
    (offer,) = offers("anycloud_catalog", "lambda", sku="gpu_1x_a10")
    assert offer.region == "us-west-1"


def test_regions_with_prices_of_their_own_stay_apart():
    text = (
        "InstanceType,AcceleratorName,AcceleratorCount,Price,Region\n"
        "x,H100,8,20.0,us-1\nx,H100,8,21.0,eu-1\n"
    )
    found = [row for row in csv_rows("skypilot_catalog", "nebius", text) if isinstance(row, Offer)]
    assert {(o.region, str(o.price_amount)) for o in found} == {("us-1", "20.0"), ("eu-1", "21.0")}


def test_zones_of_a_region_are_one_offer_but_aws_spot_is_priced_by_zone():
    assert [o.sku for o in offers("skypilot_catalog", "aws", purchase_model="on_demand")] == [
        "p5.48xlarge"
    ]
    assert sorted(prices("skypilot_catalog", "aws", purchase_model="spot")) == ["20.1", "22.2"]


def test_a_list_price_says_nothing_of_availability():
    for source_id in ("aws", "azure", "oci", "scaleway", "gcp_pricing_yml", "skypilot_catalog"):
        assert {offer.is_available for offer in offers(source_id)} == {None}


def test_runpods_stock_is_that_of_the_secure_cloud_it_was_asked_for():
    found = offers("runpod", sku="NVIDIA H100 80GB HBM3", purchase_model="on_demand")
    assert {offer.market_tier: offer.is_available for offer in found} == {
        "marketplace_secure": True,
        "marketplace_community": None,
    }


# --- Vast


def test_unverified_hosts_are_held():
    (row,) = held("vast", "host_unverified")
    assert row.row["machine_id"] == 59377


def test_the_disk_is_not_part_of_the_price_and_does_not_hide_a_zero():
    assert "1.93" not in prices("vast")  # dph_total with 0.01 of disk
    (row,) = held("vast", "price_zero")
    assert row.row["dph_total"] == Decimal("0.01")


def test_a_total_that_its_parts_deny_is_held():
    (row,) = held("vast", "price_parts_disagree")
    assert row.row["dph_total"] == 2000


def test_a_winning_bid_above_on_demand_is_held():
    (row,) = held("vast", "spot_not_below_on_demand")
    assert row.row["machine_id"] == 23948


def test_vast_offers_belong_to_the_request_for_their_name():
    assert {o.gpu_name_printed for o in offers("vast", "H100 NVL")} == {"H100 NVL"}
    assert rows("vast", "RTX 4090") == []


def test_vast_is_asked_name_by_name_within_its_limit():
    requests = all_sources()["vast"].requests(Fetching(on=date(2026, 11, 21)))
    assert len(requests) > 20
    for request in requests:
        assert request.json_body["gpu_name"] == {"in": [request.key]}
        assert request.json_body["limit"] <= 64


def test_one_machine_and_size_is_one_offer():
    def twice(document: Any) -> None:
        document["offers"].append({**document["offers"][0], "id": 1, "dph_base": 99.0})

    found = changed("vast", twice, key="H100 SXM")
    assert [row.rule for row in found if isinstance(row, Held)].count("duplicate") == 1
    assert len([row for row in found if isinstance(row, Offer)]) == len(offers("vast", "H100 SXM"))


# --- dates


def test_a_price_of_next_month_is_not_todays():
    (before, after, _) = payloads("nebius")
    assert (before.captured_at.date(), after.captured_at.date()) == (
        date(2026, 11, 21),
        date(2026, 12, 2),
    )

    def price(payload: Payload) -> list[str]:
        return [
            str(row.price_amount)
            for row in read(payload)
            if isinstance(row, Offer) and row.sku == "NVIDIA HGX H100"
        ]

    assert price(before) == ["2.95"]
    assert price(after) == ["3.85"]


def test_from_and_on_request_are_no_prices():
    assert {row.reason.split(":")[0] for row in held("nebius", "price_from")} == {
        "NVIDIA L40S with AMD CPU",
        "NVIDIA L40S with Intel CPU",
    }
    assert len(held("nebius", "price_on_request")) == 3


def test_preemptible_and_on_demand_columns_are_found_by_their_heads():
    (_, _, script) = payloads("nebius")
    found = {row.purchase_model: row for row in read(script) if isinstance(row, Offer)}
    assert str(found["on_demand"].price_amount) == "4.50"
    assert str(found["spot"].price_amount) == "2.45"


def test_a_page_without_its_table_is_refused():
    (page, *_) = payloads("nebius")
    with pytest.raises(ParseError, match="NVIDIA GPU Instances"):
        read(replace(page, content=b"<html><body><h2>GPUs</h2></body></html>"))


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
    with pytest.raises(ParseError, match="no day of rates"):
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
    return {(price.api_model_id, price.variant): price for price in found}


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


def test_of_prices_by_length_the_base_is_taken():
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
