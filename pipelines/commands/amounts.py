"""What ``train``, ``own-vs-rent`` and ``reserve`` share: amounts, refusals, the published file.

Arguments in, nothing computed. numpy and the published file are imported inside functions, so that
``--help`` and refused arguments stay fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.answer import moment_told, print_table

if TYPE_CHECKING:
    from warehouse.database import Connection

GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?[KMBT]?")
SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
DEFAULT_GPU = "H100-SXM-80GB"


class Amount(click.ParamType[float]):
    """A positive number with an optional suffix: 70B, 1.5T, 3e25."""

    name = "NUMBER"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number.

        Raises
        ------
        click.BadParameter
            If it is not a finite number above 0.
        """
        if isinstance(value, float):
            return value
        text = str(value).strip().upper().replace("_", "")
        if "," in text and not GROUPED.fullmatch(text):
            self.fail(f"{value!r}: a comma groups three digits, as in 1,500; write 1.5", param, ctx)
        text = text.replace(",", "")
        factor = SUFFIXES.get(text[-1:], 1.0)
        try:
            number = float(text[:-1] if text[-1:] in SUFFIXES else text) * factor
        except ValueError:
            number = float("nan")
        if not 0 < number < float("inf"):
            self.fail(f"{value!r}: must be a number above 0, such as 70B, 1.5T or 3e25", param, ctx)
        return number


AMOUNT = Amount()
CLUSTER = click.IntRange(1, 10_000_000)  # a hundred times the largest known


@contextmanager
def answering() -> Iterator[None]:
    """Turn what the engine refuses, and arithmetic overflow, into one refused line."""
    import numpy as np

    try:
        with np.errstate(over="raise", invalid="ignore"):
            yield
    except ValueError as error:
        raise Refused(str(error)) from None
    except ArithmeticError as error:
        raise Refused(f"a number is too large to compute with: {error}") from None


def day_of(past: Past | None) -> date:
    """Return the day of a question, for what is dated beside prices: that of the prices."""
    if past is not None:
        return past.day
    told = moment_told()
    return told.prices_at.date() if told else datetime.now(UTC).date()


@contextmanager
def published_or_none(past: Past | None, *, is_needed: bool) -> Iterator[Connection | None]:
    """Open the published file; without one give None, or refuse where it is needed."""
    from pipelines.commands.opening import published

    with ExitStack() as opened:
        try:
            connection = opened.enter_context(published(past))
        except Refused:
            if is_needed or past is not None:
                raise
            connection = None
        yield connection


def known_gpu(connection: Connection | None, gpu: str) -> str:
    """Return the gpu_id that was meant; without a published file, by those of this package."""
    from pipelines.commands.opening import documents_of, gpu_meant

    return gpu_meant(documents_of(None) if connection is None else connection, gpu)


def print_assumptions(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str] = ("value", "unit", "source"),
) -> None:
    """Print what an answer depends on."""
    print_table(
        ("assumption", *columns),
        [(row["name"], *(row.get(column) for column in columns)) for row in rows],
        "assumptions",
    )
