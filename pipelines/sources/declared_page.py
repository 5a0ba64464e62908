"""Price pages that are declared: one line of the page is one GPU, known by two patterns.

One reader for all pages whose parser was written from third-party descriptions and was never run on
a real page. They are off by default. A page that was read has a parser of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from pipelines.sources.base import (
    Held,
    MarketTier,
    Payload,
    PriceBasis,
    PriceUnit,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    SourceKind,
    one_request,
)
from pipelines.sources.fields import decimal_or_none, gigabytes_to_bytes
from pipelines.sources.price_page import (
    AMOUNT,
    each_priced,
    matches,
    printed_offer,
    unit_doubt,
    visible_texts,
)

NEVER_RUN = (
    "parser written from third-party descriptions, never run on a real page;"
    " its terms are not read yet"
)
Match = re.Match[str]
HOURS_OF_MONTH = (672, 744)  # February to December; most pages take 730 [h]


def name_and_size(row: Match) -> str:
    """Return ``H100 80GB``."""
    return f"{row['gpu']} {row['gigabytes']}GB"


@dataclass(frozen=True, kw_only=True)
class PricePage:
    """A price page, what a row of it looks like, and what its prices are for.

    ``row`` is a pattern for the visible text, on one line. It names the groups ``gpu`` and
    ``price``, and may name ``count``, ``gigabytes`` (of one GPU), ``vcpus``, ``ram`` (gigabytes of
    the machine), ``nvlink`` and ``monthly`` (the price of the same for a month, which tells the
    unit of ``price``). ``price`` is a pattern for the whole printed price, with currency and unit,
    and names the group ``amount``. Where neither the price nor the month beside it tells the unit,
    the page must, and name no other: else the row is held.
    """

    source_id: str
    provider: str
    url: str
    row: str
    price: str
    expected_rows: tuple[int, int]
    known_gpus: frozenset[str]
    sku: Callable[[Match], str] = name_and_size
    per: PriceUnit = "hour"
    price_basis: PriceBasis = "gpu"
    currency: str = "USD"
    purchase_model: PurchaseModel = "on_demand"
    commitment_months: int | None = None
    market_tier: MarketTier = "neocloud"
    kind: SourceKind = "page"
    provider_id: str = ""  # the source's id where empty
    terms_url: str = ""  # the front page where empty
    title: str = ""
    has_memory: bool = True  # ``gigabytes`` is the memory of one GPU
    head: str = ""  # a pattern for the heads of the columns, where their order decides a price
    prices: str = ""  # of a row with several: a pattern with ``price``, and ``spot`` if it is one

    def parse(self, payload: Payload) -> Iterator[ReadRow]:
        """Yield the offers of every row of the page."""
        if self.head:
            matches(payload, re.compile(self.head))
        found = matches(payload, re.compile(self.row))
        doubt = unit_doubt(" ".join(visible_texts(payload)), self.per)
        return each_priced(payload, found, partial(self._offers, doubt))

    def _offers(self, doubt: str | None, row: Match) -> Iterator[Row]:
        groups = row.groupdict()
        if not self.prices:
            yield from self._offer(row, groups, self.purchase_model, doubt)
            return
        for price in re.finditer(self.prices, row["prices"]):
            model: PurchaseModel = "spot" if price["spot"] else self.purchase_model
            yield from self._offer(row, groups | price.groupdict(), model, doubt)

    def _offer(
        self,
        row: Match,
        groups: dict[str, str | None],
        purchase_model: PurchaseModel,
        doubt: str | None,
    ) -> Iterator[Row]:
        if groups.get("monthly"):
            doubt = self._not_an_hour(groups)
        elif unit_doubt(groups["price"] or "", self.per) is None:
            doubt = None
        if doubt and re.fullmatch(self.price, groups["price"] or ""):
            yield Held(rule="unit_unknown", reason=doubt, row=groups)
            return
        yield from printed_offer(
            groups,
            groups["price"] or "",
            re.compile(self.price),
            provider_id=self.provider_id or self.source_id,
            sku=self.sku(row),
            gpu_name_printed=row["gpu"],
            gpu_count=groups.get("count") or 1,
            currency=self.currency,
            price_basis=self.price_basis,
            price_unit=self.per,
            purchase_model=purchase_model,
            market_tier=self.market_tier,
            commitment_months=self.commitment_months,
            gpu_memory_bytes=gigabytes_to_bytes(groups.get("gigabytes"))
            if self.has_memory
            else None,
            vcpu_count=decimal_or_none(groups.get("vcpus")),
            memory_bytes=gigabytes_to_bytes(groups.get("ram")),
            interconnect="NVLink" if groups.get("nvlink") else None,
        )

    def _not_an_hour(self, groups: dict[str, str | None]) -> str | None:
        """Return why the price of a month beside it does not show that a price is of an hour."""
        printed = [re.search(AMOUNT, groups[name] or "") for name in ("price", "monthly")]
        hour, month = (Decimal(one["amount"].replace(",", "")) if one else 0 for one in printed)
        least, most = HOURS_OF_MONTH
        if hour * least <= month <= hour * most and hour:
            return None
        return f"{groups['monthly']!r} a month is not the hours of one times {groups['price']!r}"

    def source(self) -> Source:
        """Return the page as a source, off by default."""
        host = self.url.split("/")[2]
        return Source(
            source_id=self.source_id,
            title=self.title or f"{self.provider} price page",
            kind=self.kind,
            homepage_url=self.url,
            terms_url=self.terms_url or f"https://{host}/",
            credit=f"Prices: {self.provider}",
            allowed_hosts=(host,),
            requests=one_request("pricing", self.url),
            parse=self.parse,
            row_of_answer="place of the text that looks like a row",
            parser_version=2,
            expected_rows=self.expected_rows,
            currency=self.currency,
            price_basis=self.price_basis,
            price_unit=self.per,
            known_gpus=self.known_gpus,
            disabled_reason=NEVER_RUN,
        )
