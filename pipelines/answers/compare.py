"""Two GPUs, two providers or two models side by side.

The figures are the selects ``warehouse/sql/reports/compare_*.sql``, the ratios those of
``cost_engine.comparison``. What two names mean together is decided here. Printing belongs to the
command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import duckdb

from cost_engine.comparison import Figure, Ratio, matched_ratio, ratio
from pipelines.answers.gpu_named import names_of
from pipelines.derive.serving_names import folded, known_models, model_spelled
from warehouse.reference import Documents
from warehouse.reports import report_dicts, run_report

Kind = Literal["GPU", "provider", "model"]
KINDS: tuple[Kind, ...] = get_args(Kind)
REFERENCE_MODEL = "llama-3.3-70b"
NO_RATIO = ("1", "h")  # units of shares, counts and ages
NAMES_LISTED = 12


class ComparisonError(ValueError):
    """Two names that cannot be compared; one line that says what could."""


@dataclass(frozen=True)
class Line:
    """One figure of both sides."""

    figure: str
    basis: str
    unit: str
    a: Figure | None
    b: Figure | None
    a_provider_count: int | None
    b_provider_count: int | None
    ratio: Ratio | None  # a over b
    a_detail: str | None = None
    b_detail: str | None = None

    @property
    def is_shared(self) -> bool:
        """Whether both sides have it, or it is about both."""
        return (self.a is None) == (self.b is None)

    def as_row(self) -> dict[str, Any]:
        """Return the figures under names of their own, as JSON and CSV show them."""
        row: dict[str, Any] = {"figure": self.figure, "basis": self.basis, "unit": self.unit}
        for name, one in (("a", self.a), ("b", self.b), ("ratio", self.ratio)):
            row |= {
                name: None if one is None else one.value,
                f"{name}_low": None if one is None else one.low,
                f"{name}_high": None if one is None else one.high,
            }
        return row | {
            "a_provider_count": self.a_provider_count,
            "b_provider_count": self.b_provider_count,
            "a_detail": self.a_detail,
            "b_detail": self.b_detail,
        }


@dataclass(frozen=True)
class Comparison:
    """What is compared, and its figures in order."""

    kind: Kind
    a: str
    b: str
    lines: list[Line]


def compare(
    connection: duckdb.DuckDBPyConnection,
    documents: Documents,
    a: str,
    b: str,
    model_id: str = REFERENCE_MODEL,
) -> Comparison:
    """Return two things of one kind side by side.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    documents : Documents
        Its reference data.
    a, b : str
        Two GPUs, providers or models, in any spelling.
    model_id : str
        The model whose tokens are priced on two GPUs.

    Raises
    ------
    ComparisonError
        If a name means nothing or several things, both mean the same, or they are of two kinds.
    """
    kind, one, other = meant(connection, documents, a, b)
    sides = {f"a_{kind.lower()}_id": one, f"b_{kind.lower()}_id": other}
    lines = []
    if kind == "provider":
        lines = matched(report_dicts(connection, "compare_offers", **sides))
    figures = report_dicts(connection, f"compare_{kind.lower()}", **sides, model_id=model_id)
    return Comparison(kind, one, other, [*lines, *map(line_of, figures)])


# --- what is meant


def meant(
    connection: duckdb.DuckDBPyConnection, documents: Documents, a: str, b: str
) -> tuple[Kind, str, str]:
    """Return the kind of two names, and the id of each.

    Raises
    ------
    ComparisonError
        See ``compare``.
    """
    found = {name: candidates(connection, documents, name) for name in (a, b)}
    for name, kinds in found.items():
        if not kinds:
            raise ComparisonError(
                f"{name!r} is no GPU, provider or model that is known; see: truecost sql"
                " 'select gpu_id from core.gpu', core.provider, core.model"
            )
    shared = [kind for kind in KINDS if kind in found[a] and kind in found[b]]
    if not shared:
        said = " and ".join(f"{name!r} is a {' or a '.join(found[name])}" for name in (a, b))
        raise ComparisonError(f"{said}: compare two GPUs, two providers or two models")
    kind = min(shared, key=lambda kind: len(found[a][kind]) + len(found[b][kind]))
    for name in (a, b):
        ids = found[name][kind]
        if len(ids) > 1:
            more = f" and {len(ids) - NAMES_LISTED} more" if len(ids) > NAMES_LISTED else ""
            raise ComparisonError(
                f"{kind} {name!r} is not one thing: {', '.join(ids[:NAMES_LISTED])}{more}"
            )
    one, other = found[a][kind][0], found[b][kind][0]
    if one == other:
        raise ComparisonError(f"{a!r} and {b!r} are the same {kind}, {one}")
    return kind, one, other


def candidates(
    connection: duckdb.DuckDBPyConnection, documents: Documents, name: str
) -> dict[Kind, tuple[str, ...]]:
    """Return what a name may mean, by kind: what it spells, else what begins with it."""
    gpus = names_of(connection)
    coarse = name.upper() if "-" in name and name.upper() in gpus.ids else None
    spelled: dict[Kind, tuple[str, ...]] = {
        "GPU": (coarse,) if coarse else gpus.meant(name),
        "provider": _named(provider_names(connection), name),
    }
    model_id = model_spelled(documents, name)
    spelled["model"] = (model_id,) if model_id else ()
    found = {kind: ids for kind, ids in spelled.items() if ids}
    if found:
        return found
    beginning: dict[Kind, tuple[str, ...]] = {
        "provider": _beginning(provider_names(connection), name),
        "model": _beginning({model: {folded(model)} for model in known_models(documents)}, name),
    }
    return {kind: ids for kind, ids in beginning.items() if ids}


def provider_names(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Return the folded names of each provider."""
    names: dict[str, set[str]] = {}
    for provider_id, name in run_report(connection, "provider_names").rows:
        names.setdefault(provider_id, set()).add(folded(name))
    return names


def _named(names: Mapping[str, set[str]], asked: str) -> tuple[str, ...]:
    return tuple(sorted(one for one, spelled in names.items() if folded(asked) in spelled))


def _beginning(names: Mapping[str, set[str]], asked: str) -> tuple[str, ...]:
    start = folded(asked)
    if not start:
        return ()
    return tuple(
        sorted(one for one, spelled in names.items() if any(n.startswith(start) for n in spelled))
    )


# --- figures


def line_of(row: Mapping[str, Any]) -> Line:
    """Return one figure of both sides from a row of a report, with the ratio where it has one."""
    a, b = side(row, "a"), side(row, "b")
    return Line(
        row["figure"],
        row["basis"],
        row["unit"],
        a,
        b,
        row["a_provider_count"],
        row["b_provider_count"],
        ratio(a, b) if a and b and row["unit"] not in NO_RATIO else None,
        row["a_detail"],
        row["b_detail"],
    )


def side(row: Mapping[str, Any], name: str) -> Figure | None:
    """Return the figure of one side; None where the warehouse has none."""
    if row[name] is None:
        return None
    return Figure(row[name], row[f"{name}_low"], row[f"{name}_high"])


def matched(rows: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Return the prices of what both providers rent out, the median of their ratios first."""
    if not rows:
        return []
    things = f"median of {len(rows)} matched price{'s' if len(rows) > 1 else ''}"
    first = Line("price, like for like", things, "USD/(GPU h)", None, None, None, None,
                 price_ratio(rows))  # fmt: skip
    return [
        first,
        *(
            Line("price", f"{row['gpu_id']}, {row['basis']}", "USD/(GPU h)",
                 one := Figure(row["a_usd_per_gpu_hour"]),
                 other := Figure(row["b_usd_per_gpu_hour"]), None, None, ratio(one, other))
            for row in rows
        ),
    ]  # fmt: skip


def price_ratio(rows: Sequence[Mapping[str, Any]]) -> Ratio:
    """Return the median ratio of the prices of what both providers rent out."""
    return matched_ratio(*([row[f"{side}_usd_per_gpu_hour"] for row in rows] for side in "ab"))
