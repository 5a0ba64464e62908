"""``truecost export``: metrics and prices as files that other programs read.

``PAGES`` are what ``truecost serve`` serves under the same names. What is in them belongs to
``pipelines.answers``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from pipelines.answers.metrics import metrics
from pipelines.answers.offers import providers
from pipelines.answers.opencost import (
    Basis,
    OpenCostError,
    custom_prices,
    gpus_csv,
    nodes_csv,
)
from pipelines.commands import Refused
from pipelines.commands.opening import gpu_meant, one_of, published
from pipelines.commands.targets import force_option, new_target
from warehouse.database import Connection

SHORT = {"purchase": "purchase_model", "market": "market_family", "region": "reference_region"}
BASIS = tuple(SHORT.values())


def _metrics(connection: Connection, asked: Mapping[str, str]) -> str:
    _only(asked, ())
    return metrics(connection)


def _nodes(connection: Connection, asked: Mapping[str, str]) -> str:
    _only(asked, ("provider", "purchase_model", "commitment_months"))
    provider, months = asked.get("provider"), asked.get("commitment_months")
    if months is not None and not (months.isascii() and months.isdigit() and len(months) < 4):
        raise Refused(f"commitment_months {months!r} is not a number of months")
    return nodes_csv(
        connection,
        one_of("provider", provider, providers(connection)) if provider else None,
        asked.get("purchase_model", "on_demand"),
        int(months) if months else None,
    )


def _gpus(connection: Connection, asked: Mapping[str, str]) -> str:
    return gpus_csv(connection, _basis(asked))


def _custom(connection: Connection, asked: Mapping[str, str]) -> str:
    if "gpu" not in asked:
        raise Refused("which GPU? give gpu, such as H100-SXM-80GB")
    basis = _basis({name: value for name, value in asked.items() if name != "gpu"})
    prices = custom_prices(connection, gpu_meant(connection, asked["gpu"]), basis)
    return json.dumps(prices, indent=1) + "\n"


def _basis(asked: Mapping[str, str]) -> Basis:
    _only(asked, BASIS)
    return Basis(**asked)


def _only(asked: Mapping[str, str], known: Any) -> None:
    for name in asked:
        if name not in known:
            there = ", ".join(known) or "none"
            raise Refused(f"no parameter {name!r}; there are: {there}")


PAGES: dict[str, Callable[[Connection, Mapping[str, str]], str]] = {
    "metrics": _metrics,
    "opencost/nodes.csv": _nodes,
    "opencost/gpus.csv": _gpus,
    "opencost/custom.json": _custom,
}


def text_of(name: str, connection: Connection, asked: Mapping[str, str]) -> str:
    """Return a page.

    Raises
    ------
    Refused
        If a parameter is unknown, or there are no such prices; the line says what exists.
    """
    try:
        return PAGES[name](connection, {SHORT.get(key, key): asked[key] for key in asked})
    except OpenCostError as error:
        raise Refused(str(error)) from error


@click.command()
@click.argument("name", metavar="PAGE", type=click.Choice(list(PAGES)))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--gpu", help="custom.json: the GPU of the cluster.")
@click.option("--provider", help="nodes.csv: only this provider, e.g. gcp.")
@click.option("--purchase", "purchase_model", help="Purchase model. Default: on_demand.")
@click.option("--commitment-months", help="nodes.csv: only reservations of this many months.")
@click.option("--market", "market_family", help="Whose index prices a GPU. Default: neocloud.")
@click.option("--region", "reference_region", help="Where: us, europe or asia. Default: us.")
@force_option
def export(name: str, out: Path, force: bool, **asked: str | None) -> None:
    """Write a PAGE that Prometheus or OpenCost reads, as a file.

    metrics is the text format of Prometheus, for the textfile collector of its node exporter.
    opencost/nodes.csv and opencost/gpus.csv are CSV for CSV_PATH, opencost/custom.json are fields
    of default.json. truecost serve serves the same.

    \b
    truecost export metrics --out truecost.prom
    truecost export opencost/nodes.csv --provider gcp --purchase spot --out pricing.csv
    truecost export opencost/custom.json --gpu H100-SXM-80GB --out default.json
    """
    given = {key: value for key, value in asked.items() if value is not None}
    with published(is_dated=False) as connection:
        text = text_of(name, connection, given)
    with new_target(out, force) as file:
        file.write(text.encode())
    click.echo(f"{len(text.splitlines()):,} lines in {out}")
