"""Dated prices of chips, and how Cottier et al. (arXiv:2405.21015) find the one for a model.

Here belong the price records and the lookups over them. Which price a run needs is decided by
``rules`` and ``estimates``; where the rows come from is not known here.
"""

from __future__ import annotations

import copy
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cost_engine import prices
from cost_engine.training.published.figures import Figures
from cost_engine.training.published.rules import (
    CLEAN,
    DELIVERY_DAYS,
    Chip,
    Run,
    Vintage,
    gpu_family,
)

_SERVER_SHARE = re.compile(r"DGX|HGX|8x? ?GPU|/ ?8")


@dataclass(frozen=True, slots=True)
class PurchasePrice:
    """A dated price to buy one chip (a share of a server where the notes say DGX) [USD]."""

    hardware: str
    priced_on: date | None
    usd: float
    notes: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class RentalPrice:
    """A dated price list entry: what one chip costs an hour, by commitment [USD / (chip h)]."""

    hardware: str
    vendor: str
    priced_on: date
    on_demand: float | None = None
    one_year: float | None = None
    three_year: float | None = None
    source: str = ""
    location: str = ""


PRICE_TYPES = (
    ("three_year", "Price per chip-hour (3-year CUD)"),
    ("one_year", "Price per chip-hour (1-year CUD)"),
    ("on_demand", "Price per chip-hour (on-demand)"),
)
"""Field and printed name, in the order in which they are tried."""

LONGEST_DAYS = 365
"""A price list further from a day than this says nothing of that day. [d]"""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How the purchase price of a chip was found."""

    raw_usd: float
    overhead_applied: float
    acquired_on: date
    price: PurchasePrice | None = None

    @property
    def usd(self) -> float:
        """Price of one chip with its share of the server [USD]."""
        return self.raw_usd * self.overhead_applied


@dataclass(frozen=True, slots=True)
class CloudPrice:
    """How the rental price of a chip was found. ``usd_per_hour`` is at three years' commitment."""

    usd_per_hour: float
    vendor: str
    price_type: str
    priced_on: date
    source: str
    same_day_usd: tuple[float | None, ...]

    @property
    def is_ambiguous(self) -> bool:
        """Whether the list has other prices of the same vendor, chip, type and day."""
        return len(self.same_day_usd) > 1


class PriceTables:
    """The price, chip and deflator rows of one vintage, indexed once.

    Parameters
    ----------
    chips, purchases, rentals : sequence
        Rows in file order (ties between rows of one day go to the first).
    price_index : mapping of str to float
        Month ``YYYY-MM`` to producer price index. [1]
    usd_per_kwh_by_year : mapping of int to float
        Price of industrial electricity. [USD / kWh]
    figures : Figures
        What the method takes as given.
    """

    def __init__(
        self,
        chips: Iterable[Chip],
        purchases: Sequence[PurchasePrice],
        rentals: Sequence[RentalPrice],
        price_index: Mapping[str, float],
        usd_per_kwh_by_year: Mapping[int, float],
        figures: Figures,
    ) -> None:
        self.figures = figures
        self.usd_per_kwh_by_year = dict(usd_per_kwh_by_year)
        self.chips: dict[str, Chip] = {}
        for chip in chips:
            self.chips.setdefault(chip.name, chip)
        self.price_index = dict(price_index)
        self._purchases = sorted(purchases, key=lambda row: row.priced_on or date.max)
        self._rentals: dict[tuple[str, str], list[RentalPrice]] = defaultdict(list)
        for row in rentals:
            self._rentals[row.vendor, row.hardware].append(row)
        for rows in self._rentals.values():
            rows.sort(key=lambda row: row.priced_on)
        self._acquisitions: dict[tuple[str, str], Acquisition | None] = {}
        self._vendors_of: dict[tuple[str, str, tuple[str, ...] | None], list[str]] = {}
        self._found_rows: dict[tuple[str, str], tuple[list[RentalPrice], list[date]]] = {}
        self.vendors = tuple(dict.fromkeys(row.vendor for row in rentals))
        self._family_rows: dict[tuple[str, bool], PurchasePrice | None] = {}

    def with_chips(
        self, chips: Mapping[str, Chip], usd_per_kwh_by_year: Mapping[int, float]
    ) -> PriceTables:
        """Return the same prices with other chips and other prices of electricity."""
        other = copy.copy(self)
        other.chips = dict(chips)
        other.usd_per_kwh_by_year = dict(usd_per_kwh_by_year)
        other._acquisitions = {}
        return other

    def family_price(self, family: str, *, is_last_taken: bool = False) -> PurchasePrice | None:
        """Return the purchase row of a GPU family: the first DGX price, else the earliest.

        Of several such rows of one day the first counts, or the last (``is_last_taken``).
        """
        key = (family, is_last_taken)
        if key not in self._family_rows:
            rows = [row for row in self._purchases if family in row.hardware]
            candidates = [row for row in rows if "DGX" in row.notes] or rows
            same_day = [row for row in candidates if row.priced_on == candidates[0].priced_on]
            self._family_rows[key] = same_day[-1 if is_last_taken else 0] if same_day else None
        return self._family_rows[key]

    def acquisition(self, hardware: str, vintage: Vintage = CLEAN) -> Acquisition | None:
        """Return the purchase price and date of a chip, or None where the method has none."""
        key = (hardware, vintage.name)
        if key not in self._acquisitions:
            self._acquisitions[key] = self._acquisition(hardware, vintage)
        return self._acquisitions[key]

    def _acquisition(self, hardware: str, vintage: Vintage) -> Acquisition | None:
        chip = self.chips.get(hardware)
        released_on = chip.released_on if chip else None
        if "TPU" in hardware:
            equivalents = self.figures.tpu_equivalent_usd
            usd = next((usd for name, usd in equivalents.items() if name in hardware), None)
            if usd is not None and released_on is not None:
                overhead = self.figures.server_overhead(hardware)
                return Acquisition(usd, overhead, released_on)
            return self._own_price(hardware) if vintage.is_clean else None
        family = gpu_family(hardware, self.figures.purchase_families, is_clean=vintage.is_clean)
        if family is None and vintage.is_clean:
            return self._own_price(hardware)
        row = (
            self.family_price(family, is_last_taken=vintage.is_last_purchase_of_a_day_taken)
            if family
            else None
        )
        if row is None or row.priced_on is None:
            return None
        is_single = "single-unit" in row.notes.lower()
        acquired_on = row.priced_on
        if released_on is not None:
            acquired_on = max(acquired_on, released_on + timedelta(days=DELIVERY_DAYS))
        return Acquisition(
            row.usd, self.figures.server_overhead(hardware) if is_single else 1.0, acquired_on, row
        )

    def _own_price(self, hardware: str) -> Acquisition | None:
        """Return the earliest price of exactly this chip, a share of a server before a single one.

        What the published families leave out: H200, H800, H20, A800, B200, MI300X, TPU v5 and v6.
        """
        rows = [row for row in self._purchases if row.hardware == hardware and row.priced_on]
        shares = [row for row in rows if _SERVER_SHARE.search(row.notes)]
        row = next(iter(shares or rows), None)
        if row is None or row.priced_on is None:
            return None
        overhead = 1.0 if shares else self.figures.server_overhead(hardware)
        chip = self.chips.get(hardware)
        released_on = chip.released_on if chip else None
        is_new = released_on is not None and chip is not None and not chip.is_tpu
        first = released_on + timedelta(days=DELIVERY_DAYS) if is_new and released_on else None
        return Acquisition(row.usd, overhead, first or row.priced_on, row)

    def vendor_order(self, run: Run, vintage: Vintage) -> list[str]:
        """Return the vendors to ask, first the one that the organisation uses."""
        vendors = vintage.vendors or (*self.figures.vendor_order, *self.vendors)
        return self.figures.vendors_for(run.organization, run.hardware, vendors)

    def _row(self, vendor: str, hardware: str, on: date) -> RentalPrice | None:
        """Return the newest row on or before ``on``, else the first one after."""
        rows, days = self._vendor_rows(vendor, hardware)
        if not rows:
            return None
        position = bisect_right(days, on)
        return rows[bisect_left(days, days[position - 1])] if position else rows[0]

    def _vendor_rows(self, vendor: str, hardware: str) -> tuple[list[RentalPrice], list[date]]:
        """Return a vendor's rows of a chip by date: the exact name, else a name for its kind."""
        key = (vendor, hardware)
        if key not in self._found_rows:
            simple = self.figures.rental_names.get(hardware, hardware)
            words = simple.split()
            kin = (
                name for name in self.figures.rental_names if all(word in name for word in words)
            )
            names = (hardware, simple, *kin)
            candidates = (self._rentals.get((vendor, name)) for name in names)
            rows = next((rows for rows in candidates if rows), [])
            self._found_rows[key] = (rows, [row.priced_on for row in rows])
        return self._found_rows[key]

    def cloud_price(self, run: Run, on: datetime, vintage: Vintage = CLEAN) -> CloudPrice | None:
        """Return the three-year price an hour of the run's chip on a day, or None."""
        day = on.date()
        rows = [
            (vendor, row)
            for vendor in self._vendors_with_rows(run, vintage)
            if (row := self._row(vendor, run.hardware, day)) is not None
        ]
        for price_type, label in PRICE_TYPES:
            for vendor, row in rows:
                found: float | None = getattr(row, price_type)
                if found is None:
                    continue
                if price_type == "three_year":
                    usd = found
                elif vendor in self.figures.committed_discounts:
                    one_year, three_year = self.figures.committed_discounts[vendor]
                    discount = one_year if price_type == "one_year" else 0.0
                    usd = prices.committed_price(found, discount, three_year)
                else:
                    continue  # the published program ends with a KeyError here
                same_day = self._same_day(vendor, run.hardware, row, price_type)
                return CloudPrice(usd, vendor, label, row.priced_on, row.source, same_day)
        return None

    def observed_rental(
        self, run: Run, on: datetime, price_type: str, vintage: Vintage = CLEAN
    ) -> RentalPrice | None:
        """Return the listed price of the run's chip under one contract, nearest to a day.

        Nothing is converted from another contract. The cloud that the organisation uses comes
        first, then the others in order; a price further than ``LONGEST_DAYS`` from the day is none.

        Parameters
        ----------
        run : Run
        on : datetime
        price_type : {"on_demand", "one_year", "three_year"}
            A field of ``RentalPrice``.
        vintage : Vintage
        """
        day = on.date()
        for vendor in self._vendors_with_rows(run, vintage):
            rows, _ = self._vendor_rows(vendor, run.hardware)
            near = [
                row
                for row in rows
                if getattr(row, price_type) and abs((row.priced_on - day).days) <= LONGEST_DAYS
            ]
            if near:
                return min(near, key=lambda row: abs((row.priced_on - day).days))
        return None

    def _vendors_with_rows(self, run: Run, vintage: Vintage) -> list[str]:
        """Return the vendors to ask that have any price of the run's chip, in order."""
        order = self.vendor_order(run, vintage)
        key = (run.hardware, order[0], vintage.vendors)
        if key not in self._vendors_of:
            self._vendors_of[key] = [v for v in order if self._vendor_rows(v, run.hardware)[0]]
        return self._vendors_of[key]

    def _same_day(
        self, vendor: str, hardware: str, row: RentalPrice, price_type: str
    ) -> tuple[float | None, ...]:
        rows, days = self._vendor_rows(vendor, hardware)
        first = bisect_left(days, row.priced_on)
        last = bisect_right(days, row.priced_on)
        found: set[float | None] = {getattr(other, price_type) for other in rows[first:last]}
        return tuple(sorted(found, key=lambda price: (price is None, price)))

    def inflation_factor(self, published_on: date, real_month: str) -> float | None:
        """Return the factor to money of ``real_month``, or None without an index."""
        then = self.price_index.get(f"{published_on.year:04d}-{published_on.month:02d}")
        now = self.price_index.get(real_month)
        return now / then if then and now else None
