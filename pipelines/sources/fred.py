"""Three series of FRED: electricity, consumer prices, and the producer price of data processing.

The CSV needs no key. Its column names changed over the years (``date,value``, then
``observation_date,SERIES``), so the two columns are read by place and the header is checked.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from functools import partial

from pipelines.sources.base import (
    Fetching,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Request,
    Row,
    SeriesPoint,
    Source,
    four_times,
)
from pipelines.sources.documents import csv_lines
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
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


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one point a month; a month without a value (".") is no point."""
    series = payload.key
    rows = csv.reader(csv_lines(payload))
    header = next(rows, [])
    if [name.lower() for name in header] not in (
        ["date", "value"],
        ["observation_date", series.lower()],
        ["date", series.lower()],
    ):
        raise ParseError(f"{payload.where()}: header is {header[:3]}; is this still {series}?")
    return each_row(payload, (row for row in rows if row), partial(_point, series))


def _point(series: str, row: list[str]) -> Iterator[Row]:
    if len(row) == 2 and row[1].strip() in MISSING:
        yield OutOfScope("a month without a value")
        return
    try:
        on = date.fromisoformat(row[0])
        value = decimal_or_none(row[1])
    except (IndexError, ValueError):
        value = None
    if value is None:
        printed = {"series": series, "row": row}
        yield Held(rule="value_not_a_number", reason=f"{row}", row=printed)
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
    row_of_answer="line after the header",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2026, 8, 16),
    record_kind="series_point",
    expected_rows=(900, 4000),
    max_bytes=four_times(11_932),
)
