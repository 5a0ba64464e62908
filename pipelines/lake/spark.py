"""The same SQL files on Spark: for more rows than one machine can hold.

The select of a model, or of ``warehouse/sql/bulk``, is written in DuckDB's SQL. sqlglot translates
it to Spark's, and this module translates the few idioms that sqlglot leaves as they are. Tables
come from Parquet and go to Parquet. Nothing here decides what a row means. Judging captures
(``quality``) reads earlier prices and stays with the build.

    python -m pipelines.lake.spark --home DATA_FOLDER --out FOLDER [--master spark://HOST:7077]
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from warehouse.database import open_published
from warehouse.models import SQL_FOLDER, read_models
from warehouse.paths import Home

HISTORY = "core.offer_price"
MARTS = (
    "staged.affected_offer",
    "staged.provider_price_day",
    "marts.gpu_price_daily",
)
INPUTS = {  # what the models read that no model makes
    "staged": ("core.series_point", "core.gpu_alias", "core.gpu_name_source", "core.gpu",
               "staged.offer_observation"),
    "marts": ("core.offer_price", "meta.source", "core.offer_capture", "core.method_break",
              "staged.answer", "staged.offer_stated"),
}  # fmt: skip


def session(master: str = "local[*]", **settings: str) -> Any:
    """Return a Spark session: here by default, else on the cluster of the URL.

    Parameters
    ----------
    master : str
        ``local[N]``, or the address of a cluster.
    **settings : str
        Spark settings, ``__`` for the dot: ``spark__driver__memory="4g"``.
    """
    # Spark is an optional extra, which most machines do not have.
    from pyspark.sql import SparkSession  # type: ignore[import-not-found]

    builder = SparkSession.builder.master(master).appName("truecost")
    fixed = {
        "spark.sql.session.timeZone": "UTC",  # every timestamp of the warehouse is UTC
        "spark.sql.timestampType": "TIMESTAMP_NTZ",  # and says no zone, as DuckDB's
        "spark.sql.ansi.enabled": "true",  # a cast that fails is an error, as in DuckDB
        "spark.ui.enabled": "false",
    }
    given = {name.replace("__", "."): value for name, value in settings.items()}
    for name, value in (fixed | given).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


class Warehouse:
    """Tables by their names in the warehouse, on Spark.

    Parameters
    ----------
    spark : SparkSession
        See ``session``.
    """

    def __init__(self, spark: Any) -> None:
        self.spark = spark

    def read(self, table: str, *paths: str | Path) -> None:
        """Make a table of the rows of Parquet files or folders."""
        frame = self.spark.read.option("mergeSchema", "true").parquet(*map(str, paths))
        frame.createOrReplaceTempView(view_name(table))

    def make(self, table: str, *, keep: str | Path | None = None) -> Any:
        """Make a table by its SQL file; return its rows.

        Parameters
        ----------
        table : str
            ``schema.table``; the history is the one of ``warehouse/sql/bulk``.
        keep : str or Path, optional
            Folder to write the rows to, as Parquet, and to read them from after that.
        """
        frame = self.spark.sql(spark_sql(select_of(table)))
        frame.createOrReplaceTempView(view_name(table))
        if keep is not None:
            frame.write.mode("overwrite").parquet(str(keep))
            self.read(table, keep)
            frame = self.spark.table(view_name(table))
        return frame

    def late_scopes(self) -> list[tuple[str, str]]:
        """Return the scopes whose captures did not come in the order of their time.

        Their history depends on what was believed in between: it is the merge's, not that of
        ``bulk/offer_price.sql``.
        """
        rows = self.spark.sql(
            f"""
            select distinct source_id, request_key from (
                select source_id, request_key, seen_at, lag(seen_at) over (
                    partition by source_id, request_key order by recorded_at, seen_at
                ) as seen_before
                from {view_name("core.offer_capture")}
            ) where seen_at <= seen_before
            """
        ).collect()
        return sorted((row[0], row[1]) for row in rows)


@cache
def select_of(table: str) -> str:
    """Return the select that makes a table at once, in DuckDB's SQL."""
    bulk = SQL_FOLDER / "bulk" / f"{table.split('.')[1]}.sql"
    if bulk.exists():
        return bulk.read_text(encoding="utf-8")
    select = read_models()[table].select
    if select is None:
        raise ValueError(f"{table} is made by Python; Spark makes tables that have a select")
    return select


def view_name(table: str) -> str:
    """Return the name of a table among Spark's temporary views, which have no schemas.

    Examples
    --------
    >>> view_name("core.gpu")
    'core__gpu'
    """
    return table.replace(".", "__")


@cache
def spark_sql(duckdb_sql: str) -> str:
    """Return a select of DuckDB in Spark's SQL.

    Examples
    --------
    >>> spark_sql("select a / 1.5 as b from core.gpu")
    'SELECT a / 1.5D AS b FROM core__gpu'
    >>> spark_sql("select list(x order by x) as xs from t")
    'SELECT SORT_ARRAY(COLLECT_LIST(x)) AS xs FROM t'
    """
    tree = sqlglot.parse_one(duckdb_sql, read="duckdb").transform(_without_macro)
    for node in list(tree.find_all(exp.Table)):
        if node.db:
            node.set("this", exp.to_identifier(view_name(f"{node.db}.{node.name}")))
            node.set("db", None)
    return tree.transform(_in_spark).sql(dialect="spark", comments=False)


@cache
def _formulas() -> dict[str, tuple[list[tuple[str, exp.Expr | None]], exp.Expr]]:
    """Return parameters, with their defaults, and the expression of each macro without a table."""
    text = (SQL_FOLDER / "macros" / "formulas.sql").read_text(encoding="utf-8")
    found = {}
    for name, given, body in re.findall(
        r"^create or replace macro (\w+)\((.*?)\)\s+as\s+(.*?);", text, re.DOTALL | re.MULTILINE
    ):
        pairs = (one.partition(":=") for one in given.split(",") if one.strip())
        parameters = [
            (word.strip(), sqlglot.parse_one(default, read="duckdb") if default else None)
            for word, _, default in pairs
        ]
        found[name] = (parameters, sqlglot.parse_one(body, read="duckdb"))
    return found


def _without_macro(node: exp.Expr) -> exp.Expr:
    """Replace the call of a macro by its expression: Spark has no macros."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() not in _formulas():
        return node
    parameters, body = _formulas()[node.name.lower()]
    values = [one.transform(_without_macro) for one in node.expressions]
    values += [default for _, default in parameters[len(values) :] if default is not None]
    by_name = {name: value for (name, _), value in zip(parameters, values, strict=True)}
    return exp.Paren(
        this=body.transform(_without_macro).transform(
            lambda part: (
                exp.Paren(this=by_name[part.name].copy())
                if isinstance(part, exp.Column) and part.name in by_name
                else part
            )
        )
    )


def _in_spark(node: exp.Expr) -> exp.Expr:
    """Translate one idiom of DuckDB that sqlglot leaves as it is."""
    if isinstance(node, exp.Literal) and not node.is_string and not node.is_int:
        return exp.Var(this=f"{node.name}D")  # Spark's 1.0 is a decimal of two digits
    if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
        return exp.func("get", node.this, node.expressions[0])  # null beyond the end
    if isinstance(node, exp.Length) and _is_list(node.this):
        return exp.func("size", node.this)
    if isinstance(node, exp.RegexpReplace):
        replacement = node.args["replacement"]
        if replacement.is_string:
            text = re.sub(r"\\(\d)", r"$\1", replacement.name)
            node.set("replacement", exp.Literal.string(text))
        return node
    if isinstance(node, exp.RegexpFullMatch):
        whole = [exp.Literal.string("^(?:"), node.expression, exp.Literal.string(")$")]
        return exp.RegexpLike(this=node.this, expression=exp.func("concat", *whole))
    if isinstance(node, exp.Anonymous) and node.name.lower() == "list_has_all":
        those, these = node.expressions
        missing = exp.func("size", exp.func("array_except", these, those))
        return exp.EQ(this=missing, expression=exp.Literal.number(0))
    if isinstance(node, exp.PercentileCont):
        return exp.func("percentile", node.this, node.expression)
    aggregate = node.this if isinstance(node, exp.Filter) else node
    if isinstance(aggregate, exp.ArrayAgg) and isinstance(aggregate.this, exp.Order):
        aggregate.set("this", aggregate.this.this)
        return exp.Anonymous(this="SORT_ARRAY", expressions=[node.copy()])
    if isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber):
        return _ordered(node)
    return node


def _is_list(node: exp.Expr) -> bool:
    """Return whether ``len`` counts elements: our lists are columns named in the plural."""
    return isinstance(node, exp.Column) and node.name in ("fitting", "words", "variants")


def _ordered(window: exp.Window) -> exp.Expr:
    """Add an explicit ORDER BY to row_number(), which Spark requires.

    Spark computes a CTE again wherever it is read: the numbers must not depend on chance.
    """
    if window.args.get("order") or window.args.get("alias"):
        return window
    select = window.find_ancestor(exp.Select)
    columns = [c.copy() for c in select.expressions if isinstance(c, exp.Column)] if select else []
    window.set("order", exp.Order(expressions=[exp.Ordered(this=c) for c in columns]))
    return window


def export_inputs(home: Home, folder: Path, tables: Iterable[str] = INPUTS["marts"]) -> None:
    """Write the tables that models read from the published file as Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_published(home, folders=[folder]) as connection:
        for table in tables:
            connection.execute(
                f"copy (from {table}) to '{folder / table}.parquet' (format parquet)"
            )
        connection.execute(
            "copy (select distinct 'offer' as entity, day from marts.gpu_price_daily)"
            f" to '{folder / 'staged.affected_day'}.parquet' (format parquet)"
        )


def main(arguments: list[str] | None = None) -> None:
    """Derive the daily prices and the cost of a FLOP of a published run on Spark."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.lake.spark", description=main.__doc__
    )
    parser.add_argument("--home", type=Path, required=True, help="the data folder")
    parser.add_argument("--out", type=Path, required=True, help="where Parquet is written")
    parser.add_argument("--master", default="local[*]", help="local[N] or spark://HOST:PORT")
    given = parser.parse_args(arguments)
    export_inputs(Home(given.home), given.out / "inputs")
    warehouse = Warehouse(session(given.master))
    for path in sorted((given.out / "inputs").glob("*.parquet")):
        warehouse.read(path.stem, path)
    for table in MARTS:
        print(f"{table}: {warehouse.make(table, keep=given.out / table).count():,} rows")


if __name__ == "__main__":
    main()
