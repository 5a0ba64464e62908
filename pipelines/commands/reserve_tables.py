"""How ``truecost reserve`` prints its plans and the term structure; nothing is computed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.amounts import known_gpu
from pipelines.commands.answer import print_rows, print_sentence
from pipelines.commands.basis import refuse_other_class
from pipelines.commands.opening import moment, published

if TYPE_CHECKING:
    from cost_engine.load import Load

TERMS_SHOWN = (
    "provider_id", "commitment_months", "usd_per_gpu_hour", "usd_per_gpu_month",
    "discount_fraction", "forward_from_months", "forward_usd_per_gpu_hour", "provider_count",
)  # fmt: skip


def print_terms(
    gpu: str | None,
    reference_region: str,
    past: Past | None,
    output: str | None,
    *,
    is_data_center_only: bool,
) -> None:
    """Print what each provider asks by term, and what its terms imply for later."""
    from pipelines.answers.reserve import term_structure

    if gpu is None:
        raise Refused("--terms needs --gpu: the accelerator whose reservations are compared")
    with published(past) as connection:
        gpu_id = known_gpu(connection, gpu)
        refuse_other_class(connection, gpu_id, is_data_center_only)
        found = term_structure(connection, gpu_id, reference_region)
        title = f"terms of {gpu_id} in {reference_region}, {moment(connection, past)}: USD"
    is_table = output in (None, "table")
    shown = found.without(set(found.columns) - set(TERMS_SHOWN)) if is_table else found
    print_rows(shown.columns, shown.rows, output, title)
    if is_table:
        reasons = {row[found.columns.index("reason")] for row in found.rows} - {None}
        for reason in sorted(reasons):
            print_sentence(f"withheld: {reason}")
        print_sentence(
            "forward: what two terms of one provider imply for the months between their ends"
        )


def print_plans(
    rows: list[dict[str, Any]], load: Load, job_months: float, what: str, output: str | None
) -> None:
    """Print plans, cheapest first, and in words what the mixes and terms are."""
    if output not in (None, "table"):
        print_rows(list(rows[0]), [list(row.values()) for row in rows], output)
        return
    print_rows(
        ("seller", "plan", "usd_total", "low", "high", "usd_per_gpu_hour", "reserved_gpu_count"),
        [
            (
                _seller(row),
                _plan_name(row),
                *(row[name] for name in ("usd_total", "low", "high")),
                row["effective_usd_per_gpu_hour"],
                row["reserved_gpu_count"],
            )
            for row in rows
        ],
        output,
        f"{load.peak_gpu_count:,.0f}{what}, {job_months:g} months: USD",
    )
    best = f"{_seller(rows[0])}, {_plan_name(rows[0])}"
    print_sentence(f"{load.gpu_hours:,.0f} GPU-hours needed; cheapest: {best}")
    for row in rows:
        words = {"mix": _mix_in_words, "reserved": _term_in_words}.get(row["plan"])
        if words:
            print_sentence(f"{_seller(row)}, {_plan_name(row)}: {words(row)}")
    if any(row["provider_count"] for row in rows):
        print_sentence("a seller without a name is the middle of a market, with its providers")


def _seller(row: dict[str, Any]) -> str:
    """Return a provider; of a market its family and the number of its providers."""
    if row["provider_count"]:
        return f"{row['provider_count']} {row['market_family']}s"
    return row["provider_id"] or "given"


def _plan_name(row: dict[str, Any]) -> str:
    if row["plan"] == "reserved":
        return f"{row['commitment_months']} months"
    return str(row["plan"]).replace("_", " ")


def _term_in_words(row: dict[str, Any]) -> str:
    """Return what a term alone costs over what is used, and from when it pays, for people."""
    even = row["break_even_months"]
    pays = "never cheaper than on demand" if even is None else f"pays from {even:.3g} months"
    return f"{row['multiplier']:.3g} x paid over used; {pays}"


def _mix_in_words(row: dict[str, Any]) -> str:
    """Return what a mix buys, for people."""
    bought = [
        f"{one['gpu_count']:,} GPU for {one['commitment_months']} months from month"
        f" {one['start_month'] + 1}"
        for one in row["purchases"]
    ]
    listed = ", ".join(bought[:3]) + (f" and {len(bought) - 3} more" if len(bought) > 3 else "")
    low, high = row["reserved_gpu_count_low"], row["reserved_gpu_count_high"]
    spread = "" if low == high else f" ({low:,} to {high:,} at once as prices move)"
    by_hour = ""
    if row["burst"]:
        by_hour = f"; {row['burst_fraction']:.0%} by the hour, {row['burst'].replace('_', ' ')}"
    return f"{listed or 'nothing reserved'}{spread}{by_hour}"
