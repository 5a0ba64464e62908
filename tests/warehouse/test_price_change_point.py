"""Change-points of daily medians on tiny histories: a shift, a blip, a drift, who came and went."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import duckdb
import pytest

from warehouse import history
from warehouse.models import SQL_FOLDER, read_models, run_checks, run_models

START = date(2026, 6, 1)
DAYS = 30
MODELS = (
    "staged.affected_offer",
    "staged.answer",
    "staged.provider_price_day",
    "marts.gpu_price_daily",
    "marts.gpu_price_change_point",
)
# provider -> its price from a day on (days since START); None where it offers nothing
Prices = Mapping[str, Mapping[int, float | None]]
STEADY: Prices = {"alpha": {0: 2.0}, "beta": {0: 3.0}, "gamma": {0: 4.0}}


def points(
    prices: Prices,
    missing: frozenset[int] = frozenset(),
    sources: Mapping[tuple[str, int], str] | None = None,
    breaks: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Return the change-points of a GPU with these prices, all markets.

    ``breaks`` are declared: a source, its first day by a new method, and when the old is settled.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute((SQL_FOLDER / "ledgers.sql").read_text())
        history.create(connection, history.OFFER)
        history.create(connection, history.API_PRICE)
        last = datetime.combine(START + timedelta(days=DAYS), datetime.min.time())
        connection.execute(
            "create table meta.source (source_id varchar, kind_rank integer, source_kind varchar,"
            " is_first_party boolean, cadence_hours integer);"
            "insert into meta.source values ('api', 1, 'api', true, 24),"
            " ('feed', 4, 'feed', false, 24);"
            "insert into core.offer_capture (capture_id, source_id, request_key, seen_at,"
            " recorded_at) select source_id || n, source_id, 'all', moment, moment"
            f" from meta.source, (select n, timestamp '{last}' - to_days(n) as moment"
            " from range(40) as days (n));"
            "create table core.method_break (source_id varchar, break_on date, settled_on date,"
            " change varchar)"
        )
        for source_id, (first, settled) in breaks.items():
            connection.execute(
                "insert into core.method_break values (?, ?, ?, 'another page is read')",
                [source_id, day(first), day(settled)],
            )
        for provider, changes in prices.items():
            starts = sorted(changes)
            for start, end in zip(starts, [*starts[1:], DAYS + 9], strict=True):
                if changes[start] is None:
                    continue
                since = datetime.combine(START + timedelta(days=start), datetime.min.time())
                connection.execute(
                    "insert into core.offer_open (offer_key, source_id, request_key, provider_id,"
                    " gpu_id, purchase_model, market_tier, source_kind, usd_per_gpu_hour,"
                    " valid_from, valid_to, recorded_at)"
                    " values (?, ?, 'all', ?, 'L4-24GB', 'on_demand', 'neocloud', 'api', ?, ?, ?,"
                    " ?)",
                    [provider, (sources or {}).get((provider, start), "api"),
                     provider, changes[start], since, since + timedelta(days=end - start), since],
                )  # fmt: skip
        for back in range(DAYS):
            if back not in missing:
                connection.execute(
                    "insert into staged.affected_day values ('offer', ?)",
                    [START + timedelta(days=back)],
                )
        models = [read_models()[name] for name in MODELS]
        run_models(connection, models)
        assert [found for found in run_checks(connection, models) if found.wrong_rows] == []
        cursor = connection.execute(
            "from marts.gpu_price_change_point where market_family = 'all' order by day"
        )
        names = [column[0] for column in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert len({row["day"] for row in found}) == len(found)
    for row in found:
        weeks = row["week_after_usd_per_gpu_hour"] - row["week_before_usd_per_gpu_hour"]
        assert (row["change_fraction"] > 0) == (weeks > 0)
    return found


def day(number: int) -> date:
    return START + timedelta(days=number)


def test_prices_that_stand_have_no_change_point() -> None:
    assert points(STEADY) == []


def test_a_shift_is_one_point_and_names_who_moved_it() -> None:
    (point,) = points({**STEADY, "beta": {0: 3.0, 12: 2.4}})
    assert (point["day"], point["before_day"]) == (day(12), day(11))
    assert point["before_usd_per_gpu_hour"] == 3.0
    assert point["usd_per_gpu_hour"] == 2.4
    assert point["change_fraction"] == pytest.approx(-0.2)
    assert point["same_offers_change_fraction"] == pytest.approx(0.8 ** (1 / 3) - 1)
    assert point["compared_provider_count"] == 3
    assert point["is_price_move"] is True
    assert (point["mover_provider_id"], point["mover_move"]) == ("beta", "lowered")
    assert (point["raised_count"], point["lowered_count"]) == (0, 1)
    assert point["movers"] == "beta 3 to 2.4"
    assert point["is_settled"] is True


def test_a_blip_is_no_change_point() -> None:
    assert points({**STEADY, "beta": {0: 3.0, 12: 2.4, 14: 3.0}}) == []


def test_steps_under_five_percent_are_no_change_point() -> None:
    drift = {start: 3.0 * 0.99**start for start in range(DAYS)}
    assert points({**STEADY, "beta": drift}) == []


def test_a_shift_in_two_steps_is_one_point() -> None:
    found = points({**STEADY, "beta": {0: 3.0, 12: 2.8, 14: 2.4}})
    assert len(found) == 1


def test_there_and_back_after_weeks_are_two_points() -> None:
    found = points({**STEADY, "beta": {0: 3.0, 10: 2.4, 20: 3.0}})
    assert [row["mover_move"] for row in found] == ["lowered", "raised"]


def test_providers_that_leave_are_told_from_prices_that_fall() -> None:
    (point,) = points({**STEADY, "delta": {0: 5.0, 15: None}, "eps": {0: 6.0, 15: None}})
    assert point["day"] == day(15)
    assert (point["left_count"], point["lowered_count"]) == (2, 0)
    assert (point["mover_move"], point["is_price_move"]) == ("left", False)
    assert point["same_offers_change_fraction"] == pytest.approx(0.0)


def test_a_provider_that_lowers_its_price_does_not_make_entrants_a_move_of_prices() -> None:
    """Two entrants raise the median while the one provider whose price moves lowers it."""
    prices = {
        "alpha": {0: 2.0}, "beta": {0: 3.0, 12: 2.9}, "gamma": {0: 4.0},
        "delta": {12: 5.0}, "eps": {12: 6.0},
    }  # fmt: skip
    (point,) = points(prices)
    assert point["change_fraction"] > 0 > point["same_offers_change_fraction"]
    assert point["is_price_move"] is False


def test_another_kind_of_source_is_told_from_a_move_of_the_price() -> None:
    prices = {**STEADY, "beta": {0: 3.0, 12: 2.4}}
    (moved,) = points(prices)
    (reread,) = points(prices, sources={("beta", 0): "feed"})
    assert (moved["is_price_move"], reread["is_price_move"]) == (True, False)
    assert reread["movers"] == "beta 3 to 2.4 (api, was feed)"


def test_a_vanished_offer_below_three_providers_ends_the_series_without_a_point() -> None:
    assert points({**STEADY, "beta": {0: 3.0, 15: None}}) == []


def test_a_step_over_a_gap_of_days_is_not_dated() -> None:
    moved = {**STEADY, "beta": {0: 3.0, 12: 2.4}}
    assert len(points(moved, missing=frozenset({11, 12}))) == 1
    assert points(moved, missing=frozenset({10, 11, 12})) == []


def test_the_newest_step_is_not_settled() -> None:
    (point,) = points({**STEADY, "beta": {0: 3.0, DAYS - 2: 2.4}})
    assert point["is_settled"] is False


def test_the_medians_of_the_points_are_those_of_the_days() -> None:
    """The moves explain the daily table: the same rules on the same offers."""
    (point,) = points({**STEADY, "beta": {0: 3.0, 12: 2.4}, "delta": {0: 3.4, 12: 2.0}})
    # alpha 2, beta 3, delta 3.4, gamma 4 before; alpha 2, delta 2, beta 2.4, gamma 4 after
    assert (point["before_usd_per_gpu_hour"], point["usd_per_gpu_hour"]) == (3.2, 2.2)
    assert point["movers"] == "delta 3.4 to 2; beta 3 to 2.4"


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ({"api": (12, 12)}, "api: another page is read"),
        ({"api": (9, 12)}, "api: another page is read"),  # old prices until the day before
        ({"api": (13, 13)}, None),
        ({"api": (11, 11)}, None),
        ({"other": (12, 12)}, None),
    ],
    ids=["on the day", "settled on the day", "after it", "before it", "of another source"],
)
def test_a_declared_break_between_the_two_days_is_said(
    breaks: Mapping[str, tuple[int, int]], said: str | None
) -> None:
    (point,) = points({**STEADY, "beta": {0: 3.0, 12: 2.4}}, breaks=breaks)
    assert point["method_break"] == said
