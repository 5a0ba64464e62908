"""``truecost doctor``: what this machine and its data folder offer, and what is missing.

What is looked at belongs to ``answers.doctor``. Imports that are slow are inside the function, so
that ``truecost --help`` stays fast.
"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pipelines.commands.answer import format_option, print_rows


@click.command()
@format_option
def doctor(output: str | None) -> None:
    """Look at Python, DuckDB, limits, disk, clock and data folder; change nothing.

    Ends with status 1 if something needs you; each such line says what to do.
    """
    from pipelines.answers.doctor import Finding, findings
    from warehouse.paths import Home

    found = findings(Home.from_environment(), datetime.now(UTC))
    print_rows(Finding._fields, found, output)
    if any(one.problem for one in found):
        raise SystemExit(1)
