"""The pages of one GPU against another, and of one provider against another.

The figures are those of ``truecost compare``, from the same reports. Which pairs have a page is
decided by ``queries/pair``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from cost_engine.comparison import Ratio
from pipelines.answers.compare import REFERENCE_MODEL, line_of, price_ratio
from pipelines.site import numbers
from pipelines.site.markup import interval, piece, slug
from pipelines.site.numbers import words
from pipelines.site.page import Block, Column, Page, Table
from pipelines.site.pages.prices import LIST_PRICES, LONGEST_NAME, gpu_link, gpu_path, provider_path
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.prices import PROVIDERS_NEEDED

ROOT = "../"
CHIP = ("memory", "memory bandwidth", "dense peak", "board power")
PRICES = ("price", "cheapest offer", "same offers since")
OPERATIONS = "operations at the peak"
BUYS = ("tokens", "training", OPERATIONS, "memory for an hour")
MARKETS = ("neocloud", "marketplace", "hyperscaler")
UNITS = {"USD/(GPU h)": "USD/GPU-h", "USD/(GB h)": "USD/GB-h", "USD/10^6 token": "USD/1M tok"}


@dataclass(frozen=True)
class Pair:
    """Two GPUs, or two providers, that have a page."""

    a: str  # their ids
    b: str
    a_name: str
    b_name: str
    kind: str  # gpu or provider

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.a_name} against {self.b_name}"

    @property
    def path(self) -> str:
        """The path of the page from the top of the site."""
        return f"pair/{slug(self.a)[:LONGEST_NAME]}-or-{slug(self.b)[:LONGEST_NAME]}.html"

    @property
    def keys(self) -> tuple[str, str]:
        """The ids, as the queries name them."""
        return f"a_{self.kind}_id", f"b_{self.kind}_id"


def gpu_pairs(published: Published) -> list[Pair]:
    """Return the pairs of GPUs that have a page."""
    return [
        Pair(a, b, numbers.gpu_name(a), numbers.gpu_name(b), "gpu")
        for a, b in ((row["a_gpu_id"], row["b_gpu_id"]) for row in published.ask("pair/gpus").rows)
    ]


def provider_pairs(published: Published) -> list[Pair]:
    """Return the pairs of providers that have a page."""
    return [
        Pair(row["a_provider_id"], row["b_provider_id"], row["a_name"], row["b_name"], "provider")
        for row in published.ask("pair/providers").rows
    ]


def links_of(thing: str, pairs: Iterable[Pair]) -> list[tuple[str, str]]:
    """Return address and text of the pages of a thing against others, from a page of a thing."""
    return [
        (f"{ROOT}{pair.path}", f"against {pair.b_name if pair.a == thing else pair.a_name}")
        for pair in pairs
        if thing in (pair.a, pair.b)
    ]


def pair_pages(published: Published) -> list[Page]:
    """Return the pages of all pairs."""
    return [*gpu_pair_pages(published), *provider_pair_pages(published)]


def gpu_pair_pages(published: Published) -> list[Page]:
    """Return the pages of the pairs of GPUs."""
    pairs = gpu_pairs(published)
    answers = ask_pairs(published, "reports/compare_gpu", pairs, model_id=REFERENCE_MODEL)
    return [gpu_pair_page(pair, answer) for pair, answer in zip(pairs, answers, strict=True)]


def provider_pair_pages(published: Published) -> list[Page]:
    """Return the pages of the pairs of providers."""
    pairs = provider_pairs(published)
    prices = ask_pairs(published, "reports/compare_offers", pairs)
    lists = ask_pairs(published, "reports/compare_provider", pairs)
    return [provider_pair_page(*one) for one in zip(pairs, prices, lists, strict=True)]


def ask_pairs(
    published: Published, report: str, pairs: Sequence[Pair], **values: Any
) -> list[Answer]:
    """Run a report of two things once for all pairs."""
    if not pairs:
        return []
    return published.ask_pairs(
        report, pairs[0].keys, [(pair.a, pair.b) for pair in pairs], **values
    )


def gpu_pair_page(pair: Pair, answer: Answer) -> Page:
    """Return the page of one GPU against another."""
    rows = with_ratio(answer.rows)

    def block(name: str, title: str, basis: str, figures: Sequence[str]) -> Block:
        some = [row for figure in figures for row in rows if row["figure"] == figure]
        return Block(name, title, basis, answer=answer, table=figure_table(pair, answer, some))

    return Page(
        path=pair.path,
        name=pair.name,
        title=gpu_title(pair, rows),
        evidence="buys",
        basis=f"{LIST_PRICES} Under a figure stands its 80 % interval; the last column divides"
        " the first GPU by the second.",
        links=[
            (f"{ROOT}{gpu_path(pair.a)}", pair.a_name),
            (f"{ROOT}{gpu_path(pair.b)}", pair.b_name),
        ],
        blocks=[
            block(
                "buys",
                buys_title(pair, rows),
                "On demand. Operations: dense, at the vendor's peak. Tokens: the cheapest set of"
                " each GPU. Training: the operations of the run, at the share of the bf16 peak"
                " that training commonly reaches. Lower is better.",
                BUYS,
            ),
            block(
                "prices",
                prices_title(rows),
                "The middle of the providers of one market, contract and part of the world, and"
                " the cheapest offer anywhere. Lower is better.",
                PRICES,
            ),
            block(
                "chip",
                chip_title(pair, rows),
                "As the vendors print them; peaks are dense.",
                CHIP,
            ),
        ],
    )


def with_ratio(rows: list[Row]) -> list[Row]:
    """Return figures of both sides with their ratio, None where they have none."""
    return [{**row, "ratio": line_of(row).ratio} for row in rows]


def shared(rows: list[Row], figure: str) -> list[Row]:
    """Return the rows of a figure that a title may hold against each other.

    Both sides have it, and where it is made of prices, of enough providers.
    """
    return [
        row
        for row in rows
        if row["figure"] == figure
        and row["ratio"]
        and all((row[f"{name}_provider_count"] or 0) >= PROVIDERS_NEEDED for name in "ab")
    ]


def gpu_title(pair: Pair, rows: list[Row]) -> str:
    """Return how the price of an hour and of an operation compare in one market."""
    for market in MARKETS:
        basis = f"on_demand, {market}, us"
        hour = [row for row in shared(rows, "price") if row["basis"] == basis]
        operations = [row for row in shared(rows, OPERATIONS) if row["basis"] == f"bf16, {basis}"]
        if hour and operations:
            return (
                f"At {market}s, {pair.a_name} costs {times(hour[0])} {pair.b_name} by the hour,"
                f" and {times(operations[0])} by the operation"
            )
    return f"{pair.a_name} and {pair.b_name} have no price in the same market today"


def times(row: Row) -> str:
    """Return a ratio in words."""
    return f"{numbers.figure(row['ratio'].value)} times"


def buys_title(pair: Pair, rows: list[Row]) -> str:
    """Return what the tokens of the usual model cost on both."""
    tokens = shared(rows, "tokens")
    if not tokens:
        return "What their hours buy"
    a, b = (numbers.usd(tokens[0][name]) for name in "ab")
    return (
        f"A million tokens of {REFERENCE_MODEL} cost {a} on {pair.a_name} and {b} on {pair.b_name}"
    )


def prices_title(rows: list[Row]) -> str:
    """Return the range of the ratio of their prices over the markets that have both."""
    known = [row["ratio"].value for row in shared(rows, "price")]
    if not known:
        return f"No market has {PROVIDERS_NEEDED} providers of both"
    low, high = (numbers.figure(end) for end in (min(known), max(known)))
    count = numbers.plural(len(known), "price")
    return (
        f"{count} of both in the same market: the first costs {low}"
        f"{'' if low == high else f' to {high}'} times the second"
    )


def chip_title(pair: Pair, rows: list[Row]) -> str:
    """Return how memory, bandwidth and peak compare."""
    found = {row["figure"]: row for row in rows if row["basis"] in ("", "bf16") and row["ratio"]}
    parts = [
        f"{times(found[figure])} the {said}"
        for figure, said in (
            ("memory", "memory"),
            ("memory bandwidth", "bandwidth"),
            ("dense peak", "bf16 operations"),
        )
        if figure in found
    ]
    if not parts:
        return "The chips have no figure in common"
    return f"{pair.a_name} has, beside {pair.b_name}, {', '.join(parts)}"


def provider_pair_page(pair: Pair, prices: Answer, lists: Answer) -> Page:
    """Return the page of one provider against another."""
    found = price_ratio(prices.rows)
    return Page(
        path=pair.path,
        name=pair.name,
        title=f"What both rent out costs at {pair.a_name} {numbers.figure(found.value)} times what"
        f" it costs at {pair.b_name}",
        evidence="prices",
        basis=f"{LIST_PRICES} The last column divides the first provider by the second.",
        links=[
            (f"{ROOT}{provider_path(pair.a)}", pair.a_name),
            (f"{ROOT}{provider_path(pair.b)}", pair.b_name),
        ],
        blocks=[
            Block(
                "prices",
                matched_title(found, len(prices.rows)),
                "One GPU, contract and part of the world at both: the middle of the offers of"
                " each, USD per GPU-hour. Lower is better.",
                answer=prices,
                table=Table(
                    prices,
                    [
                        Column("gpu_id", "GPU", show=lambda name, row: gpu_link(name, row, ROOT)),
                        Column("basis", "bought", show=words),
                        Column("a_usd_per_gpu_hour", pair.a_name, "USD/GPU-h", toggle="hour"),
                        Column("b_usd_per_gpu_hour", pair.b_name, "USD/GPU-h", toggle="hour"),
                        Column("ratio", "ratio", show=quotient),
                    ],
                    key=("gpu_id", "basis"),
                    rows=[
                        {
                            **row,
                            "ratio": Ratio(row["a_usd_per_gpu_hour"] / row["b_usd_per_gpu_hour"]),
                        }
                        for row in prices.rows
                    ],
                    noun="price",
                ),
            ),
            Block(
                "lists",
                lists_title(pair, lists.rows),
                "Offers that are fresh, and those that are stale, at all places. Stock: of the"
                " offers that say whether there is any. Age: since the source answered.",
                answer=lists,
                table=figure_table(pair, lists, with_ratio(lists.rows)),
            ),
        ],
    )


def matched_title(found: Ratio, count: int) -> str:
    """Return the median ratio with its interval."""
    if found.low is None or found.high is None:
        return f"{numbers.plural(count, 'price')} of both; too few for an interval"
    low, high = numbers.figure(found.low), numbers.figure(found.high)
    priced = numbers.plural(count, "price")
    return f"{priced} of both: the median ratio lies between {low} and {high}"


def lists_title(pair: Pair, rows: list[Row]) -> str:
    """Return how many kinds of GPU each rents out."""
    for row in rows:
        if row["figure"] == "kinds of GPU" and row["a"] is not None and row["b"] is not None:
            return (
                f"{pair.a_name} rents {numbers.plural(int(row['a']), 'kind')} of GPU,"
                f" {pair.b_name} {numbers.count(row['b'])}"
            )
    return "One of them has no fresh offer"


def figure_table(pair: Pair, answer: Answer, rows: list[Row]) -> Table:
    """Return the table of figures of both sides."""
    return Table(
        answer,
        [
            Column("figure", "figure", show=figure_of),
            *(
                Column(name, title, show=value, reason="not known", after=beneath(name))
                for name, title in (("a", pair.a_name), ("b", pair.b_name))
            ),
            Column("ratio", "ratio", show=quotient, reason="no ratio"),
        ],
        key=("figure", "basis", "unit"),
        rows=rows,
        noun="figure",
    )


def figure_of(figure: str, row: Row) -> Markup:
    """Return the name of a figure, with what it holds for and its unit under it."""
    unit = UNITS.get(row["unit"], row["unit"]) if row["unit"] != "1" else ""
    said = " · ".join(part for part in (unit, words(row["basis"])) if part)
    return escape(figure) + piece("under", content=said)


def value(number: float, row: Row) -> str:
    """Return a figure; shares and changes as a percentage, counts whole."""
    if row["unit"] == "h":
        return numbers.age(number)
    if row["unit"] != "1":
        return numbers.figure(number)
    if row["figure"] == "same offers since":
        return numbers.percent(number, signed=True)
    return numbers.percent(number) if row["figure"] == "share in stock" else numbers.count(number)


def beneath(name: str) -> Callable[[Row], Markup]:
    """Return the function that gives what stands under a figure: interval, providers, detail."""

    def under(row: Row) -> Markup:
        providers = row[f"{name}_provider_count"]
        said = [
            *([numbers.plural(providers, "provider")] if providers is not None else []),
            *([row[f"{name}_detail"]] if row[f"{name}_detail"] else []),
        ]
        ends = interval(row[f"{name}_low"], row[f"{name}_high"])
        return ends + (piece("under", content=", ".join(said)) if said else Markup())

    return under


def quotient(ratio: Ratio, _: Row) -> Markup:
    """Return a ratio with its interval under it."""
    return escape(numbers.figure(ratio.value)) + (
        interval(ratio.low, ratio.high) or Markup("<wbr>")
    )
