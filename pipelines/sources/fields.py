"""Reading of fields that a source printed: numbers, sizes, ids, lists, and the offer they make.

A field that cannot be used makes a held row or, if the whole payload has changed, a ``ParseError``.
Which fields there are belongs to each source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from pipelines.sources.base import (
    WRONG_FIELD_COUNT,
    Held,
    Offer,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Repeated,
    Row,
    TooMuchWorkError,
    is_doubtful,
)
from pipelines.text import single_spaced

T = TypeVar("T")
# A number as text: digits of ASCII alone, without separators, which Decimal would accept.
NUMBER = re.compile(r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,3})?", re.ASCII)
NOT_AN_OBJECT = "not an object"  # the key of a list element that is text, a number, a list or null


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

    A bool is not a number; neither are NaN, Infinity, an empty string, text with a currency or
    with separators of thousands.

    Examples
    --------
    >>> decimal_or_none("1.99"), decimal_or_none(True), decimal_or_none("$1")
    (Decimal('1.99'), None, None)
    >>> decimal_or_none("1_000"), decimal_or_none("1,000"), decimal_or_none("1 000")
    (None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    text = str(value).strip()
    if isinstance(value, str) and not NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return number if number.is_finite() and abs(number.adjusted()) < 30 else None


def yes_or_no(value: object) -> bool | None:
    """Return a JSON boolean, or None for null.

    Examples
    --------
    >>> yes_or_no(False), yes_or_no(None)
    (False, None)

    Raises
    ------
    TypeError
        If it is anything else: ``"false"``, 0 and ``"sold out"`` are no ``true``.
    """
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"{str(value)[:40]!r} is neither true nor false")


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


def prices_or_held(printed: Sequence[object], row: Mapping[str, Any]) -> list[Decimal] | Held:
    """Return several positive prices that make up one, or the reason why the row is held.

    Examples
    --------
    >>> prices_or_held(["1.5", "0.01"], {})
    [Decimal('1.5'), Decimal('0.01')]
    """
    parts = [price_or_held(part, row) for part in printed]
    held = next((part for part in parts if isinstance(part, Held)), None)
    return held or [part for part in parts if isinstance(part, Decimal)]


def gigabytes_to_bytes(value: object) -> int | None:
    """Return bytes from decimal gigabytes (10^9), or None where nothing usable is printed."""
    number = decimal_or_none(value)
    return int(number * 10**9) if number is not None and number > 0 else None


def mebibytes_to_bytes(value: object) -> int | None:
    """Return bytes from mebibytes (2^20), or None where nothing usable is printed.

    Examples
    --------
    >>> mebibytes_to_bytes(2), mebibytes_to_bytes("2"), mebibytes_to_bytes("x")
    (2097152, 2097152, None)
    """
    number = decimal_or_none(value)
    return int(number * 2**20) if number is not None and number > 0 else None


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


COUNT_IN_NAME = re.compile(
    r"(?<![A-Za-z0-9.])(\d{1,2})x(?=[-_ ]|$)"  # 8x_H100, gpu_8x_h100
    r"|(?<=[A-Za-z0-9])x(\d{1,2})(?![A-Za-z0-9])"  # n3-H100x8
    r"|\.(\d{1,2})x(?![A-Za-z0-9])"  # h100.sxm.8x
)


def count_in_name(name: str) -> int | None:
    """Return the number of GPUs that the name of a machine says, if it says one.

    Examples
    --------
    >>> [count_in_name(name) for name in ("gpu_8x_h100", "n3-A100x4-spot", "h100.8x", "p5.2xlarge")]
    [8, 4, 8, None]
    """
    counts = {int(count) for found in COUNT_IN_NAME.findall(name) for count in found if count}
    return counts.pop() if len(counts) == 1 else None


def any_free(printed: object) -> bool | None:
    """Return whether a printed count or list has something free; None where none is printed.

    Examples
    --------
    >>> any_free(3), any_free("0"), any_free([]), any_free(None)
    (True, False, False, None)
    """
    if isinstance(printed, list):
        return bool(printed)
    number = decimal_or_none(printed)
    return None if number is None else number > 0


def part_of(row: Mapping[str, Any], *path: str) -> Any:
    """Return the value under ``path`` in a row, or None if there is none."""
    found: Any = row
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def value_at(payload: Payload, *path: str) -> Any:
    """Return the value under ``path`` in the JSON of a payload, or None if there is none."""
    return part_of(payload.json(), *path)


def objects_at(payload: Payload, *path: str) -> list[dict[str, Any]]:
    """Return the list of JSON objects under ``path``, e.g. ``objects_at(payload, "data")``.

    An element that is no object stands under ``NOT_AN_OBJECT``; ``each_row`` holds it.

    Raises
    ------
    ParseError
        If the path does not exist, or its value is not a list with an object in it.
    """
    found = value_at(payload, *path)
    if isinstance(found, Repeated):  # each of its rows may be the wrong one
        lists = [each for each in found.values if isinstance(each, list)]
        return [{NOT_AN_OBJECT: Repeated((row,))} for each in lists for row in each]
    if not isinstance(found, list) or (found and not any(isinstance(row, dict) for row in found)):
        document = payload.json()
        there = sorted(document)[:12] if isinstance(document, dict) else type(document).__name__
        place = ".".join(path) or "the body"
        raise ParseError(f"{payload.where()}: no list of objects at {place!r}; there is {there}")
    return objects_in(found)


def objects_in(found: object) -> list[dict[str, Any]]:
    """Return the elements of a JSON list; what is no object, or no list, under ``NOT_AN_OBJECT``.

    Examples
    --------
    >>> objects_in([{"id": 1}, None])
    [{'id': 1}, {'not an object': None}]
    """
    rows = found if isinstance(found, list) else [found]
    return [row if isinstance(row, dict) else {NOT_AN_OBJECT: row} for row in rows]


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


def _as_it_is(row: Any) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else {"row": str(row)}


def each_row(
    payload: Payload,
    rows: Iterable[T],
    read: Callable[[T], Iterable[Row]],
    printed: Callable[[T], Mapping[str, Any]] = _as_it_is,
) -> Iterator[ReadRow]:
    """Read row by row; a row with a missing or retyped field is held, the others are kept.

    Parameters
    ----------
    payload : Payload
        For messages.
    rows : iterable
        Every row of the answer, before any decision: what is no offer is for ``read`` to say.
    read : callable
        From a row to its offers, why it is held, or why it is out of scope.
    printed : callable
        From a row to what quarantine keeps of it; needed where a row is no mapping.

    Raises
    ------
    ParseError
        If no row could be read: then the source has changed, not the row.
    """
    is_understood, reason, changed = False, "", 0
    for row in rows:
        found: tuple[Row, ...]
        try:
            if isinstance(row, Mapping) and (twice := _repeated(row)):
                found = (Held(rule="duplicate_key", reason=twice, row=printed(row)),)
            elif isinstance(row, Mapping) and WRONG_FIELD_COUNT in row:
                reason = str(row[WRONG_FIELD_COUNT])
                found = (Held(rule="wrong_field_count", reason=reason, row=printed(row)),)
            elif isinstance(row, Mapping) and NOT_AN_OBJECT in row:
                raise TypeError(f"the row is {row[NOT_AN_OBJECT]!r}"[:100])
            else:
                found = tuple(read(row))
        except TooMuchWorkError:
            raise  # of the payload, not of this row
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            changed += 1
            reason = f"field missing or of another type: {type(error).__name__} {error}"
            found = (Held(rule="shape_changed", reason=reason, row=printed(row)),)
        else:
            is_understood |= not all(isinstance(record, OutOfScope) for record in found)
        yield ReadRow(printed(row), found)
    if changed and not is_understood:
        raise ParseError(
            f"{payload.where()}: {reason} in all {changed} rows; did the shape change?"
        )


def _repeated(row: Mapping[str, Any]) -> str | None:
    """Return which field of a row, or which row, is printed more than once with other values."""
    name = next((name for name, value in row.items() if is_doubtful(value)), None)
    if name is None:
        return None
    value = row[name]
    if isinstance(value, Repeated):
        return f"{'the row' if name == NOT_AN_OBJECT else name} is {value}"
    return f"{name} has a key that is printed more than once, with other values"


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


def feed_offers(
    payload: Payload,
    rows: Iterable[Mapping[str, Any]],
    read: Callable[[Mapping[str, Any]], Offer | Held],
) -> Iterator[ReadRow]:
    """Yield the offers of a feed; hold repeated ones, and one price on demand and as spot.

    Offers are compared as they were read, so that case, spaces and zeros at the end of a price tell
    none apart. ``read`` returns the offer of a row, or the reason to hold it.
    """
    found = list(each_row(payload, rows, lambda row: iter((read(row),))))
    quoted: dict[str, set[tuple[object, ...]]] = {}
    for row in found:
        for offer in row.found:
            if isinstance(offer, Offer):
                quote = (*_thing(offer), offer.price_amount)
                quoted.setdefault(offer.purchase_model, set()).add(quote)
    copied = quoted.get("spot", set()) & quoted.get("on_demand", set())
    seen: set[tuple[object, ...]] = set()
    for row in found:
        yield ReadRow(row.printed, tuple(_compared(each, row, copied, seen) for each in row.found))


def _compared(
    found: Row, row: ReadRow, copied: set[tuple[object, ...]], seen: set[tuple[object, ...]]
) -> Row:
    """Return an offer unless another row makes it doubtful; anything else as it is."""
    if not isinstance(found, Offer):
        return found
    key = (*_thing(found), found.purchase_model, found.commitment_months)
    is_repeated = key in seen
    seen.add(key)
    if is_repeated:
        reason = f"{found.provider_id} {found.sku} stands there already"
        return Held(rule="duplicate", reason=reason, row=row.printed)
    if (
        found.purchase_model in ("spot", "on_demand")
        and (*_thing(found), found.price_amount) in copied
    ):
        price = found.price_amount
        reason = f"{price} is printed on demand and as spot: one is a copy of the other"
        return Held(rule="spot_equals_on_demand", reason=reason, row=row.printed)
    return found


def _thing(offer: Offer) -> tuple[object, ...]:
    """Return what is offered, whatever it costs and however it is bought."""
    texts = (offer.sku, offer.gpu_name_printed, offer.region or "")
    spelled = tuple(single_spaced(text).casefold() for text in texts)
    return (
        offer.provider_id,
        offer.market_tier,
        *spelled,
        offer.gpu_count,
        offer.gpu_memory_bytes,
    )
