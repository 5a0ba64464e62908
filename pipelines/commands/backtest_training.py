"""``truecost backtest training``: recompute published training costs and print the errors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipelines.commands import Refused
from pipelines.commands.answer import print_table

WORST_SHOWN = 8


@click.command()
@click.argument("cases", type=click.Path(path_type=Path))
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
    "--cloud-chip-hours",
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
def training(
    cases: Path,
    vintage: str | None,
    tolerance: float,
    cloud_chip_hours: str,
    output: str | None,
    out: Path | None,
) -> None:
    """Recompute the training costs of CASES (a CSV file) and compare them with what it expects.

    Input columns: model, publication_date, organization, base_model, training_compute_flop,
    hardware, hardware_quantity, training_time_h, mfu_reported, chip_hours_reported, or their
    names in Epoch's files. A file with inputs only gets predictions. Ends with status 1 if a
    cell is over the tolerance.
    """
    from pipelines.costing import training_backtest

    try:
        header, rows = training_backtest.read_cases(cases)
        report = training_backtest.backtest(
            header,
            rows,
            vintage,
            tolerance,
            cloud_chip_hours,  # type: ignore[arg-type]
        )
        if out is not None:
            out.write_text(report.as_csv(), encoding="utf-8")
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}; wants a CSV file of cases") from None
    except ValueError as error:
        raise Refused(str(error)) from None
    if output == "json":
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        _print(report, out)
    if not report.has_passed:
        raise click.exceptions.Exit(1)


def _print(report, out: Path | None) -> None:  # type: ignore[no-untyped-def]
    from pipelines.costing.epoch import CREDIT

    click.echo(f"vintage {report.vintage.name}: {report.vintage.description}")
    click.echo(f"cloud chip-hours {report.cloud_hours_reason}")
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
    if not report.scores:
        click.echo("no output column to compare with: predictions only")
    else:
        verdict = "passed" if report.has_passed else "FAILED"
        click.echo(f"{verdict} at a tolerance of {report.tolerance:g}")
    if out is not None:
        click.echo(f"written: {out}")
    click.echo(CREDIT)
