"""A table is made again where what it was made from changed, and only there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipelines.derive.made import Traces, Watched, macros, reads_of
from pipelines.derive.make import Phases, describe, make
from warehouse.database import open_build
from warehouse.models import DocumentedColumn, TableModel
from warehouse.paths import Home


def model(name: str, select: str, kind: str = "table") -> TableModel:
    """Return a model with one column, ``n``."""
    columns = (DocumentedColumn("n", "a number", None),)
    return TableModel(
        name, "One row per n", columns, (), select, None, kind, None, reads_of(select)
    )


NUMBERS = model("marts.numbers", "select n from staged.given where n < 100")
DOUBLED = model("marts.doubled", "select 2 * n as n from marts.numbers")
SEEN = model("marts.seen", "select n from marts.doubled", "view")
OTHER = model("marts.other", "select n + 1 as n from staged.other")
LAST = model("marts.last", "select max(n) as n from marts.seen")
ALL = (NUMBERS, DOUBLED, SEEN, OTHER, LAST)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home with two tables from which five are made."""
    home = Home(tmp_path)
    models = {one.name: one for one in ALL}
    monkeypatch.setattr("pipelines.derive.made.read_models", lambda: models)
    monkeypatch.setattr("pipelines.derive.make.DERIVATIONS", {})
    monkeypatch.setattr("pipelines.derive.make.run_macros", lambda connection: None)
    monkeypatch.setattr("pipelines.derive.make.describe", lambda connection, order: None)
    monkeypatch.setattr("pipelines.derive.make.SQL_FOLDER", tmp_path)
    (tmp_path / "meta_views.sql").write_text("select 1")
    change(
        home,
        """
        create schema if not exists staged; create schema if not exists meta;
        create schema if not exists marts;
        create table staged.given as from range(3) as r(n);
        create table staged.other as from range(2) as r(n);
        create table marts.gpu_price_daily (day date);
        create table staged.build_clock as select now()::timestamp as now_at;
        """,
    )
    return home


def change(home: Home, sql: str) -> None:
    """Run statements on the build file."""
    with open_build(home) as connection:
        connection.execute(sql)


def remade(
    home: Home, wanted: set[str] | None = None, tables: tuple[TableModel, ...] = ALL
) -> set[str]:
    """Make the tables, and return those that were made again."""
    order = Phases(loaded=(), before=tables, made=(), after=())
    return {
        outcome.model.name.removeprefix("marts.")
        for outcome in make(home, order, wanted=wanted)
        if outcome.is_made
    }


def test_what_did_not_change_is_not_made_again(home: Home):
    assert remade(home) == {"numbers", "doubled", "seen", "other", "last"}
    assert remade(home) == set()


def test_a_change_reaches_what_depends_on_it_and_nothing_else(home: Home):
    remade(home)
    change(home, "insert into staged.given values (7)")
    assert remade(home) == {"numbers", "doubled", "seen", "last"}
    change(home, "insert into staged.other values (7)")
    assert remade(home) == {"other"}


def test_a_table_that_came_out_the_same_sets_nothing_off(home: Home):
    remade(home)
    change(home, "insert into staged.given values (1000)")  # left out by marts.numbers
    assert remade(home) == {"numbers"}


def test_another_select_makes_the_table_again(home: Home):
    remade(home)
    other = model("marts.numbers", "select n from staged.given where n < 50")
    assert remade(home, tables=(other, *ALL[1:])) == {"numbers"}


def test_a_view_shows_a_table_that_was_made_again_with_another_column(home: Home):
    remade(home)
    wide = TableModel(
        "marts.doubled", "One row per n",
        (*DOUBLED.columns, DocumentedColumn("m", "another number", None)), (),
        "select 2 * n as n, n as m from marts.numbers", None, "table", None, DOUBLED.depends_on,
    )  # fmt: skip
    assert {"doubled", "seen"} <= remade(home, tables=(NUMBERS, wide, SEEN, OTHER, LAST))
    with open_build(home) as connection:
        assert connection.execute("select sum(n) from marts.seen").fetchall() == [(6,)]


def test_a_current_table_gets_the_comment_of_today(home: Home):
    remade(home)
    reworded = replace(SEEN, columns=(DocumentedColumn("n", "a counted thing", None),))
    order = Phases(loaded=(), before=(NUMBERS, reworded), made=(), after=())
    with open_build(home) as connection:
        describe(connection, order)
        comments = connection.execute(
            "select comment from duckdb_columns() where table_name = 'seen'"
        ).fetchall()
    assert comments == [("a counted thing",)]


def test_a_table_that_is_gone_is_made_again(home: Home):
    remade(home)
    change(home, "drop table marts.other")
    assert remade(home) == {"other"}


def test_a_wanted_table_brings_along_what_depends_on_it(home: Home):
    remade(home)
    change(home, "insert into staged.given values (7); insert into staged.other values (7)")
    assert remade(home, {"marts.numbers"}) == {"numbers", "doubled", "seen", "last"}
    assert remade(home, {"marts.doubled"}) == {"doubled"}
    assert remade(home) == {"other"}


def test_a_table_that_was_not_finished_is_made_again(home: Home):
    remade(home)
    with open_build(home) as connection:
        Traces(connection).begin([OTHER])  # and the process ends here
    assert remade(home) == {"other"}


def test_a_connection_notes_the_tables_that_are_read():
    watched = Watched(duckdb.connect())
    watched.execute("create schema core; create table core.gpu as select 1 as x")
    watched.reads.clear()
    watched.sql("select * from core.gpu").fetchall()
    assert watched.reads == {"core.gpu"}


def test_macros_count_as_the_tables_that_they_read():
    name, tables = next((name, tables) for name, tables in macros().items() if tables)
    assert reads_of(f"select * from {name}(1)") >= tables
    assert reads_of("select 1 -- from core.gpu") == frozenset()
