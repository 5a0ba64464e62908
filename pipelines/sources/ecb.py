"""Euro reference rates of the European Central Bank: units of a currency for one euro.

Series are named ``ecb_<currency>_per_eur``, in lower case: ``ecb_usd_per_eur`` of 1.15 says that
one euro costs 1.15 US dollars. Turning prices into dollars belongs to ``warehouse/sql/staged``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from pipelines.sources.base import (
    Fetching,
    Held,
    ParseError,
    Payload,
    ReadRow,
    Request,
    Row,
    SeriesPoint,
    Source,
    four_times,
)
from pipelines.sources.documents import xml_of
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
)

BASE_URL = "https://www.ecb.europa.eu/stats/eurofxref"
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the day's rates, and for 90 days of them to fill gaps."""
    return [
        Request(key="daily", url=f"{BASE_URL}/eurofxref-daily.xml"),
        Request(key="last_90_days", url=f"{BASE_URL}/eurofxref-hist-90d.xml", is_optional=True),
    ]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one point for each day and currency."""
    root = xml_of(payload)
    days = [cube for cube in root.iter(CUBE) if cube.get("time")]
    if not days:
        raise ParseError(f"{payload.where()}: no day of rates; did the file change?")
    rates = (
        {"time": day.get("time"), "currency": cube.get("currency"), "rate": cube.get("rate")}
        for day in days
        for cube in day.iterchildren(CUBE)
    )
    yield from each_row(payload, rates, _point)


def _point(row: Mapping[str, str]) -> Iterator[Row]:
    on, currency, rate = date.fromisoformat(row["time"]), row["currency"], row["rate"]
    value = decimal_or_none(rate)
    if value is None or value <= 0:
        reason = f"{currency} is {rate!r} on {on}"
        yield Held(rule="value_not_a_number", reason=reason, row=row)
        return
    yield SeriesPoint(
        series_id=f"ecb_{currency.lower()}_per_eur", on=on, value=value, unit=f"{currency}/EUR"
    )


SOURCE = Source(
    source_id="ecb",
    title="European Central Bank euro reference rates",
    kind="reference",
    homepage_url="https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/",
    terms_url="https://www.ecb.europa.eu/services/disclaimer/html/index.en.html",
    licence="free reuse with source named",
    credit="Source: European Central Bank, euro foreign exchange reference rates",
    may_redistribute=True,
    allowed_hosts=("www.ecb.europa.eu",),
    requests=requests,
    parse=parse,
    row_of_answer="currency of a day",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 7, 29),
    record_kind="series_point",
    expected_rows=(20, 4000),
    max_bytes=four_times(472),
)
