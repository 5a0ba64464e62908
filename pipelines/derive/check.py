"""Looking for wrong rows: the ``-- check:`` lines of every table, and what they found.

How a check runs belongs to ``warehouse.models``; refusing to publish belongs to ``release``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path

import cost_engine
from pipelines.derive.reference_tables import reference_version
from warehouse.database import open_build
from warehouse.meaning import hash_of, python_hash
from warehouse.models import CheckResult, TableModel, computation_hash, run_checks
from warehouse.paths import Home


def check(
    home: Home,
    models: Iterable[TableModel],
    made: Collection[str] | None = None,
    *,
    is_whole: bool = True,
) -> list[CheckResult]:
    """Run the checks of tables that were made and keep the results in ``meta.check_result``.

    Of tables that grow, only the days that changed since the last build that passed are checked.
    Every row of every table is checked if SQL, reference data or formulas differ from those of that
    build. The changed days stay in ``staged.affected_day`` until they pass.

    Parameters
    ----------
    home : Home
        The data folder.
    models : iterable of TableModel
        Every table of the build.
    made : collection of str, optional
        The tables that were made again; the results of others stay. Default: all.
    is_whole : bool
        Whether the build looked at every table; else the changed days stay to be checked again.

    Returns
    -------
    list of CheckResult
        What holds of every table that was ever checked, be it found now or before.
    """
    with open_build(home) as connection:
        [(reference,)] = connection.execute("from meta.reference_version").fetchall()
        version = f"{derivation_version()} {reference}"
        connection.execute("create table if not exists staged.checked (version varchar)")
        passed = connection.execute("from staged.checked").fetchall() == [(version,)]
        [(first,)] = connection.execute("select min(day) from staged.affected_day").fetchall()
        is_every = made is None or not passed
        own = [model for model in models if is_every or model.name in (made or ())]
        results = list(run_checks(connection, own, (first or date.max) if passed else None))
        connection.begin()
        connection.execute(
            f"create {'or replace table' if is_every else 'table if not exists'} meta.check_result"
            " (model varchar, name varchar, sql varchar, wrong_rows bigint, example varchar)"
        )
        connection.execute(
            "delete from meta.check_result where list_contains(?, model)",
            [[model.name for model in own]],
        )
        for result in results:
            connection.execute(
                "insert into meta.check_result values (?, ?, ?, ?, ?)", list(vars(result).values())
            )
        connection.commit()
        rows = connection.execute("from meta.check_result").fetchall()
        if is_whole and not any(wrong for *_, wrong, _ in rows):
            connection.execute("delete from staged.affected_day")
            connection.execute(
                "create or replace table staged.checked as select ? as version", [version]
            )
    return [CheckResult(*row) for row in rows]


def derivation_version() -> str:
    """Return a hash of all that derived values depend on besides prices: SQL, figures, formulas.

    Comments and docstrings do not count (``warehouse.meaning``).
    """
    folders = (Path(cost_engine.__file__).parent, Path(__file__).parent)
    return hash_of(
        (
            computation_hash(),
            reference_version(),
            *(python_hash(folder.rglob("*.py")) for folder in folders),
        )
    )
