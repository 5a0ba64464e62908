"""The units that a figure of the reference data may have, and the way to the SI base unit.

Here belongs the registry of units, as data. Which field measures what is said by the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

ONE = Decimal(1)

# By what they measure. The factor leads to the base unit, which is the first of its group. Where
# all factors are 1 the units name things, not multiples, and a figure keeps its own.
UNITS: Mapping[str, Mapping[str, Decimal]] = {
    "bytes": {
        "bytes": ONE,
        "megabytes": Decimal(10**6),
        "gigabytes": Decimal(10**9),
        "terabytes": Decimal(10**12),
        "mebibytes": Decimal(2**20),
        "gibibytes": Decimal(2**30),
    },
    "bytes_per_second": {
        "bytes_per_second": ONE,
        "gigabytes_per_second": Decimal(10**9),
        "terabytes_per_second": Decimal(10**12),
    },
    "flops_per_second": {
        "flops_per_second": ONE,
        "gigaflops_per_second": Decimal(10**9),
        "teraflops_per_second": Decimal(10**12),
        "petaflops_per_second": Decimal(10**15),
    },
    "flop": {"flop": ONE},
    "watts": {"watts": ONE, "kilowatts": Decimal(10**3)},
    "hours": {name: ONE for name in ("hour", "hours", "gpu_hour")},
    "seconds": {
        "seconds": ONE,
        "milliseconds": Decimal("1e-3"),
        "microseconds": Decimal("1e-6"),
    },
    "fraction": {"fraction": ONE, "percent": Decimal("0.01")},
    "ratio": {"ratio": ONE, "fraction": ONE},
    "date": {"date": ONE},
    "usd": {"usd": ONE},
    "rate": {
        name: ONE
        for name in (
            *("token_per_second", "token_per_parameter", "usd_per_kwh", "usd_per_gpu_hour"),
        )
    },
    "count": {
        name: ONE
        for name in (
            *("count", "1", "parameter", "token", "layer", "head", "expert", "dimension", "gpu"),
            *("chip", "bit", "request", "user", "sequence"),
        )
    },
}

_FACTORS: Mapping[str, tuple[str, Decimal]] = {
    unit: (next(iter(units)) if len(set(units.values())) > 1 else unit, factor)
    for units in reversed(list(UNITS.values()))
    for unit, factor in units.items()
}


def in_base_unit(value: float, unit: str) -> tuple[int | float, str]:
    """Return a figure in the base unit, and that unit.

    Bytes and counts written as whole numbers stay whole; the factor is applied in decimal, so
    that 989.4 teraflops are 989.4e12 to the last bit.

    Parameters
    ----------
    value : int or float
    unit : str
        One of ``UNITS``.

    Raises
    ------
    KeyError
        If there is no such unit.

    Examples
    --------
    >>> in_base_unit(80, "gigabytes"), in_base_unit(989.4, "teraflops_per_second")
    ((80000000000, 'bytes'), (989400000000000.0, 'flops_per_second'))
    """
    base_unit, factor = _FACTORS[unit]
    number = Decimal(str(value)) * factor
    if base_unit == "bytes" or (isinstance(value, int) and unit in UNITS["count"]):
        return int(number), base_unit
    return float(number), base_unit
