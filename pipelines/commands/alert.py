"""``truecost alert``: which rules of a file fire on the prices of now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.answer import moment_line, moment_told, print_document
from pipelines.commands.opening import (
    documents_of,
    gpu_meant,
    one_of,
    past_options,
    published,
    told_at,
)
from pipelines.commands.serving import model_meant

if TYPE_CHECKING:
    from pipelines.answers.alert_rules import Rule
    from warehouse.database import Connection
    from warehouse.reference import Documents

FIRED = 1


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format", "output", type=click.Choice(["md", "json"]), default="md", show_default=True
)
@click.option("--json", "output", flag_value="json", help="Short for --format json.")
@click.option(
    "--send",
    "is_sent",
    is_flag=True,
    help="Also send which rules fire, once, and which do no more, to whom the alarms go.",
)
@past_options
def alert(file: Path, output: str, is_sent: bool, past: Past | None) -> None:
    """Print which rules of FILE fire on the prices of now.

    Ends with status 0 where no rule fires, 1 where one does, 2 where FILE is wrong. A rule about a
    market asks for the middle of three fresh providers or more. A thin or stale price fires
    nothing; the answer says so. FILE is YAML:

    \b
    rules:
    - name: H100 under two dollars
      gpu: H100-SXM-80GB          # or model: llama-3.3-70b, USD per 10^6 tokens
      below_usd: 2.00             # or above_usd; USD per GPU-hour
      purchase_model: on_demand   # spot; reserved with commitment_months
      market_family: neocloud     # hyperscaler, marketplace
      reference_region: us        # europe, asia
    - gpu: B200-180GB
      provider: nebius            # one provider instead of its market
      moves_by_fraction: 0.05     # either way, the same offers then and now
      over_days: 30
    - model: deepseek-r1
      tokens: output              # input, or blended: three in, one out
      above_usd: 2.5

    \b
    truecost alert rules.yaml
    truecost alert rules.yaml --send
    """
    from pipelines.answers.alarm_notices import CHANNELS, is_wanted, tell_of_rules
    from pipelines.answers.alert import alert as judge
    from pipelines.answers.alert_rules import RuleError, read_rules
    from warehouse.paths import Home

    if is_sent and past:
        raise Refused("--send is about the prices of now: leave out the past day")
    if is_sent and not is_wanted():
        raise Refused(
            f"--send: nobody is to hear; set {', '.join(CHANNELS[:-1])} or {CHANNELS[-1]}"
        )
    try:
        rules = read_rules(file)
    except RuleError as error:
        raise Refused(str(error)) from None
    with published(past) as connection:
        documents = documents_of(connection)
        named = [_named(connection, documents, rule) for rule in rules]
        judged_at = told_at(moment_told() if past else None)
        found = judge(connection, named, judged_at)
    if output == "json":
        print_document(found.as_data())
    else:
        click.echo(f"{line}\n" if (line := moment_line()) else "", nl=bool(line))
        click.echo(found.as_markdown(), nl=False)
    if is_sent:
        for line in tell_of_rules(Home.from_environment(), file.name, found):
            click.echo(f"alarm not delivered: {line}", err=True)
    click.get_current_context().exit(FIRED if found.is_fired else 0)


def _named(connection: Connection, documents: Documents, rule: Rule) -> Rule:
    """Return a rule with the ids of its GPU, model and provider, or refuse it by its line."""
    from pipelines.answers.api import api_providers
    from pipelines.answers.offers import providers

    try:
        if rule.gpu is not None:
            known = providers(connection)
            rule = replace(rule, gpu=gpu_meant(connection, rule.gpu))
        else:
            known = api_providers(connection)
            rule = replace(rule, model=model_meant(documents, rule.model).model_id)
        if rule.provider is None:
            return rule
        return replace(rule, provider=one_of("provider", rule.provider, known))
    except Refused as error:
        raise Refused(f"{rule.place}: {error.format_message()}") from None
