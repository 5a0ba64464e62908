"""How ``truecost train`` prints a plan and what the warehouse knows of a model's training.

Rows in, tables out. The rows are made in ``pipelines.answers.train`` and ``training_known``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cost_engine.units import GIGABYTE, KILOGRAMS_PER_TONNE, KILOWATT_HOURS_PER_MEGAWATT_HOUR
from pipelines.commands.amounts import print_assumptions
from pipelines.commands.answer import money, print_document, print_rows, print_sentence, print_table

CREDIT = "Model data: Epoch AI, epoch.ai, CC BY 4.0"


def print_history(
    history: list[dict[str, Any]], then_and_now: list[dict[str, Any]], output: str | None
) -> None:
    """Print the costs of a model by method and price, and its rent then and now by contract."""
    columns = [
        *("method", "price_basis", "day", "hardware", "gpu_hours", "usd_nominal", "usd_real"),
        *("low", "high", "confidence", "reason"),
    ]
    if output == "json":
        print_document({"history": history, "then_and_now": then_and_now})
        return
    title = f"{history[0]['model']}: cost by method and price, USD, 90 % interval"
    print_rows(columns, [[row[name] for name in columns] for row in history], output, title)
    if output in (None, "table"):
        _print_then_and_now(then_and_now)
        print_sentence(CREDIT)


def _print_then_and_now(rows: list[dict[str, Any]]) -> None:
    """Print the rent of a run then and now by contract, and what each side rests on."""
    for row in rows:
        months, count = row["commitment_months"], row["now_provider_count"]
        sellers = f"{count} {row['market_family']}{'' if count == 1 else 's'}" if count else None
        change = row["change_fraction"]
        print_table(
            ("", "USD", "USD/GPU-h", "chip", "asked by", "day", "withheld because"),
            [
                ("then", row["then_usd"], row["then_usd_per_gpu_hour"], row["then_hardware"],
                 row["then_provider_id"], row["then_day"], row["then_reason"]),
                ("now", row["now_usd"], row["now_usd_per_gpu_hour"], row["now_gpu_id"],
                 sellers, row["now_day"], row["now_reason"]),
            ],
            f"rented {f'reserved for {months} months' if months else 'on demand'}, then and now"
            + ("" if change is None else f": {change:+.0%} ({row['confidence']} confidence)"),
        )  # fmt: skip


def _per(value: float | None, unit: float) -> float | None:
    """Return a value in a larger unit, None where it is not known."""
    return value / unit if value else None


def _between(low: float, high: float) -> tuple[float, float]:
    return low, high


def _around(answer: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    """Return the rows on test runs, staff and text."""
    runs, text, whole = answer["test_runs"], answer["text"], answer.get("development")
    where = "in the cost" if runs["is_in_cost"] else "not in the cost"
    rows: list[tuple[str, Any, str]] = [
        (f"test and failed runs, {where}", runs["usd"], "USD"),
        ("90 % interval", _between(runs["low"], runs["high"]), "USD"),
    ]
    if whole:
        rows += [
            ("R&D staff", whole["staff_usd"], "USD"),
            ("development: all runs and staff", whole["usd"], "USD"),
            ("80 % interval", _between(whole["low_80"], whole["high_80"]), "USD"),
        ]
    if text:
        rows.append(("share of all public text", text["share_of_stock"], "1"))
    return rows


def print_plan(answer: Mapping[str, Any]) -> None:
    """Print a plan, its alternatives and what it depends on."""
    size, plan, memory, power = answer["model"], answer["plan"], answer["memory"], answer["energy"]
    print_table(
        ("", "value", "unit"),
        [
            ("parameters", float(size["parameters"]), ""),
            ("tokens", float(size["tokens"]), "token"),
            ("compute", f"{size['flops']:.3g}", "FLOP"),
            ("predicted loss, corrected fit", size["losses"].get("corrected"), "nat/token"),
            ("training state", _per(memory["training_state_bytes"], GIGABYTE), "GB"),
            ("GPUs that hold one copy", memory["minimum_gpus"], answer["gpu"]["gpu_id"]),
            ("activations on each", _per(memory["activation_bytes_per_gpu"], GIGABYTE), "GB"),
            ("cluster", plan["gpu_count"], "GPU"),
            ("utilisation x goodput", plan["utilisation_fraction"] * plan["goodput_fraction"], "1"),
            ("duration of the final run", plan["days"], "d"),
            ("GPU-hours", plan["gpu_hours"], "GPU h"),
            ("90 % interval", _between(plan["gpu_hours_low"], plan["gpu_hours_high"]), "GPU h"),
            ("price", answer["gpu"]["usd_per_gpu_hour"], "USD/(GPU h)"),
            ("cost", plan["usd"], "USD"),
            ("80 % interval", _between(plan["low_80"], plan["high_80"]), "USD"),
            ("90 % interval", _between(plan["low"], plan["high"]), "USD"),
            ("energy", _per(power["kwh"], KILOWATT_HOURS_PER_MEGAWATT_HOUR), "MWh"),
            ("electricity", power["electricity_usd"], f"USD, {power['country']}"),
            ("carbon", _per(power["carbon_kg"], KILOGRAMS_PER_TONNE), "tCO2e"),
            ("power of the site, at most", answer["cluster_megawatts"], "MW"),
            *_around(answer),
        ],
        f"Training on {answer['gpu']['gpu_id']} ({answer['gpu']['price_source']})",
    )
    if "reservation" in answer:
        row = answer["reservation"]
        print_sentence(
            f"on a term of {row['commitment_months']:g} months: {row['multiplier']:.2f} times the"
            f" price of the months used, {money(row['usd'], 0)}"
        )
    print_table(
        ("GPUs", "days", "USD"),
        [(row["gpu_count"], row["days"], row["usd"]) for row in answer["frontier"]],
        "time against cost",
    )
    if answer["text"] and answer["text"]["share_of_stock"] > 1:
        print_sentence(
            "More tokens than there is public text: they are repeated, made by machines, or not"
            " public."
        )
    if answer["offers"]:
        columns = (
            *("gpu_id", "provider_id", "gpu_count", "purchase_model", "usd_per_gpu_hour"),
            *("minimum_gpus", "gpu_hours", "usd"),
        )
        print_table(
            columns,
            [[row[name] for name in columns] for row in answer["offers"]],
            "cheapest whole servers, at the same utilisation (how many are available is not known)",
        )
    print_assumptions(answer["assumptions"], ("value", "low", "high", "unit", "source"))
    if answer["history"]:
        print_history(answer["history"], answer["then_and_now"], None)
