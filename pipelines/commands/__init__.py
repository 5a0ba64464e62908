"""The commands, one module a topic. Arguments in, a printed answer out; no arithmetic, no parsing.

A module here may read the published file through ``warehouse.database`` and call ``cost_engine``.
"""

from __future__ import annotations

import click


class Refused(click.UsageError):
    """Bad input: one clear line that says what exists or works. Ends with status 2."""
