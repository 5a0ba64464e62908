"""One test for each way in which a naive reading of a list of offers is wrong.

Each takes the fixture of the source, or a line of it changed, and fails on the naive reading that
its name denies. The numbers are those that were printed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml

from pipelines.sources import all_sources
from pipelines.sources.base import (
    Fetching,
    Held,
    Offer,
    ParseError,
    Payload,
    Request,
    Row,
)
from tests.pipelines.sources.saved import (
    GIB,
    changed,
    csv_rows,
    held,
    offers,
    payloads,
    prices,
    read,
    rows,
)

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
    # The row of the ND series is in the answer for NV too.
    assert prices("azure", key="nv") == ["3.2"]


def test_azure_names_are_read_in_any_case_and_with_spaces_around():
    found = {o.region: (o.sku, str(o.price_amount)) for o in offers("azure") if "H200" in o.sku}
    assert found["koreacentral"] == ("Standard_ND96isr_H200_v5", "115.1")
    assert found["koreasouth"] == ("Standard_ND96isr_H200_v5", "115.2")


def test_an_azure_name_that_begins_with_no_series_is_held_and_not_dropped():
    names = [row.row["armSkuName"] for row in held("azure", "instance_type_unknown")]
    assert "Old_Standard_ND96isr_H100_v5" in names


def test_an_azure_price_that_has_ended_is_held():
    (row,) = held("azure", "expired")
    assert (row.row["armRegionName"], row.reason) == (
        "uksouth",
        "held until 2026-03-31, before the capture",
    )
    assert prices("azure", region="ukwest") == ["118.4"]  # ends after the capture


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


# --- placeholders, zeros, and unknown spot prices


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
    parts = {row.row["AcceleratorName"] for row in held("anycloud_catalog", "gpu_without_host")}
    assert parts == {"T4", "A100-80GB"}


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
    assert {offer.gpu_memory_bytes for offer in found} == {40 * GIB, 80 * GIB}
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
        said = {o.is_available for o in offers(source_id) if o.provider_id != "seeweb"}
        assert said == {None}


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


def test_the_floor_of_an_auction_is_no_price():
    (answer, *_) = payloads("vast")
    assert b'"min_bid"' in answer.content
    assert offers("vast", purchase_model="spot") == []


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
    assert (before.seen_at.date(), after.seen_at.date()) == (
        date(2026, 11, 21),
        date(2026, 12, 2),
    )

    def price(payload: Payload) -> list[tuple[str, str]]:
        return sold([row for row in read(payload) if getattr(row, "sku", "") == "NVIDIA HGX H100"])

    assert price(before) == [("on_demand", "2.95"), ("spot", "0.85")]
    assert price(after) == [("on_demand", "3.85"), ("spot", "0.85")]


def test_from_and_on_request_are_no_prices():
    assert {row.reason.split(":")[0] for row in held("nebius", "price_from")} == {
        "NVIDIA HGX B300",
        "NVIDIA L40S with AMD CPU",
        "NVIDIA L40S with Intel CPU",
    }
    assert len(held("nebius", "price_on_request")) == 3


def test_preemptible_and_on_demand_columns_are_found_by_their_heads():
    (_, _, script) = payloads("nebius")
    found = {row.purchase_model: row for row in read(script) if isinstance(row, Offer)}
    assert str(found["on_demand"].price_amount) == "4.50"
    assert str(found["spot"].price_amount) == "2.45"


def nebius(*tables: list[list[str]]) -> list[Row]:
    """Return the rows of a page of tables, each with its header first."""
    (page, *_) = payloads("nebius")
    lines = [
        ["<p>" + "".join(f"<b>{cell}</b>" for cell in line) + "</p>" for line in table]
        for table in tables
    ]
    html = "".join(f"<section>{''.join(table)}</section>" for table in lines)
    return read(replace(page, content=f"<html><body>{html}</body></html>".encode()))


def sold(found: list[Row]) -> list[tuple[str, str]]:
    return [(r.purchase_model, str(r.price_amount)) for r in found if isinstance(r, Offer)]


FIRM = [["Item", "On-demand, GPU-hour"], ["NVIDIA HGX H100", "$3.85"]]


def test_spot_prices_in_a_table_of_their_own_are_spot():
    spot = [["Item", "Spot price, GPU-hour*"], ["NVIDIA HGX H100", "$0.85"]]
    assert sold(nebius(FIRM, spot)) == [("on_demand", "3.85"), ("spot", "0.85")]
    assert sold(nebius(spot, FIRM)) == [("spot", "0.85"), ("on_demand", "3.85")]
    # The column of a coming price names no way to buy: it has that of its table.
    spot = [["Item", "Spot, GPU-hour", "GPU-hour (Effective Nov 1, 2026)"], ["H100", "$1", "$2"]]
    assert sold(nebius(FIRM, spot)) == [("on_demand", "3.85"), ("spot", "2")]


@pytest.mark.parametrize(
    "header", ["Reserved, GPU-hour", "3-month commitment, GPU-hour", "GPU-hour (Effective 1 May)"]
)
def test_a_column_whose_way_to_buy_is_not_known_is_no_price_on_demand(header: str):
    found = nebius([[*FIRM[0], header], [*FIRM[1], "$2.15"]])
    assert sold(found) == [("on_demand", "3.85")]
    assert [row.rule for row in found if isinstance(row, Held)] == ["kind_unknown"]


def test_a_line_with_other_cells_than_the_header_is_held():
    found = nebius([*FIRM, ["NVIDIA HGX H200", "new", "$4.50"]])
    assert sold(found) == [("on_demand", "3.85")]
    assert [row.rule for row in found if isinstance(row, Held)] == ["shape_changed"]


def test_a_page_without_its_table_is_refused():
    (page, *_) = payloads("nebius")
    with pytest.raises(ParseError, match="no on-demand GPU-hour column"):
        read(replace(page, content=b"<html><body><h2>GPUs</h2></body></html>"))
