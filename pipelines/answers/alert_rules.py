"""The rules of ``truecost alert``: a file of strangers, held against its schema within limits.

What a rule may say belongs here. Whether it fires is decided by ``alert``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pipelines.answers.foreign_file import ForeignFileError, read_foreign
from warehouse.reference import ReferenceError
from warehouse.reference.schema_check import held_against, item_lines, yaml_content
from warehouse.reference.schema_figures import Strict, Text

MOST_RULES = 1000
MOST_BYTES = 2**20


class RuleError(ValueError):
    """A file of rules that is not one; one line with file, line and key."""


class Condition(Strict):
    """One rule as people write it. Amounts of a GPU are USD per GPU-hour, of tokens per million."""

    name: Text | None = None
    gpu: Text | None = None
    model: Text | None = None
    purchase_model: Literal["on_demand", "spot", "reserved", "capacity_block"] = "on_demand"
    commitment_months: int | None = Field(None, ge=1, le=120, strict=True)
    market_family: Literal["neocloud", "hyperscaler", "marketplace"] = "neocloud"
    reference_region: Literal["us", "europe", "asia"] = "us"
    provider: Text | None = None
    tokens: Literal["blended", "input", "output"] = "blended"
    below_usd: float | None = Field(None, gt=0, lt=1e9, allow_inf_nan=False, strict=True)
    above_usd: float | None = Field(None, gt=0, lt=1e9, allow_inf_nan=False, strict=True)
    moves_by_fraction: float | None = Field(None, gt=0, lt=1e3, allow_inf_nan=False, strict=True)
    over_days: int = Field(30, ge=1, le=3650, strict=True)

    @model_validator(mode="after")
    def _is_whole(self) -> Condition:
        given = self.model_fields_set
        if (self.gpu is None) == (self.model is None):
            raise PydanticCustomError(
                "rule", "{expected}", {"expected": "gpu or model, one of them"}
            )
        tests = [self.below_usd, self.above_usd, self.moves_by_fraction]
        if sum(test is not None for test in tests) != 1:
            expected = "below_usd, above_usd or moves_by_fraction, one of them"
            raise PydanticCustomError("rule", "{expected}", {"expected": expected})
        if self.moves_by_fraction is None and "over_days" in given:
            raise PydanticCustomError(
                "rule", "{expected}", {"expected": "over_days only with moves_by_fraction"}
            )
        of_gpu = {"purchase_model", "commitment_months", "market_family", "reference_region"}
        wrong = given & (of_gpu if self.model is not None else {"tokens"})
        if wrong:
            other = "gpu" if self.model is not None else "model"
            expected = f"{min(wrong)} only with {other}"
            raise PydanticCustomError("rule", "{expected}", {"expected": expected})
        if (self.purchase_model == "reserved") != (self.commitment_months is not None):
            expected = "commitment_months with purchase_model: reserved, and only with it"
            raise PydanticCustomError("rule", "{expected}", {"expected": expected})
        return self


class RuleFile(Strict):
    """A file: a list of rules."""

    rules: list[Condition] = Field(min_length=1, max_length=MOST_RULES)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule that was read, and where it stands."""

    place: str  # file and line
    name: str | None
    gpu: str | None
    model: str | None
    purchase_model: str
    commitment_months: int | None
    market_family: str
    reference_region: str
    provider: str | None
    tokens: str
    below_usd: float | None
    above_usd: float | None
    moves_by_fraction: float | None
    over_days: int

    @property
    def condition(self) -> str:
        """What must be true, in words."""
        if self.moves_by_fraction is not None:
            return f"moves by {self.moves_by_fraction:.3g} or more in {self.over_days} days"
        if self.below_usd is not None:
            return f"below {self.below_usd:g} {self.unit}"
        return f"above {self.above_usd:g} {self.unit}"

    @property
    def unit(self) -> str:
        """The unit of the price."""
        return "USD/(GPU h)" if self.gpu is not None else "USD/10^6 token"

    def is_met(self, value: float) -> bool:
        """Return whether a price is beyond what the rule says [its unit]."""
        if self.below_usd is not None:
            return value < self.below_usd
        return self.above_usd is not None and value > self.above_usd


def read_rules(path: Path) -> list[Rule]:
    """Return the rules of a YAML file.

    Raises
    ------
    RuleError
        If it is no file that is read, or what it says is no rule.
    """
    try:
        found = read_foreign(path, rules_in, raises=[RuleError])
    except ForeignFileError as error:
        raise RuleError(str(error)) from None
    return [Rule(**row) for row in found]


def rules_in(path: Path) -> list[dict[str, Any]]:
    """Return the rules of a file as plain values; runs in the child."""
    with path.open("rb") as file:
        payload = file.read(MOST_BYTES + 1)
    if len(payload) > MOST_BYTES:
        raise RuleError(f"{path.name} has over {MOST_BYTES:,} bytes: split it")
    try:
        text = payload.decode("utf-8-sig")
        content = yaml_content(text, path.name)
        if content is None:
            raise RuleError(f"{path.name} is empty; it holds a list 'rules:'")
        read = held_against(RuleFile, content, text, path.name)
    except UnicodeDecodeError:
        raise RuleError(f"{path.name} is not UTF-8: save it as UTF-8") from None
    except ReferenceError as error:
        raise RuleError(str(error)) from None
    lines = item_lines(text, "rules")
    return [
        rule.model_dump() | {"place": f"{path.name}:{line}"}
        for rule, line in zip(read.rules, lines, strict=True)
    ]
