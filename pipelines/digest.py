"""What changed between two days: prices, offers, sources, names, and what moved with them.

Reading and wording belong here; the numbers are the warehouse's. Printing and sending belong to
``pipelines.commands.digest``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import duckdb

from pipelines.escaping import markdown, one_line
from pipelines.tracing import made_from, relations

THRESHOLD_FRACTION = 0.02
LISTED = 20  # lines a section; the rest are counted
TITLES = {
    "index_moves": "Index values that moved",
    "provider_moves": "Providers that changed their price",
    "derived_moves": "Figures that moved because of a price",
    "hanging_tables": "Tables made from the prices that moved",
    "gpus": "GPUs that came or went",
    "offers": "Offers that came or went",
    "restatements": "Published index values that were restated",
    "sources": "Sources in trouble",
    "held": "Rows held by a rule",
    "unmapped": "Names that no GPU is known for",
}


@dataclass
class Digest:
    """What changed from the end of one day to the end of another."""

    since: date
    until: date
    threshold_fraction: float
    made_at: datetime  # UTC, the clock of the build
    run_id: str
    sections: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Return one line that says what happened."""
        counts = {name: len(rows) for name, rows in self.sections.items()}
        return (
            f"{self.until}: {counts['index_moves']} index values and"
            f" {counts['provider_moves']} provider prices moved since {self.since};"
            f" {counts['sources']} sources in trouble"
        )


def digest(
    connection: duckdb.DuckDBPyConnection,
    since: date | None = None,
    until: date | None = None,
    threshold_fraction: float = THRESHOLD_FRACTION,
) -> Digest:
    """Return what changed between two days of the published file.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file.
    since, until : date, optional
        The days, at whose ends prices are compared: the newest day with prices, and the day before.
    threshold_fraction : float
        Smaller moves are left out. [1]

    Raises
    ------
    ValueError
        If there are no prices, or the days are not in order.
    """
    newest = connection.execute("select max(day) from marts.gpu_price_daily").fetchall()[0][0]
    if newest is None:
        raise ValueError("there are no prices yet")
    until = until or newest
    since = since or until - timedelta(days=1)
    if since >= until:
        raise ValueError(f"since {since} is not before {until}, the newest day with prices")
    made_at, run_id = connection.execute(
        "select now_at, coalesce(run_id, '') from staged.build_clock"
    ).fetchall()[0]
    parameters = {
        "since": since,
        "until": until,
        "threshold": threshold_fraction,
    }
    sections = {
        name: _rows(connection, query, {k: v for k, v in parameters.items() if f"${k}" in query})
        for name, query in QUERIES.items()
    }
    sections["hanging_tables"] = hanging_tables(connection, sections["provider_moves"])
    ordered = {name: sections[name] for name in TITLES}
    return Digest(since, until, threshold_fraction, made_at, run_id, ordered)


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    answer = connection.execute(query, parameters)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def hanging_tables(
    connection: duckdb.DuckDBPyConnection, moves: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return how many newest rows of each table are made from the prices that moved."""
    moved = sorted({(move["gpu_id"], move["purchase_model"]) for move in moves})
    known, found = relations(connection), []
    for table in made_from(connection, "core.offer_price") if moved else ():
        columns = known[table]
        if not table.startswith("marts.") or "gpu_id" not in columns:
            continue
        pair = "t.purchase_model = m.purchase_model" if "purchase_model" in columns else "true"
        newest = f"t.day = (select max(day) from {table})" if "day" in columns else "true"
        [(rows, gpus)] = connection.execute(
            f"select count(*), count(distinct t.gpu_id) from {table} as t"
            " semi join (select unnest($gpus) as gpu_id, unnest($models) as purchase_model) as m"
            f" on t.gpu_id = m.gpu_id and {pair} where {newest}",
            {"gpus": [gpu for gpu, _ in moved], "models": [model for _, model in moved]},
        ).fetchall()
        if rows:
            found.append({"table_name": table, "rows_made_from_them": rows, "gpus": gpus})
    return found


def _named(day: str) -> str:
    """Return the SQL of index values standing on a day: that day's, or up to 3 days older."""
    return f"""(
        select * from marts.gpu_price_index
        where day between {day}::date - 3 and {day}::date and usd_per_gpu_hour is not null
        qualify row_number() over (
            partition by gpu_id, purchase_model, commitment_months, market_family
            order by day desc
        ) = 1
    )"""


def _standing(day: str) -> str:
    """Return the SQL of offers standing at the end of a day, as believed now."""
    return f"""(
        select * from core.offer_price
        where superseded_at is null and valid_from < {day}::date + interval 1 day
            and (valid_to is null or valid_to >= {day}::date + interval 1 day)
    )"""


# The declared breaks of method between the two days: no move of a price.
BREAK = "(from core.method_break where break_on <= $until and settled_on > $since)"

# One query a section. $since, $until and $threshold are bound.
QUERIES = {
    "index_moves": f"""
        with moved as (
            select n.gpu_id, n.purchase_model, n.commitment_months, n.market_family,
                t.usd_per_gpu_hour as before_usd_per_gpu_hour, n.usd_per_gpu_hour,
                n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1 as change_fraction, n.provider_count,
                n.day, t.day as before_day
            from {_named("$until")} as n
            inner join {_named("$since")} as t
                on n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
                and n.commitment_months is not distinct from t.commitment_months
                and n.market_family = t.market_family
            where abs(n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1) >= $threshold
        ),
        asked as (
            select m.gpu_id, m.purchase_model, m.commitment_months, m.market_family,
                i.provider_id,
                max(case when i.day = m.day then i.median_usd_per_gpu_hour end) as usd,
                max(case when i.day = m.before_day then i.median_usd_per_gpu_hour end) as before,
                max(case when i.day = m.day then i.source_kind end) as source_kind,
                max(case when i.day = m.before_day then i.source_kind end) as source_kind_before,
                bool_or(b.source_id is not null) as is_remeasured
            from moved as m
            inner join marts.gpu_price_index_input as i
                on m.gpu_id = i.gpu_id and m.purchase_model = i.purchase_model
                and m.commitment_months is not distinct from i.commitment_months
                and m.market_family = i.market_family and i.day in (m.day, m.before_day)
                and i.exclusion is null
            left join core.method_break as b
                on list_contains(string_split(i.source_ids, ', '), b.source_id)
                and b.break_on <= m.day and b.settled_on > m.before_day
            group by m.gpu_id, m.purchase_model, m.commitment_months, m.market_family,
                i.provider_id
        ),
        told as (
            select gpu_id, purchase_model, commitment_months, market_family,
                string_agg(
                    case
                        when before is null
                            then format('{{}} entered at {{:.3g}}', provider_id, usd)
                        when usd is null then format('{{}} left at {{:.3g}}', provider_id, before)
                        -- Another kind of source or method is no move of the price, and said.
                        else format('{{}} {{:.3g}} to {{:.3g}}', provider_id, before, usd)
                            || case when is_remeasured then ' (another method)' else '' end
                            || case when source_kind <> source_kind_before
                                then format(' ({{}}, was {{}})', source_kind, source_kind_before)
                                else ''
                            end
                    end,
                    '; ' order by abs(ln(usd / before)) desc nulls last, provider_id
                ) as moved_by
            from asked
            where usd is distinct from before
            group by gpu_id, purchase_model, commitment_months, market_family
        )
        select m.gpu_id, m.purchase_model, m.commitment_months, m.market_family,
            m.before_usd_per_gpu_hour, m.usd_per_gpu_hour, m.change_fraction, m.provider_count,
            t.moved_by
        from moved as m
        left join told as t
            on m.gpu_id = t.gpu_id and m.purchase_model = t.purchase_model
            and m.commitment_months is not distinct from t.commitment_months
            and m.market_family = t.market_family
        order by abs(m.change_fraction) desc, m.gpu_id
    """,
    "provider_moves": f"""
        select n.provider_id, n.gpu_id, n.purchase_model,
            median(t.usd_per_gpu_hour) as before_usd_per_gpu_hour,
            median(n.usd_per_gpu_hour) as usd_per_gpu_hour,
            exp(median(ln(n.usd_per_gpu_hour / t.usd_per_gpu_hour))) - 1 as change_fraction,
            count(*) as offer_count, any_value(n.source_id) as source_id,
            any_value(n.payload_sha256) as payload_sha256, min(b.change) as method_break
        from {_standing("$until")} as n
        inner join {_standing("$since")} as t
            on n.offer_key = t.offer_key and n.gpu_id = t.gpu_id
        left join {BREAK} as b on n.source_id = b.source_id
        where n.gpu_id is not null
            and abs(n.usd_per_gpu_hour / t.usd_per_gpu_hour - 1) >= $threshold
        group by n.provider_id, n.gpu_id, n.purchase_model
        order by abs(change_fraction) desc, n.gpu_id, n.provider_id
    """,
    "derived_moves": f"""
        with price as (
            select gpu_id, purchase_model, day, median_usd_per_gpu_hour as usd
            from marts.gpu_price_daily
            where market_family = 'all' and commitment_months is null and day in ($since, $until)
        ),
        moved as (
            select n.gpu_id, n.purchase_model, t.usd as before, n.usd
            from price as n inner join price as t
                on n.gpu_id = t.gpu_id and n.purchase_model = t.purchase_model
                and n.day = $until and t.day = $since
            where abs(n.usd / t.usd - 1) >= $threshold
        ),
        -- Sources of the two days that changed their method between them.
        broken as (
            select o.gpu_id, o.purchase_model,
                string_agg(distinct b.source_id, ', ' order by b.source_id) as source_ids
            from (
                from {_standing("$since")} union all from {_standing("$until")}
            ) as o
            inner join {BREAK} as b on o.source_id = b.source_id
            group by o.gpu_id, o.purchase_model
        ),
        -- The cheapest efficient set of each model, before: what its price does to a token.
        served as (
            select s.model_id, s.gpu_id, p.purchase_model, s.tokens_per_second_per_gpu
            from marts.serving_point as s
            inner join price as p on s.gpu_id = p.gpu_id and p.day = $since
            where s.workload_id = 'chat'
            qualify row_number() over (
                partition by s.model_id, p.purchase_model
                order by p.usd / s.tokens_per_second_per_gpu
            ) = 1
        ),
        figure as (
            select 'marts.inference_cost' as table_name, 'usd_per_1k_tokens' as figure, s.model_id,
                m.gpu_id, m.purchase_model,
                serving_usd_per_1k_tokens(m.before, s.tokens_per_second_per_gpu) as before_value,
                serving_usd_per_1k_tokens(m.usd, s.tokens_per_second_per_gpu) as value,
                m.before, m.usd
            from moved as m
            inner join served as s
                on m.gpu_id = s.gpu_id and m.purchase_model = s.purchase_model
            union all
            select 'marts.cost_per_flop', 'usd_per_exaflop_effective', null, m.gpu_id,
                m.purchase_model, m.before * c.usd_per_exaflop_effective / c.usd_per_gpu_hour,
                c.usd_per_exaflop_effective, m.before, m.usd
            from moved as m
            inner join marts.cost_per_flop as c
                on m.gpu_id = c.gpu_id and m.purchase_model = c.purchase_model
                and c.day = $until and c.precision = 'bf16' and c.market_family = 'all'
                and c.commitment_months is null
        )
        select table_name, figure, model_id, gpu_id, purchase_model, before_value, value,
            value / before_value - 1 as change_fraction,
            format('{{}} {{}} {{:.3g}} to {{:.3g}} USD/GPU-h', gpu_id, purchase_model, before, usd)
            || case when source_ids is null then ''
                else format(' (another method: {{}})', source_ids) end as because
        from figure left join broken using (gpu_id, purchase_model)
        order by abs(value / before_value - 1) desc, table_name, model_id, gpu_id
    """,
    "gpus": f"""
        with now_there as (
            select distinct gpu_id from {_standing("$until")} where gpu_id is not null
        ),
        then_there as (
            select distinct gpu_id from {_standing("$since")} where gpu_id is not null
        )
        select coalesce(n.gpu_id, t.gpu_id) as gpu_id,
            case when t.gpu_id is null then 'new' else 'gone' end as change
        from now_there as n full join then_there as t on n.gpu_id = t.gpu_id
        where n.gpu_id is null or t.gpu_id is null
        order by all
    """,
    "offers": f"""
        select coalesce(n.provider_id, t.provider_id) as provider_id,
            coalesce(n.gpu_id, t.gpu_id) as gpu_id,
            coalesce(n.purchase_model, t.purchase_model) as purchase_model,
            count(*) filter (t.offer_key is null) as new_offers,
            count(*) filter (n.offer_key is null) as gone_offers,
            min(n.usd_per_gpu_hour) filter (t.offer_key is null) as cheapest_new_usd_per_gpu_hour
        from {_standing("$until")} as n full join {_standing("$since")} as t
            on n.offer_key = t.offer_key
        where n.offer_key is null or t.offer_key is null
        group by 1, 2, 3 order by new_offers + gone_offers desc, 1, 2, 3
    """,
    "restatements": """
        select gpu_id, day, purchase_model, commitment_months, market_family, revision,
            usd_per_gpu_hour, revision_reason
        from marts.gpu_price_index_revision
        where revision > 1 and recorded_at >= $since::date + interval 1 day
            and recorded_at < $until::date + interval 1 day
        order by all
    """,
    "sources": """
        with newest as (
            select * from meta.source_status
            qualify row_number() over (partition by source_id order by tried_at desc) = 1
        )
        select source_id, status, observed_at as last_answer_at, round(age_hours, 1) as age_hours,
            error
        from newest
        where status not in ('ok', 'unchanged', 'skipped') or age_hours > 30
        order by age_hours desc nulls first, source_id
    """,
    "held": """
        select source_id, rule, count(*) as held_rows, min(reason) as example
        from meta.quarantine
        where state = 'held' and captured_at >= $since::date + interval 1 day
            and captured_at < $until::date + interval 1 day
        group by source_id, rule order by held_rows desc, source_id, rule
    """,
    "unmapped": """
        select source_id, gpu_name_printed, offer_count, example_sku
        from meta.unmapped_gpu order by offer_count desc, source_id, gpu_name_printed
    """,
}


def worded(name: str, value: Any) -> str:
    """Return a figure for people: a share with its sign, a number with 3 digits."""
    if value is None:
        return "–"
    if name.endswith("_fraction"):
        return f"{value:+.1%}"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    if name.endswith("sha256"):
        return str(value)[:8]
    return str(value)


def as_data(found: Digest) -> dict[str, Any]:
    """Return the digest as JSON has it; texts of sources without control characters."""

    def plain(value: Any) -> Any:
        if isinstance(value, (datetime, date)):
            return value.isoformat()
        return one_line(value) if isinstance(value, str) else value

    return {
        "title": found.title,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "threshold_fraction": found.threshold_fraction,
        "made_at": found.made_at.isoformat() + "Z",
        "run_id": found.run_id,
        "sections": {
            name: [{key: plain(value) for key, value in row.items()} for row in rows]
            for name, rows in found.sections.items()
        },
    }


def as_markdown(found: Digest) -> str:
    """Return the digest as Markdown, a table a section."""
    lines = [f"# {markdown(found.title)}", ""]
    lines += [
        f"Prices at the end of {found.until} against the end of {found.since}; moves of"
        f" {found.threshold_fraction:.0%} and more. List prices in USD, not transactions.",
    ]
    for name, rows in found.sections.items():
        lines += ["", f"## {TITLES[name]} ({len(rows)})", ""]
        if not rows:
            lines.append("None.")
            continue
        names = [key for key in rows[0] if any(row[key] is not None for row in rows)]
        lines.append("| " + " | ".join(markdown(key) for key in names) + " |")
        lines.append("|" + "---|" * len(names))
        for row in rows[:LISTED]:
            cells = (markdown(worded(key, row[key])) for key in names)
            lines.append("| " + " | ".join(cells) + " |")
        if len(rows) > LISTED:
            lines += ["", f"and {len(rows) - LISTED} more."]
    return "\n".join(lines) + "\n"


def as_atom(found: Digest) -> str:
    """Return the digest as an Atom feed of one entry a section that has something to say."""
    ElementTree.register_namespace("", "http://www.w3.org/2005/Atom")
    atom = "{http://www.w3.org/2005/Atom}"
    updated = found.made_at.replace(tzinfo=UTC).isoformat(timespec="seconds")
    feed = ElementTree.Element(atom + "feed")
    name_of_feed = "tag:truecost,2026:digest"

    def add(parent: ElementTree.Element, name: str, text: str) -> ElementTree.Element:
        child = ElementTree.SubElement(parent, atom + name)
        child.text = text
        return child

    add(feed, "id", name_of_feed)
    add(feed, "title", "Truecost: what changed")
    add(feed, "updated", updated)
    add(ElementTree.SubElement(feed, atom + "author"), "name", "Truecost")
    for name, rows in found.sections.items():
        if not rows:
            continue
        entry = ElementTree.SubElement(feed, atom + "entry")
        add(entry, "id", f"{name_of_feed}:{found.since}:{found.until}:{name}")
        add(entry, "title", f"{found.until}: {TITLES[name]} ({len(rows)})")
        add(entry, "updated", updated)
        text = "\n".join(
            ", ".join(
                f"{key} {one_line(worded(key, value))}"
                for key, value in row.items()
                if value is not None
            )
            for row in rows[:LISTED]
        )
        add(entry, "content", text).set("type", "text")
    ElementTree.indent(feed)
    return ElementTree.tostring(feed, encoding="unicode", xml_declaration=True) + "\n"
