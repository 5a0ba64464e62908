"""``truecost trend``: how fast training costs grow, over models of one's own choice.

The answer is made in ``pipelines.answers.trend``, imported when the command runs.
"""

from __future__ import annotations

import json

import click

from pipelines.answers.as_of import Past
from pipelines.commands.amounts import AMOUNT, answering
from pipelines.commands.answer import format_option, print_rows, print_sentence, print_table
from pipelines.commands.arguments import FiniteRange
from pipelines.commands.opening import past_options, published
from warehouse.rows import plain

METHODS = ("amortized", "acquisition", "rental")
BASES = ("clean", "2025-06", "2024-12", "2024-05")
LISTED = ("model", "published_on", "organization", "usd_real")
NAME_LENGTH = 24


@click.command()
@click.option(
    "--where",
    "conditions",
    metavar="COLUMN=VALUE",
    multiple=True,
    help="Only these models: = != < <= > >=, or ~ for a part of a text. May be repeated.",
)
@click.option("--method", type=click.Choice(METHODS), default="amortized", show_default=True)
@click.option(
    "--basis",
    "price_basis",
    type=click.Choice(BASES),
    default="clean",
    show_default=True,
    help="Vintage of the rules by which runs are costed.",
)
@click.option(
    "--level", type=FiniteRange(0.5, 0.999), default=0.9, show_default=True, help="Of intervals."
)
@click.option(
    "--target-usd", type=AMOUNT, default=1e9, show_default=True, help="When is it reached?"
)
@past_options
@format_option
def trend(
    conditions: tuple[str, ...],
    method: str,
    price_basis: str,
    level: float,
    target_usd: float,
    past: Past | None,
    output: str | None,
) -> None:
    """Print how fast the cost of training grows over chosen models, and list them.

    A least-squares line of the logarithm of real cost on the date of publication. Without --where
    all costed models count; the published trend takes compute_rank<=10.

    \b
    truecost trend --where 'compute_rank<=10'
    truecost trend --where 'organization~Meta' --where 'published_on>=2020' --method rental
    """
    from pipelines.answers.trend import conditions_of, trend_answer

    with answering(), published(past) as connection:
        answer = trend_answer(
            connection, conditions_of(conditions), method, price_basis, level, target_usd
        )
    if output == "json":
        click.echo(json.dumps(plain(answer), indent=1))
        return
    models = answer["models"]
    if output == "csv":
        print_rows(list(models[0]), [list(row.values()) for row in models], "csv")
        return
    share = f"{level:.0%}"
    reached = answer["target_reached_anchored_on"]
    print_table(
        ("", "value", "low", "high", "unit"),
        [
            ("growth", answer["growth_per_year"], answer["ci_low"], answer["ci_high"], "1/year"),
            ("doubles in", answer["years_to_double"], None, None, "year"),
            ("explained", answer["r_squared"], None, None, "1"),
            *(
                (f"a model of {one['year']}", one["usd"], one["low"], one["high"], "USD")
                for one in answer["projected"]
            ),
            (
                f"{target_usd:,.0f} USD",
                reached,
                answer["target_reached_anchored_earliest_on"],
                answer["target_reached_anchored_latest_on"],
                "day",
            ),
        ],
        f"{method} cost of {answer['model_count']} models, money of {answer['real_month']} ({share}"
        " interval)",
    )
    print_sentence("The day is counted from the most expensive model, if the growth goes on.")
    print_table(
        LISTED,
        [[_short(row[name]) for name in LISTED] for row in reversed(models)],
        "the models, newest first: USD",
    )


def _short(value: object) -> object:
    """Return a text cut to what a line holds."""
    if isinstance(value, str) and len(value) > NAME_LENGTH:
        return value[: NAME_LENGTH - 1] + "…"
    return value
