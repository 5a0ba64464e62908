"""``connect`` and what it returns: one published file, and the questions that it answers.

Each method is the command of the same name: its arguments, options, defaults, figures and refusals.
No question is defined here, and nothing is computed.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click
import platformdirs

from pipelines.answers.pull import PullError, is_address, pulled
from pipelines.commands.handover import handed_over
from pipelines.commands.opening import past_of, published, refuse_duckdb
from truecost.answer import Answer
from truecost.options import (
    BillOptions,
    FilePath,
    FitOptions,
    FlopOptions,
    IndexOptions,
    InferOptions,
    OffersOptions,
    OwnVsRentOptions,
    QuoteOptions,
    ReserveOptions,
    TrainOptions,
    WhyOptions,
)
from warehouse.database import POINTER, DatabaseError, ForeignLogError, is_readable
from warehouse.paths import Home

if TYPE_CHECKING:
    from collections.abc import Iterator


class RefusedError(ValueError):
    """A question that cannot be answered: one line that says what exists or works."""


def connect(
    path_or_url: FilePath | None = None,
    as_of: date | str | None = None,
    known_on: date | str | None = None,
    *,
    cache: FilePath | None = None,
) -> Truecost:
    """Open a published file, for all questions of one session.

    Parameters
    ----------
    path_or_url : path or str, optional
        A published file (``truecost.duckdb``), or a data folder, whose newest is taken; or the
        address of a ``truecost-<run>.duckdb`` with its manifest beside it, which is read once,
        checked against its hash and kept. Where not given, the data folder of the command line
        (``TRUECOST_HOME``).
    as_of, known_on : date or str, optional
        Answer as of a past day, as it was known on a day. [UTC; YYYY-MM-DD or ISO 8601]
    cache : path, optional
        Where files of addresses are kept; the cache folder of the user where not given.

    Returns
    -------
    Truecost
        It keeps to the file that it opened, whatever is published meanwhile.

    Raises
    ------
    RefusedError
        If there is no such file, or it cannot be read.

    Examples
    --------
    >>> import truecost
    >>> truecost.connect("no/such/file.duckdb")
    Traceback (most recent call last):
    ...
    truecost.connection.RefusedError: there is no no/such/file.duckdb
    """
    if is_address(path_or_url):
        kept = platformdirs.user_cache_path("truecost", appauthor=False) if cache is None else cache
        try:
            path_or_url = pulled(str(path_or_url), Path(kept).expanduser())
        except PullError as error:
            raise RefusedError(str(error)) from None
    chosen = Home.from_environment().root if path_or_url is None else Path(path_or_url).expanduser()
    if path_or_url is not None and not chosen.exists():
        raise RefusedError(f"there is no {chosen}")
    if chosen.is_dir():
        home = Home(chosen)
        with _refusing(), published(home=home):
            chosen = home.published / POINTER
    elif (log := chosen.resolve().with_name(f"{chosen.resolve().name}.wal")).exists():
        raise RefusedError(str(ForeignLogError(log)))
    elif not is_readable(chosen):
        raise RefusedError(f"{chosen} is no published file of truecost")
    return Truecost(chosen.resolve(), as_of, known_on)


class Truecost:
    """One published file, and the questions that it answers.

    Options are those of the command, by the name of the quantity (``market_family``) or as they are
    typed, without dashes (``market``): ``n=8``, ``settings={"pue": 1.2}``.
    """

    def __init__(
        self,
        file: Path,
        as_of: date | str | None = None,
        known_on: date | str | None = None,
    ) -> None:
        self.file = file
        self._moment = {
            "as_of": None if as_of is None else _text(as_of),
            "known_on": None if known_on is None else _text(known_on),
        }
        # A data folder that holds this file alone: commands read a folder.
        self._home = Home(Path(tempfile.mkdtemp(prefix="truecost-")))
        weakref.finalize(self, shutil.rmtree, self._home.root, ignore_errors=True)
        self._home.published.mkdir()
        (self._home.published / POINTER).symlink_to(file)
        with _refusing(), published(past_of(**self._moment), home=self._home):
            pass  # refused now rather than with the first question

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self._moment.items() if value)
        return f"Truecost({self.file.name}{', ' if told else ''}{told})"

    def offers(self, gpu: str, **options: Unpack[OffersOptions]) -> Answer:
        """Return the cheapest standing offers of a GPU. [USD/(GPU h)].

        Examples
        --------
        >>> prices = truecost.connect()  # doctest: +SKIP
        >>> prices.offers("H100 SXM", n=8).df()  # doctest: +SKIP
        """
        from pipelines.commands.offers import offers

        return self._answer(offers, [gpu], options)

    def index(self, gpu: str, **options: Unpack[IndexOptions]) -> Answer:
        """Return the price index of a GPU by market family, and how far it moved. [USD/(GPU h)]."""
        from pipelines.commands.index import index

        return self._answer(index, [gpu], options)

    def flop(self, gpu: str | None = None, **options: Unpack[FlopOptions]) -> Answer:
        """Return what operations, memory and bandwidth cost to rent, by GPU and precision."""
        from pipelines.commands.flop import flop

        return self._answer(flop, [gpu], options)

    def infer(self, model: str | None = None, **options: Unpack[InferOptions]) -> Answer:
        """Return what tokens of a model cost, by GPU set. [USD/10^3 token]."""
        from pipelines.commands.infer import infer

        return self._answer(infer, [model], options)

    def fit(self, model: str | None = None, **options: Unpack[FitOptions]) -> Answer:
        """Return on which GPU sets a model fits, cheapest first."""
        from pipelines.commands.fit import fit

        return self._answer(fit, [model], options)

    def train(self, model: str | None = None, **options: Unpack[TrainOptions]) -> Answer:
        """Return what a training run takes and costs: the plan; all of it in ``document``."""
        from pipelines.commands.train import train

        return self._answer(train, [model], options)

    def own_vs_rent(self, **options: Unpack[OwnVsRentOptions]) -> Answer:
        """Return what owning GPUs costs against renting; its assumptions in ``document``."""
        from pipelines.commands.own_vs_rent import own_vs_rent

        return self._answer(own_vs_rent, [], options)

    def reserve(self, **options: Unpack[ReserveOptions]) -> Answer:
        """Return what reservations cost a job, and the cheapest mix with renting by the hour."""
        from pipelines.commands.reserve import reserve

        return self._answer(reserve, [], options)

    def quote(self, gpu: str, **options: Unpack[QuoteOptions]) -> Answer:
        """Return the cheapest providers for a number of GPUs and months. [USD]."""
        from pipelines.commands.quote import quote

        return self._answer(quote, [], {"gpu": gpu} | dict(options))

    def bill(self, file: FilePath, **options: Unpack[BillOptions]) -> Answer:
        """Return how far above the market a bill of a cloud is, by service and region."""
        from pipelines.commands.bill import bill

        return self._answer(bill, [file], options)

    def why(self, table: str, *key: str, **options: Unpack[WhyOptions]) -> Answer:
        """Return where a number comes from: rows, tables, payloads, assumptions."""
        from pipelines.commands.why import why

        return self._answer(why, [table, *key], options)

    def sql(self, query: str) -> Answer:
        """Return what a query in DuckDB's SQL gives; it cannot change the file."""
        past = past_of(**self._moment)
        with _refusing(), published(past, home=self._home, is_dated=False) as connection:
            try:
                found = connection.execute(query)
                names = [column[0] for column in found.description or ()]
                return Answer(names, found.fetchall())
            except DatabaseError as error:
                raise refuse_duckdb(error, connection) from error

    def _answer(
        self, command: click.Command, values: list[Any], options: Mapping[str, Any]
    ) -> Answer:
        with _refusing():
            got = handed_over(command, self._home, values, {**options, **self._moment})
        if got.document is None:
            return Answer(got.columns, got.rows, got.facts)
        table = got.document.get("plan") or {
            name: value
            for name, value in got.document.items()
            if not isinstance(value, (list, dict))
        }
        return Answer(list(table), [list(table.values())], got.facts, got.document)


def _text(moment: date | str) -> str:
    return moment if isinstance(moment, str) else moment.isoformat()


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what the commands refuse into one line."""
    try:
        yield
    except click.ClickException as error:
        raise RefusedError(error.format_message()) from None
