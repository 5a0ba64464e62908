"""Euro reference rates of the European Central Bank: units of a currency for one euro.

Series are named ``ecb_<currency>_per_eur``, in lower case: ``ecb_usd_per_eur`` of 1.15 says that
one euro costs 1.15 US dollars. Turning prices into dollars belongs to ``warehouse/sql/staged``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from lxml import etree

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

BASE_URL = "https://www.ecb.europa.eu/stats/eurofxref"
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the day's rates, and for 90 days of them to fill gaps."""
    return [
        Request(key="daily", url=f"{BASE_URL}/eurofxref-daily.xml"),
        Request(key="last_90_days", url=f"{BASE_URL}/eurofxref-hist-90d.xml", is_optional=True),
    ]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one point for each day and currency."""
    # No entities, no DTD, no network: the file is untrusted text.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(payload.text().encode(), parser)
    except etree.XMLSyntaxError as error:
        raise ParseError(f"{payload.where()}: not XML: {error}") from error
    days = [cube for cube in root.iter(CUBE) if cube.get("time")]
    if not days:
        raise ParseError(f"{payload.where()}: no day of rates; did the file change?")
    for day in days:
        on = date.fromisoformat(day.get("time"))
        for cube in day.iter(CUBE):
            currency, printed = cube.get("currency"), cube.get("rate")
            if currency is None:
                continue
            rate = decimal_or_none(printed)
            if rate is None or rate <= 0:
                row = {"currency": currency, "rate": printed, "time": day.get("time")}
                reason = f"{currency} is {printed!r} on {on}"
                yield Held(rule="value_not_a_number", reason=reason, row=row)
                continue
            yield SeriesPoint(
                series_id=f"ecb_{currency.lower()}_per_eur",
                on=on,
                value=rate,
                unit=f"{currency}/EUR",
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
    parser_version=1,
    record_kind="series_point",
    expected_rows=(20, 4000),
)
