"""One test for each way in which a naive reading of a price page is wrong.

Each case takes the source's own fixture, and fails on the naive reading that its name gives away.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.sources import all_sources
from pipelines.sources.base import Held, Offer, ParseError, Payload, Row, records

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
PAGES = sorted(
    source_id
    for source_id, source in all_sources().items()
    if json.loads((FIXTURES / source_id / "payloads.json").read_text())[0]["file"].endswith(".html")
)
WALL = b"<!doctype html><html><body><h1>Access denied</h1><p>Are you human?</p></body></html>"


def payload(source_id: str, content: bytes | None = None) -> Payload:
    entry = json.loads((FIXTURES / source_id / "payloads.json").read_text())[0]
    return Payload(
        source_id=source_id,
        key=entry["key"],
        url=entry["url"],
        content=content or (FIXTURES / source_id / entry["file"]).read_bytes(),
        sha256="0" * 64,
        seen_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def rows(source_id: str) -> list[Row]:
    return list(records(all_sources()[source_id].parse(payload(source_id))))


def prices(source_id: str, **wanted: Any) -> list[Decimal]:
    return [
        row.price_amount
        for row in rows(source_id)
        if isinstance(row, Offer) and all(getattr(row, k) == v for k, v in wanted.items())
    ]


def held(source_id: str, rule: str) -> list[Held]:
    return [row for row in rows(source_id) if isinstance(row, Held) and row.rule == rule]


@pytest.mark.parametrize("source_id", PAGES)
def test_a_wall_in_place_of_the_page_is_refused(source_id: str) -> None:
    with pytest.raises(ParseError, match=source_id):
        list(records(all_sources()[source_id].parse(payload(source_id, WALL))))


def test_coreweave_prices_the_node_and_counts_its_gpus_without_the_footnote() -> None:
    assert prices("coreweave", sku="nvidia-gb200-nvl72", gpu_count=4, price_basis="instance") == [
        Decimal("42.00")
    ]


def test_coreweave_prints_twice_what_is_one_offer_and_sells_inference_elsewhere() -> None:
    assert prices("coreweave", sku="hgx-h100") == [Decimal("49.24"), Decimal("19.71")]


def test_coreweave_sells_a_host_with_less_memory_as_another_machine_with_the_same_gpu() -> None:
    (spot,) = [
        row
        for row in rows("coreweave")
        if isinstance(row, Offer) and row.sku == "nvidia-rtx-pro-6000-standard"
    ]
    assert spot.gpu_name_printed == "NVIDIA RTX PRO 6000 Blackwell Server Edition"
    assert (spot.purchase_model, spot.price_amount) == ("spot", Decimal("9.60"))
    assert [row.reason for row in held("coreweave", "price_on_request")] == [
        "instead of a price: 'Contact sales'"
    ]


def test_crusoe_has_other_sections_in_the_same_markup() -> None:
    assert not prices("crusoe", gpu_name_printed="AMD EPYC c1a")


def test_crusoe_in_another_unit_is_held() -> None:
    assert [row.row["Current spot"] for row in held("crusoe", "price_not_a_number")] == [
        "$0.50/GPU-min"
    ]


def test_lambda_prices_a_gpu_by_the_size_of_the_machine() -> None:
    by_size = {
        row.gpu_count: row.price_amount
        for row in rows("lambda_page")
        if isinstance(row, Offer) and row.gpu_name_printed == "NVIDIA H100 SXM"
    }
    assert by_size == {8: Decimal("3.99"), 1: Decimal("4.29")}


def test_lambda_clusters_are_not_on_demand_and_stand_again_in_a_script() -> None:
    assert prices("lambda_page", purchase_model="capacity_block") == [
        Decimal("9.86"),
        Decimal("8.87"),
    ]
    assert Decimal("99.99") not in prices("lambda_page")


def test_hyperstack_calls_the_pcie_card_with_a_bridge_nvlink() -> None:
    assert prices("hyperstack", form_factor="PCIe") == [Decimal("1.95")]


def test_hyperstacks_link_behind_a_price_is_not_the_price() -> None:
    reserved = {
        row.gpu_name_printed: (str(row.price_amount), row.commitment_months)
        for row in rows("hyperstack")
        if isinstance(row, Offer) and row.purchase_model == "reserved"
    }
    assert reserved == {"NVIDIA H200 SXM": ("2.70", None), "NVIDIA L40": ("0.71", 12)}
    reasons = [row.reason for row in held("hyperstack", "price_on_request")]
    assert reasons == ["instead of a price: 'Contact us'"] * 2


def test_hyperstacks_lowest_reserved_price_is_none_of_a_machine() -> None:
    saved = payload("hyperstack")
    title = b"<span>Reservation</span> Pricing</h3>"
    assert title in saved.content
    heads = b"<div><b>GPU Model</b><b>Starting from&nbsp;</b><b>Reserve</b></div>"
    headed = payload("hyperstack", saved.content.replace(title, title + heads))
    found = list(records(all_sources()["hyperstack"].parse(headed)))
    assert [row.reason for row in found if isinstance(row, Held) and row.rule == "price_from"] == [
        "NVIDIA H200 SXM: the column is headed 'Starting from'",
        "NVIDIA B300: the column is headed 'Starting from'",
    ]
    assert {row.commitment_months for row in found if isinstance(row, Offer)} == {None, 12}


def test_hyperstack_sells_storage_in_cards_of_the_same_form() -> None:
    assert min(prices("hyperstack")) > Decimal("0.1")


def test_digitalocean_prices_the_droplet_whose_size_ends_its_name() -> None:
    assert prices("digitalocean", gpu_name_printed="NVIDIA H100", gpu_count=8) == [Decimal("23.92")]
    assert len(held("digitalocean", "gpu_count_not_whole")) == 1


def test_digitalocean_has_a_b300_only_as_spot() -> None:
    assert not prices("digitalocean", gpu_name_printed="NVIDIA B300", purchase_model="on_demand")


def test_hot_aisle_tells_old_customers_another_price() -> None:
    assert Decimal("1.99") not in prices("hot_aisle")
    assert prices("hot_aisle", commitment_months=1) == [Decimal("3.39")]


def test_sfcompute_offers_the_newest_day_and_0_is_a_day_without_a_trade() -> None:
    assert prices("sfcompute") == [Decimal("2.12")]
    assert [row.row["hardware_type"] for row in held("sfcompute", "price_zero")] == ["H200"]


def test_google_prints_one_name_for_two_a100() -> None:
    found = {
        row.sku: row.gpu_memory_bytes
        for row in rows("gcp_page")
        if isinstance(row, Offer) and row.gpu_name_printed == "Nvidia A100"
    }
    assert found == {"a2-ultragpu-1g": 80 * 10**9, "a2-highgpu-1g": 40 * 10**9}


def test_googles_half_a_gpu_is_not_one() -> None:
    assert Decimal("2.58") not in prices("gcp_page")
    assert [row.row["Machine type"] for row in held("gcp_page", "fractional_gpu")] == [
        "g4-standard-24"
    ]


def test_google_flex_start_is_no_price_on_demand_and_euros_are_no_dollars() -> None:
    assert Decimal("64.4400") not in prices("gcp_page")
    assert len(held("gcp_page", "price_not_a_number")) == 1


def test_civo_hides_the_month_beside_the_hour() -> None:
    assert max(prices("civo")) == Decimal("2.58")


def test_civo_prints_one_instance_under_compute_and_under_kubernetes() -> None:
    assert prices("civo", purchase_model="on_demand") == [Decimal("2.58")]


def test_latitude_lists_reais_of_its_own_and_a_year_is_the_whole_year() -> None:
    assert Decimal("9.13") not in prices("latitude")
    assert prices("latitude", price_unit="term", commitment_months=12) == [Decimal(16819)]


def test_latitude_without_stock_keeps_its_price_and_null_is_not_sold_there() -> None:
    assert prices("latitude", region="Japan", price_unit="hour") == [Decimal("2.88")]
    assert not prices("latitude", region="United Kingdom")


def test_massed_computes_class_names_are_no_part_of_a_price() -> None:
    whole = payload("massed_compute")
    styled = whole.content.replace(b"ml-0.5", b"m-[2px] text-[10px]").replace(b"space-y-3", b"")
    found = all_sources()["massed_compute"].parse(payload("massed_compute", styled))
    assert styled != whole.content and list(records(found)) == rows("massed_compute")


def test_massed_compute_writes_two_dollar_signs_for_one() -> None:
    assert prices("massed_compute", gpu_count=8) == [Decimal("52.80")]
    assert [row.row["gpu"] for row in held("massed_compute", "price_missing")] == ["A40"]


def test_voltage_park_prices_machines_whole_and_nodes_by_the_gpu() -> None:
    assert prices("voltage_park", gpu_count=8, price_basis="instance") == [Decimal("15.120000")]


def test_modal_prices_the_second() -> None:
    assert prices("modal", gpu_name_printed="H100", price_unit="second") == [Decimal("0.001097")]


def test_leadergpu_prints_the_card_before_the_server() -> None:
    assert prices("leadergpu", gpu_count=8, price_unit="month") == [Decimal(11900)]


def test_seeweb_with_a_comma_may_mean_thousands() -> None:
    assert Decimal(195) not in prices("seeweb")
    assert len(held("seeweb", "price_not_a_number")) == 1


def test_salad_machines_may_leave_at_any_time() -> None:
    assert prices("salad", purchase_model="on_demand") == []


def test_spheron_prints_spot_beside_on_demand() -> None:
    assert prices("spheron", gpu_name_printed="H100", purchase_model="spot") == [Decimal("2.10")]
