"""Every table of the warehouse as an asset, with its rows, columns, lineage and checks.

A table that is made day by day has the days of the calendar; to make one of them derives it again.
Asset keys are the table names, so that lineage and SQL read the same. The build steps share a pool
of one, because only one process may write. What the tables hold belongs to ``warehouse`` and
``pipelines.derive``.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.defs.capture import ON, OWNER, SOURCES, source_key
from pipelines.defs.days import calendar, days_asked, refuse_before
from pipelines.defs.progress import Listener
from pipelines.defs.resources import Settings
from pipelines.derive.check import check
from pipelines.derive.load import load
from pipelines.derive.made import sql_hash
from pipelines.derive.make import Outcome, make, phases
from pipelines.derive.release import PublishReport, publish_build
from pipelines.text import one_line
from warehouse.database import exclusive
from warehouse.models import SQL_FOLDER, Check, CheckResult, TableModel, read_models
from warehouse.rows import plain

PHASES = phases(read_models())
FIRST_DAY = min(source.first_day for source in SOURCES.values())
PUBLISHED = dg.AssetKey(["published", "warehouse"])
# Tables loaded from observations: table -> kind of record
LOADED = {
    "staged.offer_observation": "offer",
    "core.api_price": "api_price",
    "core.series_point": "series_point",
    "staged.table_row": "table_row",
}
# What is written while rows are loaded -> the table whose rows it keeps: the lineage goes on there
KEPT = {
    "core.offer_capture": "staged.normalised_offer",
    "core.offer_closed": "staged.normalised_offer",
    "core.offer_open": "staged.normalised_offer",
    "core.offer_price": "staged.normalised_offer",
    "staged.offer_stated": "staged.offer_observation",  # by way of normalised_offer, told after it
    "core.api_price_capture": "core.api_price",
}


def key(table: str) -> dg.AssetKey:
    """Return the asset key of a table: schema, table."""
    return dg.AssetKey(table.split("."))


def files(model: TableModel) -> list[Path]:
    """Return the files that say what a table holds and how it is made."""
    sql = SQL_FOLDER / model.schema / f"{model.name.split('.')[1]}.sql"
    return [sql, *([SQL_FOLDER.parents[1] / model.made_by] if model.made_by else [])]


def described(model: TableModel) -> str:
    """Return the text of the page of a table: its grain, what must hold, and how it is made."""
    must_hold = "; ".join(check.name for check in model.checks)
    made = f"```sql\n{model.select}\n```" if model.select else f"Made by `{model.made_by}`."
    return "\n\n".join(
        [f"{model.grain.rstrip('.')}.", *([f"Checked: {must_hold}."] if must_hold else []), made]
    )


def schema(model: TableModel, types: Mapping[str, str]) -> dg.TableSchema:
    """Return the columns of a table: meaning and unit, and the SQL type where it is known."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=types.get(column.name, "not made yet"),
                description=column.meaning + (f" [{column.unit}]" if column.unit else ""),
            )
            for column in model.columns
        ]
    )


def sample(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Return some rows as the pages show them, text of strangers on one line and visible."""
    records = [
        {
            name: value if value is None or isinstance(value, int) else one_line(plain(value))
            for name, value in row.items()
        }
        for row in rows
    ]
    return dg.MetadataValue.table(
        [dg.TableRecord(record) for record in records],
        schema=dg.TableSchema([dg.TableColumn(name) for name in records[0]]),
    )


def spec(model: TableModel) -> dg.AssetSpec:
    """Return the asset of a table."""
    kept = {KEPT[name] for name in (model.name, *model.depends_on) if name in KEPT} - {model.name}
    deps = [
        dg.AssetDep(key(name)) for name in sorted((model.depends_on | kept) & read_models().keys())
    ]
    deps += [
        dg.AssetDep(source_key(name), partition_mapping=dg.AllPartitionMapping())
        for name in ON
        if SOURCES[name].record_kind == LOADED.get(model.name)
    ]
    return dg.AssetSpec(
        key(model.name),
        deps=deps,
        group_name=model.schema,
        kinds={"duckdb", "sql" if model.select else "python"},
        owners=[OWNER],
        partitions_def=calendar(FIRST_DAY) if model.is_by_day else None,
        skippable=model.is_by_day,  # its days are logged one by one
        code_version=sql_hash(model) if model.select else None,
        description=described(model),
        metadata={
            "dagster/code_references": dg.CodeReferencesMetadataValue(
                code_references=[
                    dg.LocalFileCodeReference(file_path=str(path)) for path in files(model)
                ]
            ),
            "dagster/column_schema": schema(model, {}),
        },
    )


def published_spec() -> dg.AssetSpec:
    """Return the asset of the published file."""
    return dg.AssetSpec(
        PUBLISHED,
        deps=[
            key(model.name) for model in PHASES.all if model.schema in ("core", "marts", "focus")
        ],
        group_name="published",
        kinds={"duckdb", "parquet"},
        owners=[OWNER],
        description="The file that all readers open: truecost.duckdb, with Parquet beside it.",
        # A build a day, and six hours in which a missed one can be made up for.
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=54), warn_window=timedelta(hours=30)
        ),
    )


def checks(models: Sequence[TableModel]) -> list[dg.AssetCheckSpec]:
    """Return the checks of some tables, named by what must hold. A failure stops publishing."""
    return [
        dg.AssetCheckSpec(
            check.slug,
            asset=key(model.name),
            blocking=True,
            description=f"{check.name[0].upper()}{check.name[1:]}. Wrong rows:\n\n"
            f"```sql\n{check.sql.replace('{this}', model.name)}\n```",
        )
        for model in models
        for check in model.checks
    ]


@dg.multi_asset(
    name="build_warehouse",
    specs=[*(spec(model) for model in PHASES.all), published_spec()],
    check_specs=checks(PHASES.all),
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="duckdb",
)
def build_warehouse(
    context: dg.AssetExecutionContext,
    settings: Settings,
    listener: dg.ResourceParam[Listener],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Merge the new captures, make the tables that changed, check them, and publish.

    A selection without a table of the load merges nothing: it makes the tables that are selected
    and those that depend on them. All of it is one step: a step of its own that publishes would be
    skipped, without a word, where one table could not be made.
    """
    home, run_id = settings.data(), context.run.run_id
    days = days_asked(context)
    if days and days[0] < settings.clock().date():
        refuse_before(FIRST_DAY, days[0], "the calendar of prices")
    selected = {".".join(key.path) for key in context.selected_asset_keys}
    is_whole = not selected.isdisjoint(model.name for model in PHASES.loaded)
    made: set[str] = set()
    with exclusive(home, "build"):
        if is_whole:
            load(home, now=settings.clock(), run_id=run_id, say=listener.line)
        if selected:
            wanted = None if is_whole else selected - {".".join(PUBLISHED.path)}
            for outcome in make(home, PHASES, listener.line, wanted, days):
                listener.table_made(outcome.model.name, outcome.rows)
                if outcome.is_made:
                    made.add(outcome.model.name)
                if outcome.model.is_by_day:
                    log_days(context, outcome)
                elif outcome.model.name in selected:
                    yield dg.MaterializeResult(key(outcome.model.name), metadata=facts(outcome))
                else:  # it depends on what was selected
                    event = dg.AssetMaterialization(
                        key(outcome.model.name), metadata=facts(outcome)
                    )
                    context.log_event(event)
        else:  # only checks are selected
            made = {".".join(one.asset_key.path) for one in context.selected_asset_check_keys}
        for result in check(home, PHASES.all, made, is_whole=is_whole):
            if check_key(result) in context.selected_asset_check_keys:
                yield checked(result)
        if selected:
            report = told(publish_build(home, run_id=run_id, now=settings.clock()))
            if PUBLISHED in context.selected_asset_keys:
                yield dg.MaterializeResult(PUBLISHED, metadata=report)
            else:
                context.log_event(dg.AssetMaterialization(PUBLISHED, metadata=report))


def log_days(context: dg.AssetExecutionContext, outcome: Outcome) -> None:
    """Log each day that was made of a table; what is true of the whole table, with the last."""
    about = facts(outcome)
    newest = max(outcome.days, default=None)
    for day, rows in outcome.days.items():
        told = {**(about if day == newest else {}), "rows of the day": rows}
        table = key(outcome.model.name)
        context.log_event(dg.AssetMaterialization(table, partition=day.isoformat(), metadata=told))


def facts(outcome: Outcome) -> dict[str, Any]:
    """Return the metadata of a table that a build has looked at."""
    found: dict[str, Any] = {"made": outcome.is_made}
    if outcome.rows is not None:
        found["dagster/row_count"] = outcome.rows
    if outcome.look is not None:
        found["dagster/column_schema"] = schema(outcome.model, outcome.look.types)
        if outcome.look.rows:
            found["sample"] = sample(outcome.look.rows)
    return found


def check_key(result: CheckResult) -> dg.AssetCheckKey:
    """Return the key of a check that ran."""
    return dg.AssetCheckKey(key(result.model), Check(result.name, result.sql).slug)


def checked(result: CheckResult) -> dg.AssetCheckResult:
    """Return the outcome of a check."""
    return dg.AssetCheckResult(
        asset_key=key(result.model),
        check_name=check_key(result).name,
        passed=result.wrong_rows == 0,
        metadata={"wrong_rows": result.wrong_rows, "example": result.example or ""},
    )


def told(report: PublishReport) -> dict[str, str | int]:
    """Return the metadata of a published file."""
    return {"path": str(report.path), "bytes": report.bytes}
