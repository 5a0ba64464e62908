"""One test for each way in which a catalogue in SkyPilot's format says less than it seems to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.sources.base import Held, Offer, ParseError, Row
from pipelines.sources.skypilot_catalog import CLOUDS
from tests.pipelines.sources.saved import csv_rows, held, offers, payloads, read

HEADER = "InstanceType,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region"


def rules(found: list[Row]) -> list[str]:
    return [row.rule for row in found if isinstance(row, Held)]


def catalogue(*lines: str, cloud: str = "nebius") -> list[Row]:
    return csv_rows("skypilot_catalog", cloud, "\n".join((HEADER, *lines)) + "\n")


def test_a_catalogue_prints_the_currency_of_its_cloud():
    assert {offer.currency for offer in offers("skypilot_catalog", "seeweb")} == {"EUR"}
    assert {offer.currency for offer in offers("skypilot_catalog", "oci")} == {"USD"}


def test_a_cloud_whose_currency_is_not_declared_is_refused():
    payload_of = "someothercloud"
    assert payload_of not in CLOUDS
    (payload, *_) = payloads("skypilot_catalog", "seeweb")
    with pytest.raises(ParseError, match="currency of this catalogue is not declared"):
        read(replace(payload, key=payload_of))


def test_a_plan_without_a_place_is_sold_out_where_the_catalogue_means_that():
    sold_out = {o.sku: o.is_available for o in offers("skypilot_catalog", "seeweb")}
    assert sold_out == {"ECS1GPU90": None, "ECS8GPU90": False, "ECS1GPU92": False}


def test_one_price_of_a_hyperscaler_in_all_regions_is_one_offer():
    (b200,) = offers("skypilot_catalog", "oci", sku="BM.GPU.B200.8")
    assert b200.region is None


def test_a_row_with_a_spot_price_alone_is_a_spot_offer():
    found = offers("skypilot_catalog", "spheron", gpu_name_printed="A100_80G_PCIE")
    assert [(o.purchase_model, str(o.price_amount)) for o in found] == [("spot", "1.02")]
    assert not held("skypilot_catalog", "price_missing", "spheron")


def test_a_row_without_any_price_is_held():
    assert rules(catalogue("a,H100,1,,,r1", "b,H100,1,,0.0,r1")) == ["price_missing"] * 2


@pytest.mark.parametrize("share", [0.5, 0.3, 0.755])
def test_one_share_of_on_demand_for_every_model_is_a_rule_and_no_spot_price(share):
    lines = [
        f"m-{gpu},{gpu},{count},{price},{round(price * share, 4)},r1"
        for gpu, count, price in (("H100", 1, 2.95), ("H100", 8, 23.6), ("L40S", 1, 1.55))
    ]
    found = catalogue(*lines)
    assert rules(found) == ["spot_by_rule"] * 3
    assert {o.purchase_model for o in found if isinstance(o, Offer)} == {"on_demand"}
    observed = catalogue(*lines, "m-B200,B200,1,5.5,2.9,r1")
    assert "spot_by_rule" not in rules(observed)


def test_a_declared_rule_holds_a_single_spot_price():
    assert rules(catalogue("VM.GPU3.1,V100,1,3.1,1.55,r1", cloud="oci")) == ["spot_by_rule"]


def test_the_lowest_bid_of_an_auction_is_no_spot_price():
    found = catalogue("h100.sxm.8x,H100,8,28.6,8.0,r1", cloud="mithril")
    assert rules(found) == ["bid_floor"]
    assert [o.purchase_model for o in found if isinstance(o, Offer)] == ["on_demand"]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("8x_H100_SECURE", "gpu_count_disagrees"),
        ("n3-H100x8", "gpu_count_disagrees"),
        ("h100.sxm.8x", "gpu_count_disagrees"),
        ("n3-H100x4-spot", None),
        ("h100-80gb", None),
    ],
)
def test_a_count_that_the_name_denies_is_held(name, rule):
    assert rules(catalogue(f"{name},H100,4,11.8,,r1")) == ([rule] if rule else [])


def test_one_price_for_both_ways_to_buy_makes_both_doubtful():
    # The floor of an auction was once printed in both columns.
    found = catalogue("h100.sxm.8x,H100,8,8.5,8.5,r1", "b200.1x,B200,1,4.1,2.0,r1")
    assert rules(found) == ["spot_equals_on_demand"]
    assert {o.sku for o in found if isinstance(o, Offer)} == {"b200.1x"}
