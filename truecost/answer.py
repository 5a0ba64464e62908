"""Answers to questions: rows of Python values, and the same as Arrow, pandas or polars.

How values leave the warehouse is decided here for Python: times have the zone UTC, decimals become
floats, and what has no single type in Arrow becomes JSON text. What is answered belongs to
``pipelines``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from warehouse.rows import plain

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


class Answer(Sequence[dict[str, Any]]):
    """The rows of an answer, best first.

    Parameters
    ----------
    columns : sequence of str
        Column names, units included.
    rows : sequence of sequences
        The answer, one sequence a row.
    facts : mapping
        What stands beside every row: ``moment``, ``currency``, ``private_prices``.
    document : mapping, optional
        The whole answer where it is more than rows, such as a training plan.

    Examples
    --------
    >>> answer = Answer(["gpu_id", "usd"], [("A", Decimal("1.5")), ("B", None)])
    >>> answer[0], len(answer)
    ({'gpu_id': 'A', 'usd': 1.5}, 2)
    >>> answer.arrow().column("usd").to_pylist()
    [1.5, None]
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        facts: Mapping[str, Any] | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.facts = dict(facts or {})
        self.document = None if document is None else _typed(document)
        self._rows = [dict(zip(columns, map(_typed, row), strict=True)) for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        return self._rows[place]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return f"Answer({len(self)} rows; {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        html: str = self.df().to_html(max_rows=30, index=False)
        return html

    @cached_property
    def _table(self) -> pa.Table:
        import pyarrow as pa

        arrays = {name: _array([row[name] for row in self]) for name in self.columns}
        return pa.table(arrays)

    def arrow(self) -> pa.Table:
        """Return the rows as an Arrow table."""
        return self._table

    def df(self) -> pd.DataFrame:
        """Return the rows as a pandas data frame."""
        frame: pd.DataFrame = self._table.to_pandas()
        return frame

    def pl(self) -> pl.DataFrame:
        """Return the rows as a polars data frame.

        Raises
        ------
        ImportError
            If polars is not installed; it is not one of our dependencies.
        """
        import polars

        return polars.DataFrame(polars.from_arrow(self._table))


def _typed(value: Any) -> Any:
    """Return a value as Python has it: floats for decimals, UTC on times."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, Mapping):
        return {str(name): _typed(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_typed(part) for part in value]
    return value


def _array(values: list[Any]) -> pa.Array:
    """Return a column; JSON text where its values have no single type."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array(None if value is None else json.dumps(plain(value)) for value in values)
