"""What monitoring reads: the newest figures as gauges in the text format of Prometheus.

The selects are ``warehouse/sql/reports/metrics_*.sql``. Ages are left to the reader, as Prometheus
advises: a moment is a gauge of seconds since 1970, and ``time() -`` it the age. Serving and writing
files belong to others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import duckdb

from warehouse.reports import report_dicts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
INDEX = ("gpu_id", "purchase_model", "commitment_months", "market_family", "reference_region")
OFFER = ("gpu_id", "purchase_model")
TOKENS = ("model_id", "gpu_id", "gpu_count", "precision")


@dataclass(frozen=True)
class Gauge:
    """One metric: its rows, the column of its value, and the columns that are its labels."""

    name: str
    meaning: str
    report: str
    value: str
    labels: tuple[str, ...]


GAUGES = (
    Gauge("truecost_index_usd_per_gpu_hour", "Price index of a GPU [USD/(GPU h)].",
          "metrics_index", "usd_per_gpu_hour", INDEX),
    Gauge("truecost_index_p10_usd_per_gpu_hour", "10th percentile behind it [USD/(GPU h)].",
          "metrics_index", "p10_usd_per_gpu_hour", INDEX),
    Gauge("truecost_index_p90_usd_per_gpu_hour", "90th percentile behind it [USD/(GPU h)].",
          "metrics_index", "p90_usd_per_gpu_hour", INDEX),
    Gauge("truecost_index_providers", "Providers behind it [1].",
          "metrics_index", "provider_count", INDEX),
    Gauge("truecost_index_day_timestamp_seconds", "The day of its value [s since 1970, UTC].",
          "metrics_index", "day", INDEX),
    Gauge("truecost_cheapest_usd_per_gpu_hour", "Cheapest fresh list price [USD/(GPU h)].",
          "metrics_cheapest", "usd_per_gpu_hour", (*OFFER, "provider_id")),
    Gauge("truecost_offers", "Fresh offers of a GPU [1].",
          "metrics_cheapest", "offer_count", OFFER),
    Gauge("truecost_offer_providers", "Providers with a fresh offer of a GPU [1].",
          "metrics_cheapest", "provider_count", OFFER),
    Gauge("truecost_tokens_usd_per_1k_tokens",
          "Cost of 1,000 tokens, chat, on the cheapest set of GPUs, busy all the time [USD].",
          "metrics_tokens", "usd_per_1k_tokens", TOKENS),
    Gauge("truecost_tokens_low_usd_per_1k_tokens", "Lower bound of that cost [USD].",
          "metrics_tokens", "low", TOKENS),
    Gauge("truecost_tokens_high_usd_per_1k_tokens", "Upper bound of that cost [USD].",
          "metrics_tokens", "high", TOKENS),
    Gauge("truecost_source_seen_timestamp_seconds",
          "The last good answer of a source [s since 1970, UTC].",
          "status", "seen_at", ("source_id",)),
    Gauge("truecost_published_timestamp_seconds", "When the run was published [s since 1970, UTC].",
          "publication", "published_at", ("run_id", "data_version")),
)  # fmt: skip


def metrics(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the gauges of a published file, as Prometheus reads them.

    A figure that is null has no sample: a gap is no zero.
    """
    names = dict.fromkeys(gauge.report for gauge in GAUGES)
    found = {name: report_dicts(connection, name) for name in names}
    return "".join(line + "\n" for gauge in GAUGES for line in lines(gauge, found[gauge.report]))


def lines(gauge: Gauge, rows: list[dict[str, Any]]) -> Iterator[str]:
    r"""Yield the lines of one metric: its meaning, its type, a sample a row.

    Examples
    --------
    >>> gauge = Gauge("usd", "Price [USD].", "", "price", ("gpu",))
    >>> for line in lines(gauge, [{"gpu": 'a"b', "price": 2.5}, {"gpu": "c", "price": None}]):
    ...     print(line)
    # HELP usd Price [USD].
    # TYPE usd gauge
    usd{gpu="a\"b"} 2.5
    """
    yield f"# HELP {gauge.name} {gauge.meaning}"
    yield f"# TYPE {gauge.name} gauge"
    for row in rows:
        value = number(row[gauge.value])
        if value is not None:
            yield f"{gauge.name}{{{_labels(row, gauge.labels)}}} {value!r}"


def number(value: Any) -> float | None:
    """Return a value as a sample: a day or a moment as seconds since 1970; None has none.

    Examples
    --------
    >>> number(date(1970, 1, 2)), number(3), number(float("nan"))
    (86400.0, 3.0, None)
    """
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    sample = float(value)
    return sample if math.isfinite(sample) else None


def _labels(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    escaped = {
        name: str(row[name]).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        for name in names
        if row[name] is not None  # an empty label is one that is not there
    }
    return ",".join(f'{name}="{value}"' for name, value in escaped.items())
