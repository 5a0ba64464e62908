"""Google Cloud's page of accelerator-optimised machines: US dollars per machine and hour.

The table is that of Iowa (us-central1), the region the page opens with. Calendar mode reserves
capacity for a date; a commitment is for one or three years. Flex-start is a queue and not one of
our purchase models, and a flexible commitment is one to spend: their columns are not read. The A100
of 40 and of 80 GB have the same printed name: the machine type distinguishes them. The A2, A3 and
A4 series have SXM modules; the smallest G4 machines have a part of a GPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4.element import Tag

from pipelines.sources.base import (
    TERMS_UNREAD,
    Held,
    OutOfScope,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.documents import soup_of
from pipelines.sources.fields import decimal_or_none, gibibytes_to_bytes, gigabytes_to_bytes
from pipelines.sources.price_page import (
    AMOUNT,
    each_priced,
    printed_offer,
    text_of,
)

URL = "https://cloud.google.com/products/compute/pricing/accelerator-optimized"
PER_HOUR = re.compile(r"\$\s{0,3}" + AMOUNT + r"\s{0,3}/\s{0,3}1 hour")
COMPONENT = re.compile(
    r"(?P<name>GPUs|vCPUs|Memory):\s{0,3}(?P<size>[\d,./]{1,12})(?![\d,./])\s{0,3}(?P<unit>GiB|GB)?"
)
COLUMNS: tuple[tuple[str, PurchaseModel, int | None], ...] = (
    ("price (usd)", "on_demand", None),
    ("current spot", "spot", None),
    ("dws calendar", "capacity_block", None),
    ("compute resource cuds - 1 year", "reserved", 12),
    ("compute resource cuds - 3 year", "reserved", 36),
)
Columns = dict[int, tuple[PurchaseModel, int | None]]  # by their place
# https://cloud.google.com/compute/docs/accelerator-optimized-machines
GIGABYTES_BY_FAMILY = {"a2-ultragpu": 80, "a2-highgpu": 40, "a2-megagpu": 40}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of each machine type and way of buying."""
    lines = (
        (line, names, columns)
        for table in soup_of(payload).select("table:not(table table)")
        for names in [[text_of(heading) for heading in table.select("th")]]
        if names[:1] == ["Machine type"]
        for columns in [_columns(names)]
        for line in table.select("tr:has(td)")
    )
    return each_priced(payload, lines, _offers)


def _columns(names: list[str]) -> Columns:
    """Return the columns of a table that have prices."""
    return {
        index: (model, months)
        for index, name in enumerate(names)
        for start, model, months in COLUMNS
        if name.lower().startswith(start)
    }


def _offers(line_of_table: tuple[Tag, list[str], Columns]) -> Iterator[Row]:
    line, names, columns = line_of_table
    cells = [text_of(cell) for cell in line.select("td")]
    printed = dict(zip(names, cells, strict=False))
    if not printed.get("GPU"):
        yield OutOfScope("the heading of a machine series")
        return
    parts = {match["name"]: match for match in COMPONENT.finditer(printed["Components"])}
    machine = printed["Machine type"]
    if "GPUs" in parts and "/" in parts["GPUs"]["size"]:
        reason = f"{machine} has {parts['GPUs']['size']} of a GPU"
        yield Held(rule="fractional_gpu", reason=reason, row=printed)
        return
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
                vcpu_count=decimal_or_none(parts["vCPUs"]["size"]) if "vCPUs" in parts else None,
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
    requests=one_request("us-central1", URL),
    parse=parse,
    row_of_answer="line of a table of machine types",
    parser_version=2,
    expected_rows=(20, 300),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"Nvidia H100", "Nvidia A100"}),
    disabled_reason=TERMS_UNREAD,
)
