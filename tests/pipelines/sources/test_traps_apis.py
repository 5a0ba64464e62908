"""One test for each way in which a naive reading of a provider's API is wrong.

Each case takes the source's own fixture, names the row, and says what the naive reading would
give: the test fails on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.sources import all_sources
from pipelines.sources.base import (
    Fetching,
    Held,
    Offer,
    ParseError,
    Payload,
    Request,
    Row,
    TableRow,
    records,
)
from tests.pipelines.sources.saved import changed

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
GIB = 2**30


def payloads(source_id: str) -> list[Payload]:
    folder = FIXTURES / source_id
    return [
        Payload(
            source_id=source_id,
            key=entry["key"],
            url=entry["url"],
            content=(folder / entry["file"]).read_bytes(),
            sha256="0" * 64,
            seen_at=datetime(2026, 11, 21, tzinfo=UTC),
        )
        for entry in json.loads((folder / "payloads.json").read_text())
    ]


def rows(source_id: str) -> list[Row]:
    source = all_sources()[source_id]
    return [row for payload in payloads(source_id) for row in records(source.parse(payload))]


def offers(source_id: str, **wanted: object) -> list[Offer]:
    found = [row for row in rows(source_id) if isinstance(row, Offer)]
    return [o for o in found if all(getattr(o, name) == value for name, value in wanted.items())]


def held(source_id: str, rule: str) -> list[Held]:
    return [row for row in rows(source_id) if isinstance(row, Held) and row.rule == rule]


def with_document(source_id: str, change: Callable[[object], None], number: int = 0) -> list[Row]:
    payload = payloads(source_id)[number]
    document = json.loads(payload.content)
    change(document)
    changed = Payload(**{**vars(payload), "content": json.dumps(document).encode()})
    return list(records(all_sources()[source_id].parse(changed)))


@pytest.mark.parametrize(
    ("source_id", "sku", "usd"),
    [
        ("shadeform", "lambdalabs/H100_sxm5x8/gpu_8x_h100_sxm5", "23.92"),  # 2392 cents
        ("cloudrift", "rtx49-14c-kn.2", "0.78"),
        ("lambda_api", "gpu_8x_h100_sxm5", "23.92"),
        ("hot_aisle_api", "MI300X/8/104", "15.92"),
        ("hyperbolic", "8/H100-SXM/ethernet/bare-metal", "11.92"),
    ],
)
def test_cents_are_dollars_over_a_hundred_for_the_whole_instance(source_id, sku, usd):
    (offer,) = offers(source_id, sku=sku)
    assert (offer.price_amount, offer.currency) == (Decimal(usd), "USD")
    assert (offer.price_basis, offer.gpu_count > 1) == ("instance", True)


def test_ovh_prices_are_hundred_millionths_of_the_books_currency():
    (french,) = offers("ovh", sku="l40s-90.consumption/FR")
    (american,) = offers("ovh", sku="h100-380.consumption/US")
    assert (french.price_amount, french.currency) == (Decimal("1.4"), "EUR")
    assert (american.price_amount, american.currency) == (Decimal("2.99"), "USD")


def test_ovh_training_is_sold_by_the_minute():
    found = {offer.currency: offer for offer in offers("ovh", price_unit="minute")}
    assert (found["EUR"].price_amount, found["EUR"].gpu_count) == (Decimal("0.046"), 1)
    assert found["USD"].price_amount == Decimal("0.051")  # the American book prints no interval


def test_ovh_prices_for_several_hours_are_held():
    (row,) = held("ovh", "unit_unknown")
    assert row.reason == "priced by 24 'hour'"


def test_ovh_plans_that_are_coming_soon_cannot_be_had():
    (soon,) = offers("ovh", sku="a10-45.consumption/US")
    assert soon.is_available is False


def test_ovh_windows_monthly_and_cpu_plans_are_no_offers():
    assert {offer.sku.split(".")[0] for offer in offers("ovh")} == {
        "a10-45",
        "l40s-90",
        "l4-180",
        "ai-training",
        "h100-380",
    }


def test_ovh_monthly_pricings_of_a_plan_by_the_hour_are_no_offers():
    assert {offer.price_unit for offer in offers("ovh")} == {"hour", "minute"}


def test_ovh_without_its_currency_is_refused():
    with pytest.raises(ParseError, match="currency"):
        with_document("ovh", lambda document: document.pop("locale"))


def test_seeweb_prices_are_euros_though_nothing_says_so():
    assert {offer.currency for offer in offers("seeweb_api")} == {"EUR"}


def test_seeweb_counts_and_sizes_are_text():
    (offer,) = offers("seeweb_api", sku="ECS2GPU3")
    assert (offer.gpu_count, offer.memory_bytes) == (2, 240 * GIB)  # 245760 MiB


def test_prices_as_text_are_numbers():
    (offer,) = offers("verda", sku="8H100.80S.176V", purchase_model="on_demand")
    assert offer.price_amount == Decimal("17.52")


def test_a_dollar_sign_is_read_and_its_absence_is_held():
    (offer,) = offers("mithril")
    assert offer.price_amount == Decimal("12.80")
    (without,) = held("mithril", "currency_unknown")
    assert without.row["last_instance_price"] == "16.00"


def test_mithril_auctions_get_their_gpus_from_the_type_they_were_asked_for():
    first, second = payloads("mithril")
    source = all_sources()["mithril"]
    (request,) = source.requests(Fetching(on=date(2026, 11, 21), environment={source_key(): "k"}))
    (follow_up,) = source.follow(request, first)
    assert (follow_up.key, follow_up.url) == (second.key, second.url)
    assert dict(follow_up.secret_headers) == dict(request.secret_headers)


def source_key() -> str:
    return str(all_sources()["mithril"].key_environment)


@pytest.mark.parametrize(
    ("source_id", "sku", "one_gpu_bytes"),
    [
        ("verda", "8H100.80S.176V", 80 * 10**9),  # 640 GB in the answer
        ("digitalocean_api", "gpu-mi300x8-1536gb", 192 * GIB),  # 1536 GiB
        ("vultr", "vcg-l40s-32c-360g-96vram", 48 * 10**9),  # 96 GB
        ("cloudrift", "rtx49-14c-kn.2", None),  # total or per GPU is not said
    ],
)
def test_total_memory_is_not_that_of_one_gpu(source_id, sku, one_gpu_bytes):
    assert {offer.gpu_memory_bytes for offer in offers(source_id, sku=sku)} == {one_gpu_bytes}


def test_vultr_counts_gpus_by_memory_and_holds_slices():
    (two,) = offers("vultr", sku="vcg-l40s-32c-360g-96vram")
    assert two.gpu_count == 2
    (slice_of_a100,) = held("vultr", "fractional_gpu")
    assert slice_of_a100.row["id"] == "vcg-a100-1c-6g-4vram"


def test_vultr_holds_a_card_whose_memory_is_not_known():
    unknown, unreadable = held("vultr", "gpu_count_unknown")
    assert unknown.row["gpu_type"] == "NVIDIA_X900"
    assert unreadable.row["gpu_brand"] == "AMD"


def test_vultr_names_the_gpu_of_a_plan_of_whole_cards_in_its_id_only():
    (a40,) = offers("vultr", sku="vcg-a40-20c-100g-48vram")
    assert (a40.gpu_name_printed, a40.gpu_count, a40.gpu_memory_bytes) == (
        "NVIDIA_A40",
        1,
        48 * 10**9,
    )


def test_vultr_bare_metal_counts_stand_in_the_plans_id():
    counts = {o.sku: o.gpu_count for o in offers("vultr") if o.sku.startswith("vbm-")}
    assert counts == {"vbm-256c-2048gb-8-mi300x-gpu": 8, "vbm-72c-480gb-gh200-gpu": 1}


def test_vultr_prices_that_cannot_be_had_are_held():
    assert not offers("vultr", sku="vcg-l40s-32c-360g-96vram", purchase_model="spot")
    assert not offers("vultr", sku="vbm-256c-2048gb-8-mi300x-gpu", purchase_model="on_demand")
    assert [row.reason for row in held("vultr", "not_offered")] == [
        "deploy_preemptible is false",  # of plans with GPUs
        "deploy_ondemand is false",
        "deploy_ondemand is false",  # of bare metal
    ]


def test_vultr_locations_may_be_dearer():
    found = offers("vultr", sku="vcg-a100-12c-120g-80vram", purchase_model="on_demand")
    assert {o.region: o.price_amount for o in found} == {
        "ewr": Decimal("2.397"),
        "sjc": Decimal("2.637"),
    }


def test_vultr_follows_the_cursor():
    request = Request(key="plans/1", url="https://api.vultr.com/v2/plans?type=all&per_page=500")
    page = payloads("vultr")[0]
    assert all_sources()["vultr"].follow(request, page) == ()
    content = page.content.replace(b'"next": ""', b'"next": "bmV4dA=="')
    (second,) = all_sources()["vultr"].follow(
        request, Payload(**{**vars(page), "content": content})
    )
    assert second.url.endswith("&cursor=bmV4dA==")


@pytest.mark.parametrize("source_id", ["aws_spot", "aws_bulk"], ids=["spot", "reserved"])
def test_aws_shares_of_a_gpu_are_held(source_id):
    assert len(held(source_id, "fractional_gpu")) == 1
    assert not [offer for offer in offers(source_id) if offer.sku.startswith("g6f")]


def test_aws_spot_regions_carry_their_present_names():
    assert {offer.region for offer in offers("aws_spot")} == {"us-east-1", "eu-central-1"}


def test_aws_spot_not_offered_is_no_price_and_no_fault():
    assert not offers("aws_spot", sku="p5.48xlarge", region="eu-central-1")
    assert not held("aws_spot", "price_not_a_number")


def test_aws_spot_is_linux_and_whole_instance():
    (offer,) = offers("aws_spot", sku="g6.12xlarge")
    assert (offer.price_amount, offer.gpu_count) == (Decimal("1.7218"), 4)


def test_aws_spot_in_another_currency_is_refused():
    with pytest.raises(ParseError, match="USD"):
        with_document("aws_spot", lambda d: d["config"].update(currencies=["CNY"]))


def test_interruption_bands_are_read_from_their_labels():
    found = {
        row.row_key: row.values for row in rows("aws_spot_advisor") if isinstance(row, TableRow)
    }
    assert set(found) == {
        "us-east-1|p5.48xlarge|Linux",
        "us-east-1|g6e.4xlarge|Linux",
        "eu-west-1|g5.xlarge|Linux",
    }
    g5 = found["eu-west-1|g5.xlarge|Linux"]
    assert (g5["interruption_low_percent"], g5["interruption_high_percent"]) == ("5", "10")
    (unknown,) = held("aws_spot_advisor", "band_unknown")
    assert "g6e.4xlarge|Windows" in unknown.row["key"]


def test_reserved_prices_spread_what_is_paid_at_the_start():
    one_year = {
        (o.upfront_fraction, o.price_unit): o.price_amount
        for o in offers("aws_bulk", sku="p5.48xlarge/standard", commitment_months=12)
    }
    assert one_year == {
        (Decimal(0), "hour"): Decimal("41.61"),
        (Decimal("0.500082"), "term"): Decimal(170_000) + Decimal("19.4") * 8760,
    }
    (three_years,) = offers("aws_bulk", commitment_months=36, price_unit="term")
    assert (three_years.price_amount, three_years.upfront_fraction) == (Decimal(620_000), 1)


def test_capacity_blocks_windows_and_dedicated_hosts_are_no_reservations():
    amounts = {offer.price_amount for offer in offers("aws_bulk")}
    assert not amounts & {Decimal(60), Decimal(44), Decimal(0)}


def test_an_upfront_fee_without_its_hourly_rate_is_held():
    (half,) = held("aws_bulk", "price_missing")
    assert half.row["instance_type"] == "g6.2xlarge"


def test_the_bulk_list_is_found_below_its_disclaimer_and_read_from_disk(tmp_path):
    (payload,) = payloads("aws_bulk")
    lines = payload.content.decode().splitlines(keepends=True)
    path = tmp_path / "index.csv"
    path.write_text("".join(lines[1:]))  # one line of disclaimer less
    on_disk = Payload(**{**vars(payload), "content": b"", "path": path})
    assert list(records(all_sources()["aws_bulk"].parse(on_disk))) == rows("aws_bulk")


def test_a_renamed_column_of_the_bulk_list_is_named():
    (payload,) = payloads("aws_bulk")
    content = payload.content.replace(b'"PurchaseOption"', b'"Purchase Option"')
    with pytest.raises(ParseError, match="PurchaseOption"):
        list(
            records(
                all_sources()["aws_bulk"].parse(Payload(**{**vars(payload), "content": content}))
            )
        )


def test_googles_machine_is_the_sum_of_its_parts():
    (smallest,) = offers("gcp_billing", sku="g2-standard-4")
    # 0.56004 + 4 x 0.02499 + 16 x 0.00293
    assert smallest.price_amount == Decimal("0.70688")
    (largest,) = offers("gcp_billing", sku="g2-standard-96")
    assert (largest.gpu_count, largest.price_amount) == (8, Decimal("8.00448"))


def test_a_gpu_without_its_machine_is_held():
    reasons = [row.reason for row in held("gcp_billing", "sum_incomplete")]
    assert reasons == [
        "Ram not priced for Nvidia L4 in us-central1",  # spot has no memory price here
        "host not priced for Nvidia Tesla T4 in us-central1",
        "host not priced for Nvidia H100 80GB in us-central1",
    ]


def test_commitments_dws_and_licences_are_not_machines():
    printed = [row.row["description"] for row in rows("gcp_billing") if isinstance(row, Held)]
    assert not [text for text in printed if "Commitment" in text or "DWS" in text]
    assert {offer.gpu_name_printed for offer in offers("gcp_billing")} == {
        "Nvidia L4",
        "A4 Nvidia B200 (1 gpu slice)",
    }


def test_a_spot_slice_is_spot_whatever_its_usage_type_says():
    prices = {o.purchase_model: o.price_amount for o in offers("gcp_billing", sku="a4-highgpu-8g")}
    assert prices == {"on_demand": Decimal(116), "spot": Decimal(42)}


def test_google_pages_are_summed_together_when_they_are_joined():
    (payload,) = payloads("gcp_billing")
    skus = json.loads(payload.content)["skus"]
    pages = json.dumps([{"skus": skus[:1]}, {"skus": skus[1:]}]).encode()
    source = all_sources()["gcp_billing"]
    joined = list(records(source.parse(Payload(**{**vars(payload), "content": pages}))))
    assert joined == rows("gcp_billing")
    first_page = json.dumps({"skus": skus[:1]}).encode()
    (alone,) = records(source.parse(Payload(**{**vars(payload), "content": first_page})))
    assert isinstance(alone, Held)


@pytest.mark.parametrize(
    ("source_id", "sku", "sum_usd", "gpu_alone_usd"),
    [
        ("cudo", "sapphire-rapids-h100/nvidia-h100", "2.2980", "2.25"),  # + 4 vCPU + 8 GiB
        ("daytona", "H100", "4.50", "3.1"),  # + 8 vCPU + 100 GiB
        ("tensordock", "loc-1/h100-sxm5-80gb", "2.294", "2.25"),  # + 4 vCPU + 16 GB
    ],
)
def test_parts_billed_beside_the_gpu_belong_to_the_price(source_id, sku, sum_usd, gpu_alone_usd):
    offer = offers(source_id, sku=sku)[0]
    assert offer.price_amount == Decimal(sum_usd) > Decimal(gpu_alone_usd)


@pytest.mark.parametrize(
    ("source_id", "rule"),
    [("cudo", "sum_incomplete"), ("tensordock", "price_missing"), ("daytona", "price_missing")],
)
def test_a_sum_with_a_missing_part_is_held(source_id, rule):
    assert len(held(source_id, rule)) == 1


@pytest.mark.parametrize("part", ["minVcpuPerGpu", "maxVcpuPerMemoryGib"])
@pytest.mark.parametrize("printed", [-1, 0, None, "many"])
def test_a_part_of_a_sum_that_is_no_positive_number_lowers_no_price(part, printed):
    def change(document):
        for row in document["machineTypes"]:
            row[part] = printed

    found = changed("cudo", change)
    assert found and all(isinstance(row, Held) for row in found)


def test_prime_intellect_holds_what_the_price_does_not_cover():
    found = held("prime_intellect", "sum_incomplete")
    assert [(row.row["cloudId"], row.reason) for row in found] == [
        ("h100-parts", "vcpu and memory billed beside the price"),
        ("NVIDIA H100 80GB HBM3", "vcpu billed beside the price"),
    ]
    assert [row.row["cloudId"] for row in held("prime_intellect", "term_unknown")] == [
        "b200-prepaid"
    ]


def test_prime_intellects_null_beside_null_comes_with_the_node():
    (offer,) = offers("prime_intellect", provider_id="runpod")
    assert (offer.price_amount, offer.is_available) == (Decimal("2.61"), True)


def test_aggregators_name_the_cloud_that_owns_the_machine():
    assert {o.provider_id for o in offers("prime_intellect")} == {
        "lambda",
        "massedcompute",
        "runpod",
        "verda",
    }
    assert {o.provider_id for o in offers("shadeform")} == {"hyperstack", "lambda"}
    assert {all_sources()[name].kind for name in ("prime_intellect", "shadeform")} == {"feed"}


def test_hyperstacks_list_price_is_not_the_accounts_own():
    (offer,) = offers("hyperstack_api", sku="RTX-A6000")
    assert offer.price_amount == Decimal("0.50")  # 0.40 with this account's discount


def test_hyperstack_spot_is_the_same_gpu():
    (spot,) = offers("hyperstack_api", purchase_model="spot")
    assert (spot.gpu_name_printed, spot.price_amount) == ("H100-80G-PCIe", Decimal("1.52"))


def test_hyperstack_cpu_and_network_lines_are_no_gpus():
    assert not [row for row in rows("hyperstack_api") if "vCPU" in str(row) or "Public" in str(row)]


def test_akash_takes_the_median_not_the_average():
    (offer,) = offers("akash", gpu_name_printed="rtx4090")
    assert offer.price_amount == Decimal("0.38")


def test_akash_tells_apart_cards_of_one_name():
    cards = {(o.gpu_name_printed, o.gpu_memory_bytes, o.form_factor) for o in offers("akash")}
    assert {("h100", 80 * GIB, "SXM5"), ("a100", 40 * GIB, "PCIe")} <= cards


def test_a_card_has_one_name_however_many_an_instance_holds():
    assert {offer.gpu_name_printed for offer in offers("verda")} == {"1x H100 SXM5 80GB"}


def test_lium_node_that_is_rented_whole_is_not_offered_by_the_gpu():
    assert [o.gpu_count for o in offers("lium", region="FR-IDF")] == [8]
    assert [(o.gpu_count, o.is_available) for o in offers("lium", region="US-TX")] == [
        (1, True),
        (8, False),  # five are free
    ]


def test_lium_node_that_does_not_say_its_least_is_offered_whole():
    def forget(document: object) -> None:
        for node in document["nodes"]:
            node["min_rentable_gpu_count"] = None

    found = with_document("lium", forget)
    assert [o.gpu_count for o in found if isinstance(o, Offer) and o.region == "US-TX"] == [8]


def test_lium_price_of_a_node_in_the_field_of_a_gpu_is_held():
    (wrong,) = held("lium", "price_disagrees")
    assert wrong.row["id"] == "n-4"


def test_lium_spot_can_be_taken_back():
    (offer,) = offers("lium", purchase_model="spot")
    assert offer.market_tier == "marketplace_community"


def test_linode_regions_may_be_dearer():
    prices = {o.region: o.price_amount for o in offers("linode", sku="g2-gpu-rtx4000a1-s")}
    assert prices == {
        None: Decimal("0.52"),
        "id-cgk": Decimal("0.62"),
        "br-gru": Decimal("0.73"),
    }


def test_a_video_transcoder_is_no_gpu():
    assert not [row for row in rows("linode") if "NETINT" in str(row)]


@pytest.mark.parametrize("source_id", ["verda", "linode"])
def test_a_count_that_contradicts_the_text_is_held(source_id):
    def more(document: object) -> None:
        listed = document["data"] if isinstance(document, dict) else document
        for row in listed:
            row.get("gpu", {}).update(number_of_gpus=3)
            row.update(gpus=3)

    found = with_document(source_id, more)
    assert found
    assert {row.rule for row in found if isinstance(row, Held)} == {"gpu_count_disagrees"}
    assert not [row for row in found if isinstance(row, Offer)]


def scaleway(**fields: object) -> list[Row]:
    def change(document: dict[str, dict[str, dict[str, object]]]) -> None:
        document["servers"] = {"H100-SXM-2-80G": document["servers"]["H100-SXM-2-80G"] | fields}

    return changed("scaleway", change)


def test_a_slice_or_another_count_than_that_of_the_type_is_no_gpu():
    assert [row.rule for row in scaleway(mig_profile="1g.10gb")] == ["mig_slice"]
    assert [row.rule for row in scaleway(gpu=1)] == ["gpu_count_disagrees"]


def test_a_type_at_the_end_of_its_service_cannot_be_ordered():
    assert [row.is_available for row in scaleway(end_of_service=True)] == [False]
    assert [row.is_available for row in scaleway(end_of_service=False)] == [None]


def without(value: object, names: frozenset[str]) -> object:
    if isinstance(value, dict):
        return {name: without(part, names) for name, part in value.items() if name not in names}
    return [without(part, names) for part in value] if isinstance(value, list) else value


# What stands beside a price: a row without it has the same price.
BESIDE = {
    "akash": {"availability"},
    "cloudrift": {"available_nodes", "cpu_count", "dram", "vram"},
    "digitalocean_api": {"available", "memory", "vcpus", "vram"},
    "gpu_price_feed": {"available", "gpu_form", "vram_gb", "vram_mb"},
    "gputable": {"architecture", "available", "stale"},
    "hot_aisle_api": {"disk_capacity", "ram_capacity"},
    "jarvislabs_api": {"cpus_per_gpu", "num_free_devices", "ram_per_gpu", "vram"},
    "lambda_api": {"description", "memory_gib", "regions_with_capacity_available", "vcpus"},
    "linode": {"disk", "memory", "vcpus"},
    "lium": {"available_gpu_count", "country_code", "cpu_count", "ram_gb", "region"},
    "mithril": {"capacity"},
    "runpod": {"displayName", "lowestPrice", "memoryInGb"},
    "scaleway": {"ncpus", "ram"},
    "seeweb_api": {"cpu", "disk", "ram"},
    "shadeform": {"interconnect", "memory_in_gb", "vcpus", "vram_per_gpu_in_gb"},
    "verda": {"cpu", "gpu_memory", "memory"},
    "voltage_park": {"location_ids_with_availability", "ram_gb", "vcpu_count"},
    "vultr": {"cpu_threads", "ram", "vcpu_count"},
}


@pytest.mark.parametrize(("source_id", "names"), BESIDE.items())
def test_what_stands_beside_a_price_costs_no_row(source_id: str, names: set[str]):
    def prices(payload: Payload) -> list[tuple[str, str, Decimal]]:
        found = records(all_sources()[source_id].parse(payload))
        return sorted(
            (row.sku, row.purchase_model, row.price_amount)
            for row in found
            if isinstance(row, Offer)
        )

    for payload in payloads(source_id):
        less = without(json.loads(payload.content), frozenset(names))
        lessened = replace(payload, content=json.dumps(less).encode())
        assert lessened.content != payload.content
        assert prices(lessened) == prices(payload)


def test_a_price_list_is_not_availability():
    (none_free,) = offers("lambda_api", sku="gpu_1x_a10")
    assert (none_free.region, none_free.is_available) == (None, False)
    assert {o.is_available for o in offers("digitalocean_api", sku="gpu-h100x1-80gb")} == {False}
    assert [o.is_available for o in offers("shadeform", gpu_name_printed="A100_80G")] == [
        True,
        False,
    ]


def test_rupees_are_not_dollars():
    found = with_document("jarvislabs_api", lambda document: document.update(currency="INR"))
    assert {row.currency for row in found if isinstance(row, Offer)} == {"INR"}
    found = with_document("jarvislabs_api", lambda document: document.pop("currency"))
    assert {row.rule for row in found if isinstance(row, Held)} == {"currency_unknown"}
    assert not [row for row in found if isinstance(row, Offer)]


def test_a_place_that_counts_no_free_machines_does_not_say_whether_one_is_free():
    free = {(o.sku, o.region): o.is_available for o in offers("cloudrift")}
    assert free["rtx49-7c-kn.1", "us-east-nc-nr-1"] is True
    assert free["rtx49-7c-kn.1", "us-west-ca-la-1"] is False
    assert free["rtx49-14c-kn.2", "us-east-nc-nr-1"] is False  # the list of free ones is empty
    assert free["pro6-24c.1", "eu-1"] is True  # no list of all machines
    assert free["rtx50-7c.1", "us-east-nc-nr-1"] is None
    assert {o.is_available for o in offers("jarvislabs_api", sku="A100-80GB/vm")} == {None}


def test_a_type_that_cannot_be_ordered_is_no_offer():
    (row,) = held("daytona", "not_offered")
    assert row.row["type"] == "B200"


def test_a_price_names_its_currency_or_none_is_read():
    with pytest.raises(ParseError, match="currency"):
        with_document("daytona", lambda document: document.pop("currency"))


def test_a_plan_that_seeweb_sells_nowhere_is_sold_out():
    places = {o.sku: (o.region, o.is_available) for o in offers("seeweb_api")}
    assert places["ECS2GPU8"] == (None, False)  # an empty list of regions
    assert places["ECS1GPU10"] == (None, None)  # no list at all
    assert places["ECS1GPU6"] == ("it-fr2", False)  # "available": false
    assert places["ECS2GPU3"] == ("it-fr2", None)


def test_nothing_free_is_an_answer_of_hot_aisle_and_an_error_is_none():
    (answer,) = payloads("hot_aisle_api")
    parse = all_sources()["hot_aisle_api"].parse
    for nothing in (b"null", b"[]"):
        assert list(parse(replace(answer, content=nothing))) == []
    for damage in (b"{}", b"", b'{"detail": "not found"}'):
        with pytest.raises(ParseError):
            list(parse(replace(answer, content=damage)))


def test_what_a_broker_pays_is_not_what_it_asks():
    assert Decimal("9.536") not in {offer.price_amount for offer in offers("hyperbolic")}


@pytest.mark.parametrize("source_id", ["shadeform", "verda", "cudo", "hyperbolic", "aws_bulk"])
def test_doubtful_terms_are_off_with_their_reason(source_id):
    assert all_sources()[source_id].disabled_reason
