"""What tokens cost to serve, and what is left of their list price."""

from __future__ import annotations

import statistics
from typing import Any

from pipelines.site import charts, numbers
from pipelines.site.market import LIST_PRICES
from pipelines.site.page import (
    Block,
    Chart,
    Column,
    Filter,
    Page,
    Table,
    choices,
    link,
    percentage,
    slug,
)
from pipelines.site.published import Answer, Published, Row
from pipelines.site.theme import family

SHOWN = 100  # rows of the long tables; the CSV has all
USUAL_MODEL = "llama-3.1-70b"  # shown until another is chosen, where there is one
USUAL_WORKLOAD = "chat"
USUAL_LEVEL = "interactive"
ODD_RATIO = 100  # a list price this far from the middle of its model is not charted
CHARTED_MODELS = 18

CHEAPEST = """
    select
        i.model_id, i.workload_id, i.service_level_id, i.gpu_id, i.gpu_count, i.precision,
        i.purchase_model, i.usd_per_1k_input_tokens * 1000 as usd_per_1m_input,
        i.usd_per_1k_output_tokens * 1000 as usd_per_1m_output,
        i.usd_per_1k_tokens * 1000 as usd_per_1m, i.low * 1000 as low, i.high * 1000 as high,
        i.usd_per_1k_tokens_provisioned * 1000 as usd_per_1m_provisioned,
        i.utilisation_fraction, i.tokens_per_second_per_user, i.tokens_per_second_per_gpu,
        i.binding_limit, i.is_extrapolated, i.usd_per_gpu_hour, i.provider_count, i.day
    from marts.inference_cost as i
    where i.is_cheapest_set and i.service_level_id = {level}
        and i.purchase_model = 'on_demand' and i.commitment_months is null
        and i.day = (select max(day) from marts.inference_cost)
    qualify row_number() over (
        partition by i.model_id, i.workload_id, i.service_level_id order by i.usd_per_1k_tokens
    ) = 1
    order by i.model_id, i.workload_id, i.usd_per_1k_tokens
"""
EFFICIENT = """
    select
        i.model_id, i.workload_id, i.gpu_id, i.gpu_count, i.precision, i.service_level_id,
        i.usd_per_1k_output_tokens * 1000 as usd_per_1m_output,
        i.usd_per_1k_output_tokens * 1000 * i.low / i.usd_per_1k_tokens as output_low,
        i.usd_per_1k_output_tokens * 1000 * i.high / i.usd_per_1k_tokens as output_high,
        i.tokens_per_second_per_user, i.provider_count, i.day, g.architecture
    from marts.inference_cost as i
    left join core.gpu as g on i.gpu_id = g.gpu_id
    where i.is_efficient and i.purchase_model = 'on_demand' and i.commitment_months is null
        and i.workload_id = {workload_id}
        and i.day = (select max(day) from marts.inference_cost)
    qualify i.tokens_per_second_per_user > 1.05 * coalesce(
        max(i.tokens_per_second_per_user) over (
            partition by i.model_id
            order by i.usd_per_1k_output_tokens, i.tokens_per_second_per_user desc
            rows between unbounded preceding and 1 preceding
        ),
        0
    )
    order by i.model_id, i.usd_per_1k_output_tokens
"""
WORKLOAD = """
    select workload_id, count(distinct model_id) as models
    from marts.inference_cost
    where is_efficient and day = (select max(day) from marts.inference_cost)
    group by workload_id
    order by workload_id = 'chat' desc, models desc, workload_id
"""
MARGIN = """
    select
        m.model_id, m.api_provider_id, api_source_id, api_model_id, is_relisted,
        usd_per_million_tokens_listed as listed, usd_per_million_tokens_cost as cost,
        cost_low, cost_high, margin_fraction, margin_low, margin_high, m.gpu_id, m.gpu_count,
        precision, workload_id as priced_workload, service_level_id, utilisation_fraction,
        break_even_tokens_per_day, capacity_tokens_per_day, provider_count, m.day
    from marts.api_margin as m
    left join marts.gpu_price_daily as d
        on
            m.gpu_id = d.gpu_id and m.gpu_price_day = d.day and m.purchase_model = d.purchase_model
            and d.market_family = 'all' and d.commitment_months is null
    where m.day = (select max(day) from marts.api_margin)
    order by is_relisted, model_id, usd_per_million_tokens_listed, api_provider_id, api_model_id
"""
TRUTH = """
    select
        case_number, model, gpu, precision, gpu_count, engine, metric, unit, reported,
        coalesce(predicted_when_left_out, predicted) as predicted,
        coalesce(ratio_when_left_out, ratio) as ratio, source, source_url, published_on, reason
    from marts.inference_backtest
    order by reason nulls first, abs(ln(coalesce(ratio_when_left_out, ratio))) desc, case_number
"""


def inference_page(published: Published) -> Page:
    """Return the page of serving costs and margins."""
    cheapest = published.ask(CHEAPEST, level=USUAL_LEVEL)
    margin = published.ask(MARGIN)
    workloads = choices(cheapest.rows, "workload_id")
    models = sorted({*choices(cheapest.rows, "model_id"), *choices(margin.rows, "model_id")})
    return Page(
        path="inference.html",
        name="Inference",
        title=headline(margin.rows, cheapest.rows),
        evidence="all-margins",
        basis="Predicted from a model of each serving step, priced at the median list price on"
        " demand; interval 80 %. Hollow marks are estimates, solid ones list prices."
        f" {LIST_PRICES} Lower is better.",
        filters=[
            Filter("model_id", "model", models),
            Filter("workload_id", "workload", workloads, USUAL_WORKLOAD),
            Filter("api_provider_id", "API provider", choices(margin.rows, "api_provider_id")),
        ],
        blocks=[
            dumbbells(margin),
            pareto(published),
            cheapest_table(cheapest),
            margin_table(margin),
            truth(published),
        ],
    )


def headline(margin: list[Row], cheapest: list[Row]) -> str:
    """Return the finding: the median margin of the first-hand lists, or what is known instead."""
    own = [row["margin_fraction"] for row in margin if not row["is_relisted"]]
    if own:
        losing = sum(value < 0 for value in own)
        return (
            f"Half of {numbers.plural(len(own), 'API price')} leave"
            f" {numbers.percent(statistics.median(own))} or more over the predicted serving cost;"
            f" {losing} are below it"
        )
    if cheapest:
        return f"The cheapest tokens are those of {cheapest_of(cheapest)}"
    return "What tokens cost to serve is not known today"


def cheapest_of(rows: list[Row]) -> str:
    """Return the model with the cheapest tokens, their price and what makes them."""
    row = min(rows, key=lambda row: row["usd_per_1m"])
    return (
        f"{row['model_id']}: {numbers.usd(row['usd_per_1m'])} a million on"
        f" {row['gpu_count']} × {row['gpu_id']}"
    )


COST_FIELDS = (
    "model_id", "cost", "cost_low", "cost_high", "gpu_id", "gpu_count", "precision", "day",
    "provider_count",
)  # fmt: skip
LIST_FIELDS = (
    "model_id", "api_provider_id", "listed", "margin_fraction", "margin_low", "margin_high",
    "day", "api_source_id",
)  # fmt: skip


def dumbbells(answer: Answer) -> Block:
    """Return predicted cost and list prices by model."""
    by_model: dict[str, list[Row]] = {}
    for row in answer.rows:
        by_model.setdefault(row["model_id"], []).append(row)
    middle = {
        model: statistics.median(row["margin_fraction"] for row in rows)
        for model, rows in by_model.items()
    }
    widest = sorted(by_model, key=lambda model: len(by_model[model]), reverse=True)
    order = sorted(widest[:CHARTED_MODELS], key=lambda model: middle[model])
    rows: list[Row] = []
    odd = 0
    for model in order:
        usual = statistics.median(row["listed"] for row in by_model[model])
        rows.append({"part": "cost", **{key: by_model[model][0][key] for key in COST_FIELDS}})
        for row in by_model[model]:
            if usual / ODD_RATIO <= row["listed"] <= usual * ODD_RATIO:
                rows.append({"part": "list", **{key: row[key] for key in LIST_FIELDS}})
            else:
                odd += 1
    left_out = (
        f" {numbers.plural(odd, 'list price')} over {ODD_RATIO} times from the middle of the model"
        " are in the table only: more likely a wrong unit in the list than a price."
        if odd
        else ""
    )
    return Block(
        "margins",
        f"{order[0]} leaves its sellers least, {order[-1]} most"
        if len(order) > 1
        else "List prices beside the predicted cost of serving",
        "By model, from the thinnest median margin to the widest. Solid: list price of an API"
        " provider. Hollow: predicted cost of the cheapest GPU set at the utilisation of a fleet"
        " sized for its peak, bar: 80 % interval. List prices are blended as the cost"
        f" is: three tokens in for one out.{left_out}",
        answer=answer,
        chart=Chart(charts.margins(), rows, "List prices and predicted costs") if rows else None,
        caveats=(
            "The cost is that of rented GPUs only: no staff, no idle capacity beyond the stated"
            " utilisation, no free tier.",
            "A low list price may mean a smaller precision, a shorter context or batching than"
            " the set that we price.",
        ),
    )  # fmt: skip


PACE_FIELDS = (
    "model_id", "gpu_id", "gpu_count", "precision", "family", "usd_per_1m_output", "output_low",
    "output_high", "tokens_per_second_per_user", "provider_count", "day",
)  # fmt: skip


def pareto(published: Published) -> Block:
    """Return cost of output against pace for the sets that nothing beats on both."""
    workloads = published.ask(WORKLOAD)
    answer = published.ask(
        EFFICIENT, workload_id=workloads.first["workload_id"] if workloads else ""
    )
    rows = [{**row, "family": family(row["architecture"])} for row in answer.rows]
    models = sorted({row["model_id"] for row in rows})
    usual = ""
    title = "Faster answers cost more"
    if rows:
        usual = USUAL_MODEL if USUAL_MODEL in models else models[0]
        first = [row for row in rows if row["model_id"] == usual]
        low = min(row["usd_per_1m_output"] for row in first)
        high = max(row["usd_per_1m_output"] for row in first)
        title = (
            f"For {usual}, output tokens cost {numbers.usd(low)} to {numbers.usd(high)} a"
            " million, by how fast a user wants them"
        )
    workload = workloads.first["workload_id"] if workloads else ""
    return Block(
        "pace",
        title,
        f"USD per million output tokens against tokens per second that one user sees; workload"
        f" {workload}; only sets that no other beats on both, in steps of 5 % of pace. Bars: 80 %"
        " interval. Choose another model above.",
        answer=answer,
        chart=Chart(
            charts.speed_cost(frozenset(row["family"] for row in rows))
            | {"usermeta": {"usual": {"model_id": usual}}},
            [{key: row[key] for key in PACE_FIELDS} for row in rows],
            "Cost of output tokens against pace",
        )
        if rows
        else None,
        table=Table(
            answer,
            [
                Column("model_id", "model"),
                Column("gpu_id", "set", show=gpu_set),
                Column("precision", "precision"),
                Column("tokens_per_second_per_user", "pace", "token/s per user"),
                Column("usd_per_1m_output", "out", "USD/1M tok", toggle="tokens"),
                Column("output_low", "low", "USD/1M tok", toggle="tokens"),
                Column("output_high", "high", "USD/1M tok", toggle="tokens"),
                Column("provider_count", "providers"),
            ],
            key=("model_id", "gpu_id", "gpu_count", "precision", "service_level_id"),
            rows=answer.rows[:SHOWN],
        ),
        is_folded=True,
    )


def gpu_set(gpu_id: Any, row: Row) -> Any:
    """Return a GPU set as a link: how many of which."""
    return link(f"gpu/{slug(str(gpu_id))}.html", f"{row['gpu_count']} × {gpu_id}")


def cheapest_table(answer: Answer) -> Block:
    """Return the cheapest set of every model, workload and service level."""
    title = "The cheapest set for each model and workload"
    if answer:
        models = {row["model_id"] for row in answer.rows}
        title = (
            f"Of {len(models)} models the cheapest tokens are those of {cheapest_of(answer.rows)}"
        )
    return Block(
        "cheapest-sets",
        title,
        f"Service level {USUAL_LEVEL}. Replica always full; low and high: 80 % of the"
        " blended price. Provisioned: at the utilisation of a fleet sized for its peak. Limit:"
        " what binds the pace.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("model_id", "model"),
                Column("workload_id", "workload"),
                Column("gpu_id", "set", show=gpu_set),
                Column("precision", "precision"),
                Column("usd_per_1m_input", "in", "USD/1M tok", toggle="tokens"),
                Column("usd_per_1m_output", "out", "USD/1M tok", toggle="tokens"),
                Column("usd_per_1m", "blended", "USD/1M tok", toggle="tokens"),
                Column("low", "low", "USD/1M tok", toggle="tokens"),
                Column("high", "high", "USD/1M tok", toggle="tokens"),
                Column("usd_per_1m_provisioned", "provisioned", "USD/1M tok", toggle="tokens"),
                Column("tokens_per_second_per_user", "pace", "token/s per user"),
                Column("binding_limit", "limit"),
                Column("is_extrapolated", "beyond what was measured"),
                Column("provider_count", "providers"),
            ],
            key=("model_id", "workload_id"),
        ),
    )


def margin_table(answer: Answer) -> Block:
    """Return the margins with their inputs."""
    return Block(
        "all-margins",
        f"{sum(row['margin_fraction'] < 0 for row in answer.rows):,} of"
        f" {numbers.plural(len(answer.rows), 'list price')} are below the predicted cost",
        "Margin: share of the list price that is left over the cost; low and high from the 80 %"
        " interval of the cost. Break-even: tokens a day from which renting the set is cheaper"
        " than buying.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("model_id", "model"),
                Column("api_provider_id", "API provider"),
                Column("is_relisted", "re-listed"),
                Column("listed", "list price", "USD/1M tok", toggle="tokens"),
                Column("cost", "cost", "USD/1M tok", toggle="tokens"),
                Column("cost_low", "low", "USD/1M tok", toggle="tokens"),
                Column("cost_high", "high", "USD/1M tok", toggle="tokens"),
                Column("margin_fraction", "margin", "%", show=percentage),
                Column("margin_low", "low", "%", show=percentage),
                Column("margin_high", "high", "%", show=percentage),
                Column("gpu_id", "set", show=gpu_set),
                Column("precision", "precision"),
                Column(
                    "break_even_tokens_per_day",
                    "break-even",
                    "M tok/day",
                    show=lambda v, _: numbers.figure(v / 1e6),
                    reason="buying is always cheaper",
                ),
                Column("api_source_id", "source"),
            ],
            key=("model_id", "api_source_id", "api_provider_id", "api_model_id"),
            rows=answer.rows[:SHOWN],
        ),
    )


def truth(published: Published) -> Block:
    """Return predicted against measured throughput."""
    answer = published.ask(TRUTH)
    scored = [row for row in answer.rows if row["reason"] is None and row["ratio"]]
    title = "How far the model is from what was measured is not known yet"
    if scored:
        error = statistics.median(abs(row["ratio"] - 1) for row in scored)
        title = (
            f"Half of {len(scored)} measured results are predicted within {numbers.percent(error)}"
        )
    units = [row["unit"] for row in scored]
    unit = max(sorted(set(units)), key=units.count, default="")
    charted = [row for row in scored if row["unit"] == unit]
    ends = [row[key] for row in charted for key in ("reported", "predicted")]
    rows: list[Row] = [
        {
            "part": "case",
            "name": f"{row['model']} on {row['gpu']}",
            **{
                key: row[key]
                for key in ("reported", "predicted", "ratio", "source", "published_on")
            },
        }
        for row in charted
        if row["reported"] > 0 and row["predicted"] > 0
    ]
    if rows:
        rows += [{"part": "line", "reported": end, "predicted": end}
                 for end in (min(ends), max(ends))]  # fmt: skip
    return Block(
        "truth",
        title,
        "Predictions from constants fitted without the pair of model and GPU in question. On the"
        f" dashed line both are equal. The chart holds the {len(charted)} results in"
        f" {unit or 'one unit'}, the table all.",
        answer=answer,
        chart=Chart(charts.calibration(unit), rows, "Predicted against measured") if rows else None,
        table=Table(
            answer,
            [
                Column("model", "model"),
                Column("gpu", "GPU"),
                Column("gpu_count", "GPUs", reason="not published"),
                Column("precision", "precision"),
                Column("engine", "engine"),
                Column("metric", "metric"),
                Column("unit", "unit"),
                Column("reported", "measured"),
                Column("predicted", "predicted", reason=why_not_scored),
                Column("ratio", "ratio", reason=why_not_scored),
                Column("source", "source", show=sourced),
            ],
            key=("case_number",),
            rows=answer.rows[:SHOWN],
        ),
        is_folded=True,
    )


def sourced(source: str, row: Row) -> Any:
    """Return the name of a source as a link to where it stands."""
    return link(row["source_url"], source)


def why_not_scored(row: Row) -> str:
    """Return why a case has no prediction."""
    return str(row["reason"] or "not scored")
