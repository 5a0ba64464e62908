"""What changed between two days: prices, offers, sources, names, and what moved with them.

Laying out belongs here; the selects are ``warehouse/sql/reports/digest_*.sql``. Printing and
sending belong to ``pipelines.commands.digest``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import duckdb

from pipelines.answers.trace import made_from, relations
from pipelines.text import markdown, one_line
from warehouse.reports import report_dicts, run_report
from warehouse.rows import plain

THRESHOLD_FRACTION = 0.02
LISTED = 20  # lines a section; the rest are counted
TITLES = {
    "index_moves": "Index values that moved",
    "provider_moves": "Providers that changed their price",
    "derived_moves": "Figures that moved with the median of a market",
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
        by_prices = sum(
            abs(row["change_fraction"] or 0) >= self.threshold_fraction
            for row in self.sections["index_moves"]
        )
        return (
            f"{self.until}: {counts['provider_moves']} provider prices moved since {self.since},"
            f" and {counts['index_moves']} index values, {by_prices} of them by the prices of the"
            f" same offers; {counts['sources']} sources in trouble"
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
    [(newest,)] = run_report(connection, "newest_price_day").rows
    if newest is None:
        raise ValueError("there are no prices yet")
    until = until or newest
    since = since or until - timedelta(days=1)
    if since >= until:
        raise ValueError(f"since {since} is not before {until}, the newest day with prices")
    [(made_at, run_id)] = run_report(connection, "clock").rows
    sections = {
        name: report_dicts(
            connection, f"digest_{name}", since=since, until=until, threshold=threshold_fraction
        )
        for name in TITLES
        if name != "hanging_tables"
    }
    sections["hanging_tables"] = hanging_tables(connection, sections["provider_moves"])
    ordered = {name: sections[name] for name in TITLES}
    return Digest(since, until, threshold_fraction, made_at, run_id, ordered)


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

    def harmless(value: Any) -> Any:
        return one_line(value) if isinstance(value, str) else plain(value)

    return {
        "title": found.title,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "threshold_fraction": found.threshold_fraction,
        "made_at": plain(found.made_at),
        "run_id": found.run_id,
        "sections": {
            name: [{key: harmless(value) for key, value in row.items()} for row in rows]
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
