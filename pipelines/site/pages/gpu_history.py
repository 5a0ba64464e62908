"""The history of a GPU: its daily medians, and the days on which they changed level."""

from __future__ import annotations

from pipelines.site import numbers
from pipelines.site.charts.parts import is_wide
from pipelines.site.charts.prices import matched_index, price_history
from pipelines.site.numbers import words
from pipelines.site.page import Block, Chart, Column, Table
from pipelines.site.pages.prices import median_cell, moved
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.gpu import history_marks, matched_marks
from pipelines.site.rows.moves import told
from pipelines.site.rows.prices import PROVIDERS_NEEDED, has_enough, on_demand


def history(published: Published, gpu_id: str) -> list[Block]:
    """Return the blocks of the daily medians and of their change-points."""
    answer = published.ask_each("gpu/history", "gpu_id")(gpu_id)
    changes = published.ask_each("gpu/changes", "gpu_id")(gpu_id)
    same = published.ask_each("gpu/same_offers", "gpu_id")(gpu_id)
    marks = {(row["day"], row["purchase_model"]): change_mark(row) for row in changes.rows}
    days = {row["day"] for row in answer.rows}
    blocks = [
        *matched(published, gpu_id, same.rows),
        Block(
            "history",
            medians_title(answer.rows),
            "Line: median of the providers' medians on demand and spot, all markets; sellers that"
            " come or go move it, so it does not say what prices did. Band p10–p90;"
            f" dotted: fewer than {PROVIDERS_NEEDED} providers. Days without a value stay empty;"
            " points fade with the age of the oldest answer behind them. Triangles: change-points,"
            " solid where prices moved, hollow where the sellers changed, a cross where a source"
            " changed its method.",
            answer=answer,
            chart=Chart(
                price_history(
                    is_wide([row["median"] for row in answer.rows]),
                    frozenset(row["purchase_model"] for row in answer.rows),
                ),
                history_marks(answer.rows, marks),
                "Daily median prices and their change-points",
            )
            if len(days) > 1
            else None,
            table=Table(
                answer,
                [
                    Column("day", "day (UTC)"),
                    Column("purchase_model", "bought", show=words),
                    Column("median", "median", "USD/GPU-h", show=median_cell),
                    Column("p10", "p10", "USD/GPU-h", show=median_cell),
                    Column("p90", "p90", "USD/GPU-h", show=median_cell),
                    Column("provider_count", "providers"),
                    Column("offer_count", "offers"),
                ],
                key=("day", "purchase_model"),
                rows=answer.rows[-120:],
            ),
            is_folded=True,
        ),
    ]
    if same:
        blocks.append(same_offers(gpu_id, same))
    if len(days) < 2:
        return blocks
    return [
        *blocks,
        Block(
            "changes",
            changes_title(changes.rows),
            "A change-point is a day on which the median moves by 5 % or more against at most three"
            " days before, and after which the middle of a week differs as much from that of the"
            " week before; a shift has one. Same offers: how much the offers moved that stood on"
            " both days. Prices moved where that is 5 % or more in the same direction, and three"
            " providers compare. Who decided it: the provider without whose move the median"
            " would differ most.",
            answer=changes,
            table=Table(
                changes,
                [
                    Column("day", "day (UTC)"),
                    Column("purchase_model", "bought", show=words),
                    Column("before_usd_per_gpu_hour", "median before", "USD/GPU-h"),
                    Column("usd_per_gpu_hour", "median", "USD/GPU-h"),
                    Column("change_fraction", "change", "%", show=moved),
                    Column(
                        "same_offers_change_fraction",
                        "same offers",
                        "%",
                        show=moved,
                        reason="none on both days",
                    ),
                    Column("compared_provider_count", "providers compared"),
                    Column("is_price_move", "prices moved"),
                    Column("mover_provider_id", "who decided it", show=mover, reason="none alone"),
                    Column("movers", "moves, those that decide first"),
                    Column("method_break", "declared break of method", reason="none"),
                    Column("before_provider_count", "providers before"),
                    Column("provider_count", "providers"),
                    Column("is_settled", "the week after is over"),
                ],
                key=("day", "purchase_model"),
            ),
        ),
    ]


def matched(published: Published, gpu_id: str, same: list[Row]) -> list[Block]:
    """Return the block of the index of the same offers, which says what prices did."""
    answer = published.ask_each("gpu/matched", "gpu_id")(gpu_id)
    if not answer:
        return []
    return [
        Block(
            "matched",
            matched_title(gpu_id, same),
            "On demand in the US, an offer compared with itself from month to month, every provider"
            " with one vote, 100 where a line begins. Sellers that come and go do not move it. Band"
            " 80 %; dotted: two providers. A line ends where too few compare.",
            answer=answer,
            chart=Chart(
                matched_index(frozenset(row["market_family"] for row in answer.rows)),
                matched_marks(answer.rows),
                "Index of the prices of the same offers",
            ),
            table=Table(
                answer,
                [
                    Column("month", "month"),
                    Column("market_family", "market", show=words),
                    Column("index", "index", "100 at the start", interval=("low", "high")),
                    Column("month_change_fraction", "since the month before", "%", show=moved,
                           reason="the line begins"),
                    Column("link_provider_count", "providers compared"),
                    Column("item_count", "offers compared"),
                    Column("evidence", "evidence"),
                    Column("segment_started_on", "line since"),
                ],
                key=("market_family", "segment_started_on", "month"),
            ),
            is_folded=True,
        )
    ]  # fmt: skip


def medians_title(rows: list[Row]) -> str:
    """Return the newest median of all markets on demand; its sellers change."""
    known = [row for row in on_demand(rows) if has_enough(row)]
    if not known:
        return f"No day has a median of {PROVIDERS_NEEDED} providers on demand"
    first, last = known[0], known[-1]
    return (
        f"The median of whoever sold it: {numbers.usd(first['median'])} on {first['day']},"
        f" {numbers.usd(last['median'])} on {last['day']}"
        if first is not last
        else f"The median on demand of {last['day']} is {numbers.usd(last['median'])}"
    )


def change_mark(row: Row) -> Row:
    """Return the fields that the chart shows of a change-point."""
    before, after = row["before_usd_per_gpu_hour"], row["usd_per_gpu_hour"]
    return {
        "change_point": "method"
        if row["method_break"]
        else "prices"
        if row["is_price_move"]
        else "providers",
        "change_fraction": row["change_fraction"],
        "change": f"{numbers.percent(row['change_fraction'], signed=True)}, from"
        f" {numbers.figure(before)} to {numbers.figure(after)}"
        f"{'' if row['is_settled'] else ', not settled yet'}",
        "movers": row["movers"],
        "method_break": row["method_break"],
    }


def mover(provider: str, row: Row) -> str:
    """Return the provider that moved the median most, and its move."""
    return f"{provider} {row['mover_move']}"


def changes_title(rows: list[Row]) -> str:
    """Return the number of change-points, and what the newest was: prices, sellers or a method."""
    if not rows:
        return "No change-point of the median is known"
    newest = rows[0]
    step = f"of the median {words(newest['purchase_model'])}, on {newest['day']}"
    change = numbers.percent(newest["change_fraction"], signed=True)
    same = newest["same_offers_change_fraction"]
    if newest["method_break"]:
        cause = "a source changed its method"
    elif newest["is_price_move"]:
        by = newest["mover_provider_id"]
        cause = f"prices of the same offers {numbers.percent(same, signed=True)}" + (
            f", {mover(by, newest)}" if by and newest["mover_move"] in ("raised", "lowered") else ""
        )
    elif newest["compared_provider_count"] < PROVIDERS_NEEDED:
        cause = "too few providers have an offer on both days to say whether prices moved"
    else:
        cause = f"the sellers changed; the same offers {numbers.percent(same, signed=True)}"
    return f"{numbers.plural(len(rows), 'change-point')}; the newest {step}, is {change}: {cause}"


def matched_title(gpu_id: str, same: list[Row]) -> str:
    """Return how the same offers moved since the first month."""
    return told(same) or (
        f"{numbers.gpu_name(gpu_id)}: too few providers show the same offers in two months to say"
        " how prices moved"
    )


def same_offers(gpu_id: str, answer: Answer) -> Block:
    """Return the block of the movement of the same offers beside that of the median."""
    return Block(
        "same-offers",
        f"How the prices of the same offers of {gpu_id} moved, beside the median",
        "On demand in the US, month against month: every provider has one vote, and an offer is"
        " compared with itself. A title says that prices moved only where the 80 % interval"
        f" since the first month leaves out no change, and {PROVIDERS_NEEDED} providers compare."
        " The rest of the change of the median is other sellers and other offers.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("market_family", "market", show=words),
                Column("then_month", "from"),
                Column("month", "to"),
                Column("like_for_like_change_fraction", "same offers", "%", show=moved),
                Column("link_provider_count", "providers compared"),
                Column("evidence", "evidence"),
                Column("median_change_fraction", "median", "%", show=moved, reason="no median"),
                Column("then_median_provider_count", "providers then", reason="no median"),
                Column("median_provider_count", "providers now", reason="no median"),
                Column("mix_change_fraction", "other sellers", "%", show=moved, reason="no median"),
                Column("movers", "who moved it (offers)", reason="nobody"),
            ],
            key=("market_family", "horizon_months"),
        ),
    )
