"""Bills as clouds write them: recognised by their columns, netted, and held against one market."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import pytest

from pipelines.answers.bill_columns import BillError
from tests.pipelines.commands.conftest import Rows, Truecost

Row = Mapping[str, str]
Ask = Callable[..., Rows]

FOCUS: Row = {
    "ProviderName": "AWS", "ServiceName": "Amazon Elastic Compute Cloud", "RegionId": "us-east-1",
    "ChargePeriodStart": "2026-08-09T00:00:00Z", "ChargeCategory": "Usage", "ChargeClass": "",
    "ChargeDescription": "", "PricingCategory": "Standard", "BillingCurrency": "USD",
    "EffectiveCost": "550.40", "BilledCost": "550.40", "ConsumedQuantity": "10",
    "ConsumedUnit": "Hours", "PricingQuantity": "10", "PricingUnit": "Hours",
    "SkuId": "A1B2C3D4", "SkuPriceDetails": "", "SkuMeter": "USE1-BoxUsage:p5.48xlarge",
    "CommitmentDiscountStatus": "", "CapacityReservationStatus": "", "x_UsageType": "",
    "x_SkuDetails": "", "x_TermMonths": "",
}  # fmt: skip
AWS: Row = {
    "line_item_line_item_type": "Usage", "line_item_usage_type": "USE1-BoxUsage:p5.48xlarge",
    "line_item_usage_start_date": "2026-08-09 00:00:00.000", "line_item_product_code": "AmazonEC2",
    "line_item_unblended_cost": "550.40", "line_item_usage_amount": "10", "pricing_unit": "Hrs",
    "line_item_currency_code": "USD", "product_region_code": "us-east-1",
    "product_instance_type": "p5.48xlarge", "reservation_effective_cost": "",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "",
    "reservation_unused_recurring_fee": "", "savings_plan_savings_plan_effective_cost": "",
    "savings_plan_total_commitment_to_date": "", "savings_plan_used_commitment": "",
    "pricing_lease_contract_length": "",
}  # fmt: skip
AZURE: Row = {
    "Date": "08/09/2026", "MeterCategory": "Virtual Machines", "MeterName": "ND96isr H100 v5",
    "ChargeType": "Usage", "PricingModel": "OnDemand", "CostInBillingCurrency": "983.20",
    "BillingCurrencyCode": "USD", "Quantity": "10", "UnitOfMeasure": "100 Hours",
    "ResourceLocation": "eastus", "AdditionalInfo": "", "Term": "",
}  # fmt: skip
GCP: Row = {
    "service.description": "Compute Engine", "sku.id": "E1D4-5C2A-0001",
    "sku.description": "Nvidia H100 80GB GPU running in Americas",
    "usage_start_time": "2026-08-09 00:00:00 UTC", "location.region": "us-central1",
    "cost": "783.72", "currency": "USD", "usage.amount": "288000", "usage.unit": "seconds",
    "credits": "[]", "cost_type": "regular", "system_labels": "",
}  # fmt: skip


def text_of(rows: Sequence[Row]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture
def bill(read_bill: Callable[..., Rows], tmp_path: Path) -> Ask:
    """Return a way to have the answer to a bill of rows."""

    def answer(*lines: Row, **options: bool) -> Rows:
        path = tmp_path / "rows.csv"
        path.write_text(text_of(lines), encoding="utf-8")
        return read_bill(path, **options)

    return answer


def without_counts(rows: Rows) -> Rows:
    """Return the answer without the number of items."""
    return [{name: value for name, value in row.items() if name != "items"} for row in rows]


# --- what is on a line

NAMED = {
    "meter": {},
    "usage type": {"SkuMeter": "", "x_UsageType": "BoxUsage:p5.48xlarge"},
    "description": {"SkuMeter": "",
                    "ChargeDescription": "$55.04 per On Demand Linux p5.48xlarge Instance Hour"},
    "details": {"SkuMeter": "Compute", "SkuPriceDetails": '{"InstanceType":"p5.48xlarge"}'},
    "issuer": {"ProviderName": "Amazon Web Services, Inc."},
    "null words": {"SkuPriceDetails": "NULL", "ChargeClass": "N/A", "ConsumedQuantity": "null",
                   "ConsumedUnit": "NULL", "EffectiveCost": "NULL"},
    "words of databases": {"SkuPriceDetails": r"\N", "ChargeClass": "(null)",
                           "ConsumedQuantity": "<NA>", "ConsumedUnit": "-", "EffectiveCost": "NaN"},
    "words of the preview": {"PricingCategory": "On-Demand"},
    "sign of dollars": {"EffectiveCost": "$550.40"},
    "short time": {"ChargePeriodStart": "2026-08-09T00:00Z"},
    "other zone": {"ChargePeriodStart": "2026-08-09T02:00:00+02:00"},
    "blocks": {"ConsumedQuantity": "", "ConsumedUnit": "", "PricingQuantity": "0.1",
               "PricingUnit": "100 Hours"},
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMED)
def test_a_line_is_read_alike_however_it_is_named(bill: Ask, kind: str) -> None:
    expected = bill(FOCUS)
    assert bill({**FOCUS, **NAMED[kind]}) == expected
    assert (expected[0]["gpu_hours"], expected[0]["reason"]) == (80, None)


AZURE_LINES = {
    "printed as Microsoft": {"ProviderName": "Microsoft"},
    "type in x_SkuDetails": {"SkuMeter": "",
                             "x_SkuDetails": '{"ServiceType":"Standard_ND96isr_H100_v5"}'},
}  # fmt: skip


ELSEWHERE = {
    "count in the sku": {"SkuId": "gpu_8x_h100_sxm5"},
    "count in the description": {"ChargeDescription": "8x NVIDIA H100 SXM5 80GB GPU, hourly"},
    "GPU hours": {"ChargeDescription": "NVIDIA H100 SXM5 80GB GPU", "ConsumedQuantity": "80",
                  "ConsumedUnit": "GPU-Hours"},
}  # fmt: skip


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_gpus_of_other_clouds_are_counted_where_the_bill_says_how_many(
    bill: Ask, kind: str
) -> None:
    line = {**FOCUS, "ProviderName": "Lambda Labs", "SkuMeter": "", "SkuId": "x"}
    (row,) = bill({**line, **ELSEWHERE[kind]})
    assert (row["gpu_id"], row["gpu_hours"], row["reason"]) == ("H100-SXM-80GB", 80, None)
    (row,) = bill({**line, "ChargeDescription": "NVIDIA H100 SXM5 80GB GPU, hourly"})
    assert (row["gpu_hours"], row["reason"]) == (None, "number of GPUs not known")


@pytest.mark.parametrize("kind", AZURE_LINES)
def test_azure_is_known_by_what_it_prints(bill: Ask, kind: str) -> None:
    azure = {**FOCUS, "ProviderName": "Microsoft Azure", "SkuMeter": "ND96isr H100 v5"}
    rows = bill({**azure, **AZURE_LINES[kind]})
    assert [(row["gpu_id"], row["gpu_hours"], row["reason"]) for row in rows] == [
        ("H100-SXM-80GB", 80, None)
    ]


NO_GPU_TIME = {
    "surcharge": ({"SkuMeter": "USE1-EBSOptimized:p5.48xlarge"}, "beside the instance"),
    "service on top": ({"ServiceName": "Amazon Elastic MapReduce"}, "beside the instance"),
    "reserved hours, paid where used": ({"SkuMeter": "USE1-Reservation:p5.48xlarge"},
                                        "beside the instance"),
    "unused box": ({"SkuMeter": "USE1-UnusedBox:p5.48xlarge"}, "unused capacity"),
    "cluster fee": ({"ServiceName": "Amazon EKS"}, "beside the instance"),
    "disk": ({"ProviderName": "Microsoft Azure", "PricingUnit": "Units/Month",
              "SkuMeter": "Premium SSD Managed Disks - P4 LRS"}, "no GPU is known for"),
    "purchase": ({"ChargeCategory": "Purchase"}, "charge of category Purchase"),
    "unused": ({"CommitmentDiscountStatus": "Unused", "PricingCategory": "Committed"},
               "unused capacity"),
    "unused block": ({"CapacityReservationStatus": "Unused"}, "unused capacity"),
    "billed only": ({"PricingCategory": "Committed", "EffectiveCost": ""},
                    "paid by a commitment"),
    "unknown term": ({"PricingCategory": "Committed"}, "length of the commitment not told"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NO_GPU_TIME)
def test_what_is_no_gpu_time_is_refused_with_its_reason(bill: Ask, kind: str) -> None:
    changes, reason = NO_GPU_TIME[kind]
    rows = bill({**FOCUS, **changes})
    assert [row["gpu_hours"] for row in rows] == [None]
    assert rows[0]["reason"].startswith(reason)
    assert rows[0]["paid_usd"] == 550.40


def test_the_purchase_tells_how_long_a_commitment_is(bill: Ask) -> None:
    columns = {"CommitmentDiscountId": "c1", "ChargePeriodEnd": "", "ChargeFrequency": ""}
    purchase = {
        **FOCUS, **columns, "ChargeCategory": "Purchase", "ChargeFrequency": "One-Time",
        "ChargePeriodStart": "2026-01-01T00:00:00Z", "ChargePeriodEnd": "2027-01-01T00:00:00Z",
    }  # fmt: skip
    used = {**FOCUS, **columns, "PricingCategory": "Committed"}
    reasons = {row["reason"] for row in bill(purchase, used)}
    assert "length of the commitment not told" not in reasons
    assert "length of the commitment not told" in {row["reason"] for row in bill(used)}


def test_capacity_that_was_not_used_is_told_beside_the_total(ask: Truecost, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text_of([FOCUS, {**FOCUS, "CapacityReservationStatus": "Unused"}]))
    assert "; 550 USD for capacity that was not used" in ask("bill", str(path)).output


# --- corrections, credits and refunds

BACK = {"ChargeClass": "Correction", "EffectiveCost": "-550.40", "BilledCost": "-550.40",
        "ConsumedQuantity": "-10", "PricingQuantity": "-10"}  # fmt: skip


def test_a_refund_leaves_nothing_paid_and_nothing_used(bill: Ask) -> None:
    (row,) = bill(FOCUS, {**FOCUS, **BACK})
    assert (row["gpu_hours"], row["paid_usd"], row["above_usd"]) == (0, 0, None)
    assert row["reason"].startswith("no GPU hours are left")


def test_a_correction_lowers_the_month_that_it_is_for(bill: Ask) -> None:
    july = {**FOCUS, **BACK, "ChargePeriodStart": "2026-07-20T00:00:00Z"}
    august, before = bill(FOCUS, july)
    assert august == bill(FOCUS)[0]
    assert (before["gpu_hours"], before["paid_usd"]) == (-80, -550.40)


CREDITS = {
    "credit without a quantity": {"ChargeCategory": "Credit", "ConsumedQuantity": "",
                                  "PricingQuantity": "", "PricingCategory": ""},
    "adjustment": {"ChargeCategory": "Adjustment"},
    "money back, quantity as it was": {},
    "correction without a quantity": {"ChargeClass": "Correction", "ConsumedQuantity": "0",
                                      "PricingCategory": ""},
}  # fmt: skip


@pytest.mark.parametrize("kind", CREDITS)
def test_a_credit_lowers_what_was_paid_to_the_cent(bill: Ask, kind: str) -> None:
    (row,) = bill(FOCUS, {**FOCUS, "EffectiveCost": "-100.13", **CREDITS[kind]})
    assert (row["gpu_hours"], row["paid_usd"], row["reason"]) == (80, 450.27, None)


@pytest.mark.parametrize("amount", ["(100.13)", "\u2212100.13", "-$100.13", "($100.13)"])
def test_a_credit_is_read_with_the_signs_of_a_spreadsheet(bill: Ask, amount: str) -> None:
    (row,) = bill(FOCUS, {**FOCUS, "ChargeCategory": "Credit", "EffectiveCost": amount})
    assert (row["gpu_hours"], row["paid_usd"], row["reason"]) == (80, 450.27, None)


COVERED = "paid by a commitment, whose fee is an item of its own"


def test_committed_usage_that_costs_nothing_is_covered_and_no_bargain(bill: Ask) -> None:
    free = {**FOCUS, "PricingCategory": "Committed", "EffectiveCost": "0", "BilledCost": "0"}
    assert [row["reason"] for row in bill(free)] == [COVERED]
    actual = {**AZURE, "PricingModel": "Reservation", "CostInBillingCurrency": "0", "Term": "36"}
    assert [row["reason"] for row in bill(actual)] == [COVERED]
    (row,) = bill({**actual, "CostInBillingCurrency": "400"})
    assert (row["purchase_model"], row["paid_usd"]) == ("reserved", 400)
    assert row["reason"] != COVERED


def test_a_credit_of_nothing_in_particular_stands_apart(bill: Ask) -> None:
    credit = {**FOCUS, "SkuMeter": "", "ChargeCategory": "Credit", "EffectiveCost": "-5"}
    rows = {row["reason"]: row["paid_usd"] for row in bill(FOCUS, credit)}
    assert rows == {None: 550.40, "credit that names no GPU": -5}


def some_rows(seed: int) -> list[dict[str, str]]:
    """Return lines of several GPUs, days and amounts."""
    choice = random.Random(seed)
    types = ("p5.48xlarge", "p4d.24xlarge", "g5.4xlarge", "m5.large")
    return [
        {
            **FOCUS, "SkuMeter": f"BoxUsage:{choice.choice(types)}",
            "ChargePeriodStart": f"2026-08-{choice.randint(1, 10):02}T05:00:00Z",
            "EffectiveCost": f"{choice.uniform(0.01, 900):.7f}",
            "ConsumedQuantity": f"{choice.uniform(0.01, 24):.6f}",
        }
        for _ in range(12)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_order_parts_and_reversals_change_nothing(bill: Ask, seed: int) -> None:
    rows = some_rows(seed)
    expected = bill(*rows)
    random.Random(seed).shuffle(rows)
    assert bill(*rows) == expected

    quarter = {
        name: f"{float(rows[0][name]) / 4:.9f}" for name in ("EffectiveCost", "ConsumedQuantity")
    }
    rest = {name: f"{float(rows[0][name]) - float(quarter[name]):.9f}" for name in quarter}
    split = [{**rows[0], **quarter}, {**rows[0], **rest}, *rows[1:]]
    for before, after in zip(without_counts(expected), without_counts(bill(*split)), strict=True):
        for name, value in before.items():
            is_number = isinstance(value, float)
            assert after[name] == (pytest.approx(value, rel=1e-9, abs=1e-9) if is_number else value)

    refund = {
        name: f"-{rows[0][name]}" for name in ("EffectiveCost", "ConsumedQuantity")
    } | {"ChargeClass": "Correction"}  # fmt: skip
    reversal = {**rows[0], "ChargeClass": "Correction"}
    again = bill(*rows, {**rows[0], **refund}, reversal)
    assert without_counts(again) == without_counts(expected)


# --- one market for all days


def test_a_hole_in_the_index_is_a_gap_and_no_other_market(bill: Ask) -> None:
    days = [{**FOCUS, "ChargePeriodStart": f"2026-08-{day:02}T00:00:00Z"} for day in range(1, 11)]
    alone = [bill(day)[0] for day in days]
    assert {row["market"] for row in alone} == {bill(*days)[0]["market"]}
    assert all(0 <= row["market_gap_days"] <= 31 for row in alone)
    assert len({row["market_usd_per_gpu_hour"] for row in alone}) <= len(
        {row["market_day"] for row in alone}
    )


# --- what clouds export themselves


@pytest.mark.parametrize("name", ["line_item_usage_type", "lineItem/UsageType"])
def test_the_cost_and_usage_report_of_aws_is_read(bill: Ask, name: str) -> None:
    old = {
        "line_item_line_item_type": "lineItem/LineItemType",
        "line_item_usage_type": "lineItem/UsageType",
        "product_instance_type": "product/instanceType",
    }
    renamed = {old.get(key, key) if "/" in name else key: value for key, value in AWS.items()}
    (row,) = bill(renamed)
    expected = bill(FOCUS)[0]
    for column in ("gpu_id", "gpu_hours", "paid_usd", "market_usd_per_gpu_hour", "purchase_model"):
        assert row[column] == expected[column]


def test_commitments_of_aws_are_spread_and_their_rest_stands_apart(bill: Ask) -> None:
    rows = bill(
        AWS,
        {**AWS, "line_item_line_item_type": "SavingsPlanCoveredUsage",
         "savings_plan_savings_plan_effective_cost": "300", "pricing_lease_contract_length": "1yr"},
        {**AWS, "line_item_line_item_type": "SavingsPlanNegation",
         "line_item_unblended_cost": "-550.40"},
        {**AWS, "line_item_line_item_type": "SavingsPlanRecurringFee",
         "line_item_unblended_cost": "400", "savings_plan_total_commitment_to_date": "400",
         "savings_plan_used_commitment": "300.25", "line_item_usage_type": "ComputeSP:1yrNoUpfront",
         "product_instance_type": ""},
        {**AWS, "line_item_line_item_type": "RIFee", "line_item_unblended_cost": "700",
         "reservation_unused_amortized_upfront_fee_for_billing_period": "1.5",
         "reservation_unused_recurring_fee": "2.25"},
        {**AWS, "line_item_line_item_type": "EdpDiscount", "line_item_unblended_cost": "-50.40"},
    )  # fmt: skip
    paid: dict[tuple[str | None, str | None], float] = {}
    for row in rows:
        key = (row["purchase_model"], row["reason"])
        paid[key] = paid.get(key, 0) + row["paid_usd"]
    assert sum(value for (_, reason), value in paid.items() if reason and "unused" in reason) == (
        pytest.approx(99.75 + 3.75)
    )
    assert sum(paid.values()) == pytest.approx(550.40 - 50.40 + 300 + 99.75 + 3.75)
    assert {row["paid_usd"] for row in rows if row["purchase_model"] == "reserved"} >= {300}


def test_cost_details_of_azure_are_read(bill: Ask) -> None:
    spot = {**AZURE, "MeterName": "ND96isr H100 v5 Spot", "PricingModel": "Spot"}
    licence = {**AZURE, "MeterCategory": "Virtual Machines Licenses",
               "AdditionalInfo": '"ServiceType":"Standard_ND96isr_H100_v5"'}  # fmt: skip
    unused = {**AZURE, "ChargeType": "UnusedReservation", "MeterName": ""}
    rows = bill(AZURE, spot, licence, unused, {**AZURE, "BillingCurrencyCode": "EUR"})
    on_demand = next(row for row in rows if row["reason"] is None)
    assert (on_demand["gpu_id"], on_demand["gpu_hours"]) == ("H100-SXM-80GB", 80)
    assert on_demand["paid_usd"] == 983.20
    assert {row["purchase_model"] for row in rows} == {"on_demand", "spot"}
    reasons = {row["reason"] for row in rows}
    assert {
        "beside the instance: a licence, a service or reserved hours",
        "unused capacity of a commitment", "not in US dollars: EUR",
    } <= reasons  # fmt: skip


def test_details_of_azure_that_do_not_tell_how_a_machine_was_bought_are_read(bill: Ask) -> None:
    for told, bought in (
        ({}, "on_demand"),
        ({"MeterName": "ND96isr H100 v5 Spot"}, "spot"),
        ({"ReservationId": "1f2e"}, "reserved"),
    ):
        (row,) = bill({**AZURE, "PricingModel": "", "ReservationId": "", **told})
        assert row["purchase_model"] == bought


def test_a_refund_of_azure_takes_its_hours_back(bill: Ask) -> None:
    refund = {**AZURE, "ChargeType": "Refund", "CostInBillingCurrency": "-98.32", "Quantity": "-1"}
    (row,) = bill(AZURE, refund)
    assert (row["gpu_hours"], row["paid_usd"]) == (72, 884.88)


def test_a_net_cost_of_aws_holds_its_discounts_once(bill: Ask) -> None:
    discount = {**AWS, "line_item_line_item_type": "EdpDiscount",
                "line_item_unblended_cost": "-50"}  # fmt: skip
    (row,) = bill(AWS, discount)
    assert (row["gpu_hours"], row["paid_usd"]) == (80, 500.40)
    net = "line_item_net_unblended_cost"
    (row,) = bill({**AWS, net: "500.40"}, {**discount, net: ""})
    assert (row["gpu_hours"], row["paid_usd"]) == (80, 500.40)


def test_credits_of_google_that_cannot_be_read_leave_the_cost_unknown(bill: Ask) -> None:
    (row,) = bill({**GCP, "credits": "[{'amount': -83.72}]"})
    assert (row["paid_usd"], row["reason"][:16]) == (None, "number not read:")


def test_a_model_of_consumption_of_google_is_a_commitment(bill: Ask) -> None:
    name = "consumption_model.description"
    (row,) = bill({**GCP, name: "Compute Flexible CUDs 3 Year"})
    assert (row["purchase_model"], row["paid_usd"]) == ("reserved", 783.72)
    (row,) = bill({**GCP, name: "Default"})
    assert row["purchase_model"] == "on_demand"


def test_the_billing_export_of_google_is_read_with_the_parts_of_its_machines(bill: Ask) -> None:
    label = '[{"key":"compute.googleapis.com/machine_spec","value":"a3-highgpu-8g"}]'
    gpu = {**GCP, "system_labels": label, "credits": '[{"amount":-3.72,"type":"PROMOTION"}]'}
    core = {**GCP, "sku.description": "A3 Instance Core running in Americas", "cost": "20",
            "system_labels": label}  # fmt: skip
    (row,) = bill(gpu, core)
    assert (row["gpu_id"], row["gpu_hours"], row["paid_usd"]) == ("H100-SXM-80GB", 80, 800)
    covered = {**gpu, "credits": '[{"amount":-783.72,"type":"COMMITTED_USAGE_DISCOUNT"}]'}
    fee = {**gpu, "sku.description": "Commitment v1: Nvidia H100 80GB GPU in Americas for 1 Year"}
    reasons = {row["reason"] for row in bill(covered, fee)}
    assert reasons == {
        "paid by a commitment, whose fee is an item of its own", "charge of category Purchase"
    }  # fmt: skip


def test_the_cost_table_of_google_is_read_with_its_credits(bill: Ask) -> None:
    usage = {
        "Service description": "Compute Engine", "SKU ID": "E1D4-5C2A-0001",
        "SKU description": "Nvidia H100 80GB GPU running in Americas", "Credit type": "",
        "Cost type": "Usage", "Usage start date": "2026-08-09", "Usage amount": "80",
        "Usage unit": "hour", "Unrounded Cost ($)": "783.72", "Cost ($)": "784",
    }  # fmt: skip
    credit = {
        **usage, "Credit type": "Promotion", "Usage amount": "", "Usage unit": "",
        "Unrounded Cost ($)": "-83.72", "Cost ($)": "-84",
    }  # fmt: skip
    (row,) = bill(usage, credit)
    assert (row["gpu_id"], row["gpu_hours"], row["paid_usd"]) == ("H100-SXM-80GB", 80, 700)


def test_an_export_with_nested_columns_is_read_from_parquet(
    ask: Truecost, bill: Ask, tmp_path: Path
) -> None:
    path = tmp_path / "export.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select {'id': 'x', 'description': 'Compute Engine'} as service,"
            " {'id': 'E1D4-5C2A-0001', 'description': 'Nvidia H100 80GB GPU running in Americas'}"
            " as sku, timestamptz '2026-08-09 00:00:00+00' as usage_start_time,"
            " {'region': 'us-central1'} as location, 783.72 as cost, 'USD' as currency,"
            " {'amount': 288000.0, 'unit': 'seconds'} as usage, 'regular' as cost_type,"
            " [{'name': 'x', 'amount': 0.0}] as credits) to '" + str(path) + "'"
        )
    answer = json.loads(ask("bill", str(path), "--json").stdout)
    assert [{**row, "moment": None} for row in answer] == [
        {**row, "moment": None} for row in bill(GCP)
    ]


def test_a_bill_of_no_known_layout_names_the_layouts(ask: Truecost, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text_of([{**AZURE, "Date": ""}]).replace("Quantity", "Number", 1))
    found = ask("bill", str(path))
    assert found.exit_code == 2
    assert "missing columns: Quantity or UsageQuantity (read as Azure cost details" in found.output


# --- the sample of the body that keeps FOCUS


def test_every_gpu_row_of_the_official_sample_is_known(ask: Truecost, recorded: Path) -> None:
    path = recorded / "golden" / "reported" / "focus10_official_gpu_rows.csv"
    rows = json.loads(ask("bill", str(path), "--json").stdout)
    items = {(row["gpu_id"], row["reason"]): row["items"] for row in rows}
    old = "no day within a month has a market price of 3 providers"  # September 2024
    disk = next(key for key in items if key[0] is None)
    assert disk[1].startswith("no GPU is known for")
    assert items == {("A10G-24GB", old): 8, ("M60-8GB", old): 2, disk: 1}


# --- tokens

DAY = "2026-11-15"
BEDROCK: Row = {
    **FOCUS, "ServiceName": "Amazon Bedrock", "ChargePeriodStart": f"{DAY}T08:00:00Z",
    "EffectiveCost": "7.92", "BilledCost": "7.92", "ConsumedQuantity": "10000",
    "ConsumedUnit": "1K tokens", "SkuMeter": "USE1-Llama3-3-70B-input-tokens",
}  # fmt: skip
OPENAI: Row = {
    **BEDROCK, "ProviderName": "Microsoft", "ServiceName": "Azure OpenAI",
    "EffectiveCost": "100", "ConsumedQuantity": "10", "ConsumedUnit": "1M",
    "SkuMeter": "gpt 4o 1120 Outp glbl Tokens",
}  # fmt: skip
VERTEX: Row = {
    **GCP, "service.description": "Vertex AI", "usage_start_time": f"{DAY} 08:00:00 UTC",
    "sku.description": "Gemini 2.5 Pro Text Input - Predictions", "cost": "12.5",
    "usage.amount": "10000000", "usage.unit": "count",
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "kind", "usd_per_million", "asked"),
    [
        (BEDROCK, "input", 0.792, 0.72),
        ({**BEDROCK, "SkuMeter": "", "x_UsageType": "USE1-Llama3-3-70B-input-tokens"},
         "input", 0.792, 0.72),
        (OPENAI, "output", 10, 10),
        ({**OPENAI, "SkuMeter": "gpt-4o-1120-cached-Inp-glbl Tokens", "EffectiveCost": "12.5"},
         "cache_read", 1.25, 1.25),
        ({**OPENAI, "ConsumedQuantity": "10000", "ConsumedUnit": "1K"}, "output", 10, 10),
        (VERTEX, "input", 1.25, 1.25),
    ],
)  # fmt: skip
def test_tokens_stand_beside_the_list_price_of_their_provider(
    bill: Ask, line: Row, kind: str, usd_per_million: float, asked: float
) -> None:
    (row,) = bill(line, is_by_token=True)
    assert (row["kind"], row["reason"], row["token_count"]) == (kind, None, 1e7)
    assert row["paid_usd_per_million_tokens"] == pytest.approx(usd_per_million)
    assert row["list_usd_per_million_tokens"] == pytest.approx(asked)
    assert row["above_usd"] == pytest.approx((usd_per_million - asked) * 10)
    (row,) = bill(line)
    assert row["reason"] == "billed by the token: truecost bill --tokens"


def test_the_cheapest_provider_of_the_same_model_is_named(bill: Ask) -> None:
    (row,) = bill(BEDROCK, is_by_token=True)
    assert 0 < row["cheapest_usd_per_million_tokens"] < row["list_usd_per_million_tokens"]
    assert row["cheapest_api_provider_id"] not in (None, "aws")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ConsumedUnit": "Hours"}, "unit is no count of tokens: hours"),
        ({"BillingCurrency": "EUR"}, "not in US dollars: EUR"),
        ({"ChargePeriodStart": "2020-01-01T00:00:00Z"}, "no list price on that day"),
        ({"SkuMeter": "USE1-Llama3-3-70B-input-tokens-priority"}, "no list price on that day"),
    ],
)
def test_what_cannot_be_held_against_a_list_price_says_why(
    bill: Ask, changes: Row, reason: str
) -> None:
    (row,) = bill({**BEDROCK, **changes}, is_by_token=True)
    assert (row["reason"], row["list_usd_per_million_tokens"]) == (reason, None)


@pytest.mark.parametrize("other", ["realtime", "audio", "mini", "5"])
def test_a_word_that_is_not_understood_makes_it_no_model(bill: Ask, other: str) -> None:
    line = {**OPENAI, "SkuMeter": f"gpt 4o {other} 1120 Outp glbl Tokens"}
    assert [row["model"] for row in bill(line, is_by_token=True)] == []
    (row,) = bill(line)
    assert row["reason"].startswith("no GPU is known for")


def test_a_credit_lowers_what_was_paid_and_counts_no_token_twice(bill: Ask) -> None:
    credit = {**BEDROCK, "ChargeCategory": "Credit", "EffectiveCost": "-0.72"}
    (row,) = bill(BEDROCK, credit, is_by_token=True)
    assert (row["token_count"], row["items"]) == (1e7, 2)
    assert row["above_usd"] == pytest.approx(0)


def test_two_columns_of_one_name_are_refused(
    read_bill: Callable[..., Rows], tmp_path: Path
) -> None:
    path = tmp_path / "twice.csv"
    lines = text_of([BEDROCK]).splitlines()
    path.write_text(f"{lines[0]},BilledCost\n{lines[1]},1.00\n")
    with pytest.raises(BillError, match="two columns are called BilledCost: delete one"):
        read_bill(path)
