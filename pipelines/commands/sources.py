"""``truecost sources`` and ``truecost source``: which sources there are, and what one of them says.

``source`` fetches and parses one source into a folder that is thrown away: the data folder is not
touched. It is how a parser is tried; ``truecost run`` is how its rows are kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.arguments import answering_mirror
from pipelines.commands.published import one_of, published
from pipelines.escaping import one_line
from pipelines.sources import all_sources
from pipelines.sources.base import Held, ParseError, Payload, Row, Source

FIXTURE_TIME = datetime(2026, 11, 21, 6, tzinfo=UTC)  # of a saved answer that names no other
OFFER_COLUMNS = (
    "provider_id",
    "sku",
    "region",
    "gpu_name_printed",
    "gpu_count",
    "price_amount",
    "currency",
    "price_basis",
    "price_unit",
    "purchase_model",
    "commitment_months",
    "market_tier",
)


def row_as_json(row: Row) -> dict[str, Any]:
    """Return a row as JSON has it: what it is, and every field that is not null.

    Prices stay text, so that no digit is lost; of a held row only rule and reason are shown.

    Examples
    --------
    >>> row_as_json(Held(rule="price_zero", reason="price is 0", row={"sku": "x"}))
    {'record': 'held', 'rule': 'price_zero', 'reason': 'price is 0'}
    """
    if isinstance(row, Held):
        return {"record": "held", "rule": row.rule, "reason": row.reason}
    fields = {name: _plain(value) for name, value in vars(row).items() if value is not None}
    return {"record": _kind(row), **fields}


def _kind(row: Row) -> str:
    names = {"ApiPrice": "api_price", "SeriesPoint": "series_point", "TableRow": "table_row"}
    return names.get(type(row).__name__, type(row).__name__.lower())


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {name: part for name, part in value.items() if part is not None}
    if isinstance(value, (str, int, bool)):
        return value
    return value.isoformat()


def fixture_payloads(folder: Path, source: Source) -> Iterator[Payload]:
    """Yield the saved answers that ``payloads.json`` of a fixture folder lists.

    Each entry has key, url, file and content_type, and may have captured_at. A source that joins
    pages gets one payload of all of them, as in a capture.

    Raises
    ------
    Refused
        If the folder has no list of payloads.
    """
    listing = folder / "payloads.json"
    if not listing.is_file():
        raise Refused(f"no payloads.json in {folder}; see docs/adding-a-source.md")
    entries = json.loads(listing.read_text())
    bodies = [(folder / entry["file"]).read_bytes() for entry in entries]
    if source.joins_pages:
        entries, bodies = entries[:1], [b"[" + b",".join(bodies) + b"]"]
    for entry, body in zip(entries, bodies, strict=True):
        moment = entry.get("captured_at")
        yield Payload(
            source_id=source.source_id,
            key=entry["key"],
            url=entry["url"],
            content=b"" if source.reads_path else body,
            sha256=hashlib.sha256(body).hexdigest(),
            captured_at=datetime.fromisoformat(moment) if moment else FIXTURE_TIME,
            content_type=entry["content_type"],
            path=folder / entry["file"] if source.reads_path else None,
        )


def captured_payloads(source: Source, home_folder: Path, mirror: str | None) -> Iterator[Payload]:
    """Ask the source once and yield its answers; what went wrong is told on stderr."""
    from pipelines.capture import capture
    from pipelines.landing import Landing
    from warehouse.paths import Home

    home = Home(home_folder)
    (result,) = capture([source], home=home, mirror=mirror, named=[source.source_id])
    for record in result.capture.requests:
        if record.path is None:
            click.echo(one_line(f"{record.key}: {record.outcome} {record.error or ''}"), err=True)
    if result.error:
        click.echo(one_line(f"{source.source_id}: {result.status}: {result.error}"), err=True)
    landing = Landing(home)
    pages = [record for record in result.capture.requests if record.path is not None]
    bodies = [landing.content(record.path or "") for record in pages]
    if source.joins_pages and bodies:
        pages, bodies = pages[:1], [b"[" + b",".join(bodies) + b"]"]
    for number, (record, body) in enumerate(zip(pages, bodies, strict=True)):
        path = None
        if source.reads_path:
            path = home_folder / f"payload-{number}"
            path.write_bytes(body)
        yield Payload(
            source_id=source.source_id,
            key=record.key,
            url=record.url,
            content=b"" if source.reads_path else body,
            sha256=record.sha256 or "",
            captured_at=result.capture.captured_at,
            content_type=record.content_type,
            path=path,
        )


@click.command()
@format_option
def sources(output: str | None) -> None:
    """Print every source: what it is, whether it runs, and when it last answered."""
    last = _last_status()
    rows = [
        (
            source.source_id,
            source.kind,
            _state(source),
            *last.get(source.source_id, (None, None, None)),
            source.licence,
            source.may_redistribute,
            source.title,
        )
        for source in all_sources().values()
    ]
    columns = ("source_id", "kind", "state", "status", "observed_at", "rows_kept", "licence")
    print_rows((*columns, "may_redistribute", "title"), rows, output)


def _state(source: Source) -> str:
    if source.disabled_reason:
        return f"off: {source.disabled_reason}"
    variable = source.key_environment
    return "on" if not variable or os.environ.get(variable) else f"skipped: set {variable}"


def _last_status() -> dict[str, tuple[Any, ...]]:
    try:
        with published() as connection:
            found = connection.execute(
                "select source_id, status, observed_at, rows_kept from meta.source_status"
                " qualify row_number() over (partition by source_id order by tried_at desc) = 1"
            ).fetchall()
    except Refused:
        return {}  # nothing is published yet
    return {source_id: tuple(rest) for source_id, *rest in found}


@click.command()
@click.argument("name")
@click.option("--mirror", help="Ask MIRROR/HOST/PATH instead.")
@click.option(
    "--fixture",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Read the saved answers of this folder (payloads.json) and ask nobody.",
)
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True, help="Table rows.")
@format_option
def source(
    name: str, mirror: str | None, fixture: Path | None, limit: int, output: str | None
) -> None:
    """Fetch and parse the source NAME once, print its rows, and keep nothing.

    Held rows are counted by rule on stderr; with --format json they stand among the others. Ends
    with status 1 if no row at all is kept.

    \b
    truecost source runpod
    truecost source azure --mirror http://127.0.0.1:8080 --format json
    """
    chosen = all_sources()[one_of("source", name, all_sources())]
    with tempfile.TemporaryDirectory(prefix="truecost-source-") as folder:
        payloads = (
            fixture_payloads(fixture, chosen)
            if fixture
            else captured_payloads(chosen, Path(folder), answering_mirror(mirror))
        )
        rows: list[Row] = []
        for payload in payloads:
            try:
                found = list(chosen.parse(payload))
            except ParseError as error:
                click.echo(one_line(error), err=True)
                continue
            rows += found
            click.echo(_summary(payload.key, found), err=True)
    _print(rows, limit, output)
    if all(isinstance(row, Held) for row in rows):
        raise click.exceptions.Exit(1)


def _print(rows: Sequence[Row], limit: int, output: str | None) -> None:
    if output == "json":
        click.echo(json.dumps([row_as_json(row) for row in rows], indent=1))
        return
    kept = [row for row in rows if not isinstance(row, Held)]
    shown = kept if output == "csv" else kept[:limit]
    columns = _columns(shown)
    cells = [[_exact(getattr(row, column)) for column in columns] for row in shown]
    print_rows(columns, cells, output)
    if output != "csv" and len(kept) > limit:
        click.echo(f"... and {len(kept) - limit:,} more; --limit N or --format csv for all")


def _exact(value: Any) -> Any:
    """Return a Decimal as it is: three digits are enough for an answer, not for a parser."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _columns(rows: Iterable[Row]) -> tuple[str, ...]:
    first = next(iter(rows), None)
    if first is None or _kind(first) == "offer":
        return OFFER_COLUMNS
    return tuple(field.name for field in dataclasses.fields(first))


def _summary(key: str, rows: Iterable[Row]) -> str:
    counts = Counter(row.rule if isinstance(row, Held) else "" for row in rows)
    kept = counts.pop("", 0)
    held = ", ".join(f"{count} {rule}" for rule, count in counts.most_common())
    return f"{key}: {kept:,} kept" + (f", held {held}" if held else "")
