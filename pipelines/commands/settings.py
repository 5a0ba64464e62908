"""``--set NAME=VALUE``: assumptions of an answer that a caller fixes, by the names it prints.

Arguments in, numbers out. What a name means and whether a value is possible is decided by the
answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import click

from pipelines.commands import Refused

set_option = click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Fix an assumption, by the name under which it is printed. May be repeated.",
)


def settings_of(
    pairs: Sequence[str], known: Collection[str], typed: Mapping[str, Any]
) -> dict[str, float]:
    """Return the assumptions that are set, by name.

    Parameters
    ----------
    pairs : sequence of str
        As typed: ``NAME=VALUE``.
    known : collection of str
        Names that can be set.
    typed : mapping of str to value
        Options of the same names; one that is not None is not set a second time.

    Raises
    ------
    Refused
        For a name that is not known, a value that is no number, or a name that is given twice.

    Examples
    --------
    >>> settings_of(["pue=1.2"], ["pue"], {})
    {'pue': 1.2}
    """
    found: dict[str, float] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not sign:
            raise Refused(f"--set {pair!r}: give NAME=VALUE, such as pue=1.2")
        if name not in known:
            raise Refused(f"--set {name}: no such assumption; there are: {', '.join(known)}")
        if name in found or typed.get(name) is not None:
            raise Refused(f"--set {name}: given twice; give it once")
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if value - value != 0:
            raise Refused(f"--set {name}={text}: must be a number")
        found[name] = value
    return found
