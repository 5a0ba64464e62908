"""Facts about the comparison of what several sources say of one price."""

from typing import Any

import duckdb
import pytest

from warehouse.models import SQL_FOLDER, read_model

MODEL = read_model(SQL_FOLDER / "marts" / "reconciliation.sql")
OFFER: dict[str, Any] = {
    "provider_id": "acme",
    "gpu_id": "H100-SXM-80GB",
    "purchase_model": "on_demand",
    "commitment_months": None,
    "area": "europe",
    "source_id": "acme",
    "source_kind": "api",
    "usd_per_gpu_hour": 3.0,
    "is_stale": False,
    "source_time": None,
    "seen_at": "2026-11-21 06:00:00",
    "currency": "USD",
    "vcpu_count": 26.0,
    "gpu_count": 8,
    "region": None,
    "is_witness": False,
}
FEED = OFFER | {"source_id": "feed", "source_kind": "feed", "area": None}


def reconciled(*offers: dict[str, Any]) -> list[dict[str, Any]]:
    connection = duckdb.connect()
    connection.execute(
        "create schema marts; create table marts.offers_latest (provider_id varchar,"
        " gpu_id varchar, purchase_model varchar, commitment_months integer, area varchar,"
        " source_id varchar, source_kind varchar, usd_per_gpu_hour double, is_stale boolean,"
        " source_time timestamp, seen_at timestamp, currency varchar, vcpu_count double,"
        " gpu_count integer, region varchar, is_witness boolean)"
    )
    connection.executemany(
        f"insert into marts.offers_latest values ({', '.join('?' * len(OFFER))})",
        [[offer[name] for name in OFFER] for offer in offers],
    )
    assert MODEL.select is not None
    connection.execute(f"create table marts.reconciliation as {MODEL.select}")
    for check in MODEL.checks:
        assert connection.sql(check.sql.replace("{this}", "marts.reconciliation")).fetchall() == []
    found = connection.sql("from marts.reconciliation")
    assert found.columns == [column.name for column in MODEL.columns]
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def verdict_of_the_first(*offers: dict[str, Any]) -> tuple[Any, Any, Any]:
    (row,) = [row for row in reconciled(*offers) if row["source_id"] == offers[0]["source_id"]]
    return row["verdict"], row["likely_cause"], row["worst_source_id"]


def test_a_lone_source_is_said_to_be_alone() -> None:
    assert verdict_of_the_first(OFFER) == ("single_source", None, None)


def test_a_witness_within_five_percent_agrees() -> None:
    assert verdict_of_the_first(OFFER, FEED | {"usd_per_gpu_hour": 3.1}) == ("agree", None, None)


def in_regions(offer: dict[str, Any], *prices: float) -> list[dict[str, Any]]:
    return [
        offer | {"region": f"eu-{n}", "area": "europe", "usd_per_gpu_hour": usd}
        for n, usd in enumerate(prices)
    ]


def test_two_lists_are_compared_thing_by_thing_not_by_their_ranges() -> None:
    offers = [*in_regions(OFFER, 11.0, 5.4), *in_regions(FEED, 5.4, 11.0)]
    (row,) = reconciled(*offers)
    assert (row["verdict"], row["worst_source_id"]) == ("disagree", "feed")
    assert (row["compared_count"], row["differing_count"]) == (2, 2)
    assert max(row["worst_ratio"], 1 / row["worst_ratio"]) == pytest.approx(11 / 5.4)


def test_one_difference_in_twenty_things_is_agreement_and_is_counted() -> None:
    prices = [3.0 + n / 10 for n in range(20)]
    (row,) = reconciled(*in_regions(OFFER, *prices), *in_regions(FEED, 9.0, *prices[1:]))
    assert (row["verdict"], row["compared_count"], row["differing_count"]) == ("agree", 20, 1)


def test_a_price_for_another_number_of_gpus_is_compared_by_range_only() -> None:
    feed = FEED | {"usd_per_gpu_hour": 3.05, "gpu_count": 1}
    row = reconciled(OFFER, feed)[0]
    assert (row["verdict"], row["compared_count"]) == ("agree", 0)


def test_who_only_witnesses_never_speaks_first() -> None:
    denied = OFFER | {"source_id": "a-catalogue", "source_kind": "feed", "is_witness": True}
    speaker = denied | {"source_id": "list", "is_witness": False, "usd_per_gpu_hour": 6.0}
    (row,) = reconciled(denied, speaker)
    assert (row["source_id"], row["verdict"]) == ("list", "disagree")


def test_the_first_party_speaks_and_the_feed_testifies() -> None:
    (row,) = [
        r for r in reconciled(FEED | {"usd_per_gpu_hour": 2.0}, OFFER) if r["area"] == "europe"
    ]
    assert (row["source_id"], row["usd_per_gpu_hour"], row["worst_source_id"]) == (
        "acme",
        3.0,
        "feed",
    )
    assert row["worst_ratio"] == pytest.approx(2 / 3)
    assert row["testimony"] == "acme 3 2026-11-21; feed 2 2026-11-21"


@pytest.mark.parametrize(
    ("cause", "witness", "others"),
    [
        ("stale", {"usd_per_gpu_hour": 2.0, "is_stale": True}, []),
        ("stale", {"usd_per_gpu_hour": 2.0, "seen_at": "2026-11-10 06:00:00"}, []),
        ("per_node", {"usd_per_gpu_hour": 24.0}, []),
        ("per_node", {"usd_per_gpu_hour": 0.375}, []),
        ("currency", {"usd_per_gpu_hour": 2.6, "currency": "EUR"}, []),
        ("unknown", {"usd_per_gpu_hour": 2.1, "vcpu_count": None}, []),
        ("purchase_model", {"usd_per_gpu_hour": 1.2},
         [{"purchase_model": "spot", "usd_per_gpu_hour": 1.2}]),
        ("form_factor", {"usd_per_gpu_hour": 2.2, "gpu_id": "H100-80GB"},
         [{"gpu_id": "H100-PCIE-80GB", "usd_per_gpu_hour": 2.2}]),
        ("unknown", {"usd_per_gpu_hour": 4.4}, []),
    ],
)  # fmt: skip
def test_a_witness_far_away_disagrees_and_the_likely_cause_is_named(
    cause: str, witness: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    offers = [OFFER, *(OFFER | other for other in others), FEED | witness]
    rows = [
        row
        for row in reconciled(*offers)
        if (row["source_id"], row["gpu_id"], row["purchase_model"])
        == ("acme", "H100-SXM-80GB", "on_demand")
    ]
    assert [(row["verdict"], row["likely_cause"]) for row in rows] == [("disagree", cause)]


def test_a_price_without_the_machine_is_named_where_machines_are_priced_apart() -> None:
    gcp = OFFER | {"provider_id": "gcp"}
    host_only = FEED | {"provider_id": "gcp", "usd_per_gpu_hour": 2.1, "vcpu_count": None}
    assert verdict_of_the_first(gcp, host_only) == ("disagree", "host_gpu_split", "feed")


def test_a_feed_without_areas_agrees_with_any_of_them() -> None:
    america = OFFER | {"area": "north_america", "usd_per_gpu_hour": 2.0}
    rows = reconciled(OFFER, america, FEED | {"usd_per_gpu_hour": 2.0})
    assert [(row["source_id"], row["verdict"]) for row in rows] == [("acme", "agree")] * 2


def test_other_areas_commitments_and_cards_are_other_things() -> None:
    others = [
        FEED | {"area": "asia", "usd_per_gpu_hour": 9.0},
        FEED | {"commitment_months": 12, "usd_per_gpu_hour": 1.0},
        FEED | {"gpu_id": "H100-PCIE-80GB", "usd_per_gpu_hour": 1.0},
        FEED | {"gpu_id": "H200-SXM-141GB", "usd_per_gpu_hour": 9.0},
        FEED | {"provider_id": "other", "usd_per_gpu_hour": 1.0},
    ]
    rows = reconciled(OFFER, *others)
    assert {row["verdict"] for row in rows} == {"single_source"}
    assert len(rows) == 6
