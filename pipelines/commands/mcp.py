"""``truecost mcp``: the answers of some commands for agents, over the Model Context Protocol."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import click

from pipelines.commands import Refused
from pipelines.commands.asking import Asker, QuestionError, command_of, parameters_of

TOOLS = ("offers", "quote", "index", "infer", "train", "why")
MOST_ROWS = 200  # an agent reads all of them
INSTRUCTIONS = (
    "Truecost: what AI compute costs, from dated list prices of GPU clouds. Prices are list prices"
    " in USD unless currency says otherwise, not what anyone paid. Each answer has its moment (the"
    " prices' date), low and high or p10 and p90 where a figure is an estimate or an index,"
    " source_url or, through `why`, the bytes behind it, and publication.citation: cite that. Give"
    " figures with their date and interval. GPU form factors (SXM, PCIe, NVL) are never mixed."
)
SQL = (
    "One query in DuckDB SQL on the published tables, read-only, 200 rows at most. Tables:"
    " marts.offers_latest, marts.gpu_price_index, marts.gpu_price_daily, marts.cost_per_flop,"
    " marts.inference_cost, marts.training_cost, core.gpu, core.model; meta.column describes every"
    " column with its unit."
)
KINDS = {
    click.types.IntParamType: "integer",
    click.types.FloatParamType: "number",
}


@click.command()
def mcp() -> None:
    """Answer agents over the Model Context Protocol, on standard input and output.

    Tools: offers, quote, index, infer, train, why and sql, with the arguments, defaults and figures
    of the commands. It only reads. It needs the extra mcp: pip install 'truecost[mcp]'.

    \b
    truecost mcp
    """
    from pipelines.doors.agent import AgentTool, serve

    tools = [AgentTool(name, description(name), schema(parameters_of(name))) for name in TOOLS]
    day = {"type": "string", "description": "As of this day, YYYY-MM-DD."}
    tools.append(
        AgentTool("sql", SQL, _object({"query": {"type": "string"}, "as_of": day}, ["query"]))
    )
    with contextlib.closing(Asker(child_count=1, most_rows=MOST_ROWS)) as asker:

        def ask(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            return asker.ask(name, {key: _texts(value) for key, value in arguments.items()})

        try:
            serve(tools, ask, QuestionError, instructions=INSTRUCTIONS, version=version("truecost"))
        except ImportError as error:
            raise Refused(
                f"it needs the extra mcp: pip install 'truecost[mcp]' ({error})"
            ) from error


def description(name: str) -> str:
    """Return what a command says about itself, without its examples."""
    return (command_of(name).help or "").partition("\b")[0].strip()


def schema(parameters: Mapping[str, click.Parameter]) -> dict[str, Any]:
    """Return the JSON schema of a command's arguments and options.

    Examples
    --------
    >>> count = click.Option(["-n", "--count"], type=click.IntRange(1), required=True, help="GPUs.")
    >>> schema({"count": count})["properties"]
    {'count': {'type': 'integer', 'description': 'GPUs.'}}
    """
    required = [name for name, parameter in parameters.items() if parameter.required]
    return _object({name: _property(one) for name, one in parameters.items()}, required)


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _property(parameter: click.Parameter) -> dict[str, Any]:
    kinds = (kind for known, kind in KINDS.items() if isinstance(parameter.type, known))
    is_switch = isinstance(parameter, click.Option) and parameter.is_flag
    one: dict[str, Any] = {"type": "boolean" if is_switch else next(kinds, "string")}
    if isinstance(parameter.type, click.Choice):
        one["enum"] = list(parameter.type.choices)
    if parameter.nargs == -1 or parameter.multiple:
        one = {"type": "array", "items": one}
    text = getattr(parameter, "help", None)
    return one | ({"description": text} if text else {})


def _texts(value: Any) -> list[str]:
    """Return an argument as the command line has it.

    Examples
    --------
    >>> _texts(8), _texts(True), _texts(["a", "b"])
    (['8'], ['true'], ['a', 'b'])
    """
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, list):
        return [str(one) for one in value]
    return [str(value)]
