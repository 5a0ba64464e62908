"""The figures of a YAML document as pydantic models: value, unit, source, note.

Here belongs what every figure must have. Which figures a file has is said by ``schema``.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictFloat,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from warehouse.reference.units import UNITS

ASSUMPTION = "assumption"
# An editor asks for the note too.
ARGUED: dict[str, Any] = {
    "if": {"properties": {"source": {"const": ASSUMPTION}}},
    "then": {"required": ["note"]},
}


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("day", "a date as 2026-11-21") from None
    return text


def _visible(text: str) -> str:
    """Refuse what terminals act on: names of somebody's file are printed."""
    kinds = {unicodedata.category(letter) for letter in text if letter not in "\n\t"}
    if kinds & {"Cc", "Cf", "Cs"}:  # control, format (also of the direction), half a pair
        expected = {"expected": "a text without control characters"}
        raise PydanticCustomError("visible", "{expected}", expected)
    return text


Text = Annotated[StrictStr, Field(min_length=1), AfterValidator(_visible)]
Day = Annotated[
    StrictStr, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})
]
Url = Annotated[StrictStr, Field(pattern=r"^https?://")]


class Strict(BaseModel):
    """A mapping without unknown keys."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data.keys() - cls.model_fields.keys():
                raise PydanticCustomError(
                    "key", "{allowed}", {"key": key, "allowed": ", ".join(cls.model_fields)}
                )
        return data


class Leaf(Strict):
    """One figure, its unit, and who says so; an assumption argues for itself in a note."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=ARGUED)

    value: StrictInt | StrictFloat
    unit: StrictStr
    source: StrictStr
    note: Text | None = None

    @model_validator(mode="after")
    def _is_finite_and_argued(self) -> Leaf:
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise PydanticCustomError("value", "a finite number", {"key": "value"})
        _refuse_silent_assumption(self.source, self.note)
        return self


class DateLeaf(Strict):
    """A day and who says so."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=ARGUED)

    value: Day
    unit: Literal["date"]
    source: StrictStr
    note: Text | None = None

    @model_validator(mode="after")
    def _is_argued(self) -> DateLeaf:
        _refuse_silent_assumption(self.source, self.note)
        return self


def _refuse_silent_assumption(source: str, note: str | None) -> None:
    if source == ASSUMPTION and not note:
        raise PydanticCustomError(
            "note", "a note that argues for it, as the source is an assumption", {"key": "note"}
        )


@dataclass(frozen=True)
class Unit:
    """The units that a figure may have: those of one group of ``UNITS``, or of several."""

    groups: tuple[str, ...]

    def units(self) -> list[str]:
        """Return the allowed units."""
        return [unit for group in self.groups for unit in UNITS[group]]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Refuse a leaf in another unit."""

        def check(leaf: Any) -> Any:
            if isinstance(leaf, dict) and leaf.get("unit") not in self.units():
                raise PydanticCustomError(
                    "unit", "{allowed}", {"key": "unit", "allowed": ", ".join(self.units())}
                )
            return leaf

        return core_schema.no_info_before_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add the allowed units to the schema, for editors."""
        return {"allOf": [handler(schema), {"properties": {"unit": {"enum": self.units()}}}]}


Bytes = Annotated[Leaf, Unit(("bytes",))]
BytesPerSecond = Annotated[Leaf, Unit(("bytes_per_second",))]
FlopsPerSecond = Annotated[Leaf, Unit(("flops_per_second",))]
Flops = Annotated[Leaf, Unit(("flop",))]
Watts = Annotated[Leaf, Unit(("watts",))]
Hours = Annotated[Leaf, Unit(("hours",))]
Seconds = Annotated[Leaf, Unit(("seconds",))]
Fraction = Annotated[Leaf, Unit(("fraction",))]
Ratio = Annotated[Leaf, Unit(("ratio",))]
Usd = Annotated[Leaf, Unit(("usd",))]
Rate = Annotated[Leaf, Unit(("rate",))]
Count = Annotated[Leaf, Unit(("count",))]
AnyFigure = Annotated[Leaf, Unit(tuple(UNITS))]
