"""``truecost digest``: what changed, as Markdown, JSON or Atom, and to a webhook if one is set."""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.answer import moment_line, with_moment
from pipelines.commands.arguments import FiniteRange
from pipelines.commands.index import day_of
from pipelines.commands.opening import past_options, published

WEBHOOK = "TRUECOST_WEBHOOK"
TIMEOUT_SECONDS = 10


@click.command()
@click.option("--since", help="Compare with the end of this day. Default: the day before.")
@click.option("--until", help="As of the end of this day. Default: the newest day with prices.")
@click.option(
    "--threshold", type=FiniteRange(0, 10), default=0.02, show_default=True,
    help="Smallest move to list, as a fraction.",
)  # fmt: skip
@click.option(
    "--format", "output", type=click.Choice(["md", "json", "atom"]), default="md",
    show_default=True,
)  # fmt: skip
@click.option("--json", "output", flag_value="json", help="Short for --format json.")
@click.option("--no-webhook", is_flag=True, help=f"Send nothing, even if {WEBHOOK} is set.")
@past_options
def digest(
    since: str | None,
    until: str | None,
    threshold: float,
    output: str,
    no_webhook: bool,
    past: Past | None,
) -> None:
    """Print what changed: prices, offers, GPUs, sources, names, and what moved with them.

    If the environment variable TRUECOST_WEBHOOK holds an address, the digest is also posted there
    as JSON.

    \b
    truecost digest --since 2026-08-03
    truecost digest --as-of 2026-08-10 --known-on 2026-08-10
    truecost digest --format atom > digest.xml
    """
    from pipelines.answers.digest import as_atom, as_data, as_markdown
    from pipelines.answers.digest import digest as made

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
    content = with_moment(as_data(found))
    if output == "json":
        click.echo(json.dumps(content, indent=1))
    else:
        line = moment_line() if output == "md" else ""
        click.echo(f"{line}\n" if line else "", nl=bool(line))
        click.echo(as_atom(found) if output == "atom" else as_markdown(found), nl=False)
    address = os.environ.get(WEBHOOK)
    if address and not no_webhook:
        post(address, content)


def post(address: str, content: object) -> None:
    """Post JSON to an address, which is never printed: it may hold a secret.

    Raises
    ------
    ClickException
        If it is not an address, does not answer, or refuses.
    """
    from pipelines.capture.http.direct import NotSentError, post_json

    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Refused(f"{WEBHOOK} is not an address; give https://HOST/PATH")
    try:
        status = post_json(address, content, TIMEOUT_SECONDS)
    except NotSentError as error:
        raise click.ClickException(
            f"the webhook at {parts.hostname} does not answer ({error})"
        ) from None
    if status >= 300:
        raise click.ClickException(f"the webhook at {parts.hostname}: HTTP {status}")
    click.echo(f"sent to {parts.hostname}", err=True)
