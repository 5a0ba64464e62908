"""core.training_run: one row per model, the newest and best table first, nothing below zero."""

from pathlib import Path

import duckdb
import pytest

import warehouse
from warehouse.models import read_model

MODEL = read_model(Path(warehouse.__file__).parent / "sql" / "core" / "training_run.sql")


def run_of(connection, **cells):
    values = {"Publication date": "2026-01-05", "Organization": "Lab", **cells}
    connection.execute(
        "insert into staged.table_row"
        " values ('epoch_models', 'k', ?, ?, map(?, ?), 'u', 's', 1, ?)",
        [
            cells.pop("table", "epoch_notable_models"),
            values["Model"],
            [name for name in values if name not in ("table", "at")],
            [value for name, value in values.items() if name not in ("table", "at")],
            cells.pop("at", "2026-02-01"),
        ],
    )


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema staged;
            create table staged.table_row (
                source_id varchar, request_key varchar, table_name varchar, row_key varchar,
                "values" map(varchar, varchar), source_url varchar, payload_sha256 varchar,
                parser_version integer, seen_at timestamp
            );
            create schema core;
            create table core.training_run_alias as
                select 'GPT-4 (Mar 2023)' as model_name_printed, 'GPT-4' as model, 'why' as note
            """
        )
        yield connection


def rows(connection):
    cursor = connection.execute(MODEL.select)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_the_columns_are_the_documented_ones(connection):
    run_of(connection, Model="A")
    assert list(rows(connection)[0]) == [column.name for column in MODEL.columns]


def test_the_newest_capture_holds_and_frontier_comes_before_notable(connection):
    flops = "Training compute (FLOP)"
    run_of(connection, Model="A", **{flops: "1e25"}, at="2025-11-01")
    run_of(connection, Model="A", **{flops: "2e25"}, at="2026-04-22")
    run_of(
        connection, Model=" A ", **{flops: "3e25"}, table="epoch_frontier_models", at="2026-04-22"
    )
    (row,) = rows(connection)
    assert (row["model"], row["training_flops"]) == ("A", 3e25)


def test_blank_zero_and_unreadable_cells_are_null(connection):
    run_of(
        connection,
        Model="A",
        **{
            "Training compute (FLOP)": "",
            "Hardware quantity": "0",
            "Training chip-hours": "-4",
            "Training time (hours)": "about a week",
            "Base model": " ",
        },
    )
    (row,) = rows(connection)
    for column in (
        "training_flops",
        "hardware_quantity",
        "gpu_hours",
        "training_hours",
        "base_model",
    ):
        assert row[column] is None, column
    assert row["confidence"] == "Unknown" and row["is_notable"] is False


def test_tables_of_other_things_are_left_out(connection):
    run_of(connection, Model="A", table="epoch_chips")
    assert rows(connection) == []


def test_one_model_under_two_spellings_is_one_row(connection):
    for name, table in (
        ("Grok-3", "epoch_cost_models"), ("Grok 3", "epoch_notable_models"),
        ("EVA\t\t", "epoch_cost_models"), ("EVA", "epoch_notable_models"),
        ("GPT-4", "epoch_notable_models"), ("GPT-4 (Mar 2023)", "epoch_frontier_models"),
        ("CALM", "epoch_cost_models"), ("CaLM", "epoch_cost_models"),
    ):  # fmt: skip
        run_of(connection, Model=name, table=table)
    assert sorted(row["model"] for row in rows(connection)) == [
        "CALM", "CaLM", "EVA", "GPT-4", "Grok 3",
    ]  # fmt: skip
