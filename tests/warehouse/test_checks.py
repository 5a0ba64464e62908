"""Facts about the checks of the tables: what they let pass and what they find."""

import re
from dataclasses import replace
from datetime import date
from math import inf, nextafter

import duckdb
import pytest

from warehouse.models import Check, read_models, run_checks

TOLERANCE = re.escape(" * (1 + 1e-12)") + "|" + re.escape(" + 1e-12")
INTERVALS = [
    ("marts.api_margin", "margin_low", "margin_fraction", "margin_high"),
    ("marts.cost_per_flop", "low", "usd_per_exaflop_effective", "high"),
    ("marts.gpu_price_daily", "p10_usd_per_gpu_hour", "median_usd_per_gpu_hour",
     "p90_usd_per_gpu_hour"),
    ("marts.image_cost", "low", "usd_per_1k_images", "high"),
    ("marts.image_point", "low_images_per_second", "images_per_second_per_gpu",
     "high_images_per_second"),
    ("marts.inference_cost", "low", "usd_per_1k_tokens", "high"),
]  # fmt: skip


def wrong_rows(name: str, low: str, middle: str, high: str, values: tuple[float, ...]) -> int:
    """Return what the checks of a table find in one row with this interval."""
    model = read_models()[name]
    columns = {column.name: "0.4::double" for column in model.columns}
    for column, value in zip((low, middle, high), values, strict=True):
        columns[column] = f"{value!r}::double"
    [check] = [
        check for check in model.checks if f"{middle} <= {high}" in re.sub(TOLERANCE, "", check.sql)
    ]
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        row = ", ".join(f"{value} as {column}" for column, value in columns.items())
        connection.execute(f"create table {name} as select {row}")
        [found] = run_checks(connection, [replace(model, checks=(check,))])
    return found.wrong_rows


@pytest.mark.parametrize(("name", "low", "middle", "high"), INTERVALS)
def test_an_interval_of_one_price_passes_with_a_rounding_error(
    name: str, low: str, middle: str, high: str
) -> None:
    value = 0.6624271330153683
    for other in (nextafter(value, inf), nextafter(value, -inf)):
        assert wrong_rows(name, low, middle, high, (other, value, other)) == 0


@pytest.mark.parametrize(("name", "low", "middle", "high"), INTERVALS)
def test_a_value_outside_its_interval_is_found(name: str, low: str, middle: str, high: str) -> None:
    assert wrong_rows(name, low, middle, high, (0.5, 0.6, 0.7)) == 0
    assert wrong_rows(name, low, middle, high, (0.61, 0.6, 0.7)) == 1
    assert wrong_rows(name, low, middle, high, (0.5, 0.6, 0.59)) == 1


def test_old_rows_of_a_table_that_grows_are_read_when_all_are_asked_for() -> None:
    model = replace(
        read_models()["marts.gpu_price_daily"],
        checks=(Check("there are offers", "select * from {this} where offer_count < 1"),),
    )
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.gpu_price_daily as select * from (values"
            " (date '2026-07-01', 0), (date '2026-07-02', 1), (date '2026-07-03', 0))"
            " as t (day, offer_count)"
        )
        for since, wrong in ((None, 2), (date(2026, 7, 2), 1), (date.max, 0)):
            [found] = run_checks(connection, [model], since)
            assert found.wrong_rows == wrong


def test_a_view_is_computed_once_for_all_its_checks() -> None:
    checks = ("select * from {this} where place < 1", "select * from {this} where place > 4")
    model = replace(
        read_models()["marts.cost_per_flop"],
        checks=tuple(Check(f"number {n}", sql) for n, sql in enumerate(checks)),
    )
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create sequence place; create view marts.cost_per_flop as"
            " select nextval('place') as place from range(4)"
        )
        assert [found.wrong_rows for found in run_checks(connection, [model])] == [0, 0]
        assert connection.execute("select nextval('place')").fetchall() == [(5,)]
