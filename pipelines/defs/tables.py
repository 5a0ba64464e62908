"""Every table of the warehouse as an asset, with its rows, columns, lineage and checks.

Keys are the table names, so that lineage and SQL read the same. The build steps share a pool of
one: there is one writer.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from pipelines import build, publishing
from pipelines.defs.resources import Settings, say
from pipelines.sources import all_sources
from warehouse.database import exclusive
from warehouse.models import Model, column_lineage, read_models

PHASES = build.phases(read_models())
# The tables that are loaded from observations: table -> kind of record
LOADED = {
    "staged.offer_observation": "offer",
    "core.api_price": "api_price",
    "core.series_point": "series_point",
    "staged.table_row": "table_row",
}


def lineage_of(table: str) -> dg.TableColumnLineage:
    """Return where each column of a table comes from."""
    edges: dict[str, list[dg.TableColumnDep]] = {}
    for name, column, upstream, source_column in column_lineage():
        if name == table and column:
            edges.setdefault(column, []).append(
                dg.TableColumnDep(asset_key=key(upstream), column_name=source_column)
            )
    return dg.TableColumnLineage(deps_by_column=edges)


def key(table: str) -> dg.AssetKey:
    """Return the asset key of a table: schema, table."""
    return dg.AssetKey(table.split("."))


def spec(model: Model) -> dg.AssetSpec:
    """Return the asset of a table."""
    deps: list[dg.AssetKey] = [
        key(name) for name in sorted(model.depends_on & read_models().keys())
    ]
    deps += [
        dg.AssetKey(["observations", source.source_id])
        for source in all_sources().values()
        if source.record_kind == LOADED.get(model.name)
    ]
    return dg.AssetSpec(
        key(model.name),
        deps=deps,
        group_name=model.schema,
        kinds={"duckdb", "sql" if model.select else "python"},
        description=model.grain,
        metadata={
            "dagster/column_schema": dg.TableSchema(
                columns=[
                    dg.TableColumn(
                        column.name,
                        column.unit or "",
                        description=column.meaning,
                    )
                    for column in model.columns
                ]
            ),
            "dagster/column_lineage": lineage_of(model.name),
        },
    )


def checks(models: Sequence[Model]) -> list[dg.AssetCheckSpec]:
    """Return the asset checks of some tables: one per ``-- check:`` line."""
    return [
        dg.AssetCheckSpec(
            f"check_{number}",
            asset=key(model.name),
            description=f"No row: {check.replace('{this}', model.name)}",
        )
        for model in models
        for number, check in enumerate(model.checks, start=1)
    ]


@dg.multi_asset(
    name="build_warehouse",
    specs=[spec(model) for model in PHASES.all],
    check_specs=checks(PHASES.all),
    pool="duckdb",
)
def build_warehouse(
    context: dg.AssetExecutionContext, settings: Settings
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """Merge the new captures into the history, make every table in order, and check them."""
    home, run_id = settings.data(), context.run_id
    with exclusive(home, "build"):
        report = build.load(home, now=settings.clock(), run_id=run_id, say=line)
        say("loaded", report)
        for model, rows in build.make(home, PHASES, say=line):
            say("table", (model.name, rows))
            counted = {} if rows is None else {"dagster/row_count": rows}
            yield dg.MaterializeResult(asset_key=key(model.name), metadata=counted)
        for result in build.check(home, PHASES.all):
            yield dg.AssetCheckResult(
                asset_key=key(result.model),
                check_name=f"check_{result.number}",
                passed=result.wrong_rows == 0,
                metadata={"wrong_rows": result.wrong_rows, "example": result.example or ""},
            )


def line(text: str) -> None:
    """Pass a line of progress on to whoever listens."""
    say("line", text)


@dg.asset(
    key=["published", "warehouse"],
    deps=[key(model.name) for model in PHASES.all if model.schema in ("core", "marts", "focus")],
    group_name="published",
    kinds={"duckdb", "parquet"},
    pool="duckdb",
    description="The file that everyone reads: truecost.duckdb, with Parquet beside it.",
)
def published_warehouse(
    context: dg.AssetExecutionContext, settings: Settings
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Check, copy, and point the readers to the new file."""
    home = settings.data()
    with exclusive(home, "build"):
        report = publishing.publish_build(home, run_id=context.run_id, now=settings.clock())
    say("published", report)
    return dg.MaterializeResult(metadata={"path": str(report.path), "bytes": report.bytes})
