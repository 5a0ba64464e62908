"""The index in SQL on tiny tables: who counts, who is trimmed, when it is withheld and restated."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import date

import duckdb
import pytest

from cost_engine.price_index import index_value
from cost_engine.spot import effective_usd_per_gpu_hour
from warehouse import history
from warehouse.macros import run_formulas
from warehouse.models import SQL_FOLDER, read_models, run_checks, run_models

DAY = date(2026, 8, 10)
MODELS = (
    "staged.affected_offer",
    "staged.answer",
    "staged.index_contributor",
    "staged.index_candidate",
    "marts.gpu_price_index_revision",
    "marts.gpu_price_index",
    "marts.gpu_price_index_input",
    "marts.gpu_price_mover",
    "marts.gpu_price_change",
)
KINDS = {"api": 1, "page": 2, "marketplace": 3, "feed": 4}
NOW = "2026-08-10 06:20"


class Warehouse:
    """A build file in memory with only what the index reads."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute((SQL_FOLDER / "ledgers.sql").read_text())
        history.create(self.connection, history.OFFER)
        history.create(self.connection, history.API_PRICE)
        run_formulas(self.connection)
        self.connection.execute(
            "create table meta.source (source_id varchar, kind_rank integer,"
            " is_first_party boolean, cadence_hours integer);"
            "create table core.region (provider_id varchar, region varchar, country varchar,"
            " area varchar, primary key (provider_id, region));"
            "create table core.reference_region (provider_id varchar, reference_region varchar,"
            " anchor_rank integer, region varchar);"
            "create table core.gpu (gpu_id varchar, is_coarse boolean);"
            "create table core.method_break (source_id varchar, break_on date, settled_on date,"
            " change varchar);"
            "insert into core.gpu values ('H100-SXM-80GB', false), ('H100', true);"
            "create table staged.build_clock (now_at timestamp, run_id varchar)"
        )
        for kind, rank in KINDS.items():
            self.connection.execute(
                "insert into meta.source values (?, ?, ?, 24)", [kind, rank, rank < 3]
            )

    def offer(
        self,
        provider: str,
        usd: float,
        *,
        gpu: str = "H100-SXM-80GB",
        kind: str = "api",
        tier: str = "neocloud",
        since: str = "2026-08-10 06:00",
        until: str | None = None,
        purchase_model: str = "on_demand",
        is_available: bool | None = None,
        sku: str = "",
        region: str | None = None,
        gpu_count: int = 1,
    ) -> None:
        """Put one offer into the history, of a source with the name of its kind.

        A region is named by its country and area: "US america". Without one a large cloud has no
        price, so that it gets one in the United States.
        """
        if region is None and tier == "hyperscaler":
            region = "US america"
        if region is not None:
            self.connection.execute(
                "insert or ignore into core.region values (?, ?, ?, ?)",
                [provider, region, *region.split()],
            )
        self.connection.execute(
            "insert into core.offer_open (offer_key, source_id, request_key, provider_id, gpu_id,"
            " purchase_model, market_tier, source_kind, usd_per_gpu_hour, is_available,"
            " valid_from, valid_to, recorded_at, region, gpu_count)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                f"{provider}-{kind}-{gpu}-{tier}-{purchase_model}-{sku}-{region}", kind, provider,
                provider, gpu, purchase_model, tier, kind, usd, is_available, since, until, since,
                region, gpu_count,
            ],
        )  # fmt: skip

    def answered(self, provider: str, at: str, kind: str = "api") -> None:
        """Enter a good capture of a provider's scope."""
        self.connection.execute(
            "insert into core.offer_capture values (?, ?, ?, ?, ?, 1)",
            [f"{provider}{at}{kind}", kind, provider, at, at],
        )

    def make(self, *days: date, now: str = NOW) -> None:
        """Make the index of some days, as one build does."""
        self.connection.execute("delete from staged.affected_day")
        for day in days or (DAY,):
            self.connection.execute("insert into staged.affected_day values ('offer', ?)", [day])
        self.connection.execute("delete from staged.build_clock")
        self.connection.execute("insert into staged.build_clock values (?, ?)", [now, now])
        models = read_models()
        run_models(self.connection, [models[name] for name in MODELS])
        for name in ("history", "price_index"):
            self.connection.execute((SQL_FOLDER / "macros" / f"{name}.sql").read_text())
        wrong = [
            found
            for found in run_checks(self.connection, [models[name] for name in MODELS])
            if found.wrong_rows
        ]
        assert wrong == []

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(query).fetchall()


@pytest.fixture
def house() -> Warehouse:
    return Warehouse()


Prices = Callable[..., None]


@pytest.fixture
def market(house: Warehouse) -> Prices:
    """Return a way to let providers ask prices, answered this morning."""

    def ask(prices: dict[str, float], **named: object) -> None:
        for provider, usd in prices.items():
            house.offer(provider, usd, **named)  # type: ignore[arg-type]
            house.answered(provider, "2026-08-10 06:00", str(named.get("kind", "api")))

    return ask


VALUE = "select usd_per_gpu_hour, provider_count, n_trimmed, withheld_reason from {}"
INDEX = VALUE.format("marts.gpu_price_index order by market_family, gpu_id")


def test_three_providers_make_an_index_and_two_a_reason(house: Warehouse, market: Prices) -> None:
    market({"a": 2.0, "b": 2.2, "c": 2.4})
    market({"x": 5.0, "y": 6.0}, tier="hyperscaler")
    house.make()
    assert house.ask(INDEX) == [
        (None, 2, 0, "2 of 3 independent providers"),
        (2.2, 3, 0, None),
    ]


def test_a_provider_with_a_hundred_offers_has_one_vote(house: Warehouse, market: Prices) -> None:
    market({"a": 2.0, "b": 2.2, "c": 2.4})
    for number in range(100):
        house.offer("a", 1 + number / 100, sku=str(number))
    house.make()
    assert house.ask(INDEX)[0][:2] == (2.2, 3)


def test_a_slip_of_the_decimal_point_is_trimmed_and_kept_beside(
    house: Warehouse, market: Prices
) -> None:
    market({"a": 2.0, "b": 2.1, "c": 2.2, "d": 20.0})
    house.make()
    assert house.ask(INDEX) == [(2.1, 3, 1, None)]
    assert house.ask(
        "select provider_id, exclusion from marts.gpu_price_index_input where exclusion is not null"
    ) == [("d", "trimmed")]


def test_like_list_prices_do_not_trim_one_that_is_a_tenth_dearer(
    house: Warehouse, market: Prices
) -> None:
    market({"a": 2.99, "b": 3.0, "c": 3.29})
    house.make()
    assert house.ask(INDEX) == [(3.0, 3, 0, None)]


def test_secure_and_community_and_coarse_names_are_never_mixed(
    house: Warehouse, market: Prices
) -> None:
    for tier in ("marketplace_secure", "marketplace_community"):
        market({"a": 2.0, "b": 2.2}, tier=tier)
    market({"p": 1.0, "q": 1.0, "r": 1.0}, gpu="H100")
    market({"s": 2.0, "t": 2.0})
    house.make()
    assert house.ask(
        "select gpu_id, is_coarse, market_family, provider_count from marts.gpu_price_index"
        " order by all"
    ) == [
        ("H100", True, "neocloud", 3),
        ("H100-SXM-80GB", False, "marketplace_community", 2),
        ("H100-SXM-80GB", False, "marketplace_secure", 2),
        ("H100-SXM-80GB", False, "neocloud", 2),
    ]


def test_a_lower_kind_of_source_never_overrides_a_higher_one(
    house: Warehouse, market: Prices
) -> None:
    market({"a": 2.0, "b": 2.2, "c": 2.4})
    market({"a": 9.0}, kind="feed")
    house.make()
    assert house.ask(INDEX) == [(2.2, 3, 0, None)]
    assert ("a", "feed", "witness") in house.ask(
        "select provider_id, source_kind, exclusion from marts.gpu_price_index_input"
    )


def test_a_fresh_page_speaks_where_the_better_source_is_too_old(
    house: Warehouse, market: Prices
) -> None:
    market({"b": 2.2, "c": 2.4})
    market({"a": 2.3}, kind="page")
    house.offer("a", 9.0, since="2026-08-01 06:00")
    house.answered("a", "2026-08-06 06:00")
    house.make()
    assert house.ask(INDEX) == [(2.3, 3, 0, None)]
    assert ("a", "api", "too_old") in house.ask(
        "select provider_id, source_kind, exclusion from marts.gpu_price_index_input"
    )


def test_freshness_bands(house: Warehouse) -> None:
    bands = {
        "2026-08-10 00:00": (3, False),
        "2026-08-09 18:00": (3, False),  # 30 hours before the end of the day
        "2026-08-09 17:00": (3, True),
        "2026-08-08 00:00": (3, True),  # 72 hours
        "2026-08-07 23:00": (2, False),
        "2026-08-03 23:00": (2, False),
    }
    house.answered("a", "2026-08-10 06:00")
    house.answered("b", "2026-08-10 06:00")
    for number, answered_at in enumerate(bands):
        gpu = f"gpu {number}"
        house.offer("a", 2.0, gpu=gpu)
        house.offer("b", 2.2, gpu=gpu)
        house.offer(f"c{number}", 2.4, gpu=gpu, since=answered_at)
        house.answered(f"c{number}", answered_at)
    house.make()
    assert house.ask(
        "select provider_count, is_flagged from marts.gpu_price_index order by gpu_id"
    ) == list(bands.values())


def test_what_a_marketplace_cannot_deliver_does_not_count(house: Warehouse, market: Prices) -> None:
    tier = "marketplace_secure"
    market({"a": 2.0, "b": 2.2, "c": 2.4}, tier=tier)
    market({"d": 0.5}, tier=tier, is_available=False)
    house.make()
    assert house.ask(INDEX) == [(2.2, 3, 0, None)]


def test_twice_is_once(house: Warehouse, market: Prices) -> None:
    market({"a": 2.0, "b": 2.2, "c": 2.4})
    house.make()
    before = house.ask("from marts.gpu_price_index_revision")
    house.make(now="2026-08-10 12:00")
    assert house.ask("from marts.gpu_price_index_revision") == before


def test_a_late_input_restates_the_value_and_leaves_the_first_one(
    house: Warehouse, market: Prices
) -> None:
    market({"a": 2.0, "b": 2.2, "c": 2.4})
    house.make()
    market({"d": 2.6})
    house.connection.execute(
        "update core.offer_open set usd_per_gpu_hour = 2.1 where provider_id = 'a'"
    )
    house.make(now="2026-08-11 06:20")
    assert house.ask(
        "select revision, usd_per_gpu_hour, revision_reason from marts.gpu_price_index_revision"
        " order by revision"
    ) == [(1, 2.2, None), (2, pytest.approx(2.3), "a 2 to 2.1; d added")]
    assert house.ask("select revision from marts.gpu_price_index") == [(2,)]
    known = "select usd_per_gpu_hour from gpu_price_index_on('2026-08-10', '{}')"
    assert house.ask(known.format("2026-08-10")) == [(2.2,)]
    assert house.ask(known.format("2026-08-11")) == [(pytest.approx(2.3),)]


def test_withdrawn_inputs_withdraw_the_value(house: Warehouse, market: Prices) -> None:
    market({"a": 2.0, "b": 2.2, "c": 2.4})
    house.make()
    house.connection.execute("delete from core.offer_open")
    house.make(now="2026-08-11 06:20")
    house.make(now="2026-08-12 06:20")
    assert house.ask(
        "select revision, usd_per_gpu_hour, withheld_reason, revision_reason"
        " from marts.gpu_price_index"
    ) == [(2, None, "every input was withdrawn", "a withdrawn; b withdrawn; c withdrawn")]


def test_a_day_that_is_not_affected_is_not_touched(house: Warehouse, market: Prices) -> None:
    market({"a": 2.0, "b": 2.2, "c": 2.4}, since="2026-08-09 06:00")
    for provider in "abc":
        house.answered(provider, "2026-08-09 06:00")
    house.make(date(2026, 8, 9), DAY)
    house.connection.execute("update core.offer_open set usd_per_gpu_hour = 9")
    house.make(DAY)
    assert house.ask(
        "select day::text, usd_per_gpu_hour from marts.gpu_price_index order by 1"
    ) == [
        ("2026-08-09", 2.2),
        ("2026-08-10", 9.0),
    ]


def test_who_moved_the_index(house: Warehouse, market: Prices) -> None:
    for provider, then, now in (("a", 2.0, 2.0), ("b", 2.2, 2.2), ("c", 2.4, 1.9)):
        house.offer(provider, then, since="2026-08-03 06:00", until="2026-08-10 06:00")
        house.offer(provider, now)
        for day in range(3, 11):
            house.answered(provider, f"2026-08-{day:02d} 06:00")
    house.make(*(date(2026, 8, day) for day in range(3, 11)))
    found = house.ask(
        "select horizon_days, change_fraction, mover_provider_id, movers, lowered_count, reason"
        " from marts.gpu_price_change where horizon_days in (7, 30) order by 1"
    )
    assert found == [
        (7, pytest.approx((1.9 / 2.4) ** (1 / 3) - 1), "c", "c -20.8 % (1 offer)", 1, None),
        (30, None, None, None, 0, "no value 30 to 33 days before"),
    ]


def test_another_kind_of_source_is_told_from_a_move(house: Warehouse, market: Prices) -> None:
    for day in ("2026-08-09", "2026-08-10"):
        for provider in "abc":
            house.answered(provider, f"{day} 06:00", "feed")
    market({"a": 2.0, "b": 2.2, "c": 2.4}, kind="feed", since="2026-08-09 06:00")
    market({"c": 2.1})
    house.make(date(2026, 8, 9), DAY)
    assert house.ask(
        "select movers, composition, compared_provider_count, unmatched_count, change_fraction,"
        " reason from marts.gpu_price_change where horizon_days = 1"
    ) == [
        (
            None, "c 2.4 to 2.1 (api, was feed)", 2, 1, None,
            "2 of 3 providers have an offer that stood on both days",
        )
    ]  # fmt: skip


BREAK = "insert into core.method_break values ('feed', '2026-08-10', '2026-08-10', 'list')"
CHANGE = (
    "select change_fraction, index_change_fraction, mix_change_fraction, compared_provider_count,"
    " lowered_count, unmatched_count, movers, composition from marts.gpu_price_change"
    " where horizon_days = 1"
)
STOOD = {"a": 2.0, "b": 2.2, "s": 2.1}


def over_a_day(
    house: Warehouse, market: Prices, *feed: tuple[str, float | None, float | None]
) -> tuple[object, ...]:
    """Return the change of a day on which a feed prints other prices (provider, then, now)."""
    for day in ("2026-08-09", "2026-08-10"):
        for provider, kind in (*((p, "api") for p in STOOD), *((f[0], "feed") for f in feed)):
            house.answered(provider, f"{day} 06:00", kind)
    market(STOOD, since="2026-08-09 06:00")
    for provider, then, now in feed:
        if then:
            since, until = "2026-08-09 06:00", "2026-08-10 06:00"
            house.offer(provider, then, kind="feed", since=since, until=until)
        if now:
            house.offer(provider, now, kind="feed", since="2026-08-10 06:00")
    house.make(date(2026, 8, 9), DAY)
    [found] = house.ask(CHANGE)
    return found


def test_a_cut_moves_the_same_offers_by_its_share_of_the_votes(
    house: Warehouse, market: Prices
) -> None:
    found = over_a_day(house, market, ("c", 2.4, 1.9))
    same, index = (1.9 / 2.4) ** 0.25 - 1, 2.05 / 2.15 - 1
    assert found == (
        pytest.approx(same), pytest.approx(index), pytest.approx((1 + index) / (1 + same) - 1),
        4, 1, 0, "c -20.8 % (1 offer)", None,
    )  # fmt: skip


def test_a_declared_break_of_method_is_no_move_of_a_price(house: Warehouse, market: Prices) -> None:
    house.connection.execute(BREAK)
    assert over_a_day(house, market, ("c", 2.4, 1.9)) == (
        0.0, None, None, 3, 0, 1, None, "c 2.4 to 1.9 (another method)",
    )  # fmt: skip


def test_who_comes_and_goes_moves_the_index_and_no_price(house: Warehouse, market: Prices) -> None:
    found = over_a_day(house, market, ("c", None, 1.9), ("d", 2.4, None))
    index = 2.05 / 2.15 - 1
    assert found == (
        0.0, pytest.approx(index), pytest.approx(index), 3, 0, 0, None,
        "c entered at 1.9; d left at 2.4",
    )  # fmt: skip


def test_a_change_of_the_index_stands_where_a_break_of_method_has_no_part_in_it(
    house: Warehouse, market: Prices
) -> None:
    house.connection.execute(BREAK)
    assert over_a_day(house, market, ("c", 2.4, 2.4), ("d", 2.4, 2.5))[:2] == (0.0, 0.0)


def test_another_offer_of_the_same_provider_is_composition(
    house: Warehouse, market: Prices
) -> None:
    """The cheap machine of c is gone; the dear one that stays costs what it cost."""
    for day in ("2026-08-09", "2026-08-10"):
        for provider in (*STOOD, "c"):
            house.answered(provider, f"{day} 06:00")
    market(STOOD, since="2026-08-09 06:00")
    house.offer("c", 2.3, sku="large", since="2026-08-09 06:00")
    house.offer("c", 1.3, sku="old", since="2026-08-09 06:00", until="2026-08-10 06:00")
    house.make(date(2026, 8, 9), DAY)
    [(same, index, mix, *_)] = house.ask(CHANGE)
    assert same == 0.0 and index == pytest.approx(mix) and mix > 0.0


def test_machines_of_a_marketplace_are_compared_by_the_middle_of_their_class(
    house: Warehouse,
) -> None:
    """Of ten machines the cheap half is rented out: the asks that are left say nothing moved."""
    tier = "marketplace_community"
    for provider in "abc":
        for day in ("2026-08-09", "2026-08-10"):
            house.answered(provider, f"{day} 06:00", "marketplace")
        for host in range(10):
            house.offer(
                provider, 1.0 + host / 10, kind="marketplace", tier=tier, sku=f"host {host}",
                since="2026-08-09 06:00", until="2026-08-10 06:00" if host in (0, 9) else None,
            )  # fmt: skip
        house.offer(provider, 9.0, kind="marketplace", tier=tier, sku="eight", gpu_count=8,
                    since="2026-08-09 06:00")  # fmt: skip
    house.make(date(2026, 8, 9), DAY)
    [(same, *_)] = house.ask(CHANGE)
    assert same == pytest.approx(0.0)


def test_each_part_of_the_world_has_an_index_and_a_provider_one_vote_in_each(
    house: Warehouse, market: Prices
) -> None:
    for number, provider in enumerate("abc"):
        house.answered(provider, "2026-08-10 06:00")
        for region, usd in (("US america", 2.0), ("DE europe", 3.0), ("ZA africa", 9.0)):
            house.offer(provider, usd + number / 10, region=region)
    house.offer("a", 4.0, region="JP asia")
    house.make()
    assert house.ask(
        "select reference_region, usd_per_gpu_hour, provider_count from marts.gpu_price_index"
        " order by all"
    ) == [("asia", None, 1), ("europe", 3.1, 3), ("us", 2.1, 3)]


def test_a_list_is_read_in_its_first_reference_region_and_at_its_largest_machine(
    house: Warehouse,
) -> None:
    anchors = (("a", 1, "US-1 america"), ("a", 2, "US america"))
    for provider, rank, region in anchors:
        house.connection.execute(
            "insert into core.reference_region values (?, 'us', ?, ?)", [provider, rank, region]
        )
    for provider in "abc":
        house.answered(provider, "2026-08-10 06:00")
        house.offer(provider, 11.06, tier="hyperscaler", gpu_count=8, sku="node")
    # Another region, a smaller machine, and a region outside the list.
    house.offer("a", 14.0, tier="hyperscaler", sku="one", gpu_count=1)
    house.connection.execute("insert into core.region values ('a', 'other', 'US', 'america')")
    house.connection.execute(
        "insert into core.offer_open by name select * replace ('x' as offer_key, 'other' as region,"
        " 20.0 as usd_per_gpu_hour) from core.offer_open where provider_id = 'a' limit 1"
    )
    house.make()
    assert house.ask(INDEX) == [(11.06, 3, 0, None)]


def test_a_price_that_its_origin_stated_long_ago_is_too_old(
    house: Warehouse, market: Prices
) -> None:
    """The feed answered today; it says itself that it saw one of its prices in July."""
    market({"a": 2.0, "b": 2.2, "c": 2.4}, kind="feed")
    house.connection.execute(
        "insert into staged.offer_stated select source_id, request_key, offer_key,"
        " timestamp '2026-08-10 06:00', timestamp '2026-07-01' from core.offer_open"
        " where provider_id = 'a'"
    )
    house.make()
    assert house.ask(INDEX) == [(None, 2, 0, "2 of 3 independent providers, 1 too old")]


@pytest.mark.parametrize(
    ("answered_at", "age", "is_counted", "is_flagged"),
    [
        ("2026-08-09 18:00:00", 30.0, True, False),
        ("2026-08-09 17:59:59", 30.0, True, True),
        ("2026-08-08 00:00:00", 72.0, True, True),
        ("2026-08-07 23:59:59", 72.0, False, False),
    ],
)
def test_the_edges_of_the_bands_are_exact(
    house: Warehouse, answered_at: str, age: float, is_counted: bool, is_flagged: bool
) -> None:
    for provider in "abc":
        house.offer(provider, 2.0, since=answered_at)
        house.answered(provider, answered_at)
    house.make()
    assert house.ask("select provider_count, is_flagged from marts.gpu_price_index") == [
        (3 if is_counted else 0, is_flagged)
    ]
    [(found,)] = house.ask("select distinct age_hours from marts.gpu_price_index_input")
    assert found == pytest.approx(age, abs=1 / 60 + 1e-9)  # recorded to the minute


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("tier", ("hyperscaler", "neocloud", "marketplace_secure", "marketplace_community")),
        ("gpu", ("H100-SXM-80GB", "H100-PCIE-80GB", "H100-NVL-94GB", "H100")),
        ("purchase_model", ("on_demand", "spot", "reserved", "capacity_block")),
    ],
)
def test_nothing_is_mixed(
    house: Warehouse, market: Prices, column: str, values: tuple[str, ...]
) -> None:
    for step, value in enumerate(values):
        market({"a": step + 1.0, "b": step + 1.1, "c": step + 1.2}, **{column: value})
    house.make()
    found = house.ask(
        "select usd_per_gpu_hour, provider_count from marts.gpu_price_index order by 1"
    )
    assert found == [(pytest.approx(step + 1.1), 3) for step in range(len(values))]


def test_where_more_than_half_ask_the_same_a_near_price_stays_and_a_far_one_goes(
    house: Warehouse, market: Prices
) -> None:
    market({"a": 2.0, "b": 2.0, "c": 2.0, "near": 2.5, "far": 2.6})  # the MAD is 0
    house.make()
    assert house.ask(
        "select provider_id from marts.gpu_price_index_input where exclusion = 'trimmed'"
    ) == [("far",)]
    assert house.ask(INDEX) == [(2.0, 4, 1, None)]


def test_a_marketplace_with_many_hosts_is_one_contributor(house: Warehouse, market: Prices) -> None:
    for host in range(50):
        house.offer("vast", 1.0 + host / 100, kind="marketplace", tier="marketplace_community")
    house.answered("vast", "2026-08-10 06:00", "marketplace")
    house.make()
    assert house.ask(INDEX) == [(None, 1, 0, "1 of 3 independent providers")]
    assert house.ask(
        "select median_usd_per_gpu_hour, offer_count from marts.gpu_price_index_input"
    ) == [(pytest.approx(1.245), 50)]


def test_a_day_that_nobody_answered_has_no_value_and_is_not_filled_in(
    house: Warehouse, market: Prices
) -> None:
    market({"a": 2.0, "b": 2.2, "c": 2.4}, since="2026-08-03 06:00")
    house.connection.execute("update core.offer_capture set seen_at = '2026-08-03 06:00'")
    house.make(date(2026, 8, 3), date(2026, 8, 9), DAY)
    assert house.ask(
        "select day::text, usd_per_gpu_hour, withheld_reason from marts.gpu_price_index order by 1"
    ) == [
        ("2026-08-03", 2.2, None),
        ("2026-08-09", None, "every price is too old"),
    ]


def test_sql_and_the_cost_engine_agree(house: Warehouse) -> None:
    draw = random.Random(3)
    markets = [[round(draw.lognormvariate(1, 1), 3) for _ in range(draw.randint(1, 9))]
               for _ in range(40)]  # fmt: skip
    for number, prices in enumerate(markets):
        for provider, usd in enumerate(prices):
            house.offer(f"p{provider}", usd, gpu=f"{number:02}")
    for provider in range(9):
        house.answered(f"p{provider}", "2026-08-10 06:00")
    house.make()
    found = house.ask(
        "select usd_per_gpu_hour, n_trimmed from marts.gpu_price_index order by gpu_id"
    )
    expected = [index_value(prices) for prices in markets]
    assert any(trimmed for _, trimmed in found)
    assert [trimmed for _, trimmed in found] == [v.is_counted.count(False) for v in expected]
    for (usd, _), value in zip(found, expected, strict=True):
        assert usd == (value.usd_per_gpu_hour and pytest.approx(value.usd_per_gpu_hour, rel=1e-12))


def test_spot_prices_in_sql_equal_the_cost_engine() -> None:
    with duckdb.connect() as connection:
        connection.execute((SQL_FOLDER / "ledgers.sql").read_text())
        connection.execute(
            """
            create table meta.reference_value as select * from (values
                ('scenario', 'checkpointed', 'checkpoint_seconds', '60'),
                ('scenario', 'checkpointed', 'restart_seconds', '900')
            ) as t (subject_kind, subject, field, value);
            create table marts.offers_latest as select *, 'H100-SXM-80GB' as gpu_id,
                8 as gpu_count, false as is_witness, false as is_stale, true as is_available,
                now()::timestamp as seen_at,
                'https://prices.example.test' as source_url
            from (values
                ('k1', 'aws', 'p5.48xlarge', 'us-east-1', 'spot', 3.0),
                ('k2', 'aws', 'p5.48xlarge', 'us-east-1', 'on_demand', 6.0),
                ('k3', 'aws', 'p5.48xlarge', 'us-west-2', 'spot', 3.0),
                ('k4', 'runpod', 'h100', null, 'spot', 1.5)
            ) as t (offer_key, provider_id, sku, region, purchase_model, usd_per_gpu_hour);
            insert into staged.table_row (table_name, row_key, "values", source_url)
            select 'aws_spot_interruption', region, map {
                'region': region, 'instance_type': 'p5.48xlarge', 'operating_system': 'Linux',
                'interruption_low_percent': low, 'interruption_high_percent': high
            }, 'https://advisor.example.test'
            from (values ('us-east-1', '5', '10'), ('us-west-2', '20', '100'))
                as t (region, low, high)
            """
        )
        run_formulas(connection)
        run_models(connection, [read_models()["marts.spot_effective"]])
        rows = connection.execute(
            "select offer_key, instance_count, low, effective_usd_per_gpu_hour, high,"
            " saving_fraction, reason from marts.spot_effective order by all"
        ).fetchall()

    def effective(share: float, instances: int) -> object:
        usd = effective_usd_per_gpu_hour(3.0, share, instances, 60 / 3600, 900 / 3600)
        return pytest.approx(usd, rel=1e-9)

    for row in rows[:2]:
        low, middle, high = (effective(share, row[1]) for share in (0.05, 0.075, 0.10))
        assert row[:5] == ("k1", row[1], low, middle, high)
        assert row[5:] == (pytest.approx(1 - row[3] / 6.0), None)
    for row in rows[2:4]:
        assert row[2:5] == (effective(0.20, row[1]), effective(0.20, row[1]), None)
        assert row[6] == "the band is open: over 20 % a month"
    assert [row[2:] for row in rows[4:]] == [
        (None, None, None, None, "not known: no interruption rate is published")
    ] * 2


def test_more_instances_and_longer_checkpoints_never_cost_less() -> None:
    one = effective_usd_per_gpu_hour(1.0, 0.1, 1, 0.02, 0.25)
    sixteen = effective_usd_per_gpu_hour(1.0, 0.1, 16, 0.02, 0.25)
    slower = effective_usd_per_gpu_hour(1.0, 0.1, 16, 0.2, 0.25)
    assert 1.0 < one < sixteen < slower
    assert math.isclose(effective_usd_per_gpu_hour(1.0, 0.0, 16, 0.2, 0.25), 1.0)
    with pytest.raises(ValueError, match="monthly_fraction"):
        effective_usd_per_gpu_hour(1.0, 1.0, 1, 0.02, 0.25)
