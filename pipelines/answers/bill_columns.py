"""The columns of a bill by layout: FOCUS, and what AWS, Azure and Google Cloud export themselves.

A layout is recognised by columns that no other has. Names are compared without case, spaces and
signs, so ``lineItem/UsageType`` of the old AWS report is ``line_item_usage_type`` of the new one.
How the columns of a layout become a line of a bill belongs to ``reports/bill_text_<layout>.sql``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class BillError(ValueError):
    """A file that is no bill that can be read; one line that says what is missing."""


def folded(name: str) -> str:
    """Return a name of a column without case, spaces and signs.

    Examples
    --------
    >>> folded("lineItem/UsageType") == folded("line_item_usage_type")
    True
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True)
class Layout:
    """The columns of one kind of bill."""

    name: str
    title: str
    marks: tuple[str, ...]  # all of them are in a bill of this layout
    needed: tuple[tuple[str, ...], ...]  # one of each
    useful: tuple[str, ...]

    @property
    def columns(self) -> set[str]:
        """Return the folded names of all columns that are read."""
        names = (*self.marks, *(name for choices in self.needed for name in choices), *self.useful)
        return {folded(name) for name in names}


# FOCUS 1.0 to 1.4: https://focus.finops.org. Columns with x_ are those of AWS, Azure and others.
FOCUS = Layout(
    "focus",
    "FOCUS",
    marks=(),
    needed=(
        ("ProviderName", "ServiceProviderName", "HostProviderName", "Provider",
         "InvoiceIssuerName", "InvoiceIssuer"),
        ("ServiceName", "ServiceCategory"),
        ("ChargePeriodStart",),
        ("EffectiveCost", "BilledCost"),
        ("ConsumedQuantity", "PricingQuantity"),
        ("ConsumedUnit", "PricingUnit"),
    ),
    useful=(
        "RegionId", "RegionName", "PricingCategory", "ChargeCategory", "ChargeClass",
        "BillingCurrency", "SkuId", "SkuPriceId", "ResourceType", "SkuMeter", "SkuPriceDetails",
        "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "CommitmentDiscountId",
        "CommitmentDiscountStatus", "CapacityReservationStatus",
        "x_InstanceType", "x_GpuModel", "x_GpuCount", "x_TermMonths", "x_SkuTerm", "x_UsageType",
        "x_SkuDetails", "x_SkuMeterName", "x_SkuDescription",
    ),
)  # fmt: skip

# https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html, and the report
# before it, whose names differ in signs only.
AWS = Layout(
    "aws",
    "AWS cost and usage report",
    marks=("line_item_line_item_type", "line_item_usage_type"),
    needed=(
        ("line_item_usage_start_date",),
        ("line_item_unblended_cost", "line_item_net_unblended_cost"),
        ("line_item_usage_amount",),
        ("pricing_unit",),
    ),
    useful=(
        "line_item_product_code", "product_product_name", "product_region_code", "product_region",
        "product_instance_type", "product_sku", "product", "line_item_line_item_description",
        "line_item_currency_code", "pricing_lease_contract_length", "savings_plan_purchase_term",
        "capacity_reservation_capacity_reservation_status",
        "reservation_effective_cost", "reservation_net_effective_cost",
        "reservation_unused_amortized_upfront_fee_for_billing_period",
        "reservation_net_unused_amortized_upfront_fee_for_billing_period",
        "reservation_unused_recurring_fee", "reservation_net_unused_recurring_fee",
        "savings_plan_savings_plan_effective_cost",
        "savings_plan_net_savings_plan_effective_cost",
        "savings_plan_total_commitment_to_date", "savings_plan_used_commitment",
    ),
)  # fmt: skip

# https://learn.microsoft.com/azure/cost-management-billing/dataset-schema/schema-index
AZURE = Layout(
    "azure",
    "Azure cost details",
    marks=("MeterCategory", "UnitOfMeasure"),
    needed=(
        ("Date", "UsageDateTime", "UsageDate"),
        ("CostInUsd", "CostInBillingCurrency", "Cost", "PreTaxCost"),
        ("Quantity", "UsageQuantity"),
    ),
    useful=(
        "BillingCurrencyCode", "BillingCurrency", "Currency", "ResourceLocation",
        "ResourceLocationNormalized", "MeterRegion", "MeterName", "MeterSubCategory", "MeterId",
        "ProductName", "Product", "AdditionalInfo", "ChargeType", "PricingModel", "Term",
        "ReservationId",
    ),
)  # fmt: skip

# https://docs.cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/standard-usage, and
# the cost table of the console, with spaces in its names.
GCP = Layout(
    "gcp",
    "Google Cloud billing export",
    marks=("sku.description",),
    needed=(
        ("usage_start_time", "Usage start date"),
        ("cost", "Unrounded Cost ($)", "Cost ($)"),
        ("usage.amount", "usage.amount_in_pricing_units"),
        ("usage.unit", "usage.pricing_unit"),
    ),
    useful=(
        "service.description", "sku.id", "location.region", "location.location", "cost_type",
        "Credit type", "credits", "currency", "system_labels", "consumption_model.description",
    ),
)  # fmt: skip
LAYOUTS = (AWS, AZURE, GCP, FOCUS)  # FOCUS last: what has the marks of none is held against it
ALL_COLUMNS = sorted(set().union(*(layout.columns for layout in LAYOUTS)))


def layout_of(names: Iterable[str]) -> Layout:
    """Return the layout of a bill with these columns.

    Raises
    ------
    BillError
        If a column that is needed is missing.

    Examples
    --------
    >>> layout_of(["ProviderName"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipelines.answers.bill_columns.BillError: missing columns: ServiceName or ServiceCategory, ...
    """
    there = {folded(name) for name in names}
    layout = next(one for one in LAYOUTS if there.issuperset(map(folded, one.marks)))
    missing = [
        " or ".join(choices) for choices in layout.needed if there.isdisjoint(map(folded, choices))
    ]
    if missing:
        titles = ", ".join(one.title for one in LAYOUTS if one is not layout)
        read_as = f" (read as {layout.title}; {titles} have other columns)"
        raise BillError(f"missing columns: {', '.join(missing)}{read_as}")
    return layout


def printed_twice(names: Iterable[str]) -> str | None:
    """Return a column of a layout that a file has twice: DuckDB calls the second one NAME_1.

    Examples
    --------
    >>> printed_twice(["BilledCost", "SkuId", "billedcost_1"]), printed_twice(["a", "a_1"])
    ('BilledCost', None)
    """
    names = list(names)
    numbered = {re.sub(r"_\d+$", "", name).lower() for name in names if re.search(r"_\d+$", name)}
    return next((n for n in names if n.lower() in numbered and folded(n) in ALL_COLUMNS), None)


def selection(expressions: Mapping[str, str]) -> str:
    """Return the query of ``bill_file`` that gives every column of every layout as text.

    Parameters
    ----------
    expressions : mapping
        How each column of the file is read as text, by its name. Of two names that fold alike the
        first counts. Absent columns are null, as are words for nothing.

    Examples
    --------
    >>> selection({"SkuId": '"SkuId"'}).splitlines()[-2:]
    ['    null::varchar as xusagetype', 'from bill_file']
    >>> "cleaned_text" in selection({"SkuId": '"SkuId"'})
    False
    """
    found: dict[str, str] = {}
    for name, expression in expressions.items():
        found.setdefault(folded(name), expression)
    columns = [
        NOTHING.format(text=found[name], name=name) if name in found else f"null::varchar as {name}"
        for name in ALL_COLUMNS
    ]
    joined = ",\n    ".join(columns)
    return f"select\n    {joined}\nfrom bill_file"


# Words that exports write where a cell has no value.
NOTHING = (
    r"case when lower(trim({text})) not in ('', '-', 'null', '(null)', '\n', 'n/a', '#n/a', '<na>',"
    " 'nan', 'nil', 'none')"
    " then trim({text}) end as {name}"
)
