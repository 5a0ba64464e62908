"""Every source as two assets: the bytes it answered (landing) and the rows read in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from pipelines.capture import capture
from pipelines.defs.resources import Settings, say
from pipelines.parse import parse_captures, pending_captures
from pipelines.sources import all_sources
from pipelines.sources.base import Source

SOURCES = all_sources()
GOOD = {"ok", "unchanged"}


def landing_spec(source: Source) -> dg.AssetSpec:
    """Return the asset that holds what a source answered."""
    return dg.AssetSpec(
        ["landing", source.source_id],
        group_name="landing",
        kinds={source.kind},
        skippable=True,
        description=f"{source.title}. {source.disabled_reason or ''}".strip(),
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=source.cadence_hours + 6)
        ),
        metadata={
            "homepage": dg.MetadataValue.url(source.homepage_url),
            "terms": dg.MetadataValue.url(source.terms_url),
            "licence": source.licence,
            "credit": source.credit,
        },
    )


def observation_spec(source: Source) -> dg.AssetSpec:
    """Return the asset that holds the rows read in a source's answers."""
    return dg.AssetSpec(
        ["observations", source.source_id],
        group_name="observations",
        kinds={"parquet"},
        skippable=True,
        deps=[["landing", source.source_id]],
        code_version=str(source.parser_version),
        description=f"Rows of {source.title}, as printed; bad rows stand beside them.",
    )


@dg.multi_asset(
    name="capture_sources",
    specs=[landing_spec(source) for source in SOURCES.values()],
    check_specs=[
        dg.AssetCheckSpec("answers", asset=["landing", name], description="The source answered.")
        for name in SOURCES
    ],
    can_subset=True,
    retry_policy=dg.RetryPolicy(max_retries=2, delay=60),
)
def capture_sources(
    context: dg.AssetExecutionContext, settings: Settings
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """Ask the selected sources side by side and keep every byte."""
    wanted = [SOURCES[key.path[-1]] for key in context.selected_asset_keys]
    results = capture(
        wanted,
        clock=settings.clock,
        mirror=settings.mirror_url(),
        home=settings.data(),
        named=settings.named,
        progress=lambda step: say("capture", step),
    )
    for result in results:
        key = dg.AssetKey(["landing", result.source_id])
        facts = {"status": result.status, "error": result.error or "", "bytes": result.bytes}
        if result.status in GOOD or result.status == "partial":
            yield dg.MaterializeResult(asset_key=key, metadata=facts)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name="answers",
            passed=result.status in GOOD or result.status == "skipped",
            severity=dg.AssetCheckSeverity.WARN,
            metadata=facts,
        )


@dg.multi_asset(
    name="parse_sources",
    specs=[observation_spec(source) for source in SOURCES.values()],
    can_subset=True,
)
def parse_sources(
    context: dg.AssetExecutionContext, settings: Settings
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Read the rows in what was captured and not read before."""
    names = [key.path[-1] for key in context.selected_asset_keys]
    home = settings.data()
    results = parse_captures(home, pending_captures(home, names))
    for name in names:
        lines = [result for result in results if result.source_id == name]
        if not lines:
            continue
        say("parsed", lines)
        yield dg.MaterializeResult(
            asset_key=["observations", name],
            metadata={
                "dagster/row_count": sum(line.rows_kept for line in lines),
                "rows_held": sum(line.rows_held for line in lines),
                "error": "; ".join(line.error for line in lines if line.error),
            },
        )
