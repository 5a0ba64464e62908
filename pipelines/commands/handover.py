"""Commands that hand their answer over in this process instead of printing it.

Python asks the same questions as the command line, through the same options, defaults and
refusals. ``handed_over`` runs a command; ``answer`` and ``opening`` look here where they print and
where they open the published file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from pipelines.commands import Refused
from warehouse.paths import Home

TAKEN = "truecost.handover"  # what a running command hands over, in the context of click
HOME = "truecost.home"  # the data folder that it reads
MACHINE = "json"  # the format in which a command answers whole


@dataclass
class Answered:
    """What a command answered: a table, or one object, and the facts that stand beside either."""

    columns: list[str] = field(default_factory=list)
    rows: list[Sequence[Any]] = field(default_factory=list)
    document: dict[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def taker() -> Answered | None:
    """Return what the running command hands over to; None where it prints."""
    context = click.get_current_context(silent=True)
    return context.meta.get(TAKEN) if context else None


def home_asked() -> Home:
    """Return the data folder that the running command reads."""
    context = click.get_current_context(silent=True)
    home: Home | None = context.meta.get(HOME) if context else None
    return home or Home.from_environment()


def handed_over(
    command: click.Command, home: Home, values: Iterable[Any], options: Mapping[str, Any]
) -> Answered:
    """Run a command on a data folder and return its answer.

    Parameters
    ----------
    command : click.Command
    home : Home
    values : iterable
        Its arguments. One that is None is left out.
    options : mapping of str to value
        Its options, by their names without dashes. One that is None keeps its default.

    Raises
    ------
    click.ClickException
        If the command refuses; the line says what exists or works.
    """
    answered = Answered()
    arguments = [*arguments_of(command, {**options, "format": MACHINE})]
    arguments += ["--", *(_text(value) for value in values if value is not None)]
    with command.make_context(command.name, arguments) as context:
        context.meta.update({TAKEN: answered, HOME: home})
        command.invoke(context)
    return answered


def arguments_of(command: click.Command, options: Mapping[str, Any]) -> list[str]:
    """Return options as they are typed.

    Raises
    ------
    Refused
        If the command has no such option; the line lists those that it has.
    """
    known = options_of(command)
    found: list[str] = []
    for name, value in options.items():
        if name not in known:
            names = sorted(
                {keyword(one.opts[-1]) for one in known.values() if one.name != "output"}
            )
            raise Refused(f"{command.name} has no option {name!r}; there are: {', '.join(names)}")
        option = known[name]
        spelled = max(option.opts, key=len)
        if value is None or (option.is_flag and value is False):
            continue
        if option.is_flag and value is True:
            found.append(spelled)
            continue
        if isinstance(value, Mapping):
            value = [f"{key}={_text(one)}" for key, one in value.items()]
        several = value if option.multiple and isinstance(value, (list, tuple)) else [value]
        found += [f"{spelled}={_text(one)}" for one in several]
    return found


def options_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by every name that they go by in Python."""
    return {
        name: option
        for option in command.params
        if isinstance(option, click.Option)
        for name in [option.name, *map(keyword, option.opts)]
        if name
    }


def keyword(option: str) -> str:
    """Return the name of an option as Python has it.

    Examples
    --------
    >>> keyword("--data-center-only"), keyword("-n")
    ('data_center_only', 'n')
    """
    return option.lstrip("-").replace("-", "_")


def _text(value: Any) -> str:
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
