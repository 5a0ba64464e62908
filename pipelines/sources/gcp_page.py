"""Google Cloud's page of accelerator-optimised machines: US dollars per machine and hour.

The table is that of Iowa (us-central1), the region the page opens with. Calendar mode reserves
capacity for a date; a commitment is for one or three years. Flex-start is a queue and none of our
purchase models, so that its column is not read. The A100 of 40 and of 80 GB have the same printed
name: the machine type tells them apart. The A2, A3 and A4 series have SXM modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bs4.element import Tag

from pipelines.sources.base import (
    TERMS_UNREAD,
    Fetching,
    Payload,
    PurchaseModel,
    Request,
    Row,
    Source,
    decimal_or_none,
    gibibytes_to_bytes,
    gigabytes_to_bytes,
)
from pipelines.sources.price_page import AMOUNT, priced, printed_offer, soup_of, text_of

URL = "https://cloud.google.com/products/compute/pricing/accelerator-optimized"
PER_HOUR = re.compile(r"\$\s*" + AMOUNT + r"\s*/\s*1 hour")
COMPONENT = re.compile(r"(?P<name>GPUs|vCPUs|Memory):\s*(?P<size>[\d,.]+)\s*(?P<unit>GiB|GB)?")
COLUMNS: tuple[tuple[str, PurchaseModel, int | None], ...] = (
    ("price (usd)", "on_demand", None),
    ("current spot", "spot", None),
    ("dws calendar", "capacity_block", None),
    ("compute resource cuds - 1 year", "reserved", 12),
    ("compute resource cuds - 3 year", "reserved", 36),
)
# https://cloud.google.com/compute/docs/accelerator-optimized-machines
GIGABYTES_BY_FAMILY = {"a2-ultragpu": 80, "a2-highgpu": 40, "a2-megagpu": 40}


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="us-central1", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the offers of each machine type and way of buying."""
    tables = [
        table
        for table in soup_of(payload).select("table")
        if text_of(table.find("th")) == "Machine type"
    ]
    return priced(payload, (row for table in tables for row in _table(table)))


def _table(table: Tag) -> Iterator[Row]:
    names = [text_of(heading) for heading in table.select("th")]
    columns = {
        index: (model, months)
        for index, name in enumerate(names)
        for start, model, months in COLUMNS
        if name.lower().startswith(start)
    }
    for line in table.select("tr:has(td)"):
        cells = [text_of(cell) for cell in line.select("td")]
        printed = dict(zip(names, cells, strict=False))
        if not printed.get("GPU"):
            continue  # the heading of a machine series
        parts = {match["name"]: match for match in COMPONENT.finditer(printed["Components"])}
        machine = printed["Machine type"]
        memory = parts.get("Memory")
        to_bytes = gibibytes_to_bytes if memory and memory["unit"] == "GiB" else gigabytes_to_bytes
        for index, (model, months) in columns.items():
            if index < len(cells):
                yield from printed_offer(
                    printed,
                    cells[index],
                    PER_HOUR,
                    provider_id="gcp",
                    sku=machine,
                    gpu_name_printed=printed["GPU"],
                    gpu_count=parts["GPUs"]["size"] if "GPUs" in parts else None,
                    currency="USD",
                    price_basis="instance",
                    price_unit="hour",
                    purchase_model=model,
                    commitment_months=months,
                    market_tier="hyperscaler",
                    region="us-central1",
                    gpu_memory_bytes=gigabytes_to_bytes(
                        GIGABYTES_BY_FAMILY.get(machine.rpartition("-")[0])
                    ),
                    vcpu_count=decimal_or_none(parts["vCPUs"]["size"])
                    if "vCPUs" in parts
                    else None,
                    memory_bytes=to_bytes(memory["size"].replace(",", "")) if memory else None,
                    form_factor="SXM" if machine.startswith(("a2-", "a3-", "a4-")) else None,
                )


SOURCE = Source(
    source_id="gcp_page",
    title="Google Cloud accelerator-optimised machines",
    kind="page",
    homepage_url=URL,
    terms_url="https://cloud.google.com/terms",
    licence="terms",
    credit="Prices: Google Cloud",
    may_redistribute=False,
    allowed_hosts=("cloud.google.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(20, 300),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"Nvidia H100", "Nvidia A100"}),
    disabled_reason=TERMS_UNREAD,
)
