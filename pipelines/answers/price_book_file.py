"""The file of a price book, CSV or YAML: a file of strangers, held against its schema.

What a row may say belongs here; what it means to a warehouse is decided by ``price_book``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from pipelines.answers.foreign_file import ForeignFileError, read_foreign
from warehouse.reference import ReferenceError
from warehouse.reference.schema_check import held_against, item_lines, yaml_content
from warehouse.reference.schema_figures import Strict, Text

MOST_ROWS = 10_000
MOST_BYTES = 2**22


class PriceBookError(ValueError):
    """A file that is no price book; one line with row and column."""


class Price(Strict):
    """One price as people write it: an amount, or a discount on the list price."""

    provider: Text
    gpu: Text | None = None
    gpu_count: int | None = Field(None, ge=1, le=100_000)
    region: Text | None = None
    purchase_model: Literal["on_demand", "spot", "reserved", "capacity_block"] = "on_demand"
    commitment_months: int | None = Field(None, ge=1, le=240)
    price: float | None = Field(None, gt=0, lt=1e9, allow_inf_nan=False)
    currency: str = Field("USD", pattern=r"^[A-Za-z]{3}$")
    per: Literal["gpu_hour", "node_hour"] = "gpu_hour"
    discount_fraction: float = Field(0.0, ge=0, lt=1, allow_inf_nan=False)
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Price:
        wrong = None
        if self.price is None and not self.discount_fraction:
            wrong = "a price, or a discount_fraction on the list price"
        elif self.price is not None and self.gpu is None:
            wrong = "a gpu beside a price"
        elif self.per == "node_hour" and self.gpu_count is None:
            wrong = "a gpu_count beside a price per node_hour"
        elif (self.purchase_model == "reserved") != (self.commitment_months is not None):
            wrong = "commitment_months with purchase_model reserved, and only with it"
        elif self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            wrong = "a valid_from that is not after valid_to"
        if wrong is not None:
            raise PydanticCustomError("price", "{expected}", {"expected": wrong})
        return self


class PriceFile(Strict):
    """A file: a list of prices."""

    prices: list[Price] = Field(min_length=1, max_length=MOST_ROWS)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a CSV or YAML file as plain values, each with its place.

    Raises
    ------
    PriceBookError
        If it is no file that is read, or a row is no price.
    """
    try:
        return read_foreign(path, rows_in, raises=[PriceBookError])
    except ForeignFileError as error:
        raise PriceBookError(str(error)) from None


def rows_in(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file as plain values; runs in the child."""
    with path.open("rb") as file:
        payload = file.read(MOST_BYTES + 1)
    if len(payload) > MOST_BYTES:
        raise PriceBookError(f"{path.name} has over {MOST_BYTES:,} bytes; is it a price book?")
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PriceBookError(f"{path.name} is not UTF-8: save it as UTF-8") from None
    if path.suffix.lower() in (".yaml", ".yml"):
        return _of_yaml(text, path.name)
    if path.suffix.lower() == ".csv":
        return _of_csv(text, path.name)
    raise PriceBookError(f"{path.name}: a price book is a .csv or a .yaml file")


def _of_yaml(text: str, name: str) -> list[dict[str, Any]]:
    try:
        content = yaml_content(text, name)
        if content is None:
            raise PriceBookError(f"{name} is empty; it holds a list 'prices:'")
        read = held_against(PriceFile, content, text, name)
    except ReferenceError as error:
        raise PriceBookError(str(error)) from None
    lines = item_lines(text, "prices")
    return [
        one.model_dump(mode="json") | {"place": f"{name}:{line}"}
        for one, line in zip(read.prices, lines, strict=True)
    ]


def _of_csv(text: str, name: str) -> list[dict[str, Any]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _refuse_columns(header, name)
        found: list[dict[str, Any]] = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            place = f"{name}:{reader.line_num}"
            if len(cells) != len(header):
                raise PriceBookError(
                    f"{place}: {len(cells)} cells, {len(header)} columns; quote what has commas"
                )
            if len(found) == MOST_ROWS:
                raise PriceBookError(f"{place}: over {MOST_ROWS:,} rows; split the file")
            row = {key: cell.strip() for key, cell in zip(header, cells, strict=True)}
            found.append(_price(row, place) | {"place": place})
    except csv.Error as error:
        raise PriceBookError(f"{name}:{reader.line_num}: not CSV: {error}") from None
    if not found:
        raise PriceBookError(f"{name} has no rows under its header")
    return found


def _refuse_columns(header: Sequence[str], name: str) -> None:
    allowed = list(Price.model_fields)
    for column in header:
        if column not in allowed:
            raise PriceBookError(
                f"{name}:1: column {column!r} is unknown; allowed: {', '.join(allowed)}"
            )
        if header.count(column) > 1:
            raise PriceBookError(f"{name}:1: column {column!r} is there twice")
    if "provider" not in header:
        raise PriceBookError(f"{name}:1: column 'provider' is missing")


def _price(row: Mapping[str, str], place: str) -> dict[str, Any]:
    """Return one row of a CSV file, or refuse it by row and column; an empty cell says nothing."""
    said = {key: value for key, value in row.items() if value}
    try:
        return Price.model_validate(said).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        column = ".".join(str(part) for part in first["loc"])
        allowed = first.get("ctx", {}).get("expected") or first["msg"]
        if not column:
            raise PriceBookError(f"{place}: allowed: {allowed}") from None
        held = f"holds {row.get(column, '')!r}" if row.get(column) else "is empty"
        raise PriceBookError(f"{place}: column {column} {held}; allowed: {allowed}") from None
