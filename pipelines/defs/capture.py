"""Every source as two assets: the bytes it answered (landing) and the rows read in them."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from pipelines.capture import CaptureResult, capture
from pipelines.defs.resources import Settings, say
from pipelines.parse import ParseResult, parse_captures, pending_captures
from pipelines.sources import all_sources
from pipelines.sources.base import Source

SOURCES = all_sources()
GOOD = {"ok", "unchanged", "partial"}


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
    specs=[
        spec(source) for source in SOURCES.values() for spec in (landing_spec, observation_spec)
    ],
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
    """Ask the selected sources side by side, keep every byte, and read the rows.

    One step: a step whose input is missing is skipped whole, and one source that fails must not
    keep the rows of the others from being read.
    """
    names = sorted({key.path[-1] for key in context.selected_asset_keys})
    home, now = settings.data(), settings.clock()
    results = capture(
        [SOURCES[name] for name in names],
        clock=lambda: now,  # one moment for the whole run
        mirror=settings.mirror_url(),
        home=home,
        named=settings.named,
        progress=lambda step: say("capture", step),
    )
    lines = parse_captures(home, pending_captures(home, names))
    for result in results:
        own = [line for line in lines if line.source_id == result.source_id]
        say("parsed", (result, own))
        yield from recorded(context, result, own)


def recorded(
    context: dg.AssetExecutionContext, result: CaptureResult, lines: list[ParseResult]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """Yield what became of one source."""
    landing = dg.AssetKey(["landing", result.source_id])
    observations = dg.AssetKey(["observations", result.source_id])
    errors = [text for text in (result.error, *(line.error for line in lines)) if text]
    facts = {"status": result.status, "bytes": result.bytes, "error": errors[0] if errors else ""}
    if result.status in GOOD and landing in context.selected_asset_keys:
        yield dg.MaterializeResult(asset_key=landing, metadata=facts)
    if any(line.rows_kept for line in lines) and observations in context.selected_asset_keys:
        yield dg.MaterializeResult(
            asset_key=observations,
            metadata={
                "dagster/row_count": sum(line.rows_kept for line in lines),
                "rows_held": sum(line.rows_held for line in lines),
            },
        )
    check = dg.AssetCheckKey(landing, "answers")
    if check in context.selected_asset_check_keys:
        yield dg.AssetCheckResult(
            asset_key=landing,
            check_name="answers",
            passed=result.status == "skipped" or (result.status in GOOD and not errors),
            severity=dg.AssetCheckSeverity.WARN,
            metadata=facts,
        )
