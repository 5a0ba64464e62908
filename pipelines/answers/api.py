"""What the tokens of a model cost by API, beside serving it on rented GPUs.

The selects are ``warehouse/sql/reports/api_*.sql`` and ``own_serving.sql``, the sums those of
``cost_engine.serving.cost``. Printing belongs to the command.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from cost_engine.serving.cost import THOUSAND, blended_usd, break_even_tokens_per_day
from cost_engine.units import HOURS_PER_DAY, SECONDS_PER_HOUR
from pipelines.derive.serving_names import known_models, model_spelled
from warehouse.reference import Documents
from warehouse.reports import report_dicts, run_report

# Tokens of a request where no set of GPUs serves the model: three in for one out.
DEFAULT_REQUEST = {"input_tokens": 3000, "output_tokens": 1000}
NAMES_LISTED = 12


class ApiModelError(ValueError):
    """A name of no model that price lists have, or of several."""


@dataclass(frozen=True)
class ApiAnswer:
    """The price lists of a model, and what serving it costs.

    Attributes
    ----------
    model : str
        The reference model, else the name of the price lists.
    own : mapping or None
        The cheapest set of GPUs that serves it; None where there is none.
    own_reason : str or None
        Why there is none.
    prices : list of dict
        Cheapest first, deprecated, unconfirmed and re-listed ones last.
    hidden_count : int
        Prices that are left out because they are doubtful.
    """

    model: str
    own: Mapping[str, Any] | None
    own_reason: str | None
    prices: list[dict[str, Any]]
    hidden_count: int


def api_prices(
    connection: duckdb.DuckDBPyConnection,
    documents: Documents,
    asked: str,
    *,
    workload: str = "balanced",
    service_level_id: str = "interactive",
    with_doubtful: bool = False,
) -> ApiAnswer:
    """Return the list prices of a model, each beside the cost of serving it.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    documents : Documents
        Its reference data.
    asked : str
        A reference model, or a model as price lists name it, in any spelling.
    workload, service_level_id : str
        What a request looks like, and how fast a user wants the answer.
    with_doubtful : bool
        Also deprecated, unconfirmed and re-listed prices.

    Raises
    ------
    ApiModelError
        If the name means no model of a price list, or several.
    """
    model_id, api_model = meant(connection, documents, asked)
    subject = {"model_id": model_id, "api_model": api_model}
    every = report_dicts(connection, "api_prices", with_doubtful=True, **subject)
    kept = [row for row in every if with_doubtful or not is_doubtful(row)]
    own, reason = None, f"{model_id or api_model} is not a reference model"
    if model_id is not None and not known_models(documents)[model_id].texts.get("is_open_weights"):
        reason = "its weights are not published"
    elif model_id is not None:
        found = report_dicts(
            connection,
            "own_serving",
            model_id=model_id,
            workload=workload,
            service_level_id=service_level_id,
        )
        own = found[0] if found else None
        reason = (
            f"no set with three fresh providers serves {workload} at a pace of {service_level_id}"
        )
    return ApiAnswer(
        model_id or str(api_model),
        own,
        None if own else reason,
        [row | beside(row, own) for row in kept],
        len(every) - len(kept),
    )


def is_doubtful(row: Mapping[str, Any]) -> bool:
    """Return whether a price may be of an endpoint that is gone, or of another provider."""
    return bool(row["is_deprecated"] or row["is_relisted"] or not row["is_confirmed"])


def beside(price: Mapping[str, Any], own: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a list price for the mix of the workload, beside own serving.

    Examples
    --------
    One replica of eight GPUs costs 384 USD a day, as much as 768 million tokens for 0.50 USD.

    >>> price = {"usd_per_million_input_tokens": 0.4, "usd_per_million_output_tokens": 0.8}
    >>> own = {"gpu_id": "X", "gpu_count": 8, "precision": "fp8", "usd_per_gpu_hour": 2.0,
    ...     "tokens_per_second_per_gpu": 2000.0, "usd_per_1k_tokens": 0.000278, "low": 0.0002,
    ...     "high": 0.0004, "provider_count": 5, "input_tokens": 3000, "output_tokens": 1000}
    >>> found = beside(price, own)
    >>> found["usd_per_million_tokens"], round(found["break_even_tokens_per_day"] / 1e6)
    (0.5, 768)
    >>> beside(price, own | {"tokens_per_second_per_gpu": 1000.0})["never_reason"]
    'a full replica serves 691 million tokens a day; it costs as much as 768'
    """
    request = own or DEFAULT_REQUEST
    inputs, outputs = float(request["input_tokens"]), float(request["output_tokens"])
    usd_in, usd_out = price["usd_per_million_input_tokens"], price["usd_per_million_output_tokens"]
    usd = None
    if usd_in is not None and usd_out is not None:
        usd = float(blended_usd(usd_in, usd_out, inputs / (inputs + outputs)))
    found: dict[str, Any] = {
        "usd_per_million_tokens": usd,
        "own_usd_per_million_tokens": None,
        "own_usd_per_million_tokens_low": None,
        "own_usd_per_million_tokens_high": None,
        "price_to_own_cost": None,
        "break_even_tokens_per_day": None,
        "never_reason": None,
        "own_gpu_id": None,
        "own_gpu_count": None,
        "own_precision": None,
        "own_usd_per_gpu_hour": None,
        "own_provider_count": None,
    }
    if own is None:
        return found
    per_million = {name: own[name] * THOUSAND for name in ("usd_per_1k_tokens", "low", "high")}
    found |= {
        "own_usd_per_million_tokens": per_million["usd_per_1k_tokens"],
        "own_usd_per_million_tokens_low": per_million["low"],
        "own_usd_per_million_tokens_high": per_million["high"],
        **{f"own_{name}": own[name] for name in ("gpu_id", "gpu_count", "precision",
           "usd_per_gpu_hour", "provider_count")},
    }  # fmt: skip
    if usd is None:
        return found | {"never_reason": "the list has no price of input or of output"}
    found["price_to_own_cost"] = usd / per_million["usd_per_1k_tokens"]
    if usd <= 0:
        return found | {"never_reason": "it is free"}
    tokens = float(break_even_tokens_per_day(own["usd_per_gpu_hour"], own["gpu_count"], usd))
    most = own["tokens_per_second_per_gpu"] * own["gpu_count"] * HOURS_PER_DAY * SECONDS_PER_HOUR
    if tokens > most:
        reason = (
            f"a full replica serves {most / 1e6:,.0f} million tokens a day; it costs as much as"
            f" {tokens / 1e6:,.0f}"
        )
        return found | {"never_reason": reason}
    return found | {"break_even_tokens_per_day": tokens}


def meant(
    connection: duckdb.DuckDBPyConnection, documents: Documents, asked: str
) -> tuple[str | None, str | None]:
    """Return the reference model that was meant, or the name that price lists have for it.

    Raises
    ------
    ApiModelError
        See ``api_prices``.
    """
    model_id = model_spelled(documents, asked)
    if model_id is not None:
        return model_id, None
    listed = {name: model for name, model, _ in run_report(connection, "api_models").rows}
    name = asked.strip().lower().rsplit("/", 1)[-1]
    if name in listed:
        return None, name
    beginning = sorted(one for one in listed if name and one.startswith(name))
    if len(beginning) == 1:
        return None, beginning[0]
    if beginning:
        more = len(beginning) - NAMES_LISTED
        raise ApiModelError(
            f"model {asked!r} is not one thing: {', '.join(beginning[:NAMES_LISTED])}"
            + (f" and {more} more" if more > 0 else "")
        )
    near = difflib.get_close_matches(name, [*listed, *known_models(documents)], n=5, cutoff=0.5)
    hint = (
        f"did you mean: {', '.join(near)}" if near else "see: truecost sql 'from marts.api_price'"
    )
    raise ApiModelError(f"no price list has a model {asked!r}; {hint}")


def api_providers(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return every API provider of the newest price lists."""
    return {provider_id for (provider_id,) in run_report(connection, "api_providers").rows}
