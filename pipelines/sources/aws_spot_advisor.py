"""AWS Spot Advisor: how often spot instances are taken back, in bands, by region and system.

No prices. The bands stand in the file under ``ranges`` and are read from their labels (``<5%``,
``5-10%``, ``>20%``): the numbers beside the labels are rounding bounds (11, 16, 22).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.sources.base import (
    Held,
    ParseError,
    Payload,
    Row,
    Source,
    TableRow,
    decimal_or_none,
    objects_at,
    one_request,
    value_at,
)
from pipelines.sources.instance_types import instance_type

URL = "https://spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json"
LABEL = re.compile(r"<(?P<below>\d+)%|(?P<low>\d+)-(?P<high>\d+)%|>(?P<above>\d+)%")


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one row for each region, instance type with accelerators and operating system."""
    bands, advice = _bands(payload), value_at(payload, "spot_advisor")
    if not isinstance(advice, dict):
        raise ParseError(f"{payload.where()}: no 'spot_advisor' by region")
    for region, systems in advice.items():
        for system, types in systems.items():
            for name, values in types.items():
                if instance_type("aws", name) is None:
                    continue
                index = values.get("r") if isinstance(values, dict) else None
                row_key = f"{region}|{name}|{system}"
                if isinstance(index, bool) or index not in bands:
                    reason = f"band {index!r} is none of {sorted(bands)}"
                    yield Held(rule="band_unknown", reason=reason, row={"key": row_key})
                    continue
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
                        "savings_percent": _text(values.get("s")),
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
            raise ParseError(f"{payload.where()}: no band of interruptions in {band}")
        low, high = label["low"] or label["above"] or 0, label["high"] or label["below"] or 100
        bands[band["index"]] = (int(low), int(high))
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
    parser_version=1,
    record_kind="table_row",
    expected_rows=(500, 20000),
)
