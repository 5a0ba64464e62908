"""The site as an asset: made again whenever something new is published."""

import dagster as dg

from pipelines.defs.resources import Settings, say
from pipelines.site.build import build_site
from warehouse.database import exclusive


@dg.asset(
    key=["published", "site"],
    deps=[["published", "warehouse"]],
    group_name="published",
    kinds={"altair"},
    description="Static pages over the published file: open index.html, no server needed.",
)
def published_site(settings: Settings) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Write every page from the published file."""
    with exclusive(settings.data(), "site"):
        report = build_site(settings.data(), now=settings.clock())
    say("site", report)
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(report.folder)),
            "pages": report.page_count,
            "bytes": report.bytes,
            "seconds": report.seconds,
        }
    )
