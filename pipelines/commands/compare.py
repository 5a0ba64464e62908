"""``truecost compare``: two GPUs, two providers or two models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.answer import print_rows, print_sentence, significant
from pipelines.commands.currency import in_currency
from pipelines.commands.opening import answer_options, documents_of, moment, published
from pipelines.commands.serving import model_meant

NOTES = {
    "GPU": "Prices are those of one contract in one market and region; in brackets the 80 %"
    " interval of the middle, and n providers. Withheld where nobody has a fresh price.",
    "provider": "Like for like: one GPU, contract and part of the world at both. In brackets at"
    " least 80 %, from four matched prices on.",
    "model": "Own serving: the cheapest set with three providers or more (80 %). API prices: the"
    " middle of providers. Training: 90 %.",
}


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--model",
    default="llama-3.3-70b",
    show_default=True,
    help="Whose tokens are priced, of two GPUs.",
)
@click.option("--all", "is_all", is_flag=True, help="Also figures that only one of them has.")
@answer_options
def compare(
    a: str, b: str, model: str, is_all: bool, past: Past | None, output: str | None
) -> None:
    """Print A and B side by side: two GPUs, two providers or two models.

    The kind is known from the names. GPUs: memory, peaks, power, the price in each market, what
    that buys, and how the same offers moved. Providers: what both rent out, priced like for like,
    how much they have, and how old their prices are. Models: size, own serving, API prices,
    training. ratio is A over B.

    \b
    truecost compare H100-SXM-80GB B200-180GB
    truecost compare lambda crusoe
    truecost compare llama-3.3-70b qwen3-32b --json
    """
    from pipelines.answers import compare as answers

    with published(past) as connection:
        documents = documents_of(connection)
        try:
            found = answers.compare(
                connection, documents, a, b, model_meant(documents, model).model_id
            )
        except answers.ComparisonError as error:
            raise Refused(str(error)) from None
        then = moment(connection, past)
    if output in ("json", "csv"):
        same: dict[str, Any] = {"kind": found.kind, "a_id": found.a, "b_id": found.b}
        rows = [same | line.as_row() for line in found.lines]
        columns = list(rows[0]) if rows else list(same)
        print_rows(columns, [list(row.values()) for row in rows], output)
        return
    shared = [line for line in found.lines if is_all or line.is_shared]
    print_rows(
        ("figure", found.a, found.b, "ratio"),
        [_shown(in_currency(line.as_row())) for line in shared],
        None,
        f"{found.a} and {found.b}, {then}",
    )
    if found.kind == "provider" and not any(line.ratio for line in found.lines):
        print_sentence(
            f"No price of {found.a} and {found.b} is of one GPU, contract and stated place."
        )
    left_out = len(found.lines) - len(shared)
    if left_out:
        print_sentence(f"{left_out} figures that only one of them has: --all.")
    print_sentence(NOTES[found.kind])


def _shown(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return one figure for people: interval, providers and detail in brackets."""
    words = ", ".join(filter(None, (row["figure"], row["basis"].replace("_", " "))))
    return (
        words if row["unit"] == "1" else f"{words} [{row['unit']}]",
        _side(row, "a"),
        _side(row, "b"),
        _side(row, "ratio"),
    )


def _side(row: Mapping[str, Any], name: str) -> str:
    if row[name] is None:
        return "–"
    said = []
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if low is not None and high is not None:
        said.append(f"{significant(low, 2)} to {significant(high, 2)}")
    if row.get(f"{name}_provider_count") is not None:
        said.append(f"n {row[f'{name}_provider_count']}")
    if row.get(f"{name}_detail"):
        said.append(row[f"{name}_detail"])
    shown = significant(row[name])
    return f"{shown} ({'; '.join(said)})" if said else shown
