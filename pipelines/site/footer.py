"""The facts in the footer of every page, and the banners at its top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pipelines.site import numbers
from pipelines.site.published import Published
from pipelines.site.query import read_query

OLD_AFTER_HOURS = 72  # a banner warns of older prices


@dataclass(frozen=True)
class Facts:
    """The facts in the footer.

    Parameters
    ----------
    data_as_of : str
        Time of the newest good answer of a price list. [UTC]
    age_hours : float or None
        Its age when the site was built. [h]
    bundled_on : date or None
        The day of the bundled snapshot, while no source has answered since. [UTC]
    built_at : str
        When the site was built. [UTC]
    schema_version : int or None
        Version of the tables.
    methodology : str
        Version of the rules of the index.
    code_version, run_id : str
        The truecost and the run that published the file.
    citation : str
        How to cite the data.
    """

    data_as_of: str
    age_hours: float | None
    bundled_on: date | None
    built_at: str
    schema_version: int | None
    methodology: str
    code_version: str | None
    run_id: str
    citation: str


def facts_of(published: Published, now: datetime) -> Facts:
    """Return the facts of a published file.

    Parameters
    ----------
    published : Published
        The file.
    now : datetime
        The time of building. [UTC]
    """
    answer = published.ask("every_page/run")
    row = answer.first if answer else dict.fromkeys(read_query("every_page/run").columns)
    moment = published.ask("every_page/moment")
    is_bundled = bool(moment and moment.first["is_bundled"])
    past = published.past
    data_as_of, run_id = numbers.instant(row["data_as_of"]), str(row["run_id"])[:8]
    day = str(past.as_of) if past else data_as_of[:10]
    command = f"; truecost site {past.options}" if past and past.options else ""
    return Facts(
        data_as_of=data_as_of,
        age_hours=hours_between(row["data_as_of"], now),
        bundled_on=moment.first["prices_at"].date() if is_bundled else None,
        built_at=numbers.instant(now),
        schema_version=row["schema_version"],
        methodology=methodology(published),
        code_version=row["code_version"],
        run_id=run_id,
        citation=f"Truecost, data of {day}, schema {row['schema_version']}, run {run_id}{command}.",
    )


def methodology(published: Published) -> str:
    """Return the version of the rules of the index."""
    answer = published.ask("every_page/index_rules")
    return f"index rules {answer.first['version']}" if answer else "no index yet"


def hours_between(earlier: datetime | None, later: datetime) -> float | None:
    """Return the hours between two instants in UTC; None without the first. [h]."""
    if earlier is None:
        return None
    return (later.astimezone(UTC).replace(tzinfo=None) - earlier) / timedelta(hours=1)


def is_synthetic(published: Published) -> bool:
    """Return whether any of the data are invented."""
    synthetic = published.ask("every_page/synthetic")
    return bool(synthetic and synthetic.first["captures"])


def banners_of(published: Published, facts: Facts) -> Iterator[str]:
    """Yield the banners of every page: a past, old prices, invented data."""
    past = published.past
    if past is not None:
        yield (
            f"{str(past).capitalize()}: prices, and what is derived from them, are recomputed from"
            " what was believed then; specifications and assumptions are those of the newest run."
        )
    elif facts.bundled_on is not None:
        yield (
            f"Bundled prices of {facts.bundled_on}, {numbers.age(facts.age_hours)} before this"
            " site was built: no source has answered since. Nothing here is today's price."
        )
    elif facts.age_hours is not None and facts.age_hours > OLD_AFTER_HOURS:
        yield (
            f"These prices are {numbers.age(facts.age_hours)} old: the newest answer of a price"
            f" list is of {facts.data_as_of}. Nothing here is today's price."
        )
    if is_synthetic(published):
        yield "Synthetic data: these prices are made up for a demonstration."
