"""``truecost digest``: what changed, as Markdown, JSON or Atom; to a webhook where one is set."""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

import click

from pipelines.commands import Refused
from pipelines.commands.arguments import FiniteRange
from pipelines.commands.index import day_of
from pipelines.commands.published import past_options, published
from pipelines.past import Past

WEBHOOK = "TRUECOST_WEBHOOK"
TIMEOUT_SECONDS = 10


@click.command()
@click.option("--since", help="Against the end of this day; the day before where not given.")
@click.option("--until", help="At the end of this day; the newest with prices where not given.")
@click.option(
    "--threshold", type=FiniteRange(0, 10), default=0.02, show_default=True,
    help="Smallest move that is told, as a fraction.",
)  # fmt: skip
@click.option(
    "--format", "output", type=click.Choice(["md", "json", "atom"]), default="md",
    show_default=True,
)  # fmt: skip
@click.option("--json", "output", flag_value="json", help="Short for --format json.")
@click.option("--no-webhook", is_flag=True, help=f"Send nothing, even where {WEBHOOK} is set.")
@past_options
def digest(
    since: str | None,
    until: str | None,
    threshold: float,
    output: str,
    no_webhook: bool,
    past: Past | None,
) -> None:
    """Tell what changed: prices, offers, GPUs, sources, names, and what moved with them.

    Where the environment variable TRUECOST_WEBHOOK holds an address, the digest is posted there as
    JSON after it is printed.

    \b
    truecost digest --since 2026-08-03
    truecost digest --as-of 2026-08-10 --known-on 2026-08-10
    truecost digest --format atom > digest.xml
    """
    from pipelines.digest import as_atom, as_data, as_markdown
    from pipelines.digest import digest as made

    with published(past) as connection:
        try:
            found = made(
                connection,
                day_of(since, "--since") if since else None,
                day_of(until, "--until") if until else None,
                threshold,
            )
        except ValueError as error:
            raise Refused(str(error)) from error
    if output == "json":
        click.echo(json.dumps(as_data(found), indent=1))
    else:
        click.echo(as_atom(found) if output == "atom" else as_markdown(found), nl=False)
    address = os.environ.get(WEBHOOK)
    if address and not no_webhook:
        post(address, as_data(found))


def post(address: str, content: object) -> None:
    """Post JSON to an address; the address itself may hold a secret and is never printed.

    Raises
    ------
    ClickException
        If it is no address, does not answer, or refuses.
    """
    import requests

    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Refused(f"{WEBHOOK} is no address; give https://HOST/PATH")
    try:
        answer = requests.post(
            address, json=content, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        raise click.ClickException(
            f"the webhook at {parts.hostname} does not answer ({type(error).__name__})"
        ) from None
    if answer.status_code >= 300:
        raise click.ClickException(f"the webhook at {parts.hostname}: HTTP {answer.status_code}")
    click.echo(f"sent to {parts.hostname}", err=True)
