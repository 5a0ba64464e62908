"""Answers what the tokens of one model cost at the prices of a day, on every set of GPUs.

Binds reference data, the serving equations and prices. The prices come in as rows
(``gpu_price``), sums belong to ``cost_engine.serving``, printing to ``pipelines.commands``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.calibration import INTERVAL_80_DEVIATIONS, POOLED
from cost_engine.serving.deployments import Deployments, planned, pooled
from cost_engine.serving.deployments import single_user_pace as single_worker_pace
from cost_engine.serving.inputs import Floats, taken
from cost_engine.serving.loop import LIMITS
from cost_engine.serving.quote import Prices, Quote, quote
from cost_engine.serving.replicas import (
    GpuSets,
    Served,
    served,
    single_user_pace,
    with_room,
)
from pipelines.answers.fit import (
    SETS_SUGGESTED,
    FitQuestion,
    fitting_sets,
    named_sets,
    precisions_for,
)
from pipelines.answers.footprint import footprint
from pipelines.answers.infer_question import AGGREGATED, DISAGGREGATED, InferQuestion
from pipelines.answers.nearest_measured import nearest_measured
from pipelines.answers.open_load import COLUMNS as LOAD_COLUMNS
from pipelines.answers.open_load import under_load
from pipelines.answers.pool_workers import MOST_POOL_GPUS, most_pool_gpus, pool_workers
from pipelines.answers.serving_assumptions import watts
from pipelines.derive.gpu_sets import (
    ALL_COUNTS,
    SECOND_NODE,
    gpu_sets,
    servable_gpus,
)
from pipelines.derive.price_basis import GpuPrice
from pipelines.derive.serving_names import UnknownSubjectError, known_gpus, precision_named
from pipelines.derive.serving_reference import batch_errors
from warehouse.reference import Gpu
from warehouse.reference.serving import concurrency_band

POOL_COLUMNS = ("prefill_workers", "prefill_worker_gpus", "decode_workers", "decode_worker_gpus")
"""Of separate pools, None in rows without."""


def quotes(question: InferQuestion, prices: Mapping[str, GpuPrice]) -> list[dict[str, Any]]:
    """Return what each GPU set costs that has room for the model and keeps the pace.

    Parameters
    ----------
    question : InferQuestion
    prices : mapping of str to GpuPrice
        By GPU.

    Returns
    -------
    list of dict
        Cheapest first: the cheapest offered set and precision of each GPU, or every offered set if
        the question names a GPU. GPUs that are not ranked (``is_ranked``: too few providers, or a
        price of another market) follow those that are.

    Raises
    ------
    UnknownSubjectError
        If nothing works. The message says what would.
    """
    question.refuse_impossible()
    _refuse_without_price(question, prices)
    gpus, precisions = _candidates(question, prices)
    if not gpus:
        raise UnknownSubjectError(
            f"no GPU with a price has {question.precision}; try bf16, fp16, fp8, int8 or int4"
        )
    rows = []
    if question.serving_mode != DISAGGREGATED:
        rows += _aggregated(question, prices, gpus, precisions)
    if question.serving_mode != AGGREGATED:
        rows += _disaggregated(question, prices, gpus, precisions)
    if not rows:
        raise UnknownSubjectError(_what_would_work(question, prices, gpus, precisions))
    rows.sort(key=lambda row: float(row["usd_per_1k_tokens"]))
    if question.gpu is not None:
        return rows
    rows.sort(key=lambda row: not row["is_ranked"])
    cheapest: dict[str, dict[str, Any]] = {}
    for row in rows:
        cheapest.setdefault(str(row["gpu_id"]), row)
    return list(cheapest.values())


def _refuse_without_price(question: InferQuestion, prices: Mapping[str, GpuPrice]) -> None:
    if not prices:
        raise UnknownSubjectError(
            f"no fresh price, {question.basis}; try another --market, --region or --purchase"
        )
    if question.gpu is not None and question.gpu.gpu_id not in prices:
        raise UnknownSubjectError(
            f"no fresh price of {question.gpu.gpu_id}, {question.basis}; there are prices of"
            f" {', '.join(sorted(prices))}"
        )


def _candidates(
    question: InferQuestion, prices: Mapping[str, GpuPrice]
) -> tuple[list[Gpu], list[str] | None]:
    """Return the GPUs to try and their precisions, None for those of each chip."""
    documents = question.documents
    if question.gpu is not None:
        gpus = [question.gpu]
    else:
        gpus = [gpu for gpu in servable_gpus(documents, prices) if _has_precision(question, gpu)]
    if question.precision is None:
        return gpus, None
    return gpus, [precision_named(documents, question.precision)]


def _has_precision(question: InferQuestion, gpu: Gpu) -> bool:
    try:
        precisions_for(question.documents, gpu, question.precision)
    except UnknownSubjectError:
        return False
    return True


def _offered(sets: GpuSets, prices: Mapping[str, GpuPrice]) -> GpuSets:
    """Return the sets that one provider offers on the basis; any, for a price that was given."""
    is_offered = [
        prices[gpu_id].sets is None or int(count) in (prices[gpu_id].sets or {})
        for gpu_id, count in zip(sets.gpu.values, sets.gpu_count, strict=True)
    ]
    return sets.taken(np.flatnonzero(is_offered))


def _what_is_offered(question: InferQuestion, prices: Mapping[str, GpuPrice]) -> str:
    """Return that nobody offers sets of the size that was asked for, and which are offered."""
    what = f"{question.gpu_count or ''} x {question.gpu.gpu_id if question.gpu else 'any GPU'}"
    there = sorted(prices[question.gpu.gpu_id].sets or ()) if question.gpu else []
    sizes = ", ".join(map(str, there))
    return (
        f"nobody offers {what.lstrip()} as one set, {question.basis};"
        + (f" there are sets of {sizes};" if sizes else "")
        + " try another --market, or --price"
    )


def _room(
    question: InferQuestion,
    prices: Mapping[str, GpuPrice],
    gpus: Sequence[Gpu],
    precisions: Sequence[str] | None,
) -> GpuSets:
    """Return the sets on offer that hold a request."""
    counts = (question.gpu_count,) if question.gpu_count else ALL_COUNTS
    documents = question.documents
    sets = _offered(gpu_sets(documents, [question.model], gpus, counts, precisions), prices)
    if not len(sets) and question.serving_mode == AGGREGATED:
        raise UnknownSubjectError(_what_is_offered(question, prices))
    return with_room(sets, question.request, question.fit, SECOND_NODE)


def _aggregated(
    question: InferQuestion,
    prices: Mapping[str, GpuPrice],
    gpus: Sequence[Gpu],
    precisions: Sequence[str] | None,
) -> list[dict[str, Any]]:
    """Return what sets cost whose GPUs all do prefill and decode."""
    fit, request = question.fit, question.request
    room = _room(question, prices, gpus, precisions)
    if not len(room):
        return []
    everything = served(room, request, question.tokens_per_second_per_user, fit)
    keep = np.flatnonzero(everything.concurrency >= 1)
    sets, point = room.taken(keep), taken(everything, keep)
    return _rows(question, sets, point, prices, sets.error_log_sd(request, fit))


def _disaggregated(
    question: InferQuestion,
    prices: Mapping[str, GpuPrice],
    gpus: Sequence[Gpu],
    precisions: Sequence[str] | None,
) -> list[dict[str, Any]]:
    """Return what separate pools for prefill and decoding cost."""
    fit, request = question.fit, question.request
    if f"{POOLED}pair" not in fit.error_log_sd:
        raise UnknownSubjectError("the reference data of that day have no errors of separate pools")
    workers = pool_workers(question.documents, question.model, gpus, prices, precisions)
    deployments = planned(
        workers,
        request,
        question.tokens_per_second_per_user,
        fit,
        most_pool_gpus(workers, question.gpu_count),
    )
    if question.gpu_count is not None:
        is_asked = deployments.gpu_count == question.gpu_count
        deployments = deployments.taken(np.flatnonzero(is_asked))
    if not len(deployments):
        return []
    point = pooled(deployments, request, fit)
    spread = deployments.error_log_sd(request, fit)
    return _rows(question, deployments.sets, point, prices, spread, deployments)


def _rows(
    question: InferQuestion,
    sets: GpuSets,
    point: Served,
    prices: Mapping[str, GpuPrice],
    error: tuple[Floats, NDArray[np.bool_]],
    deployments: Deployments | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each set, all of whose GPUs are paid for."""
    request, (spread, is_beyond) = question.request, error
    slower = np.exp(INTERVAL_80_DEVIATIONS * spread)
    mode = AGGREGATED if deployments is None else DISAGGREGATED
    names = [str(name) for name in sets.gpu.values]
    of_set = [
        prices[name].of_set(int(count)) for name, count in zip(names, sets.gpu_count, strict=True)
    ]
    gpus = known_gpus(question.documents)
    power = {name: watts(question.documents, gpus[name], question.fixed) for name in set(names)}
    costs = quote(
        replace(sets, facility_watts=np.array([power[name] for name in names])),
        point,
        request,
        Prices(
            np.array([price.usd_per_gpu_hour for price in of_set]),
            np.array([price.low for price in of_set]),
            np.array([price.high for price in of_set]),
        ),
        spread,
        fleet_utilisation_fraction=question.fleet_utilisation_fraction,
    )
    loads: list[dict[str, Any]] = [dict.fromkeys(LOAD_COLUMNS)] * len(of_set)
    if question.requests_per_second is not None and deployments is None:
        usd = np.array([price.usd_per_gpu_hour for price in of_set])
        loads = under_load(sets, point, request, question.fit, question.requests_per_second, usd)
    rows: list[dict[str, Any]] = [
        {
            "model_id": question.model.model_id,
            "gpu_id": price.gpu_id,
            "gpu_count": int(sets.gpu_count[place]),
            "precision": str(sets.precision.values[place]),
            **_layout(point, deployments, place),
            "usd_per_1k_input_tokens": float(costs.usd_per_1k_input_tokens[place]),
            "usd_per_1k_output_tokens": float(costs.usd_per_1k_output_tokens[place]),
            "usd_per_1k_tokens": float(costs.usd_per_1k_tokens[place]),
            "low": float(costs.low[place]),
            "high": float(costs.high[place]),
            "usd_per_1k_tokens_provisioned": float(costs.usd_per_1k_tokens_provisioned[place]),
            "usd_per_request": float(costs.usd_per_request[place]),
            "tokens_per_second_per_user": float(point.tokens_per_second_per_user[place]),
            "tokens_per_second_per_gpu": float(point.tokens_per_second_per_gpu[place]),
            "tokens_per_second_per_gpu_low": float(
                point.tokens_per_second_per_gpu[place] / slower[place]
            ),
            "tokens_per_second_per_gpu_high": float(
                point.tokens_per_second_per_gpu[place] * slower[place]
            ),
            "time_per_output_token_seconds": float(1 / point.tokens_per_second_per_user[place]),
            "time_to_first_token_seconds": float(point.time_to_first_token_seconds[place]),
            "concurrency": int(point.concurrency[place]),
            "unseen_error_at_concurrency": batch_errors(question.documents).get(
                (mode, concurrency_band(float(point.concurrency[place])))
            ),
            "binding_limit": LIMITS[int(point.limit[place])],
            "watt_hours_per_1k_tokens": _known(costs.watt_hours_per_1k_tokens[place]),
            "watt_hours_per_request": _known(costs.watt_hours_per_request[place]),
            **_footprint(question, price, sets, point, costs, place),
            **loads[place],
            **_priced(price, int(sets.gpu_count[place])),
            "is_ranked": price.is_ranked(question.basis),
            "method": "calibrated",
            "is_extrapolated": bool(is_beyond[place]),
            "nearest_measured": _nearest(question, sets, point, place, deployments),
        }
        for place, price in enumerate(of_set)
    ]
    return rows


def _layout(point: Served, deployments: Deployments | None, place: int) -> dict[str, Any]:
    """Return how the GPUs of a row are divided. Workers are those of separate pools."""
    pools = deployments.pools if deployments is not None else None
    counts: dict[str, Any] = dict.fromkeys(POOL_COLUMNS)
    if deployments is not None and pools is not None:
        numbers = (
            pools.prefill_workers,
            pools.prefill_gpus,
            pools.decode_workers,
            deployments.decode.gpu_count,
        )
        counts = {
            name: int(np.asarray(number)[place])
            for name, number in zip(POOL_COLUMNS, numbers, strict=True)
        }
    return {
        "serving_mode": AGGREGATED if deployments is None else DISAGGREGATED,
        "is_attention_data_parallel": bool(point.is_cache_divided[place]),
        **counts,
    }


def _footprint(
    question: InferQuestion,
    price: GpuPrice,
    sets: GpuSets,
    point: Served,
    costs: Quote,
    place: int,
) -> dict[str, Any]:
    offer = (price.sets or {}).get(int(sets.gpu_count[place]))
    return footprint(
        question.documents,
        question.country,
        price.gpu_id,
        offer.provider_id if offer else None,
        tokens_per_second_per_gpu=float(point.tokens_per_second_per_gpu[place]),
        watt_hours_per_1k_tokens=_known(costs.watt_hours_per_1k_tokens[place]),
        fleet_utilisation_fraction=question.fleet_utilisation_fraction,
        grams_co2e_per_kwh=question.fixed.get("grams_co2e_per_kwh"),
    )


def _priced(price: GpuPrice, gpu_count: int) -> dict[str, Any]:
    """Return what the price of a set rests on, and whose offer of it is the cheapest."""
    offer = (price.sets or {}).get(gpu_count)
    return {
        "usd_per_gpu_hour": price.usd_per_gpu_hour,
        "usd_per_gpu_hour_low": price.low,
        "usd_per_gpu_hour_high": price.high,
        "market_family": price.market_family,
        "reference_region": price.reference_region,
        "provider_count": price.provider_count,
        "oldest_seen_at": price.oldest_seen_at,
        "priced_on": price.day,
        "set_provider_id": offer.provider_id if offer else None,
        "set_usd_per_gpu_hour": offer.usd_per_gpu_hour if offer else None,
        "set_gpus_per_instance": offer.gpus_per_instance if offer else None,
        "set_seen_at": offer.seen_at if offer else None,
        "set_provider_count": offer.provider_count if offer else None,
    }


def _nearest(
    question: InferQuestion,
    sets: GpuSets,
    point: Served,
    place: int,
    deployments: Deployments | None,
) -> str | None:
    """Return the nearest measured result in one line, None where there is none."""
    of_replica = sets if deployments is None else deployments.decode
    near = nearest_measured(
        question.documents,
        question.model,
        str(sets.gpu.values[place]),
        str(sets.precision.values[place]),
        float(of_replica.gpu_count[place]),
        float(point.concurrency[place]),
        is_pooled=deployments is not None,
    )
    return near.text if near else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _what_would_work(
    question: InferQuestion,
    prices: Mapping[str, GpuPrice],
    gpus: Sequence[Gpu],
    precisions: Sequence[str] | None,
) -> str:
    """Return why nothing serves the request, and what would."""
    model, precision, fit = question.model, question.precision, question.fit
    where = question.gpu.gpu_id if question.gpu is not None else "any GPU with a price"
    room = _room(question, prices, gpus, precisions)
    paces = single_user_pace(room, question.request, fit) if len(room) else np.array([])
    if question.serving_mode == DISAGGREGATED:
        documents = question.documents
        workers = pool_workers(documents, model, gpus, prices, precisions)
        room = with_room(workers, question.request, fit, int(np.max(workers.gpu_count)) + 1)
        paces = single_worker_pace(room, question.request, fit) if len(room) else paces
    wanted = question.tokens_per_second_per_user
    if len(room) and np.max(paces) >= wanted:
        return (
            f"{model.model_id} on {where} has no separate pools of {question.gpu_count} GPUs; "
            f"leave the count out to see those of up to {MOST_POOL_GPUS}"
        )
    if len(room):
        best = int(np.argmax(paces))
        return (
            f"{model.model_id} on {where} does not give {wanted:g} "
            f"tokens a second to each user; the most, with one user alone, is "
            f"{paces[best]:.0f} on {room.gpu_count[best]:.0f} x {room.gpu.values[best]}"
        )
    works = fitting_sets(
        FitQuestion(
            documents=question.documents,
            model=model,
            precision=precision,
            context_tokens=question.request.tokens,
        ),
        {},
    )
    return (
        f"{model.model_id}{' in ' + precision if precision else ''} does not fit on {where}; "
        + (
            f"it fits on {named_sets(works[:SETS_SUGGESTED])}"
            if works
            else "no set of up to 16 known GPUs holds it"
        )
    )
