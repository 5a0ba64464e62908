"""Hyperstack's price page: US dollars per GPU and hour, on demand, reserved and spot.

A card has a title that says how its GPUs are sold; cards of storage, networks and API tokens
have other titles. The price is the column with a currency sign: where GPUs are reserved, a link
follows it.
A card that names no unit of time is read only while no card of GPUs names another than the hour.
The term of a reservation is null unless the card's title prints one. "NVLink" after a name is the
PCIe card with a bridge.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date

from bs4.element import Tag

from pipelines.sources.base import (
    NO_ACCELERATOR,
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
from pipelines.sources.fields import gigabytes_to_bytes
from pipelines.sources.price_page import (
    AMOUNT,
    cells_of,
    each_priced,
    grid_rows,
    headed,
    other_unit,
    printed_offer,
    unit_doubt,
)
from pipelines.text import single_spaced

URL = "https://www.hyperstack.cloud/gpu-pricing"
DOLLARS = re.compile(r"\$\s{0,3}" + AMOUNT)
MODELS: tuple[tuple[re.Pattern[str], PurchaseModel], ...] = (
    (re.compile(r"(?i)on-?demand gpu"), "on_demand"),
    (re.compile(r"(?i)spot vm"), "spot"),
    (re.compile(r"(?i)reserv"), "reserved"),
)
MONEY = re.compile(r"[$€£]|\b(?:USD|EUR|GBP)\b")
TERM = re.compile(r"(?i)\b(?P<count>\d{1,2})[ -]?(?P<unit>month|year)")
TITLES = ["h2", "h3", "h4"]
FROM = re.compile(r"(?i)\bstarting (?:from|at)\b")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield an offer for each GPU of the cards that sell GPUs."""
    soup = soup_of(payload)
    rows = list(headed(soup, grid_rows(soup), ["h2", "h3", "h4"]))
    said: defaultdict[str, str] = defaultdict(str)
    for row, title in rows:
        if _model(title):
            said[title] += f" {title} {' '.join(cells_of(row))}"
    doubts = {title: unit_doubt(text, "hour") for title, text in said.items()}
    # A card that says nothing is read as the others are.
    names_another = any(other_unit(text, "hour") for text in said.values())
    held = {title: doubt for title, doubt in doubts.items() if doubt and names_another}
    return each_priced(payload, rows, lambda row: _offers(row, held))


def _model(title: str) -> PurchaseModel | None:
    return next((model for pattern, model in MODELS if pattern.search(title)), None)


def _offers(row_of_card: tuple[Tag, str], doubts: Mapping[str, str]) -> Iterator[Row]:
    row, title = row_of_card
    model = _model(title)
    cells = cells_of(row)
    is_gpu = re.match(r"(?i)nvidia|amd", cells[0]) is not None
    if model is None or not (is_gpu or any(map(MONEY.search, cells))):
        yield OutOfScope(NO_ACCELERATOR)
        return
    if not is_gpu:
        reason = f"a price in a card of GPUs, for {cells[0]!r}"[:200]
        yield Held(rule="gpu_name_missing", reason=reason, row={"card": title, "cells": cells})
        return
    if title in doubts:
        yield Held(rule="unit_unknown", reason=doubts[title], row={"card": title, "cells": cells})
        return
    term = TERM.search(title)
    months = int(term["count"]) * (12 if term["unit"].lower() == "year" else 1) if term else None
    name = cells[0]
    if head := _starting_from(row):
        reason = f"{name}: the column is headed {head!r}"
        yield Held(rule="price_from", reason=reason, row={"card": title, "cells": cells})
        return
    texts = [cell for cell in cells[1:] if not any(letter.isdigit() for letter in cell)]
    price = next((cell for cell in cells[1:] if MONEY.search(cell)), (texts or cells)[0])
    memory = cells[1].removesuffix("GB").strip() if len(cells) > 2 else None
    yield from printed_offer(
        {"card": title, "cells": cells},
        price,
        DOLLARS,
        provider_id="hyperstack",
        sku=name,
        gpu_name_printed=name,
        gpu_count=1,
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model=model,
        commitment_months=months if model == "reserved" else None,
        market_tier="neocloud",
        gpu_memory_bytes=gigabytes_to_bytes(memory),
        form_factor="PCIe" if name.endswith("NVLink") else None,
    )


def _starting_from(row: Tag) -> str | None:
    """Return the head of a column of lowest prices between the title of the card and a row."""
    for part in row.previous_elements:
        if isinstance(part, Tag) and part.name in TITLES:
            return None
        if isinstance(part, str) and FROM.search(part):
            return single_spaced(part)
    return None


SOURCE = Source(
    source_id="hyperstack",
    title="Hyperstack price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.hyperstack.cloud/terms-and-conditions",
    licence="terms",
    credit="Prices: Hyperstack",
    may_redistribute=False,
    allowed_hosts=("www.hyperstack.cloud",),
    requests=one_request("gpu-pricing", URL),
    parse=parse,
    row_of_answer="element of which every child is a single text",
    parser_version=4,
    verified_with="excerpt",
    verified_on=date(2026, 8, 22),
    expected_rows=(6, 60),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H100 SXM", "NVIDIA A100"}),
    disabled_reason=TERMS_UNREAD,
)
