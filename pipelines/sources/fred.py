"""Three series of FRED: electricity, consumer prices, and the producer price of data processing.

The CSV needs no key. Its column names changed over the years (``date,value``, then
``observation_date,SERIES``), so the two columns are read by place and the header is checked.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date

from pipelines.sources.base import (
    Fetching,
    Held,
    ParseError,
    Payload,
    Request,
    Row,
    SeriesPoint,
    Source,
    decimal_or_none,
)

UNITS = {
    "APU000072610": "USD/kWh",  # average price of electricity, US city average
    "CPIAUCSL": "index 1982-1984=100, seasonally adjusted",  # consumer prices, all urban
    "PCU518210518210": "index 2000-12=100",  # producer prices, data processing and hosting
}
MISSING = {"", "."}


def requests(fetching: Fetching) -> list[Request]:
    """Ask for each whole series."""
    return [
        Request(key=series, url=f"https://fred.stlouisfed.org/graph/fredgraph.csv?id={series}")
        for series in UNITS
    ]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one point a month; a month without a value (".") is no point."""
    series = payload.key
    rows = csv.reader(io.StringIO(payload.text()))
    header = next(rows, [])
    if [name.lower() for name in header] not in (
        ["date", "value"],
        ["observation_date", series.lower()],
        ["date", series.lower()],
    ):
        raise ParseError(f"{payload.where()}: header is {header[:3]}; is this still {series}?")
    for row in rows:
        if not row or (len(row) == 2 and row[1].strip() in MISSING):
            continue
        try:
            on = date.fromisoformat(row[0])
            value = decimal_or_none(row[1])
        except (IndexError, ValueError):
            value = None
        if value is None:
            yield Held(
                rule="value_not_a_number", reason=f"{row}", row={"series": series, "row": row}
            )
        else:
            yield SeriesPoint(series_id=series, on=on, value=value, unit=UNITS[series])


SOURCE = Source(
    source_id="fred",
    title="FRED: US electricity price, consumer prices, data-processing producer prices",
    kind="reference",
    homepage_url="https://fred.stlouisfed.org/",
    terms_url="https://fred.stlouisfed.org/legal/",
    licence="public domain",
    credit="U.S. Bureau of Labor Statistics, via FRED, Federal Reserve Bank of St. Louis",
    may_redistribute=True,
    allowed_hosts=("fred.stlouisfed.org",),
    requests=requests,
    parse=parse,
    parser_version=1,
    record_kind="series_point",
    expected_rows=(900, 4000),
)
