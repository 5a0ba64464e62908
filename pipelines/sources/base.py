"""The contract between a source and the rest: bytes in, rows out.

A file in this package holds one ``SOURCE`` and one ``parse(payload)``. It uses this module and the
shared readings beside it: no network, no clock, no warehouse. Requests belong to ``capture.http``,
keeping bytes to ``capture.landing``, normalising prices to ``warehouse/sql/staged``.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

SourceKind = Literal["api", "page", "marketplace", "feed", "reference"]
RecordKind = Literal["offer", "api_price", "series_point", "table_row"]
PriceBasis = Literal["instance", "gpu"]
PriceUnit = Literal["hour", "minute", "second", "month", "term"]
PurchaseModel = Literal["on_demand", "spot", "reserved", "capacity_block"]
MarketTier = Literal["hyperscaler", "neocloud", "marketplace_secure", "marketplace_community"]

Verification = Literal["whole", "excerpt", "description"]

MEBIBYTE = 2**20
MAX_DIGITS = 1000  # of a number in JSON
TERMS_UNREAD = "its terms of use are not read yet: asked for by name only"
WRONG_FIELD_COUNT = "wrong field count"  # the key of a CSV record that may be out of its columns
NO_ACCELERATOR = "no accelerator"  # why most rows of a cloud's price list are out of scope
DEFAULT_MAX_BYTES = 8 * MEBIBYTE  # of an answer never seen whole: four times a large page
LEAST_MAX_BYTES = 2 * MEBIBYTE
VISIT_MAX_BYTES = 256 * MEBIBYTE


class ParseError(ValueError):
    """A payload that cannot be read; the message names the source, the fault and the way out."""


class TooMuchWorkError(ParseError):
    """A payload that takes far more work than an answer of its source does."""


def four_times(largest: int) -> int:
    """Return the most bytes of an answer, where the largest one seen had so many: 2 MiB at least.

    Examples
    --------
    >>> four_times(345), four_times(3_344_005)
    (2097152, 13376020)
    """
    return max(LEAST_MAX_BYTES, 4 * largest)


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
    max_bytes: int | None = None  # of the answer; None: as its source says
    is_optional: bool = False  # a 404 means "nothing there", not a failure


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The bytes of one answer, as they were kept in landing."""

    source_id: str
    key: str
    url: str
    content: bytes
    sha256: str
    seen_at: datetime  # UTC, the clock of the run; only its day counts, with Source.reads_day
    content_type: str = ""
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

        A key that one object prints twice, with two values, has the value ``Repeated``.

        Raises
        ------
        ParseError
            If the bytes are not strict JSON (an HTML wall, a truncated body, NaN, too deep).
        """
        text = self.text()
        try:
            return json.loads(
                text,
                parse_float=json_number,
                parse_constant=_refuse_constant,
                object_pairs_hook=unambiguous,
            )
        except (ValueError, RecursionError) as error:
            start = text.lstrip()[:60].replace("\n", " ")
            raise ParseError(
                f"{self.where()}: not JSON ({type(error).__name__}: {error}); starts {start!r}"
            ) from error

    def where(self) -> str:
        """Return ``source[key] sha256-prefix``, the way back to the bytes, for messages."""
        return f"{self.source_id}[{self.key}] {self.sha256[:12]}"


def json_number(text: str) -> Decimal:
    """Return a JSON number with a point or an exponent, exactly; Python bounds whole ones itself.

    Raises
    ------
    ValueError
        If it has over 1000 digits before or after the point, written out.

    Examples
    --------
    >>> json_number("1.50")
    Decimal('1.50')
    >>> json_number("1e999999")
    Traceback (most recent call last):
    ValueError: a number of over 1000 digits
    """
    number = Decimal(text) if len(text) <= MAX_DIGITS else None
    if number is None or (number.is_finite() and abs(number.adjusted()) > MAX_DIGITS):
        raise ValueError(f"a number of over {MAX_DIGITS} digits")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True)
class Repeated:
    """The values of a key that one JSON object prints more than once: which counts is not said.

    It is of no type that a parser expects, so what is read from it is held.
    """

    values: tuple[Any, ...]

    def __str__(self) -> str:
        """Return the values as printed."""
        if len(self.values) == 1:
            return f"under a key that is printed more than once: {self.values[0]}"[:200]
        return f"printed {len(self.values)} times: " + " and ".join(map(str, self.values))[:200]


class Doubtful(dict[str, Any]):
    """A JSON object with a ``Repeated`` value in it, however deep."""


def is_doubtful(value: object) -> bool:
    """Return whether a value is repeated, or has a repeated value in it."""
    if isinstance(value, list):
        return any(map(is_doubtful, value))
    return isinstance(value, (Repeated, Doubtful))


def unambiguous(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object from its pairs; a key with several values is ``Repeated``.

    Examples
    --------
    >>> unambiguous([("a", 1), ("b", 2), ("a", 1)])
    {'a': 1, 'b': 2}
    >>> str(unambiguous([("price", 3), ("price", 1)])["price"])
    'printed 2 times: 3 and 1'
    """
    found = dict(pairs)
    if len(found) == len(pairs):
        return Doubtful(found) if any(map(is_doubtful, found.values())) else found
    values: dict[str, list[Any]] = {}
    for key, value in pairs:
        if value not in (printed := values.setdefault(key, [])):
            printed.append(value)
    found = {
        key: each[0] if len(each) == 1 else Repeated(tuple(each)) for key, each in values.items()
    }
    return Doubtful(found) if any(map(is_doubtful, found.values())) else found


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
    variant: str | None = None  # free, batch, priority, ...; None for the plain endpoint
    above_input_tokens: int | None = None  # holds for longer prompts only; None: for the shortest
    modality: str | None = None  # audio, image or video, of the tokens priced; None: text
    usd_per_million_cache_write_tokens: Decimal | None = None
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
    """A row that is held, with the rule that holds it: kept for review, counted in no price."""

    rule: str  # snake_case: price_missing, price_not_a_number, price_zero, ...
    reason: str  # one sentence with the value
    row: Mapping[str, Any]  # the row as printed


@dataclass(frozen=True)
class OutOfScope:
    """Says that a row is nothing that the source is read for: counted by its reason, not kept.

    ``reason`` is a short phrase without figures of the row, so that rows can be counted by it. A
    row that may be a price is ``Held``.

    Examples
    --------
    >>> OutOfScope("no accelerator").reason
    'no accelerator'
    """

    reason: str


Row = Offer | ApiPrice | SeriesPoint | TableRow | Held | OutOfScope
"""What one row of an answer may give."""


@dataclass(frozen=True)
class ReadRow:
    """One row of an answer, as the parser walks over it, and everything that it gave.

    The row is kept if it gave a price, a point or a table row; else it is held or out of scope. A
    row that gave nothing is held as ``row_unexplained``, so that each row has an outcome.
    """

    printed: Mapping[str, Any]  # the row as printed, for quarantine
    found: tuple[Row, ...]
    count: int = 1  # more where rows are read together


def records(rows: Iterable[ReadRow]) -> Iterator[Offer | ApiPrice | SeriesPoint | TableRow | Held]:
    """Yield the different records of rows, without those that are out of scope.

    Examples
    --------
    >>> point = SeriesPoint(series_id="s", on=date(2026, 1, 1), value=Decimal(1), unit="1")
    >>> rows = [ReadRow({}, (point,)), ReadRow({}, (point,)), ReadRow({}, (OutOfScope("CPU"),))]
    >>> list(records(rows)) == [point]
    True
    """
    seen: set[str] = set()
    for row in rows:
        for record in row.found:
            if not isinstance(record, OutOfScope) and (text := repr(record)) not in seen:
                seen.add(text)
                yield record


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """What ``requests`` may use: the day, and the environment for keys."""

    on: date
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A part of a payload that holds everything about a scope at an instant of the past."""

    part: str  # follows the @ in the key of the payload that parse gets
    scope: str  # what is complete in the part: an offer missing from the next one is gone
    at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class OwnHistory:
    """The past is in the file that is asked every day."""

    first_day: date  # the oldest that the file holds
    moments: Callable[[Payload], Iterator[Moment]]  # which instants the file holds


@dataclass(frozen=True, kw_only=True)
class GitHistory:
    """The source asks one file of a public GitHub repository, which keeps its versions."""

    first_day: date  # of the oldest version that we know
    former_url: str | None = None  # of the file until it moved: older versions are asked for there


@dataclass(frozen=True, kw_only=True)
class DatedFiles:
    """Past versions stay at addresses of their own, which lists on another host name."""

    first_day: date
    list_host: str
    list_field: str  # of an answer that is an object: the field with the list
    # (first day, last day, "day" | "week" | "month", environment) -> the lists to ask for
    lists: Callable[[date, date, str, Mapping[str, str]], Iterator[Request]]
    # (listed, first day, last day) -> when each version was made, and how to ask for it
    versions: Callable[
        [Sequence[Mapping[str, Any]], date, date], list[tuple[datetime, tuple[Request, ...]]]
    ]
    parts: Callable[[Payload, datetime], Iterator[Moment]]  # of a version that is one file


Past = OwnHistory | GitHistory | DatedFiles
FIRST_DAY = date(2026, 7, 1)  # of the product: no capture of a source without a past is older


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source: how it is asked and read, its terms, and what a good answer looks like."""

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
    parse: Callable[[Payload], Iterator[ReadRow]]
    parser_version: int
    record_kind: RecordKind = "offer"  # what its rows are, held ones apart
    expected_rows: tuple[int, int]  # rows kept from one whole capture
    row_of_answer: str = ""  # what parse walks over before any decision, and what is counted
    follow: Callable[[Request, Payload], Sequence[Request]] | None = None  # the next pages
    may_be_empty: bool = False  # it lists only what is free now: an empty list ends its offers
    # On what its reading was compared with what people read there: a whole real answer, an excerpt
    # of one, or a description only; and of which day the newest such answer is.
    verified_with: Verification = "description"
    verified_on: date | None = None
    currency: str | None = None  # None: per row, or no prices
    price_basis: PriceBasis | None = None
    price_unit: PriceUnit | None = None
    known_gpus: frozenset[str] = frozenset()  # names that a good answer holds, as printed
    cadence_hours: int = 24
    # Of a source that is not first-party: its bytes, or the time that it states, stood still for so
    # long. None: seven times the cadence; any other figure has its reason beside it.
    frozen_after_hours: int | None = None
    requests_per_second: float = 2.0  # to one host
    key_environment: str | None = None  # name of the variable that holds the key, if it needs one
    max_bytes: int = DEFAULT_MAX_BYTES  # of one answer: four times the largest seen
    visit_max_bytes: int = VISIT_MAX_BYTES  # of all its answers in one run; on disk, 4 times a day
    disabled_reason: str | None = None  # set: off by default, and why
    reads_path: bool = False  # too big for memory: parse gets payload.path, and empty content
    joins_pages: bool = False  # parse wants all pages of a capture at once: a JSON list of bodies
    reads_day: bool = False  # rows depend on the day of the capture: a price dated ahead, an end
    copies_list: bool = False  # of a feed: a machine's copy of one provider's own price list
    past: Past | None = None  # where earlier answers can still be read

    @property
    def first_day(self) -> date:
        """Return the first day of which there can be a capture: of its past, or the product's."""
        return self.past.first_day if self.past else FIRST_DAY


def joined(bodies: Sequence[bytes]) -> bytes:
    """Return the pages of a source with ``joins_pages``, each a JSON document, as one JSON list.

    Examples
    --------
    >>> joined([b"{}", b"[1]"])
    b'[{},[1]]'
    """
    return b"[" + b",".join(body.removeprefix(codecs.BOM_UTF8) for body in bodies) + b"]"


def one_request(
    key: str,
    url: str,
    *,
    variable: str = "",
    header: str = "Authorization",
    prefix: str = "Bearer ",
    **more: Any,
) -> Callable[[Fetching], Sequence[Request]]:
    """Return the ``requests`` of a source that asks once, with a key from ``variable`` or none.

    ``more`` are further fields of the request, such as ``method`` and ``json_body``.

    Examples
    --------
    >>> ask = one_request("plans", "https://x.example/plans", variable="X_KEY")
    >>> dict(ask(Fetching(on=date(2026, 1, 1), environment={"X_KEY": "k"}))[0].secret_headers)
    {'Authorization': 'Bearer k'}
    """

    def requests(fetching: Fetching) -> Sequence[Request]:
        secret = {header: prefix + fetching.environment.get(variable, "")} if variable else {}
        return (Request(key=key, url=url, secret_headers=secret, **more),)

    return requests
