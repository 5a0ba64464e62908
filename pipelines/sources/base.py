"""The contract between a source and the rest: bytes in, rows out.

A file in this package holds one ``SOURCE`` and one ``parse(payload)``. It knows nothing but this
module: not the network, not the clock, not the warehouse. Fetching belongs to ``pipelines.http``,
keeping bytes to ``pipelines.landing``, normalising prices to ``warehouse/sql/staged``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

SourceKind = Literal["api", "page", "marketplace", "feed", "reference"]
RecordKind = Literal["offer", "api_price", "series_point", "table_row"]
PriceBasis = Literal["instance", "gpu"]
PriceUnit = Literal["hour", "minute", "second", "month", "term"]
PurchaseModel = Literal["on_demand", "spot", "reserved", "capacity_block"]
MarketTier = Literal["hyperscaler", "neocloud", "marketplace_secure", "marketplace_community"]

MEBIBYTE = 2**20
TERMS_UNREAD = "its terms of use are not read yet: asked for by name only"
DEFAULT_MAX_BYTES = 64 * MEBIBYTE


class ParseError(ValueError):
    """A payload that cannot be read as a whole; says source, what is wrong and the way out."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request of a capture.

    ``key`` names the part of the source that the answer covers (a region, a page, a cloud). It is
    unique within a capture and stable over days: an offer that is missing from a good answer of
    the same key is gone; a failed answer says nothing about the offers of its key.
    """

    key: str
    url: str
    method: Literal["GET", "POST"] = "GET"
    json_body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict)  # sent, never stored
    secret_query: Mapping[str, str] = field(default_factory=dict)  # sent, never stored
    max_bytes: int = DEFAULT_MAX_BYTES
    is_optional: bool = False  # a 404 means "nothing there", not a failure


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The bytes of one answer, as they were kept in landing."""

    source_id: str
    key: str
    url: str
    content: bytes
    sha256: str
    captured_at: datetime  # UTC, the clock of the run; only its day counts, with Source.reads_day
    content_type: str = ""
    status: int = 200
    path: Path | None = None  # only where Source.reads_path: the decompressed bytes, on disk

    def text(self) -> str:
        """Return the content as UTF-8 text without a byte order mark.

        Raises
        ------
        ParseError
            If the bytes are not UTF-8.
        """
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError(
                f"{self.where()}: not UTF-8 at byte {error.start}; did the encoding change?"
            ) from error

    def json(self) -> Any:
        """Return the content as JSON; numbers with a point become Decimal, NaN is refused.

        Raises
        ------
        ParseError
            If the bytes are not strict JSON (an HTML wall, a truncated body, NaN, too deep).
        """
        text = self.text()
        try:
            return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            start = text.lstrip()[:60].replace("\n", " ")
            raise ParseError(
                f"{self.where()}: not JSON ({type(error).__name__}: {error}); starts {start!r}"
            ) from error

    def where(self) -> str:
        """Return ``source[key] sha256-prefix``, the way back to the bytes, for messages."""
        return f"{self.source_id}[{self.key}] {self.sha256[:12]}"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One price of one thing that has GPUs, as printed. Normalised later, in ``staged``.

    ``price_amount`` is exactly what the source printed, in ``currency``, for one ``price_basis``
    (the whole instance, or one GPU) and one ``price_unit``. ``term`` is the price of the whole
    commitment of ``commitment_months``.
    """

    provider_id: str
    sku: str  # the source's own id of the thing, stable over days
    gpu_name_printed: str
    gpu_count: int  # GPUs of the instance; 1 where the source prices a single GPU
    price_amount: Decimal
    currency: str  # ISO 4217, upper case
    price_basis: PriceBasis
    price_unit: PriceUnit
    purchase_model: PurchaseModel
    market_tier: MarketTier
    region: str | None = None  # the provider's own id; None where one price holds everywhere
    commitment_months: int | None = None
    upfront_fraction: Decimal | None = None  # [1] share of the commitment paid at the start
    gpu_memory_bytes: int | None = None  # of ONE GPU, as printed
    vcpu_count: Decimal | None = None  # of the instance
    memory_bytes: int | None = None  # of the instance
    form_factor: str | None = None  # as printed: SXM, PCIe, NVL, OAM ...
    interconnect: str | None = None
    is_available: bool | None = None  # None: the source does not say
    source_time: datetime | None = None  # when the source says the price holds, UTC
    offer_url: str | None = None  # a page for people, where it differs from the payload's URL


@dataclass(frozen=True, kw_only=True)
class ApiPrice:
    """One model's token price at one API provider, as listed by one price list."""

    api_provider_id: str
    api_model_id: str  # as printed
    usd_per_million_input_tokens: Decimal | None
    usd_per_million_output_tokens: Decimal | None
    usd_per_million_cache_read_tokens: Decimal | None = None
    model_name_printed: str | None = None
    context_tokens: int | None = None
    variant: str | None = None  # free, batch, ...; None for the plain endpoint
    is_deprecated: bool | None = None
    price_from: date | None = None  # the day from which the list says it holds


@dataclass(frozen=True, kw_only=True)
class SeriesPoint:
    """One point of a public statistical series (an index, an exchange rate)."""

    series_id: str
    on: date
    value: Decimal
    unit: str


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One row of a wide reference table (hardware, models), text as printed."""

    table: str
    row_key: str  # unique in the table
    values: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A row that was kept out, with the rule that held it. Never dropped, never counted."""

    rule: str  # snake_case: price_missing, price_not_a_number, price_zero, ...
    reason: str  # one sentence with the value
    row: Mapping[str, Any]  # the row as printed


Row = Offer | ApiPrice | SeriesPoint | TableRow | Held


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """What ``requests`` may know: the day and the environment (for keys)."""

    on: date
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a source is, under which terms, and what a good answer looks like."""

    source_id: str
    title: str
    kind: SourceKind
    homepage_url: str
    terms_url: str
    credit: str  # the line to print beside its data
    licence: str = "terms"  # SPDX id, "none stated", or "terms" where only terms of use exist
    may_redistribute: bool = False  # may our own normalised rows of it ship with the code?
    allowed_hosts: tuple[str, ...]
    requests: Callable[[Fetching], Sequence[Request]]
    parse: Callable[[Payload], Iterator[Row]]
    parser_version: int
    record_kind: RecordKind = "offer"  # what its rows are, held ones apart
    expected_rows: tuple[int, int]  # rows kept from one whole capture
    follow: Callable[[Request, Payload], Sequence[Request]] | None = None  # the next pages
    currency: str | None = None  # None: per row, or no prices
    price_basis: PriceBasis | None = None
    price_unit: PriceUnit | None = None
    known_gpus: frozenset[str] = frozenset()  # names that a good answer holds, as printed
    cadence_hours: int = 24
    requests_per_second: float = 2.0  # to one host
    key_environment: str | None = None  # name of the variable that holds the key, if it needs one
    disabled_reason: str | None = None  # set: off by default, and why
    reads_path: bool = False  # too big for memory: parse gets payload.path, and empty content
    joins_pages: bool = False  # parse wants all pages of a capture at once: a JSON list of bodies
    reads_day: bool = False  # rows depend on the day of the capture: a price dated ahead, an end


def one_request(
    key: str,
    url: str,
    *,
    variable: str = "",
    header: str = "Authorization",
    prefix: str = "Bearer ",
) -> Callable[[Fetching], Sequence[Request]]:
    """Return the ``requests`` of a source that asks one GET, with a key from ``variable`` or none.

    Examples
    --------
    >>> ask = one_request("plans", "https://x.example/plans", variable="X_KEY")
    >>> dict(ask(Fetching(on=date(2026, 1, 1), environment={"X_KEY": "k"}))[0].secret_headers)
    {'Authorization': 'Bearer k'}
    """

    def requests(fetching: Fetching) -> Sequence[Request]:
        secret = {header: prefix + fetching.environment.get(variable, "")} if variable else {}
        return (Request(key=key, url=url, secret_headers=secret),)

    return requests


def required(row: Mapping[str, Any], name: str, where: str) -> Any:
    """Return ``row[name]``.

    Raises
    ------
    ParseError
        If the field is not there at all: the shape of the source has changed.
    """
    if name not in row:
        raise ParseError(f"{where}: no field {name!r}; there are {sorted(row)[:12]}")
    return row[name]


def decimal_or_none(value: object) -> Decimal | None:
    """Return a finite Decimal from a JSON number or a plain numeric string, else None.

    A bool is not a number; neither are NaN, Infinity, an empty string or text with a currency.

    Examples
    --------
    >>> decimal_or_none("1.99"), decimal_or_none(True), decimal_or_none("$1")
    (Decimal('1.99'), None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 30 else None


def price_or_held(value: object, row: Mapping[str, Any]) -> Decimal | Held:
    """Return a positive price, or the reason why the row is held.

    Rules: ``price_missing`` (null or empty), ``price_not_a_number`` (text, bool, NaN, Infinity),
    ``price_zero``, ``price_negative``.
    """
    if value is None or value == "":
        return Held(rule="price_missing", reason="no price is given", row=row)
    number = decimal_or_none(value)
    if number is None:
        return Held(rule="price_not_a_number", reason=f"price is {value!r}", row=row)
    if number == 0:
        return Held(rule="price_zero", reason="price is 0: not offered, or not said", row=row)
    if number < 0:
        return Held(rule="price_negative", reason=f"price is {number}", row=row)
    return number


def gigabytes_to_bytes(value: object) -> int | None:
    """Return bytes from decimal gigabytes (10^9), or None where nothing usable is printed."""
    number = decimal_or_none(value)
    return int(number * 10**9) if number is not None and number > 0 else None


def gibibytes_to_bytes(value: object) -> int | None:
    """Return bytes from gibibytes (2^30), or None where nothing usable is printed."""
    number = decimal_or_none(value)
    return int(number * 2**30) if number is not None and number > 0 else None


def whole_or_none(value: object) -> int | None:
    """Return a positive whole number, else None: a bool, 0, 0.5 or text is not a count.

    Examples
    --------
    >>> whole_or_none(8), whole_or_none("8"), whole_or_none(0.5), whole_or_none(True)
    (8, 8, None, None)
    """
    number = decimal_or_none(value)
    return int(number) if number is not None and number > 0 and number % 1 == 0 else None


def value_at(payload: Payload, *path: str) -> Any:
    """Return what stands under ``path`` in the JSON of a payload, or None where nothing does."""
    found = payload.json()
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def objects_at(payload: Payload, *path: str) -> list[dict[str, Any]]:
    """Return the list of JSON objects under ``path``, e.g. ``objects_at(payload, "data")``.

    Raises
    ------
    ParseError
        If the path is not there, or what stands there is not a list of objects.
    """
    found = value_at(payload, *path)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        document = payload.json()
        there = sorted(document)[:12] if isinstance(document, dict) else type(document).__name__
        place = ".".join(path) or "the body"
        raise ParseError(f"{payload.where()}: no list of objects at {place!r}; there is {there}")
    return found


def sku_of(*parts: object) -> str:
    """Return an id made of several fields, e.g. ``rtx4090/24Gi/PCIe``.

    Raises
    ------
    TypeError
        If a part is neither text nor a whole number: an id with a hole is another thing's id.

    Examples
    --------
    >>> sku_of("n-1", 8)
    'n-1/8'
    """
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, (str, int)) or part == "":
            raise TypeError(f"a part of the id is {part!r}")
    return "/".join(map(str, parts))


def each_row(
    payload: Payload,
    rows: Sequence[Mapping[str, Any]],
    read: Callable[[Mapping[str, Any]], Iterator[Row]],
) -> Iterator[Row]:
    """Read row by row; a row with a missing or retyped field is held, the others are kept.

    Raises
    ------
    ParseError
        If no row could be read: then the source has changed, not the row.
    """
    held = 0
    for row in rows:
        try:
            yield from list(read(row))
        except ParseError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            held += 1
            reason = f"field missing or of another type: {type(error).__name__} {error}"
            yield Held(rule="shape_changed", reason=reason, row=row)
    if rows and held == len(rows):
        raise ParseError(f"{payload.where()}: {reason} in all {held} rows; did the shape change?")


def offer_or_held(
    row: Mapping[str, Any], *, price: object, factor: Decimal = Decimal(1), **fields: Any
) -> Offer | Held:
    """Return the offer, or the reason to hold it: no positive price, no name, no whole count.

    ``factor`` turns the printed number into the currency: 0.01 for cents, 1e-8 for OVH.
    """
    amount = price_or_held(price, row)
    if isinstance(amount, Held):
        return amount
    name, count = fields["gpu_name_printed"], whole_or_none(fields["gpu_count"])
    if not isinstance(fields["sku"], str):
        return Held(rule="sku_missing", reason=f"the id is {fields['sku']!r}", row=row)
    if not isinstance(name, str) or not name.strip():
        return Held(rule="gpu_name_missing", reason=f"GPU name is {name!r}", row=row)
    if count is None:
        printed = fields["gpu_count"]
        return Held(rule="gpu_count_not_whole", reason=f"GPU count is {printed!r}", row=row)
    return Offer(price_amount=amount * factor, **{**fields, "gpu_count": count})
