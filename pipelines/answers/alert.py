"""Which rules about prices fire, and why the others do not.

The selects are ``warehouse/sql/reports/alert_*.sql``; reading the file of rules belongs to
``alert_rules``. An answer is an object that whoever sends it can take; sending belongs elsewhere.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Literal

import duckdb

from cost_engine.comparison import matched_ratio
from pipelines.answers.alert_rules import Rule
from pipelines.answers.moment import moment_of
from pipelines.text import markdown
from warehouse.reports import report_dicts, run_report
from warehouse.rows import plain

FEWEST_PROVIDERS = 3
"""A market of fewer fresh providers is thin: no rule about it fires. [1]"""

LONGEST_AGE = timedelta(hours=72)
"""Prices of a published file that was made longer ago are not those of now."""

PROVIDERS_NAMED = 4

State = Literal["fired", "quiet", "withheld"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A rule held against the prices.

    Attributes
    ----------
    state : str
        fired, quiet (it does not hold), or withheld (the prices are too thin or too old to say).
    value, low, high : float or None
        The price, and the 80 % interval of a market's middle. [unit]
    change_fraction : float or None
        How much the same offers moved, where the rule asks for that. [1]
    since : date or None
        First day of the days without a break on which it held; of one provider's price, and of
        token prices, since when the price stands; of a move, the day that is compared with.
    reason : str or None
        Why it is withheld.
    command : str
        What shows more.
    """

    rule: Rule
    state: State
    subject: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    change_fraction: float | None
    since: Any
    provider_count: int
    provider_ids: str | None
    seen_at: datetime | None
    reason: str | None
    command: str

    def as_data(self) -> dict[str, Any]:
        """Return plain values, as JSON has them."""
        rule = asdict(self.rule)
        data = {name: value for name, value in vars(self).items() if name != "rule"}
        found: dict[str, Any] = plain(
            {"rule": rule["place"], "name": rule["name"], "condition": self.rule.condition} | data
        )
        return found

    @property
    def line(self) -> str:
        """Return what it says, in one line."""
        parts = [f"{self.subject}: {self.rule.condition}"]
        if self.value is not None:
            band = f" ({self.low:.3g} to {self.high:.3g})" if self.low and self.high else ""
            parts.append(f"now {self.value:.3g} {self.unit}{band}")
        if self.change_fraction is not None:
            parts.append(f"moved {self.change_fraction:+.1%}")
        if self.since is not None:
            parts.append(f"since {self.since:%Y-%m-%d}")
        if self.provider_ids:
            first = self.provider_ids.split(", ")[:PROVIDERS_NAMED]
            more = self.provider_count - len(first)
            parts.append(f"by {', '.join(first)}" + (f" and {more} more" if more > 0 else ""))
        if self.reason:
            parts.append(self.reason)
        return "; ".join(parts)


@dataclass(frozen=True)
class Alert:
    """All rules of a file held against the prices of a moment. [UTC]."""

    prices_at: datetime | None
    judgements: Sequence[Judgement]

    @property
    def is_fired(self) -> bool:
        """Whether any rule fires."""
        return any(one.state == "fired" for one in self.judgements)

    @property
    def title(self) -> str:
        """Return one line that says how many rules fire."""
        counts = {state: sum(one.state == state for one in self.judgements)
                  for state in ("fired", "quiet", "withheld")}  # fmt: skip
        at = f", prices of {self.prices_at:%Y-%m-%d %H:%M}Z" if self.prices_at else ""
        return (
            f"{counts['fired']} of {len(self.judgements)} rules fired,"
            f" {counts['withheld']} withheld{at}"
        )

    def as_data(self) -> dict[str, Any]:
        """Return plain values, as JSON has them."""
        return {
            "title": self.title,
            "prices_at": plain(self.prices_at),
            "is_fired": self.is_fired,
            "rules": [one.as_data() for one in self.judgements],
        }

    def as_markdown(self) -> str:
        """Return the rules that fire, and below them those that could not be judged."""
        lines = [f"# {markdown(self.title)}"]
        for state, heading in (("fired", "Fired"), ("withheld", "Withheld"), ("quiet", "Quiet")):
            found = [one for one in self.judgements if one.state == state]
            if found:
                lines += ["", f"## {heading} ({len(found)})", ""]
            for one in found:
                name = f"**{markdown(one.rule.name)}** " if one.rule.name else ""
                lines.append(f"- {name}{markdown(one.line)} (`{one.command}`)")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Seen:
    """What the prices say of one rule."""

    value: float | None
    provider_count: int
    provider_ids: str | None
    seen_at: datetime | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None  # why there is no price


def alert(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], judged_at: datetime
) -> Alert:
    """Hold rules against the prices of a published file.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    rules : sequence of Rule
        Their GPUs, models and providers by id.
    judged_at : datetime
        The moment that the rules are about. Prices of a file that was made more than 72 hours
        before it are stale. [UTC, without a zone]
    """
    told = moment_of(connection)
    prices_at = told.prices_at if told else None
    old = None
    if prices_at is None or judged_at - prices_at > LONGEST_AGE:
        when = f"of {prices_at:%Y-%m-%d %H:%M}Z" if prices_at else "not there"
        old = f"the prices are {when}, not of now: truecost run"
    return Alert(prices_at, [judged(connection, rule, old) for rule in rules])


def judged(connection: duckdb.DuckDBPyConnection, rule: Rule, old: str | None = None) -> Judgement:
    """Hold one rule against the prices; ``old`` says why they are none of now."""
    of_gpu = rule.gpu is not None
    asked = asdict(rule) | {
        "gpu_id": rule.gpu,
        "model_id": rule.model,
        "provider_id": rule.provider,
    }
    del asked["name"]
    seen, moved, since = (_of_gpu if of_gpu else _of_model)(connection, asked)
    fewest = FEWEST_PROVIDERS if rule.provider is None else 1
    change, reason = None, old or seen.reason
    state: State = "withheld"
    if reason is None and seen.provider_count < fewest:
        reason = f"thin: {seen.provider_count} of {fewest} fresh providers"
    if reason is None and rule.moves_by_fraction is not None:
        change, reason, since_day = _change(moved(), fewest, rule.over_days, seen.seen_at)
        if change is not None:
            state = "fired" if abs(change) >= rule.moves_by_fraction else "quiet"
    elif reason is None and seen.value is not None:
        state = "fired" if rule.is_met(seen.value) else "quiet"
        since_day = since(rule) if state == "fired" else None
    else:
        since_day = None
    return Judgement(
        rule=rule, state=state, subject=_subject(rule), unit=rule.unit, value=seen.value,
        low=seen.low, high=seen.high, change_fraction=change,
        since=since_day if state == "fired" else None, provider_count=seen.provider_count,
        provider_ids=seen.provider_ids, seen_at=seen.seen_at, reason=reason,
        command=_command(rule),
    )  # fmt: skip


Moves = Callable[[], list[tuple[float, float]]]
Since = Callable[[Rule], Any]


def _of_gpu(
    connection: duckdb.DuckDBPyConnection, asked: dict[str, Any]
) -> tuple[Seen, Moves, Since]:
    [row] = report_dicts(connection, "alert_gpu", **asked)
    reason = None
    if row["value"] is None:
        reason = (
            f"stale: last shown {row['seen_at']:%Y-%m-%d %H:%M}Z" if row["seen_at"]
            else "nobody offers it so"
        )  # fmt: skip
    seen = Seen(
        row["value"], row["provider_count"], row["provider_ids"], row["seen_at"],
        row["low"], row["high"], reason,
    )  # fmt: skip

    def moved() -> list[tuple[float, float]]:
        rows = run_report(connection, "alert_gpu_moves", **asked).rows
        return [(now, then) for _, now, then, _ in rows]

    def since(rule: Rule) -> Any:
        return unbroken_since(run_report(connection, "alert_gpu_days", **asked).rows, rule.is_met)

    return seen, moved, since


def _of_model(
    connection: duckdb.DuckDBPyConnection, asked: dict[str, Any]
) -> tuple[Seen, Moves, Since]:
    rows = report_dicts(connection, "alert_api", **asked)
    alive = [row for row in rows if row["is_alive"]]
    reason = None
    if not alive:
        reason = "no confirmed price: the lists that have it are old" if rows else "no list has it"
    seen = Seen(
        median(row["value"] for row in alive) if alive else None,
        len(alive),
        ", ".join(row["provider_id"] for row in alive) or None,
        max((row["confirmed_at"] for row in alive), default=None),
        reason=reason,
    )

    def moved() -> list[tuple[float, float]]:
        return [(row["value"], row["then_value"]) for row in alive if row["then_value"]]

    def since(_: Rule) -> Any:
        return max(row["valid_from"] for row in alive).date()

    return seen, moved, since


def _change(
    pairs: Sequence[tuple[float, float]], fewest: int, over_days: int, seen_at: datetime | None
) -> tuple[float | None, str | None, Any]:
    """Return how much the same offers moved, why that is not known, and the day compared with."""
    if len(pairs) < fewest:
        return None, f"thin: {len(pairs)} of {fewest} providers had the same offers then", None
    now, then = zip(*pairs, strict=True)
    day = seen_at - timedelta(days=over_days) if seen_at else None
    return matched_ratio(now, then).value - 1, None, day


def unbroken_since(days: Sequence[tuple[Any, float]], is_met: Callable[[float], bool]) -> Any:
    """Return the first day of the newest days on which a rule held without a break.

    Parameters
    ----------
    days : sequence of (date, float)
        Newest first. Days without a price are not in it and break nothing.
    is_met : callable
        Whether a price is beyond the rule.

    Returns
    -------
    date or None
        None where it did not hold on the newest of these days: it holds since then.

    Examples
    --------
    >>> unbroken_since([(4, 1.0), (3, 1.5), (1, 3.0), (0, 1.0)], lambda usd: usd < 2)
    3
    >>> unbroken_since([(4, 3.0), (3, 1.5)], lambda usd: usd < 2) is None
    True
    """
    first = None
    for day, value in days:
        if not is_met(value):
            break
        first = day
    return first


def _subject(rule: Rule) -> str:
    if rule.gpu is None:
        who = rule.provider or "API providers"
        return f"{rule.model}, {rule.tokens} tokens, {who}"
    term = f" {rule.commitment_months} months" if rule.commitment_months else ""
    who = rule.provider or rule.market_family
    return f"{rule.gpu}, {rule.purchase_model}{term}, {who}, {rule.reference_region}"


def _command(rule: Rule) -> str:
    """Return the command that shows the prices behind a rule."""
    if rule.gpu is None:
        return f"truecost api {shlex.quote(str(rule.model))}"
    words = ["truecost", "offers", rule.gpu, "--purchase", rule.purchase_model]
    if rule.commitment_months:
        words += ["--commitment-months", str(rule.commitment_months)]
    if rule.provider:
        words += ["--provider", rule.provider]
    return shlex.join(words)
