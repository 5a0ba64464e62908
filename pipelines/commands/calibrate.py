"""``truecost calibrate``: learn from own measurements, into a file that ``infer`` takes.

The equations are imported when the command runs, so that the command line starts fast.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipelines.commands import Refused
from pipelines.commands.targets import force_option, new_target, refuse_existing


@click.command()
@click.argument("cases", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("calibration.json"),
    show_default=True,
    help="Where to write what was learnt.",
)
@click.option(
    "--for-runs",
    is_flag=True,
    help="Also write it into the data folder: tables and answers use it from the next run on.",
)
@force_option
def calibrate(cases: Path, out: Path, for_runs: bool, force: bool) -> None:
    """Learn the speed of own machines from CASES (a CSV file) and write it for infer.

    Columns are those of backtest inference, with value. A posterior: few rows move a prediction a
    little, many rows move it to what they say. Errors are of rows predicted from the others.

    \b
    truecost calibrate CASES.csv --out ours.json
    truecost infer llama-3.3-70b --calibration ours.json
    truecost calibrate CASES.csv --for-runs
    """
    from pipelines.answers.calibrate import calibration
    from pipelines.answers.foreign_file import read_foreign
    from pipelines.derive.measured_case import read_cases
    from warehouse.paths import Home
    from warehouse.reference import bundled

    refuse_existing(out, force)
    try:
        header, rows = read_foreign(cases, read_cases, raises=[ValueError])
        if "value" not in header:
            raise Refused(f"{cases}: no column value; it says what was measured")
        answer = calibration(bundled(), rows)
    except ValueError as error:
        raise Refused(str(error)) from None
    written = (json.dumps(answer, indent=1) + "\n").encode()
    own = Home.from_environment().own_calibration
    with new_target(out, force) as file:
        file.write(written)
    if for_runs:
        with new_target(own, True) as file:
            file.write(written)
    before, after = answer["error_before"], answer["error_after"]
    click.echo(
        f"{answer['rows']} rows used, {answer['unused']} not: median error "
        f"{100 * before['median_absolute_error']:.1f} % before, "
        f"{100 * after['median_absolute_error']:.1f} % after; written to {out}"
    )
    if for_runs:
        click.echo(f"Runs use it from now on; delete {own} to stop that.")
