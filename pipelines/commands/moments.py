"""The options ``--as-of`` and ``--known-on`` as typed; ``opening`` reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def moment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--as-of`` and ``--known-on`` to a command, which gets both as text."""
    command = click.option(
        "--known-on", metavar="DAY", help="With --as-of: only what was known by then. Default: now."
    )(command)
    return click.option(
        "--as-of",
        metavar="DAY",
        help="As of the end of this day (YYYY-MM-DD), or of an instant in ISO 8601.",
    )(command)
