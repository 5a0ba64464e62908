"""``truecost backtest inference``: predict measured serving results and print the errors.

The equations are imported when the command runs, so that the command line starts fast.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands import Refused
from pipelines.commands.answer import print_table
from pipelines.commands.targets import force_option, new_target, refuse_existing
from pipelines.text import one_line

if TYPE_CHECKING:
    from pipelines.derive.inference_backtest import Backtest

WORST_SHOWN = 8


@click.command()
@click.argument("cases", type=click.Path(path_type=Path))
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table")
@click.option("--json", "output", flag_value="json", help="Short for --format json.", default=None)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every case with predicted_value and, where unscored, the reason to this CSV file.",
)
@force_option
def inference(cases: Path, output: str | None, out: Path | None, force: bool) -> None:
    """Predict the serving results of CASES (a CSV file) and compare them with what was measured.

    Input columns: model, gpu, precision, n_gpus, input_len, output_len, metric, and where known
    parallelism, engine, spec_decode, concurrency, source, date; for a model that is not in the
    reference data also total_params_b, active_params_b, layers, hidden, kv_heads, head_dim. A file
    without the column value gets predictions only.
    """
    from pipelines.answers.foreign_file import read_foreign
    from pipelines.derive.inference_backtest import backtest
    from pipelines.derive.measured_case import read_cases
    from warehouse.reference import bundled

    if out is not None:
        refuse_existing(out, force)
    try:
        report = backtest(bundled(), *read_foreign(cases, read_cases, raises=[ValueError]))
        if out is not None:
            with new_target(out, force) as file:
                file.write(report.as_csv().encode())
    except ValueError as error:
        raise Refused(str(error)) from None
    if output == "json":
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        _print(report, out)


def _print(report: Backtest, out: Path | None) -> None:
    answer = report.as_json()
    if answer.get("median_absolute_error") is not None:
        click.echo(
            f"{answer['scored']} of {answer['cases']} cases scored: median error "
            f"{100 * answer['median_absolute_error']:.1f} %, median ratio "
            f"{answer['median_ratio']:.2f}, within 25 % {100 * answer['within_25_percent']:.0f} %, "
            f"within 2x {100 * answer['within_2x']:.0f} %"
        )
        for title in ("by_gpu", "by_model", "by_engine", "by_metric"):
            print_table(
                (
                    title.replace("_", " "),
                    "scored",
                    "median error %",
                    "median ratio",
                    "within 25 %",
                ),
                [
                    (
                        name,
                        part["scored"],
                        100 * part["median_absolute_error"],
                        part["median_ratio"],
                        100 * part["within_25_percent"],
                    )
                    for name, part in answer[title].items()
                ],
            )
        print_table(
            (
                "worst",
                "gpu",
                "precision",
                "lengths",
                "concurrency",
                "metric",
                "measured",
                "predicted",
            ),
            [
                (
                    row["model"],
                    f"{row['n_gpus']} {row['gpu']}",
                    row["precision"],
                    f"{row['input_len']}/{row['output_len']}",
                    row.get("concurrency", ""),
                    row["metric"],
                    float(row["value"]),
                    prediction,
                )
                for row, prediction, _ in report.worst(WORST_SHOWN)
            ],
        )
    else:
        predicted = sum(value is not None for value in report.predictions)
        click.echo(f"{predicted} of {answer['cases']} cases predicted, none compared")
    for reason, count in answer["unscored"].items():
        click.echo(one_line(f"not scored: {count} x {reason}"))
    errors = report.fit.errors
    if "unseen_pair_median_absolute_error" in errors:
        click.echo(
            f"constants of {report.fit.fitted_on}; on (model, GPU) pairs left out of the fit: "
            f"median error {100 * errors['unseen_pair_median_absolute_error']:.1f} %, within 25 % "
            f"{100 * errors['unseen_pair_within_25_percent']:.0f} %"
        )
    if out is not None:
        click.echo(f"written: {out}")
