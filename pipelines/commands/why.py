"""``truecost why``: trace a published number back to its payload, parser and rules, or forward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.answer import (
    format_option,
    moment_line,
    print_rows,
    print_sentence,
    print_table,
    significant,
)
from pipelines.commands.opening import documents_of, past_options, published

if TYPE_CHECKING:
    from warehouse.database import Connection

SHOWN_PAYLOADS = 12


@click.command()
@click.argument("table")
@click.argument("key", nargs=-1)
@click.option("--forward", is_flag=True, help="Show what is made from it instead.")
@past_options
@format_option
def why(
    table: str, key: tuple[str, ...], forward: bool, past: Past | None, output: str | None
) -> None:
    """Show where a number comes from: the row, the tables before it, the bytes, the assumptions.

    TABLE is a published table. KEY names a row: values of its keys, or column=value; a GPU or a
    model in any spelling, the first letters of a hash. Where several rows are named, the newest is
    followed. A report, such as reports.offers, needs no KEY: the tables that it reads are listed.

    \b
    truecost why gpu_price_index H100-SXM-80GB on_demand neocloud
    truecost why inference_cost model_id=llama-3.1-70b gpu_id=H100-SXM-80GB
    truecost why core.offer_price H100-SXM-80GB provider_id=aws --forward
    truecost why reports.offers
    """
    from pipelines.answers.trace import UntracedError, made_from_row, trace

    with published(past) as connection:
        try:
            found = trace(connection, table, key)
        except UntracedError as error:
            meant = key_meant(connection, key)
            if meant == [*key]:
                raise Refused(str(error)) from error
            try:
                found = trace(connection, table, meant)
            except UntracedError as still:
                raise Refused(str(still)) from still
        steps = found.steps
        if forward:
            steps = made_from_row(connection, found.table, found.row)
    if output in ("json", "csv"):
        columns = ("step", "name", "rows", "detail", "rule", "source_url", "values")
        print_rows(columns, machine_rows(found, steps, forward), output)
        return
    if line := moment_line():
        print_sentence(line)
    print_sentence(f"{found.table}: {steps[0].rule if steps and not forward else ''}".rstrip(": "))
    if found.matching_rows > 1:
        print_sentence(f"{found.matching_rows} rows have this key; the newest:")
    print_table(
        ("column", "value"),
        [
            (name, significant(value, 6))
            for name, value in found.row.items()
            if value is not None and not isinstance(value, (list, dict))
        ],
    )
    for sentence in sentences(found):
        print_sentence(f"  {sentence}")
    for one in found.corrections:
        print_sentence(f"  Corrected: {one['sentence']}")
    rest = steps if forward else steps[1:]
    print_table(
        ("table", "rows", "matched on", "rule"),
        [(step.table, step.rows, step.matched_on, step.rule) for step in rest],
        "\nMade from it" if forward else "\nMade from",
    )
    if forward or not found.row:
        return
    print_table(
        ("source", "kind", "captured", "payload", "parser", "address"),
        [
            (p["source_id"], p["source_kind"], p["seen_at"], p["payload_sha256"][:12],
             p["parser_version"], p["source_url"])
            for p in found.payloads[:SHOWN_PAYLOADS]
        ],
        f"\nRead from {len(found.payloads)} payloads",
    )  # fmt: skip
    if found.assumptions:
        print_table(
            ("of", "figure", "value", "unit", "source"),
            [
                (a["subject"], a["field"], a["value"], a["unit"], a["source_url"] or a["note"])
                for a in found.assumptions[:40]
            ],
            "\nWith these figures",
        )


def sentences(found: Any) -> list[str]:
    """Return how printed prices of the trace became USD per GPU and hour: the row's, or one."""
    from pipelines.answers.trace import normalisation

    for step in found.steps if found.row else ():
        sentence = normalisation(step.example)
        if sentence:
            lead = "" if step.table == found.table else f"one of {step.rows} offers: "
            return [significant(lead + sentence)]
    return []


def key_meant(connection: Connection, key: Sequence[str]) -> list[str]:
    """Return a key with the ids of the GPUs and models that it spells in another way.

    Raises
    ------
    Refused
        If a value names several GPUs; the line lists them.
    """
    from pipelines.answers.gpu_named import names_of
    from pipelines.derive.serving_names import model_spelled

    gpus, documents = names_of(connection), documents_of(connection)
    meant = []
    for part in key:
        column, sign, value = part.rpartition("=")
        cards = gpus.meant(value)
        if len(cards) > 1:
            raise Refused(f"GPU {value!r} is not one thing: {', '.join(cards)}")
        found = cards[0] if cards else model_spelled(documents, value)
        meant.append(f"{column}{sign}{found or value}")
    return meant


def machine_rows(found: Any, steps: Any, is_forward: bool) -> list[tuple[Any, ...]]:
    """Return the trace as rows: the row, tables, payloads and assumptions."""
    rows: list[tuple[Any, ...]] = []
    for number, step in enumerate(steps):
        kind = "made from it" if is_forward else "row" if number == 0 else "table"
        rows.append((kind, step.table, step.rows, step.matched_on, step.rule, None, step.example))
    if is_forward:
        return rows
    for sentence in sentences(found):
        rows.append(("normalisation", found.table, 1, sentence, None, None, None))
    for one in found.corrections:
        name, url = one["correction_id"], one["source_url"]
        rows.append(("correction", name, None, one["sentence"], one["reason"], url, one))
    for p in found.payloads:
        detail = f"{p['payload_sha256']} captured {p['seen_at']}Z as {p['capture_id']}"
        rule = f"pipelines/sources/{p['source_id']}.py version {p['parser_version']}"
        rows.append(("payload", p["source_id"], None, detail, rule, p["source_url"], p))
    for a in found.assumptions:
        detail = f"{a['field']} = {a['value']} {a['unit'] or ''}".strip()
        rows.append(("assumption", a["subject"], None, detail, a["note"], a["source_url"], a))
    return rows
