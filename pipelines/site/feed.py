"""The Atom feed of the site: the days on which the price of a GPU moved."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from pipelines.site import numbers
from pipelines.site.markup import environment
from pipelines.site.pages.prices import gpu_path
from pipelines.site.published import Published, Row

FEED = "feed.xml"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # of a file that never saw an answer
NAMED = "https://truecost.invalid/"  # only to make ids; nothing is there


def feed(published: Published) -> str:
    """Return the feed of a published file; its entries keep their ids from build to build."""
    entries = [entry(row) for row in published.ask("feed/moves").rows]
    known = published.ask("every_page/run")
    built = known.first["data_as_of"] if known else None
    updated = entries[0]["updated"] if entries else f"{built or EPOCH:%Y-%m-%dT%H:%M:%SZ}"
    return (
        environment()
        .get_template("feed.xml.j2")
        .render(entries=entries, updated=updated, feed_id=identity("feed"))
    )


def entry(row: Row) -> dict[str, str]:
    """Return one entry: what moved, from what to what, and who moved it."""
    name, day = numbers.gpu_name(row["gpu_id"]), row["day"].isoformat()
    moved = numbers.percent(row["same_offers_change_fraction"], signed=True)
    compared = numbers.plural(row["compared_provider_count"], "provider")
    return {
        "id": identity(f"{row['gpu_id']}/on_demand/{day}"),
        "title": f"{name} on demand: {moved} on {day}",
        "href": f"{gpu_path(row['gpu_id'])}#changes",
        "updated": f"{day}T00:00:00Z",
        "summary": f"Offers of {compared} that stood on both days moved by {moved}. The median went"
        f" from {numbers.usd(row['before_usd_per_gpu_hour'])} to"
        f" {numbers.usd(row['usd_per_gpu_hour'])} per GPU-hour. {row['movers'] or ''}".strip(),
    }


def identity(name: str) -> str:
    """Return a lasting id for Atom.

    Examples
    --------
    >>> identity("feed") == identity("feed"), identity("feed")[:9]
    (True, 'urn:uuid:')
    """
    return f"urn:uuid:{uuid5(NAMESPACE_URL, NAMED + name)}"
