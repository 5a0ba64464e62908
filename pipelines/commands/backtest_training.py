"""``truecost backtest training``: recompute published training costs and print the errors.

The answer is made in ``pipelines.answers.backtest_training``, imported when the command runs.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands import Refused
from pipelines.commands.answer import print_table
from pipelines.commands.arguments import Renamed
from pipelines.commands.targets import force_option, new_target, refuse_existing

if TYPE_CHECKING:
    from cost_engine.training.published.rules import CloudHours
    from pipelines.answers.backtest_training import Backtest

WORST_SHOWN = 8


@click.command()
@click.argument("cases", type=click.Path(path_type=Path), required=False)
@click.option(
    "--vintage",
    help="Rules and prices: clean, 2025-06, 2024-12 or 2024-05. Default: 2024-12 for a file in "
    "money of December 2023, else 2025-06.",
)
@click.option(
    "--tolerance",
    type=float,
    default=1e-9,
    show_default=True,
    help="Largest relative error that passes.",
)
@click.option(
    "--cloud-gpu-hours",
    cls=Renamed,
    formerly=("--cloud-chip-hours",),
    type=click.Choice(["auto", "run", "quantity_times_time"]),
    default="auto",
    show_default=True,
    help="Hours that 2025-06 rents: run (reported, else quantity x time, else compute), the "
    "program's own quantity_times_time, or what the file was made with.",
)
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table")
@click.option("--json", "output", flag_value="json", help="Short for --format json.", default=None)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every case with predicted_<output column> to this CSV file.",
)
@force_option
def training(
    cases: Path | None,
    vintage: str | None,
    tolerance: float,
    cloud_gpu_hours: CloudHours,
    output: str | None,
    out: Path | None,
    force: bool,
) -> None:
    """Compare planned GPU-hours with reported ones, or recompute the costs of CASES (a CSV file).

    Without CASES each reported run is planned by a fit that has not seen it. With CASES the
    published method is recomputed and compared with what the file expects: a recomputation, which
    tells nothing of the world.

    Input columns: model, publication_date, organization, base_model, training_compute_flop,
    hardware, hardware_quantity, training_time_h, mfu_reported, chip_hours_reported, or their
    names in Epoch's files. A file with inputs only gets predictions. Ends with status 1 if a
    cell is over the tolerance.
    """
    if cases is None:
        _print_plans(output)
        return
    from pipelines.answers.backtest_training import backtest
    from pipelines.answers.foreign_file import read_foreign
    from pipelines.answers.training_cases import read_cases

    if out is not None:
        refuse_existing(out, force)
    try:
        report = backtest(
            *read_foreign(cases, read_cases, raises=[ValueError]),
            vintage,
            tolerance,
            cloud_gpu_hours,
        )
        if out is not None:
            with new_target(out, force) as file:
                file.write(report.as_csv().encode())
    except ValueError as error:
        raise Refused(str(error)) from None
    if output == "json":
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        _print(report, out)
    if not report.has_passed:
        raise click.exceptions.Exit(1)


def _print_plans(output: str | None) -> None:
    """Print every reported run beside the hours planned for it, and how they score."""
    from pipelines.derive.training_plan_backtest import planned_runs, score
    from warehouse.reference import bundled

    planned = planned_runs(bundled())
    found = score(planned)
    rows = [
        {
            "run_id": one.row.run_id,
            "kind": "prediction",
            "predicted": one.predicted,
            "reported": one.row.gpu_hours,
            "ratio": one.ratio,
            "low_80": one.low_80,
            "high_80": one.high_80,
            "is_covered": one.is_covered,
            "evidence": one.row.evidence,
            "is_fitted": one.row.is_fitted,
        }
        for one in planned
    ]
    if output == "json":
        click.echo(json.dumps({"score": asdict(found), "runs": rows}, indent=1))
        return
    print_table(list(rows[0]), [list(row.values()) for row in rows], "GPU-hours, left out")
    click.echo(
        f"{found.runs} runs that count: planned over reported {found.median_ratio:.2f} (median);"
        f" the 80 % interval holds {found.covered} ({found.covered / found.runs:.0%}; sampling"
        f" {found.coverage_low:.0%} to {found.coverage_high:.0%})"
    )


def _print(report: Backtest, out: Path | None) -> None:
    from pipelines.derive.epoch import CREDIT

    click.echo(f"vintage {report.vintage.name}: {report.vintage.description}")
    click.echo(f"cloud GPU-hours {report.cloud_hours_reason}")
    if report.scores:
        print_table(
            ("column", "compared", "median relative error", "max relative error", "over tolerance"),
            [
                (
                    score.name,
                    score.compared,
                    f"{score.median_relative_error:.1e}",
                    f"{score.max_relative_error:.1e}",
                    score.over_tolerance,
                )
                for score in report.scores
            ],
        )
    if report.mismatches:
        print_table(
            ("model", "column", "expected", "predicted", "relative error"),
            [
                (row.model, row.column, row.expected, str(row.predicted), row.relative_error)
                for row in report.mismatches[:WORST_SHOWN]
            ],
            "worst",
        )
    reasons = [reason for reason in report.predictions["reason"] if reason]
    click.echo(f"{len(report.rows)} cases, {len(reasons)} without one of the three costs")
    stated = report.kinds.count("recomputation")
    click.echo(
        f"GPU-hours: {stated} cases state theirs, which are taken over (recomputation);"
        f" {len(report.rows) - stated} are made from compute (prediction)"
    )
    if not report.scores:
        click.echo("no output column to compare with: predictions only")
    else:
        verdict = "passed" if report.has_passed else "FAILED"
        click.echo(f"{verdict} at a tolerance of {report.tolerance:g}")
    if out is not None:
        click.echo(f"written: {out}")
    click.echo(CREDIT)
