"""How numbers, times and identifiers read on a page: numbers with three significant digits.

Wording only. Units belong to the headings of columns and axes.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from typing import Any

SCALES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


@lru_cache(maxsize=1 << 16)
def figure(value: Any) -> str:
    """Return a number with three significant digits and thousands set apart.

    Parameters
    ----------
    value : float or int
        In the unit of its heading.

    Examples
    --------
    >>> figure(2), figure(10.8378), figure(1234.5), figure(0.0204), figure(0.000001234)
    ('2.00', '10.8', '1,230', '0.0204', '1.23e-6')
    """
    number = float(value)
    if number == 0:
        return "0"
    power = math.floor(math.log10(abs(number)))
    # Ties away from zero, as the pages' own script rounds.
    rounded = float(Decimal(number).quantize(Decimal((0, (1,), power - 2)), rounding=ROUND_HALF_UP))
    if abs(rounded) >= 10.0 ** (power + 1):
        power += 1
    if power < -4:
        mantissa = rounded / 10.0**power
        return f"{mantissa:.2f}e{power}"
    return f"{rounded:,.{max(0, 2 - power)}f}"


def count(value: Any) -> str:
    """Return a whole number of things, exact.

    Examples
    --------
    >>> count(6182)
    '6,182'
    """
    return f"{int(value):,}"


def usd(value: Any) -> str:
    """Return an amount of money in words for a sentence.

    Examples
    --------
    >>> usd(3.534), usd(45_000_000)
    ('$3.53', '$45.0 million')
    """
    number = float(value)
    for scale, word in SCALES:
        if abs(number) >= scale:
            return f"${figure(number / scale)} {word}"
    return f"${figure(number)}"


def percent(fraction: Any, *, signed: bool = False) -> str:
    r"""Return a fraction as a percentage.

    Examples
    --------
    >>> percent(0.1234), percent(-0.05, signed=True), percent(29.812)
    ('12\xa0%', '−5.0\xa0%', '2,980\xa0%')
    """
    number = float(f"{100 * float(fraction):.3g}")
    digits = 0 if abs(number) >= 10 or number == 0 else 1
    sign = "−" if number < 0 else "+" if signed and number > 0 else ""
    return f"{sign}{abs(number):,.{digits}f}\u00a0%"


def instant(moment: datetime | date | None) -> str:
    """Return a time in UTC to the minute, or a date.

    Examples
    --------
    >>> instant(datetime(2026, 11, 21, 5, 22, 5)), instant(date(2026, 11, 21)), instant(None)
    ('2026-11-21 05:22Z', '2026-11-21', 'never')
    """
    if moment is None:
        return "never"
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo is None else moment.astimezone(UTC)
        return f"{aware:%Y-%m-%d %H:%M}Z"
    return moment.isoformat()


def age(hours: Any) -> str:
    """Return an age in hours, or in days from two days on.

    Examples
    --------
    >>> age(0.2), age(30), age(75)
    ('under 1 h', '30 h', '3 days')
    """
    number = float(hours)
    if number < 1:
        return "under 1 h"
    return f"{number:.0f} h" if number < 48 else f"{number / 24:.0f} days"


def plural(number: int, thing: str) -> str:
    """Return a number with its thing.

    Examples
    --------
    >>> plural(1, "provider"), plural(14, "provider")
    ('1 provider', '14 providers')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


# Parts of an id of an accelerator, and how people write them.
GPU_WORDS: tuple[tuple[str, Any], ...] = (
    (r"-(\d+)GB$", r" \1 GB"), (r"-", " "), (r"^RTXPRO(?=\d)", "RTX PRO "),
    (r"^(RTX|GTX)(?=[A\d])", r"\1 "), (r"^RX(?=\d)", "RX "), (r"^ARCPRO", "Arc Pro "),
    (r"^GAUDI", "Gaudi "), (r"^TRAINIUM", "Trainium "), (r"^INFERENTIA", "Inferentia "),
    (r"^ASCEND", "Ascend "), (r"(?<=\d)(SE|WS|ADA|TI|XTX|SUPER)\b", r" \1"),
    (r"(?<=\d)MAXQ\b", " Max-Q"), (r"\bADA\b", "Ada"), (r"\bTI\b", "Ti"),
    (r"\bSUPER\b", "Super"), (r"\bPCIE\b", "PCIe"), (r"^TPU V", "TPU v"),
    (r"(?<=^TPU v\d)[EPIT]$", lambda found: found[0].lower()),
)  # fmt: skip


def gpu_name(gpu_id: Any, _: object = None) -> str:
    """Return an accelerator as people write it.

    Examples
    --------
    >>> gpu_name("H100-SXM-80GB"), gpu_name("RTXPRO6000SE-96GB"), gpu_name("TPU-V5E")
    ('H100 SXM 80 GB', 'RTX PRO 6000 SE 96 GB', 'TPU v5e')
    >>> gpu_name("RTX4090-24GB"), gpu_name("A100-PCIE-40GB"), gpu_name("GAUDI2-96GB")
    ('RTX 4090 24 GB', 'A100 PCIe 40 GB', 'Gaudi 2 96 GB')
    """
    return _gpu_name(str(gpu_id))


@cache
def _gpu_name(name: str) -> str:
    for pattern, written in GPU_WORDS:
        name = re.sub(pattern, written, name)
    return name


def words(value: Any, _: object = None) -> str:
    """Return an identifier as people would write it.

    Examples
    --------
    >>> words("on_demand")
    'on demand'
    """
    return str(value).replace("_", " ")


def percentage(fraction: float, _: object = None) -> str:
    """Return a fraction as a percentage whose sign is in the heading.

    Examples
    --------
    >>> percentage(0.46)
    '46'
    """
    return percent(fraction).removesuffix("\u00a0%")
