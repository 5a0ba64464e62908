"""Recomputing the price index of a day: from the inputs stored beside it, and from the offers.

The sums are those of ``cost_engine.price_index``, the choice of offers is the warehouse's own SQL,
run on what was believed when the value was made. Printing belongs to the commands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from math import isclose
from typing import Any

import duckdb

from cost_engine.price_index import index_value
from warehouse.database import SESSION, deny_files
from warehouse.macros import run_formulas
from warehouse.models import SQL_FOLDER, read_models
from warehouse.reports import report_dicts
from warehouse.rows import literal

KEY = "gpu_id, purchase_model, commitment_months, market_family, reference_region"
TOLERANCE = 1e-9  # relative


@dataclass(frozen=True)
class IndexCheck:
    """What recomputing a day found."""

    values: int  # values and withheld values, every revision of the day
    inputs: int
    wrong: tuple[str, ...]  # one line each


def check_index(connection: duckdb.DuckDBPyConnection, day: date) -> IndexCheck:
    """Recompute every revision of a day, and the inputs of each from the offers believed then.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The published file.
    day : date
        The day.
    """
    published = report_dicts(connection, "index_revisions", day=day)
    wrong = [line for value in published for line in differences(value)]
    # The offers behind a value of earlier rules were chosen by those rules.
    chosen = [value for value in published if value["reference_region"] is not None]
    for moment in sorted({value["recorded_at"] for value in chosen}):
        believed = contributors(connection, day, moment)
        for value in chosen:
            if value["recorded_at"] == moment:
                wrong += unlike(value, believed.get(key_of(value), {}))
    inputs = sum(len(value["inputs"]) for value in published)
    return IndexCheck(len(published), inputs, tuple(wrong))


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what names a value within a day."""
    return tuple(row[name] for name in KEY.split(", "))


def named(value: dict[str, Any]) -> str:
    """Return the name of a value for people."""
    months = f" {value['commitment_months']} months" if value["commitment_months"] else ""
    place = f" {value['reference_region']}" if value["reference_region"] else ""
    return (
        f"{value['gpu_id']} {value['purchase_model']}{months} {value['market_family']}{place}"
        f" revision {value['revision']}"
    )


def valid_inputs(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the inputs with a valid price: those that count and those that were trimmed."""
    return [one for one in value["inputs"] if one["exclusion"] in (None, "trimmed")]


def input_sha256(inputs: list[dict[str, Any]]) -> str:
    """Return the hash of the inputs with a valid price, as the warehouse makes it.

    Examples
    --------
    >>> input_sha256([])[:8]
    'e3b0c442'
    """
    lines = (
        f"{one['provider_id']}|{one['source_kind']}|{one['median_usd_per_gpu_hour']:.12g}"
        f"|{one['exclusion'] or 'used'}"
        for one in sorted(inputs, key=lambda one: one["provider_id"])
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def differences(value: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each figure of a value that its own inputs do not give."""
    inputs = valid_inputs(value)
    again = index_value([one["median_usd_per_gpu_hour"] for one in inputs])
    usd = value["usd_per_gpu_hour"]
    if (usd is None) != (again.usd_per_gpu_hour is None) or (
        usd is not None
        and again.usd_per_gpu_hour is not None
        and not isclose(usd, again.usd_per_gpu_hour, rel_tol=TOLERANCE)
    ):
        yield f"{named(value)}: {usd} published, {again.usd_per_gpu_hour} from its inputs"
    counted = tuple(one["exclusion"] is None for one in inputs)
    if counted != again.is_counted or value["provider_count"] != sum(counted):
        yield f"{named(value)}: other providers count than its inputs say"
    if value["input_sha256"] != input_sha256(inputs):
        yield f"{named(value)}: its inputs have another hash than published"


def unlike(value: dict[str, Any], believed: dict[tuple[str, str], tuple[Any, ...]]) -> list[str]:
    """Return a line for each valid input that the offers believed then do not give."""
    stored = {
        (one["provider_id"], one["source_kind"]): (
            one["offers_hash"],
            one["offer_count"],
            one["exclusion"],
        )
        for one in valid_inputs(value)
    }
    return [
        f"{named(value)}: input {provider} ({kind}) is not what its offers give"
        for provider, kind in sorted(stored.keys() | believed.keys())
        if stored.get((provider, kind)) != believed.get((provider, kind))
    ]


def contributors(
    connection: duckdb.DuckDBPyConnection, day: date, known_until: datetime
) -> dict[tuple[Any, ...], dict[tuple[str, str], tuple[Any, ...]]]:
    """Return the valid contributors of each value of a day, from the offers believed then."""
    path = connection.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()[0][0]
    models = read_models()
    contributors = models["staged.index_contributor"].select
    found: dict[tuple[Any, ...], dict[tuple[str, str], tuple[Any, ...]]] = {}
    with duckdb.connect() as past:
        past.execute(SESSION)
        past.execute(f"attach {literal(path)} as present (read_only)")
        deny_files(past)
        inputs = (SQL_FOLDER / "past" / "index_inputs.sql").read_text(encoding="utf-8")
        past.execute(inputs.format(day=day, known=known_until))
        run_formulas(past)
        for name in ("staged.affected_offer", "staged.answer"):
            past.execute(f"create view {name} as {models[name].select}")
        rows = past.execute(
            f"select {KEY}, provider_id, source_kind, offers_hash, offer_count, exclusion"
            f" from ({contributors}) where exclusion is null or exclusion = 'trimmed'"
        ).fetchall()
    for *key, provider_id, source_kind, offers_hash, offer_count, exclusion in rows:
        of_value = found.setdefault(tuple(key), {})
        of_value[provider_id, source_kind] = (offers_hash, offer_count, exclusion)
    return found
