"""What can be trusted: which source answered, who disagrees, what is left out and why."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from pipelines.site import charts, numbers
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, choices, link, words
from pipelines.site.published import Published, Row
from pipelines.site.theme import age_band

EXAMPLES = 300

STATUS = """
    select
        s.source_id, t.title, s.status, s.observed_at, s.age_hours, s.rows_kept, s.rows_held,
        s.rows_duplicate, s.bytes, s.payload_sha256, s.error, t.homepage_url, t.licence, t.credit
    from meta.source_status as s
    left join meta.source as t on s.source_id = t.source_id
    qualify row_number() over (partition by s.source_id order by s.tried_at desc, s.capture_id) = 1
    order by s.status in ('ok', 'unchanged'), s.status = 'skipped', s.source_id
"""
GRID = """
    select
        source_id, cast(valid_at as date) as day,
        case
            when bool_and(status in ('ok', 'unchanged')) then 'ok'
            when bool_or(status in ('ok', 'unchanged')) then 'partial'
            when bool_or(status = 'quarantined') then 'held'
            else 'failed'
        end as state,
        sum(rows_kept) as rows_kept, sum(rows_held) as rows_held
    from meta.capture
    where status <> 'skipped'
    group by source_id, day
    having day > (
        select max(cast(valid_at as date)) from meta.capture where status <> 'skipped'
    ) - 30
    order by source_id, day
"""
DISAGREEMENTS = """
    select
        provider_id, gpu_id, purchase_model, commitment_months, area, source_id,
        usd_per_gpu_hour, worst_source_id, worst_usd_per_gpu_hour, worst_ratio, likely_cause,
        witness_count, agreeing_count
    from marts.reconciliation
    where verdict = 'disagree'
    order by abs(ln(worst_ratio)) desc, provider_id, gpu_id
"""
VERDICTS = """
    select verdict, count(*) as prices
    from marts.reconciliation
    group by verdict
    order by prices desc
"""
HELD = """
    select rule, source_id, count(*) as rows_held, min(reason) as example,
        max(captured_at) as seen_at
    from meta.quarantine
    where state = 'held'
    group by rule, source_id
    order by rows_held desc, rule, source_id
"""
HELD_ROWS = """
    select captured_at, source_id, rule, reason, row_json, payload_sha256
    from meta.quarantine
    where state = 'held'
    qualify row_number() over (partition by source_id, rule order by captured_at desc, held_id) <= 5
    order by source_id, rule, captured_at desc
"""
UNMAPPED = """
    select source_id, gpu_name_printed, gpu_memory_bytes / 1e9 as memory_gigabytes, offer_count,
        example_sku, payload_sha256
    from meta.unmapped_gpu
    order by offer_count desc, source_id, gpu_name_printed
"""
SOURCES = """
    select source_id, title, source_kind, licence, credit, homepage_url, terms_url
    from meta.source
    where is_enabled
    order by source_id
"""
COLUMNS = """
    select table_name, column_name, unit, meaning
    from meta.column
    where split_part(table_name, '.', 1) in ('core', 'marts', 'focus', 'meta')
    order by table_name, column_name
"""


def health_page(published: Published) -> Page:
    """Return the page of sources, disagreements and rows left out."""
    status = published.ask(STATUS)
    return Page(
        path="health.html",
        name="Data health",
        title=headline(status.rows),
        evidence="sources",
        basis="Every source and what became of its last answer. A source that fails keeps its last"
        " good rows, marked stale; a row that breaks a rule is held, with the rule.",
        filters=[
            Filter("source_id", "source", choices(status.rows, "source_id")),
            Filter("status", "status", choices(status.rows, "status")),
        ],
        blocks=[
            grid(published),
            Block(
                "sources",
                sources_title(status.rows),
                "Age: hours from the last good answer to the build.",
                answer=status,
                table=Table(
                    status,
                    [
                        Column(
                            "source_id",
                            "source",
                            show=lambda v, row: link(row["homepage_url"], v),
                        ),
                        Column("status", "status"),
                        Column("observed_at", "last good answer (UTC)", reason="none yet"),
                        Column(
                            "age_hours", "age",
                            show=lambda v, _: numbers.age(v), reason="no answer yet",
                        ),
                        Column("rows_kept", "kept", "rows"),
                        Column("rows_held", "held", "rows"),
                        Column("rows_duplicate", "duplicate", "rows"),
                        Column("bytes", "read", "bytes"),
                        Column("error", "what is wrong", show=short, reason="nothing"),
                    ],
                    key=("source_id",),
                    age_hours=lambda row: row["age_hours"],
                ),
            ),
            disagreements(published),
            held(published),
            held_rows(published),
            unmapped(published),
            licences(published),
            dictionary(published),
        ],
    )  # fmt: skip


def headline(rows: list[Row]) -> str:
    """Return how many sources answered."""
    tried = [row for row in rows if row["status"] != "skipped"]
    good = [row for row in tried if row["status"] in ("ok", "unchanged", "partial")]
    held = sum(row["rows_held"] or 0 for row in rows)
    return (
        f"{len(good)} of {numbers.plural(len(tried), 'source')} answered;"
        f" {numbers.plural(int(held), 'row')} of their newest answers held back"
    )


def sources_title(rows: list[Row]) -> str:
    """Return how many sources are fresh, and how old the oldest answer is that others rest on."""
    ages = [row["age_hours"] for row in rows if row["age_hours"] is not None]
    if not ages:
        return "No source has answered yet"
    fresh = sum(age_band(age) == 0 for age in ages)
    return (
        f"{fresh} of {numbers.plural(len(ages), 'source')} with an answer gave it in the last 30"
        f" hours; the oldest is {numbers.age(max(ages))} old"
    )


def short(text: str, _: Row) -> str:
    """Return a text of at most 160 characters."""
    return text if len(text) <= 160 else text[:159] + "…"


def digest(sha: Any, _: Row) -> Markup:
    """Return the start of a hash, the whole on hover."""
    return Markup('<code title="{}">{}</code>').format(sha, str(sha)[:8])


def grid(published: Published) -> Block:
    """Return a cell a source and day."""
    answer = published.ask(GRID)
    failed = [row for row in answer.rows if row["state"] == "failed"]
    newest = max((row["day"] for row in answer.rows), default=None)
    today = [row for row in failed if row["day"] == newest]
    return Block(
        "answers",
        f"On {newest}, "
        + (
            f"{numbers.plural(len(today), 'source')} gave no answer"
            if today
            else "every source that was asked answered"
        )
        if newest
        else "No source was asked yet",
        "The 30 days up to the newest capture. Empty: not asked. Partial: some of its pages"
        " answered. Held: it answered, and a rule held the whole answer. The table has all but ok.",
        answer=answer,
        chart=Chart(charts.source_grid(newest), answer.rows, "Answers by source and day")
        if newest
        else None,
        table=Table(
            answer,
            [
                Column("day", "day (UTC)"),
                Column("source_id", "source"),
                Column("state", "answer"),
                Column("rows_kept", "kept", "rows"),
                Column("rows_held", "held", "rows"),
            ],
            key=("source_id", "day"),
            rows=[row for row in answer.rows if row["state"] != "ok"],
        ),
        is_folded=True,
    )


def disagreements(published: Published) -> Block:
    """Return prices on which sources disagree."""
    answer, verdicts = published.ask(DISAGREEMENTS), published.ask(VERDICTS)
    title = "Where sources disagree"
    if verdicts:
        number = {row["verdict"]: row["prices"] for row in verdicts.rows}
        title = (
            f"Of {sum(number.values()):,} prices, {number.get('agree', 0):,} are borne out by"
            f" another source, {number.get('disagree', 0):,} are not,"
            f" {number.get('single_source', 0):,} have one source"
        )
    return Block(
        "disagreements",
        title,
        "The best source of a price against the witness furthest from it; they agree within 5 %.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("provider_id", "provider"),
                Column("gpu_id", "GPU"),
                Column("purchase_model", "bought", show=words),
                Column("area", "area"),
                Column("source_id", "best source"),
                Column("usd_per_gpu_hour", "its price", "USD/GPU-h"),
                Column("worst_source_id", "witness"),
                Column("worst_usd_per_gpu_hour", "its price", "USD/GPU-h"),
                Column("worst_ratio", "ratio"),
                Column("likely_cause", "likely cause", show=lambda v, _: v.replace("_", " ")),
            ],
            key=("provider_id", "gpu_id", "purchase_model", "commitment_months", "area"),
            rows=answer.rows[:200],
        ),
    )


def held(published: Published) -> Block:
    """Return rows that are left out, by rule."""
    answer = published.ask(HELD)
    return Block(
        "held",
        f"{numbers.plural(sum(row['rows_held'] for row in answer.rows), 'row')} are left out,"
        " each for a reason",
        "Rows held by a rule, with one example of its reason.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("rule", "rule"),
                Column("source_id", "source"),
                Column("rows_held", "held", "rows"),
                Column("example", "for example", show=short),
                Column("seen_at", "last seen (UTC)"),
            ],
            key=("rule", "source_id"),
        ),
    )


def held_rows(published: Published) -> Block:
    """Return examples of the rows themselves, as their sources printed them."""
    answer = published.ask(HELD_ROWS)
    return Block(
        "held-rows",
        "The rows themselves, as the sources printed them",
        "Up to five newest of each source and rule.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("captured_at", "seen (UTC)"),
                Column("source_id", "source"),
                Column("rule", "rule"),
                Column("reason", "reason", show=short),
                Column("row_json", "row", show=short),
                Column("payload_sha256", "payload", show=digest),
            ],
            key=(),
            rows=answer.rows[:EXAMPLES],
        ),
        is_folded=True,
    )


def unmapped(published: Published) -> Block:
    """Return GPU names that nobody has mapped yet."""
    answer = published.ask(UNMAPPED)
    return Block(
        "unmapped",
        f"{numbers.plural(len(answer.rows), 'printed name')} of GPUs are not mapped to a GPU"
        if answer
        else "Every printed name of a GPU is mapped",
        "Their offers are kept and counted, and in no median.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("source_id", "source"),
                Column("gpu_name_printed", "printed name", show=short),
                Column("memory_gigabytes", "memory", "GB", reason="not printed"),
                Column("offer_count", "offers"),
                Column("example_sku", "for example", show=short),
                Column("payload_sha256", "payload", show=digest),
            ],
            key=("source_id", "gpu_name_printed", "memory_gigabytes"),
        ),
    )


def licences(published: Published) -> Block:
    """Return whose data these are."""
    answer = published.ask(SOURCES)
    return Block(
        "credits",
        f"The prices come from {numbers.plural(len(answer.rows), 'source')}",
        "Our tables are under CC BY 4.0; what we read belongs to its publishers.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("title", "source", show=lambda v, row: link(row["homepage_url"], v)),
                Column("source_kind", "kind"),
                Column("credit", "credit"),
                Column("licence", "licence", show=lambda v, row: link(row["terms_url"], v)),
            ],
            key=(),
        ),
    )


def dictionary(published: Published) -> Block:
    """Return every public column with its unit and meaning."""
    answer = published.ask(COLUMNS)
    tables = {row["table_name"] for row in answer.rows}
    return Block(
        "dictionary",
        f"{len(answer.rows):,} columns in {len(tables)} tables, each with its meaning",
        "Units in SI, money in US dollars, times in UTC.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("table_name", "table"),
                Column("column_name", "column"),
                Column("unit", "unit", reason="none"),
                Column("meaning", "meaning"),
            ],
            key=(),
        ),
        is_folded=True,
    )
