"""Every source as one asset: its answers in landing, and the rows read from them, by day.

A day of the calendar is good where the source answered on it: the asset is made, and its check
passed. A day that was held or failed has a failed check; a silent day has neither.

A source that is off by default is no asset: ``docs/sources.md`` lists it, and ``truecost run
--source NAME`` asks it. Asking belongs to ``pipelines.capture``, reading to ``pipelines.reading``;
this module records what they return.
"""

import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Never, cast

import dagster as dg

from pipelines.capture.parallel import CaptureResult, capture
from pipelines.capture.versions import Every
from pipelines.defs.days import calendar, days_asked, refuse_before
from pipelines.defs.progress import Listener
from pipelines.defs.resources import Settings
from pipelines.reading.ledger import ParseResult, lines_by_day, pending_captures, source_state
from pipelines.reading.past import read_past
from pipelines.reading.reader import has_reading, parse_captures
from pipelines.sources import all_sources
from pipelines.sources.base import Source
from warehouse.paths import Home

SOURCES = all_sources()
ON = tuple(name for name, source in SOURCES.items() if source.disabled_reason is None)
GOOD = {"ok", "unchanged", "partial"}
OWNER = "team:truecost"
GROUPS = {
    "api_price": "token_prices",
    "series_point": "series",
    "table_row": "hardware_and_models",
}
OFFER_GROUPS = {
    "api": "provider_lists",
    "page": "provider_lists",
    "marketplace": "marketplaces",
    "feed": "catalogues",
}
SEVERITY = {"partial": dg.AssetCheckSeverity.WARN}  # some of its addresses failed
RECALLED = timedelta(days=30)
"""How far back an empty calendar is filled: as long as runs stay in Dagster's state. [d]"""
CHECK = "every_address_answered"
ROW_COUNTS = ("rows_read", "rows_kept", "rows_held", "rows_out_of_scope", "offers_held")


@dataclass(frozen=True)
class Asked:
    """What came of asking one source: its requests, and what was read of each."""

    result: CaptureResult
    lines: list[ParseResult]

    @property
    def source_id(self) -> str:
        """Return the source."""
        return self.result.source_id

    @property
    def state(self) -> str:
        """Return the state of the source after it was asked, as ``meta.source_status`` has it."""
        return source_state(self.lines) if self.lines else self.result.status

    @property
    def error(self) -> str | None:
        """Return the first thing that went wrong."""
        errors = (self.result.error, *(line.error for line in self.lines))
        return next((error for error in errors if error), None)


def source_key(source_id: str) -> dg.AssetKey:
    """Return the asset key of a source."""
    return dg.AssetKey(["sources", source_id])


def source_spec(source: Source) -> dg.AssetSpec:
    """Return the asset of a source."""
    warned = timedelta(hours=source.cadence_hours + 6)
    return dg.AssetSpec(
        source_key(source.source_id),
        group_name=GROUPS.get(source.record_kind) or OFFER_GROUPS[source.kind],
        kinds={source.kind, "parquet"},
        owners=[OWNER],
        tags={
            "licence": tag(source.licence),
            "terms": "may_redistribute" if source.may_redistribute else "own_use",
            "rows": source.record_kind,
            "key": "needs_key" if source.key_environment else "no_key",
            "rhythm": rhythm(source),
        },
        partitions_def=calendar(source.first_day),
        skippable=True,
        code_version=str(source.parser_version),
        description=f"{source.title}: its answers, byte for byte, and the rows read from them.",
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=2 * warned, warn_window=warned),
        metadata={
            "homepage": dg.MetadataValue.url(source.homepage_url),
            "terms": dg.MetadataValue.url(source.terms_url),
            "licence": source.licence,
            "credit": source.credit,
            "asked every (h)": source.cadence_hours,
        },
    )


def rhythm(source: Source) -> str:
    """Return how often the origin changes: hourly, daily or weekly."""
    if source.kind == "marketplace":
        return "hourly"
    return "weekly" if source.cadence_hours >= timedelta(weeks=1) / timedelta(hours=1) else "daily"


def tag(text: str) -> str:
    """Return a text as the value of a tag, which may hold no spaces.

    Examples
    --------
    >>> tag("none stated"), tag("CC-BY-4.0")
    ('none_stated', 'CC-BY-4.0')
    """
    return "".join(c if c.isalnum() or c in "-._" else "_" for c in text)[:63]


def check_spec(source: Source) -> dg.AssetCheckSpec:
    """Return the check that a source answered; Dagster calls days of checks a preview."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            CHECK,
            asset=source_key(source.source_id),
            partitions_def=calendar(source.first_day),
            description=f"Every address of {source.title} gave an answer that could be read.",
        )


def sources_asset(name: str, sources: Collection[Source]) -> dg.AssetsDefinition:
    """Return the step that asks some sources.

    All sources of a run share one step, because an in-process executor runs steps one after the
    other; the sources are asked side by side. A source that fails does not stop the others.
    """

    @dg.multi_asset(
        name=name,
        specs=[source_spec(source) for source in sources],
        check_specs=[check_spec(source) for source in sources],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=dg.RetryPolicy(max_retries=2, delay=60),
    )
    def ask(
        context: dg.AssetExecutionContext,
        settings: Settings,
        listener: dg.ResourceParam[Listener],
    ) -> Iterator[Never]:
        """Ask the selected sources for the days of the run, keep every byte, and read the rows."""
        names = sorted({key.path[-1] for key in context.selected_asset_keys})
        today = settings.clock().date()
        past = settings.past_days()
        first, last = (today, today) if past else (days_asked(context) or (today, today))
        if first < today:
            for name in names:
                refuse_before(SOURCES[name].first_day, first, name)
        if past or first < today:
            days = past or (first, min(last, today - timedelta(days=1)))
            ask_past(context, settings, listener, names, days)
        if not past and last >= today:
            ask_present(context, settings, listener, names)
        yield from ()  # each source has logged its own days: Dagster has nothing to add

    return ask


def ask_present(
    context: dg.AssetExecutionContext,
    settings: Settings,
    listener: Listener,
    names: Sequence[str],
) -> None:
    """Ask sources side by side for what they say now.

    Raises
    ------
    dagster.Failure
        If none of them has answered.
    """
    home, now = settings.data(), settings.clock()
    recall(context, home, names, now.date())
    results = capture(
        [SOURCES[name] for name in names],
        clock=lambda: now,  # one moment for the whole run
        mirror=settings.mirror_url(),
        home=home,
        named=settings.named,
        is_read=partial(has_reading, home),
        progress=listener.source_asked,
    )
    lines = parse_captures(home, pending_captures(home, names))
    states = set()
    for result in results:
        own = [line for line in lines if line.source_id == result.source_id]
        listener.source_read(result, own)
        asked = Asked(result, own)
        states.add(asked.state)
        log_requests(context, asked)
        facts = {"bytes": asked.result.bytes, "seconds": round(asked.result.seconds, 2)}
        record(context, asked.source_id, now.date(), asked.state, own, asked.error, facts)
    if states - {"skipped"} and not states & GOOD:
        raise dg.Failure(
            f"none of the {len(names)} sources that were asked has answered",
            allow_retries=False,
        )


def recall(
    context: dg.AssetExecutionContext, home: Home, names: Sequence[str], today: date
) -> None:
    """Record the days of the last month in a calendar that is empty.

    An earlier version had no calendar, and the state of Dagster may be moved away.
    """
    if any(context.instance.get_materialized_partitions(source_key(name)) for name in names):
        return
    for name in names:
        for day, lines in lines_by_day(home, name).items():
            if RECALLED >= today - day >= timedelta(days=1) and day >= SOURCES[name].first_day:
                error = next((line.error for line in lines if line.error), None)
                record(context, name, day, source_state(lines), lines, error, {})


def ask_past(
    context: dg.AssetExecutionContext,
    settings: Settings,
    listener: Listener,
    names: Sequence[str],
    days: tuple[date | None, date | None],
) -> None:
    """Ask sources for past days, one after the other, as ``truecost backfill`` does.

    Days that were captured before, and are not in the calendar, come into it too.

    Raises
    ------
    dagster.Failure
        If none of them has anything of these days.
    """
    home, (since, until), errors = settings.data(), days, []
    for name in names:

        def show(done: int, total: int, at: datetime, name: str = name) -> None:
            listener.past_asked(name, done, total)

        read = read_past(
            SOURCES[name],
            home=home,
            recorded_at=settings.clock(),
            since=since,
            until=until,
            every=cast("Every", settings.every),
            mirror=settings.mirror_url(),
            is_again=settings.again,
            progress=show,
        )
        listener.past_read(read)
        if read.error:
            context.log.warning(read.error)
        if read.result is None:
            errors.append(str(read.error))
            continue
        in_calendar = context.instance.get_materialized_partitions(source_key(name))
        new = {line.seen_at.date() for line in read.lines}
        for day, lines in lines_by_day(home, name).items():
            is_asked = (since is None or day >= since) and (until is None or day <= until)
            if day in new or (is_asked and day.isoformat() not in in_calendar):
                error = next((line.error for line in lines if line.error), None)
                record(context, name, day, source_state(lines), lines, error, {})
    if len(errors) == len(names):
        raise dg.Failure(errors[0], allow_retries=False)


def log_requests(context: dg.AssetExecutionContext, asked: Asked) -> None:
    """Write each request of a source, and what was read of its answer, to the log of the run."""
    read = {line.request_key: line for line in asked.lines}
    for request in asked.result.capture.requests:
        line = read.get(request.key)
        told = f"HTTP {request.status}" if request.status else request.outcome
        rows = "nothing read"
        if line and line.rows_read is not None:
            rows = f"{line.rows_read} rows, {line.rows_kept} kept, {line.rows_held} held"
        context.log.info(
            f"{asked.source_id}: {request.method} {request.url}: {told},"
            f" {request.bytes:,} bytes; {rows}"
        )
    if asked.error:
        context.log.warning(f"{asked.source_id}: {asked.state}: {asked.error}")


def record(
    context: dg.AssetExecutionContext,
    source_id: str,
    day: date,
    state: str,
    lines: Sequence[ParseResult],
    error: str | None,
    facts: dict[str, Any],
) -> None:
    """Record what came of a day of a source: it is made if the source answered, and checked.

    A source that was not asked, for want of a key, gives neither.
    """
    if state in ("skipped", "never_asked"):
        return
    key, partition = source_key(source_id), day.isoformat()
    told = {"status": state, "error": error or "", **facts}
    if state in GOOD:
        counts = {name: sum(getattr(line, name) or 0 for line in lines) for name in ROW_COUNTS}
        kept = sum(line.offers_kept for line in lines)
        context.log_event(
            dg.AssetMaterialization(
                key, partition=partition, metadata={**told, **counts, "dagster/row_count": kept}
            )
        )
    if dg.AssetCheckKey(key, CHECK) in context.selected_asset_check_keys:
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=CHECK,
                passed=state in ("ok", "unchanged"),
                severity=SEVERITY.get(state, dg.AssetCheckSeverity.ERROR),
                partition=partition,
                metadata={name: dg.MetadataValue.text(str(value)) for name, value in told.items()},
            )
        )


capture_sources = sources_asset("capture_sources", [SOURCES[name] for name in ON])
