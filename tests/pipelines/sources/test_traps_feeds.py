"""One test for each way in which a naive reading of other people's feeds is wrong."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.sources import all_sources, gpu_pricing_tracker
from pipelines.sources.base import Held, Offer, ParseError, Payload, Row, records
from pipelines.sources.fixtures import fixture_payloads

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"
GIB = 2**30


def payloads(source_id: str, key: str = "") -> list[Payload]:
    found = list(fixture_payloads(FIXTURES / source_id, all_sources()[source_id]))
    return [payload for payload in found if not key or payload.key == key]


def rows(source_id: str, key: str = "") -> list[Row]:
    parse = all_sources()[source_id].parse
    return [row for payload in payloads(source_id, key) for row in records(parse(payload))]


def offers(source_id: str, key: str = "", **wanted: object) -> list[Offer]:
    found = [row for row in rows(source_id, key) if isinstance(row, Offer)]
    return [o for o in found if all(getattr(o, name) == value for name, value in wanted.items())]


def held(source_id: str, rule: str) -> list[Held]:
    return [row for row in rows(source_id) if isinstance(row, Held) and row.rule == rule]


def zipped(files: dict[str, str]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, text in files.items():
            writer.writestr(name, text)
    return archive.getvalue()


# --- gputable


def test_a_carried_row_is_as_old_as_the_last_fetch_of_its_provider():
    (carried,) = offers("gputable", provider_id="primeintellect")
    assert carried.source_time == datetime(2026, 8, 28, 3, 23, 25, tzinfo=UTC)


def test_reserved_without_months_is_no_reservation():
    assert [row.row["provider"] for row in held("gputable", "term_unknown")] == ["Nebius"]
    assert [o.commitment_months for o in offers("gputable", purchase_model="reserved")] == [1]


def test_googles_gpu_price_is_not_that_of_a_machine_but_for_b200():
    assert [row.row["gpu"] for row in held("gputable", "gpu_without_host")] == ["H100 SXM"]
    assert [o.gpu_name_printed for o in offers("gputable", provider_id="gcp")] == ["B200"]


def test_serverless_prices_stand_as_on_demand_and_are_held():
    assert [row.row["provider"] for row in held("gputable", "serverless")] == ["fal"]


def test_sxm_is_no_form_where_every_card_without_one_is_called_so():
    (card,) = offers("gputable", provider_id="leadergpu")
    assert (card.sku, card.gpu_name_printed, card.form_factor) == ("H100 SXM/80/8", "H100", None)
    assert {o.form_factor for o in offers("gputable", gpu_name_printed="H100 PCIe")} == {"PCIe"}


def test_the_lowest_bid_of_an_auction_is_no_spot_price():
    assert [str(row.row["price_per_hour_usd"]) for row in held("gputable", "bid_floor")] == ["0.44"]
    assert offers("gputable", provider_id="vast") == []


def test_machines_that_may_leave_at_any_time_are_spot_whatever_a_feed_calls_them():
    assert [o.purchase_model for o in offers("gputable", provider_id="salad")] == ["spot"]
    (page, *_) = payloads("gpu_rental_prices")
    renamed = replace(page, content=page.content.replace(b'"runpod"', b'"salad"'))
    found = records(all_sources()[page.source_id].parse(renamed))
    sold = {o.purchase_model for o in found if isinstance(o, Offer) and o.provider_id == "salad"}
    assert sold == {"spot"}


def test_runpod_secure_and_community_are_two_tiers_of_one_provider():
    tiers = {o.market_tier for o in offers("gputable", provider_id="runpod")}
    assert tiers == {"marketplace_secure", "marketplace_community"}


def test_attribution_parameters_stay_in_the_address():
    urls = {offer.offer_url or "" for offer in offers("gputable")}
    assert all("ref=gputable" in url for url in urls)


# --- gpu_price_feed


def test_the_feed_prices_whole_machines_in_their_own_currency():
    (scaleway,) = offers("gpu_price_feed", provider_id="scaleway")
    assert (scaleway.currency, scaleway.price_basis, scaleway.gpu_count) == ("EUR", "instance", 2)


def test_a_share_of_a_gpu_has_no_price_per_gpu():
    (row,) = held("gpu_price_feed", "fractional_gpu")
    assert row.row["gpu_partition"] == "1/8"


def test_marketplace_offers_without_an_id_are_not_counted_twice():
    assert len(held("gpu_price_feed", "offer_without_id")) == 1
    assert offers("gpu_price_feed", provider_id="vast") == []


def test_a_per_gpu_price_in_the_place_of_the_total_is_held():
    (row,) = held("gpu_price_feed", "price_parts_disagree")
    assert row.row["provider"] == "digitalocean"


# --- gpu_price_index


def test_the_half_dollar_that_was_published_as_the_market_of_mi300x_is_held():
    (row,) = held("gpu_price_index", "price_placeholder")
    assert row.row["gpu_model"] == "MI300X"


def test_a_slice_under_the_name_of_its_gpu_is_held():
    (row,) = held("gpu_price_index", "mig_slice")
    assert row.row["gpu_model"] == "B300"


def test_a_median_of_offers_is_no_offer():
    (row,) = held("gpu_price_index", "statistic")
    assert row.row["sample_size"] == "11"


def test_counts_are_checked_against_the_instance_type():
    (row,) = held("gpu_price_index", "gpu_count_disagrees")
    assert row.row["sku"] == "p5.4xlarge"


def test_global_is_no_region():
    assert "global" not in {offer.region for offer in offers("gpu_price_index")}


@pytest.mark.parametrize("source_id", ["gputable", "gpu_price_feed", "gpu_price_index"])
def test_one_price_on_demand_and_as_spot_holds_both(source_id):
    assert len(held(source_id, "spot_equals_on_demand")) == 2


# --- gpuhunt


def test_a_tpu_slice_is_its_chips_and_not_one_gpu():
    (tpu,) = offers("gpuhunt", sku="v5p-8")
    assert (tpu.gpu_name_printed, tpu.gpu_count, tpu.gpu_memory_bytes) == ("v5p", 4, 95 * GIB)
    assert len(held("gpuhunt", "tpu_unknown")) == 1


def test_shares_and_machines_bought_ahead_are_held():
    assert {row.row["instance_name"] for row in held("gpuhunt", "fractional_gpu")} == {
        "g4-standard-12",
        "Standard_NV6ads_A10_v5",
    }
    assert [row.row["instance_name"] for row in held("gpuhunt", "bought_ahead")] == [
        "a4-highgpu-8g"
    ]


def test_lambdas_price_in_every_region_is_one_offer_and_a_zone_no_region():
    (everywhere,) = offers("gpuhunt", "lambdalabs", sku="gpu_8x_h100_sxm5")
    assert everywhere.region is None
    assert {offer.region for offer in offers("gpuhunt", "gcp")} == {"us-central1", "us-east5"}


def test_spot_is_a_word_and_every_word_is_true_to_a_naive_reader():
    models = [o.purchase_model for o in offers("gpuhunt", "gcp", sku="a2-highgpu-1g")]
    assert sorted(models) == ["on_demand", "spot"]


def test_cpu_machines_are_no_rows():
    assert not [o for o in offers("gpuhunt") if o.sku.startswith("e2-")]


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 broken off",
        zipped({"readme.txt": "no catalogue"}),
        zipped({"a.csv": "x\n", "b.csv": "y\n"}),
        zipped({"gcp.csv": "instance_name,price\na,1\n"}),
    ],
    ids=["broken", "no-csv", "two-csvs", "other-columns"],
)
def test_another_archive_is_refused(content):
    (payload,) = payloads("gpuhunt", "gcp")
    with pytest.raises(ParseError, match=r"gpuhunt\[gcp\]"):
        list(records(all_sources()["gpuhunt"].parse(replace(payload, content=content))))


def test_an_archive_that_inflates_beyond_reason_is_refused():
    (payload,) = payloads("gpuhunt", "gcp")
    bomb = zipped({"gcp.csv": "0" * 2_000_000})
    with pytest.raises(ParseError, match=r"gcp\.csv inflates to over"):
        list(records(all_sources()["gpuhunt"].parse(replace(payload, content=bomb))))


# --- vantage


def test_memory_of_the_machine_and_names_of_dies_are_not_taken():
    (g7e,) = offers("vantage", sku="g7e.12xlarge")
    assert (g7e.gpu_name_printed, g7e.gpu_memory_bytes) == ("RTX PRO Server 6000", 96 * GIB)


def test_only_linux_and_only_plans_without_advance_payment():
    prices = {str(offer.price_amount) for offer in offers("vantage", sku="p5.48xlarge")}
    assert prices == {"55.04", "36.5"}
    (reserved,) = offers("vantage", purchase_model="reserved")
    assert (reserved.commitment_months, reserved.upfront_fraction) == (12, 0)


def test_no_price_is_no_offer_and_zero_is_held():
    assert offers("vantage", sku="p4d.24xlarge") == []
    assert len(held("vantage", "price_zero")) == 1


def test_the_tracker_prices_whole_instances_until_its_site_changed() -> None:
    header = (
        "date,provider,gpu_model,gpu_count,region,rental_type,price_min_usd,price_median_usd,"
        "price_max_usd,n_offers,source_url,fetched_at\n"
    )

    def read(day: str, price: str) -> Offer:
        site = "https://getdeploying.com"
        line = f"{day},aws,B200,8,global,on_demand,{price},{price},{price},9,{site},{day}T21:00:00Z"
        content = (header + line + "\n").encode()
        parsed = gpu_pricing_tracker.parse(
            Payload(
                source_id="gpu_pricing_tracker",
                key="observations",
                url="https://example.test/observations.csv",
                content=content,
                sha256="0" * 64,
                seen_at=datetime(2026, 7, 20, tzinfo=UTC),
            )
        )
        (row,) = records(parsed)
        assert isinstance(row, Offer)
        return row

    before, after = read("2026-02-18", "113.92"), read("2026-02-19", "14.24")
    assert (before.price_basis, after.price_basis) == ("instance", "gpu")
    assert before.sku != after.sku  # a declared break, not a move of a price
