"""AWS Spot Advisor: how often spot instances are taken back, in bands, by region and system.

No prices. The bands are in the file under ``ranges`` and are read from their labels (``<5%``,
``5-10%``, ``>20%``): the numbers beside the labels are rounding bounds (11, 16, 22).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Row,
    Source,
    TableRow,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    objects_at,
    value_at,
)
from pipelines.sources.instance_types import instance_type

URL = "https://spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json"
LABEL = re.compile(r"<(?P<below>\d{1,3})%|(?P<low>\d{1,3})-(?P<high>\d{1,3})%|>(?P<above>\d{1,3})%")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one row for each region, instance type with accelerators and operating system."""
    bands, advice = _bands(payload), value_at(payload, "spot_advisor")
    if not isinstance(advice, dict):
        raise ParseError(f"{payload.where()}: no 'spot_advisor' by region")
    return each_row(payload, _types(advice), partial(_row, bands))


def _types(advice: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every region, operating system and instance type with its advice."""
    for region, systems in advice.items():
        for system, types in _named(systems):
            for name, values in _named(types):
                yield {"region": region, "system": system, "type": name, "advice": values}


def _named(found: object) -> Iterable[tuple[str | None, Any]]:
    return found.items() if isinstance(found, dict) else [(None, found)]


def _row(bands: Mapping[int, tuple[int, int]], row: Mapping[str, Any]) -> Iterator[Row]:
    region, system, name = row["region"], row["system"], row["type"]
    if instance_type("aws", name) is None:
        if name is None:
            raise TypeError(f"no instance types in {region} {system}")
        yield OutOfScope(NO_ACCELERATOR)
        return
    index = row["advice"].get("r") if isinstance(row["advice"], dict) else None
    row_key = f"{region}|{name}|{system}"
    if not isinstance(index, int) or isinstance(index, bool) or index not in bands:
        reason = f"band {index!r} is none of {sorted(bands)}"
        yield Held(rule="band_unknown", reason=reason, row={"key": row_key})
        return
    low, high = bands[index]
    yield TableRow(
        table="aws_spot_interruption",
        row_key=row_key,
        values={
            "region": region,
            "instance_type": name,
            "operating_system": system,
            "interruption_low_percent": str(low),
            "interruption_high_percent": str(high),
            "savings_percent": _text(row["advice"].get("s")),
        },
    )


def _text(value: object) -> str | None:
    number = decimal_or_none(value)
    return None if number is None else str(number)


def _bands(payload: Payload) -> dict[int, tuple[int, int]]:
    bands = {}
    for band in objects_at(payload, "ranges"):
        label = LABEL.fullmatch(str(band.get("label")))
        if label is None or not isinstance(band.get("index"), int):
            continue  # rows that name it are held
        low, high = label["low"] or label["above"] or 0, label["high"] or label["below"] or 100
        bands[band["index"]] = (int(low), int(high))
    if not bands:
        raise ParseError(f"{payload.where()}: no band of interruptions in 'ranges'")
    return bands


SOURCE = Source(
    source_id="aws_spot_advisor",
    title="AWS Spot Instance Advisor",
    kind="reference",
    homepage_url="https://aws.amazon.com/ec2/spot/instance-advisor/",
    terms_url="https://aws.amazon.com/terms/",
    credit="Data: Amazon Web Services",
    allowed_hosts=("spot-bid-advisor.s3.amazonaws.com",),
    requests=one_request("advisor", URL),
    parse=parse,
    row_of_answer="instance type of a region and operating system",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2025, 6, 28),
    record_kind="table_row",
    expected_rows=(500, 20000),
    max_bytes=four_times(922_078),
)
