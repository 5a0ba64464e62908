"""The comparison table of cloud-gpus.com, 16 to 44 clouds, from October 2022 to September 2025.

One price of one GPU a cloud and card, without region or node size. Until October 2023 the table
mixed spot prices of AWS and Google with list prices of others and did not say which is which: it
then priced a V100 of theirs below a third of its list price. All rows of the two are held there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    GitHistory,
    Held,
    OutOfScope,
    Payload,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
)
from pipelines.sources.providers import market_tier, provider_id

NOT_OFFERED = ("-", "$-", "")
# The list price of a V100 has been 2.48 at Google and 3.06 at AWS since 2018, as the same table
# prints them since 2023-10-30; 0.74 and 0.918 before were spot prices.
SPOT_V100_BELOW_USD = Decimal("2")
MIXED_PROVIDERS = ("aws", "gcp")
NAME_NOISE = re.compile(
    r" \([^()]{0,100}\)$|\.io$| (cloud|aws|web services|gpu|global cloud|platform)$", re.I
)
# column: the card's name, where the column cuts it short, and its memory where two differ by it
CARDS: dict[str, tuple[str, int | None]] = {
    "1080": ("GTX 1080", None),
    "2080": ("RTX 2080", None),
    "3080": ("RTX 3080", None),
    "3090": ("RTX 3090", None),
    "4090": ("RTX 4090", None),
    "5090": ("RTX 5090", None),
    "a100_40": ("A100", 40),
    "a100_80": ("A100", 80),
    "a5000": ("RTX A5000", None),
    "a6000": ("RTX A6000", None),
    "rtx6000ada": ("RTX 6000 Ada", None),
    "rtxpro6000": ("RTX PRO 6000", None),
}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one on-demand offer for each cloud and card with a price."""
    yield from each_row(payload, objects_at(payload, "data"), _offers)


def provider(printed: str) -> str:
    """Return the id of a cloud from its name in the table.

    Examples
    --------
    >>> [provider(name) for name in ("Amazon Web Services (AWS)", "DataCrunch.io", "Jarvis Labs")]
    ['aws', 'verda', 'jarvislabs']
    """
    name = printed.strip()
    while (shorter := NAME_NOISE.sub("", name)) != name:
        name = shorter
    return provider_id(name)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    cloud = provider(row["name"])
    v100 = decimal_or_none(str(row.get("costv100", "")).removeprefix("$"))
    is_mixed = cloud in MIXED_PROVIDERS and v100 is not None and v100 < SPOT_V100_BELOW_USD
    for column, printed in row.items():
        if not column.startswith("cost"):
            continue
        if printed in NOT_OFFERED:
            yield OutOfScope("not offered")
            continue
        if is_mixed:
            reason = f"the table mixes spot and list prices of {cloud} here"
            yield Held(rule="purchase_model_unknown", reason=reason, row={column: printed})
            continue
        card = column.removeprefix("cost")
        name, memory_gigabytes = CARDS.get(card, (card.upper(), None))
        yield offer_or_held(
            {"name": row["name"], column: printed},
            price=printed.removeprefix("$") if isinstance(printed, str) else printed,
            provider_id=cloud,
            sku=card,
            gpu_name_printed=name,
            gpu_count=1,
            gpu_memory_bytes=gigabytes_to_bytes(memory_gigabytes),
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier=market_tier(cloud),
            offer_url=row.get("pricing-source") or row.get("url"),
        )


SOURCE = Source(
    source_id="cloud_gpus",
    title="cloud-gpus.com, a comparison table of up to 44 clouds, 2022 to 2025",
    kind="feed",
    homepage_url="https://cloud-gpus.com",
    terms_url="https://github.com/cloud-gpus/cloud-gpus.github.io",
    licence="none stated",
    credit="GPU prices: cloud-gpus.com",
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request(
        "table",
        "https://raw.githubusercontent.com/cloud-gpus/cloud-gpus.github.io/main/cloud_gpu.json",
    ),
    parse=parse,
    row_of_answer="cloud, an element of data",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2025, 9, 17),
    expected_rows=(50, 600),
    max_bytes=four_times(43_282),
    past=GitHistory(first_day=date(2022, 10, 19)),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    disabled_reason="last changed in September 2025, a history: truecost backfill cloud_gpus",
)
