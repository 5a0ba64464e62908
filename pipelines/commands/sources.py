"""``truecost sources`` and ``truecost source``: the list of sources, and the rows of one of them.

``source`` fetches and parses one source in a temporary folder; the data folder is not touched. It
serves to try a parser; ``truecost run`` keeps the rows.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pipelines.answers.status import status, verified
from pipelines.capture.parsers import UNREADABLE, in_child
from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows, print_sentence
from pipelines.commands.arguments import AtLeast, answering_mirror
from pipelines.commands.opening import one_of, published
from pipelines.reading.new_source import NewSourceError, new_source
from pipelines.reading.saving import save_fixture
from pipelines.reading.trial import Trial, payloads, trial
from pipelines.sources import all_sources
from pipelines.sources.base import ParseError, Payload, Source
from pipelines.sources.fixtures import CLASSES, EXPECTED, FixtureError, fixture_payloads
from pipelines.text import one_line
from warehouse.paths import PROJECT

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


def captured_payloads(
    source: Source, home_folder: Path, mirror: str | None, save: Path | None = None
) -> Iterator[Payload]:
    """Request the source once and yield its answers; print errors on stderr."""
    from pipelines.capture.landing import Landing
    from pipelines.capture.parallel import capture
    from warehouse.paths import Home

    home = Home(home_folder)
    (result,) = capture([source], home=home, mirror=mirror, named=[source.source_id])
    for record in result.capture.requests:
        if record.path is None:
            click.echo(one_line(f"{record.key}: {record.outcome} {record.error or ''}"), err=True)
    if result.error:
        click.echo(one_line(f"{source.source_id}: {result.status}: {result.error}"), err=True)
    if save:
        save_fixture(result.capture, Landing(home), save)
    yield from payloads(source, result.capture, Landing(home), home_folder)


@click.command()
@format_option
def sources(output: str | None) -> None:
    """Print every source: whether it is on, on what it was verified, when it last answered."""
    last = _last_status()
    rows = [
        (
            source.source_id,
            source.kind,
            _state(source),
            source.verified_with,
            source.verified_on,
            *last.get(source.source_id, (None, None, None)),
            source.licence,
            source.may_redistribute,
            source.title,
        )
        for source in all_sources().values()
    ]
    columns = ("source_id", "kind", "state", "verified_with", "verified_on", "status", "seen_at")
    more = ("offers_kept", "licence", "may_redistribute", "title")
    print_rows((*columns, *more), rows, output)
    if output in (None, "table"):
        declared = all_sources().values()
        print_sentence(
            verified((each.verified_with, each.disabled_reason is None) for each in declared)
        )


def _state(source: Source) -> str:
    if source.disabled_reason:
        return f"off: {source.disabled_reason}"
    variable = source.key_environment
    return "on" if not variable or os.environ.get(variable) else f"skipped: set {variable}"


def _last_status() -> dict[str, tuple[Any, ...]]:
    try:
        with published(is_dated=False) as connection:
            found = status(connection)
    except Refused:
        return {}  # nothing is published yet
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return {row["source_id"]: (row["status"], row["seen_at"], row["offers_kept"]) for row in rows}


@click.command()
@click.argument("name")
@click.option("--mirror", help="Ask MIRROR/HOST/PATH instead.")
@click.option(
    "--fixture",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Read the saved answers of this folder (payloads.json) instead of the network.",
)
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the answers, keys masked, and the rows in this new folder, as a fixture.",
)
@click.option("--limit", type=AtLeast(1), default=40, show_default=True, help="Table rows.")
@click.option(
    "--new",
    "is_new",
    is_flag=True,
    help="Write the module and the fixture folder of a source NAME into this checkout.",
)
@format_option
def source(
    name: str,
    mirror: str | None,
    fixture: Path | None,
    save: Path | None,
    limit: int,
    is_new: bool,
    output: str | None,
) -> None:
    """Fetch and parse the source NAME once, print its rows, and keep nothing.

    Held rows are counted by rule on stderr; with --format json they are listed too. Ends
    with status 1 if no row at all is kept.

    \b
    truecost source runpod
    truecost source azure --mirror http://127.0.0.1:8080 --format json
    truecost source runpod --save runpod-answers
    truecost source acme --new
    """
    if is_new:
        try:
            written = new_source(name, PROJECT)
        except NewSourceError as error:
            raise Refused(str(error)) from None
        for path in written:
            click.echo(path.relative_to(PROJECT))
        return
    if save and fixture:
        raise Refused("--save keeps what is asked for, and --fixture asks for nothing: give one")
    if save and save.exists() and any(save.iterdir()):
        raise Refused(f"--save {save}: the folder is not empty; name a new one")
    chosen = all_sources()[one_of("source", name, all_sources())]
    with tempfile.TemporaryDirectory(prefix="truecost-source-") as folder:
        try:
            answers = (
                fixture_payloads(fixture, chosen)
                if fixture
                else captured_payloads(chosen, Path(folder), answering_mirror(mirror), save)
            )
        except FixtureError as error:
            raise Refused(str(error)) from None
        rows: list[dict[str, Any]] = []
        for payload in answers:
            try:
                tried = in_child(chosen, trial, payload)
            except UNREADABLE as error:
                where = "" if isinstance(error, ParseError) else f"{payload.where()}: the parser: "
                click.echo(one_line(f"{where}{error}"), err=True)
                continue
            rows += tried["rows"]
            click.echo(one_line(_summary(payload.key, tried)), err=True)
    if save and rows:
        (save / EXPECTED).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        click.echo(f"saved in {save}: review {EXPECTED} by hand before it is a test", err=True)
    _print(rows, limit, output)
    if all(row["record"] == "held" for row in rows):
        raise click.exceptions.Exit(1)


def _print(rows: Sequence[Mapping[str, Any]], limit: int, output: str | None) -> None:
    if output == "json":
        click.echo(json.dumps(rows, indent=1))
        return
    kept = [row for row in rows if row["record"] != "held"]
    shown = kept if output == "csv" else kept[:limit]
    columns = _columns(kept)
    print_rows(columns, [[row.get(column) for column in columns] for row in shown], output)
    if output != "csv" and len(kept) > limit:
        click.echo(f"... and {len(kept) - limit:,} more; --limit N or --format csv for all")


def _columns(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    [kind] = {row["record"] for row in rows[:1]} or {"offer"}
    if kind == "offer":
        return OFFER_COLUMNS
    return tuple(field.name for field in dataclasses.fields(CLASSES[kind]))


def _summary(key: str, tried: Trial) -> str:
    """Return how many rows the answer has, and what became of them."""
    counts = {name: sum(rows.values()) for name, rows in tried["outcomes"].items()}
    offers = tried["offers"]
    parts = [f"{sum(counts.values()):,} rows: {counts['kept']:,} kept as {offers:,} offers"]
    for name in ("held", "out_of_scope"):
        if counts[name]:
            most_first = Counter(tried["outcomes"][name]).most_common()
            reasons = ", ".join(f"{n} {why}" for why, n in most_first)
            parts.append(f"{counts[name]:,} {name.replace('_', ' ')} ({reasons})")
    return f"{key}: {'; '.join(parts)}"
