"""The page of data health: which source answered, which disagree, what is left out and why."""

from __future__ import annotations

from pipelines.answers.status import verified
from pipelines.site import numbers
from pipelines.site.charts.health import source_grid
from pipelines.site.markup import digest, link
from pipelines.site.numbers import words
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, choices
from pipelines.site.published import Published, Row
from pipelines.site.theme import age_band

EXAMPLES = 300


def health_page(published: Published) -> Page:
    """Return the page of sources, disagreements and rows left out."""
    status = published.ask("health/sources")
    return Page(
        path="health.html",
        shows_build=True,
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
                "Age: hours from the last good answer to the build. "
                + verified(
                    (row["verified_with"], row["is_enabled"])
                    for row in status.rows
                    if row["verified_with"]  # a source that is declared no more has none
                ),
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
                        Column("seen_at", "last good answer (UTC)", reason="none yet"),
                        Column(
                            "age_hours", "age",
                            show=lambda v, _: numbers.age(v), reason="no answer yet",
                        ),
                        Column(
                            "content_age_hours", "same bytes for",
                            show=lambda v, _: numbers.age(v), reason="no answer yet",
                        ),
                        Column("rows_read", "read", "rows", reason="not counted"),
                        Column(
                            "rows_out_of_scope", "other rows", "rows", reason="not counted"
                        ),
                        Column("offers_kept", "kept", "offers"),
                        Column("offers_held", "held", "offers"),
                        Column("offers_duplicate", "duplicate", "offers"),
                        Column("bytes", "size", "bytes"),
                        Column("verified_with", "verified on"),
                        Column("verified_on", "of", reason="no real answer"),
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
    """Return the finding: the number of sources that answered."""
    tried = [row for row in rows if row["status"] not in ("skipped", "never_asked")]
    good = [row for row in tried if row["status"] in ("ok", "unchanged", "frozen", "partial")]
    held = sum(row["offers_held"] or 0 for row in rows)
    return (
        f"{len(good)} of {numbers.plural(len(tried), 'source')} answered;"
        f" {numbers.plural(int(held), 'row')} of their newest answers held back"
    )


def sources_title(rows: list[Row]) -> str:
    """Return the number of fresh sources, and the age of the oldest answer still in use."""
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


def grid(published: Published) -> Block:
    """Return the block with a cell for each source and day."""
    answer = published.ask("health/answers")
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
        chart=Chart(source_grid(newest), answer.rows, "Answers by source and day")
        if newest
        else None,
        table=Table(
            answer,
            [
                Column("day", "day (UTC)"),
                Column("source_id", "source"),
                Column("state", "answer"),
                Column("offers_kept", "kept", "offers"),
                Column("offers_held", "held", "offers"),
            ],
            key=("source_id", "day"),
            rows=[row for row in answer.rows if row["state"] != "ok"],
        ),
        is_folded=True,
    )


def disagreements(published: Published) -> Block:
    """Return the block of prices on which sources disagree."""
    answer, verdicts = published.ask("health/disagreements"), published.ask("health/verdicts")
    title = "Where sources disagree"
    if verdicts:
        number = {row["verdict"]: row["prices"] for row in verdicts.rows}
        title = (
            f"Of {sum(number.values()):,} prices, {number.get('agree', 0):,} agree with"
            f" another source, {number.get('disagree', 0):,} do not,"
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
                Column("likely_cause", "likely cause", show=words),
            ],
            key=("provider_id", "gpu_id", "purchase_model", "commitment_months", "area"),
            rows=answer.rows[:200],
        ),
    )


def held(published: Published) -> Block:
    """Return the block of held rows, counted by rule."""
    answer = published.ask("health/held")
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
    """Return the block of examples of held rows, as their sources printed them."""
    answer = published.ask("health/held_rows")
    return Block(
        "held-rows",
        "The rows themselves, as the sources printed them",
        "Up to five newest of each source and rule.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("seen_at", "seen (UTC)"),
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
    """Return the block of printed names that map to no GPU."""
    answer = published.ask("health/unmapped")
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
    """Return the block of the sources with their credits and licences."""
    answer = published.ask("health/credits")
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
    """Return the block of all public columns with unit and meaning."""
    answer = published.ask("health/dictionary")
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
