"""The site as an asset: written again after every publication."""

import dagster as dg

from pipelines.defs.capture import OWNER
from pipelines.defs.resources import Settings
from pipelines.site.build import build_site
from warehouse.database import exclusive


@dg.asset(
    key=["published", "site"],
    deps=[["published", "warehouse"]],
    group_name="published",
    owners=[OWNER],
    kinds={"altair"},
    description="Static pages over the published file: open index.html, no server needed.",
)
def published_site(settings: Settings) -> dg.MaterializeResult[None]:
    """Write every page from the published file."""
    with exclusive(settings.data(), "site"):
        report = build_site(settings.data(), now=settings.clock())
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(report.folder)),
            "pages": report.page_count,
            "bytes": report.bytes,
            "seconds": report.seconds,
        }
    )
