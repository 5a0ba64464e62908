"""Hyperstack's price page: US dollars per GPU and hour, on demand, reserved and spot.

A card has a title that tells how its GPUs are sold; cards of storage, networks and API tokens
have other titles. "NVLink" after a name is the PCIe card with a bridge.
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
    gigabytes_to_bytes,
)
from pipelines.sources.price_page import AMOUNT, priced, printed_offer, soup_of, text_of

URL = "https://www.hyperstack.cloud/gpu-pricing"
DOLLARS = re.compile(r"\$\s*" + AMOUNT)
MODELS: tuple[tuple[re.Pattern[str], PurchaseModel], ...] = (
    (re.compile(r"(?i)on-?demand gpu"), "on_demand"),
    (re.compile(r"(?i)spot vm"), "spot"),
    (re.compile(r"(?i)reserv"), "reserved"),
)
COLUMN = "[class*='page-price_card_row_item_col']"


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    return (Request(key="gpu-pricing", url=URL),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield an offer for each GPU of the cards that sell GPUs."""
    blocks = soup_of(payload).select(".page-price_card_main")
    return priced(payload, (row for block in blocks for row in _block(block)))


def _block(block: Tag) -> Iterator[Row]:
    title = text_of(block.find_previous(["h2", "h3", "h4"]))
    model = next((model for pattern, model in MODELS if pattern.search(title)), None)
    if model is None:
        return
    for item in block.select(".page-price_card_row_item"):
        cells = [text_of(cell) for cell in item.select(COLUMN)]
        if len(cells) < 2 or not re.match(r"(?i)nvidia|amd", cells[0]):
            continue
        name = cells[0]
        memory = cells[1].removesuffix("GB").strip() if len(cells) > 2 else None
        yield from printed_offer(
            {"card": title, "cells": cells},
            cells[-1],
            DOLLARS,
            provider_id="hyperstack",
            sku=name,
            gpu_name_printed=name,
            gpu_count=1,
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            purchase_model=model,
            market_tier="neocloud",
            gpu_memory_bytes=gigabytes_to_bytes(memory),
            form_factor="PCIe" if name.endswith("NVLink") else None,
        )


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
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(6, 60),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H100 SXM", "NVIDIA A100"}),
    disabled_reason=TERMS_UNREAD,
)
