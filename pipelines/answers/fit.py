"""Answers on which sets of GPUs a model fits, and what they cost for an hour.

Binds reference data, memory arithmetic and prices. The prices come in as rows (``gpu_price``),
sums belong to ``cost_engine.serving``, printing to ``pipelines.commands``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cost_engine.memory import SERVED_WEIGHT_BITS, bytes_per_kv_value
from cost_engine.serving.calibration import Calibration
from cost_engine.serving.cost import usd_per_hour
from cost_engine.serving.inputs import Floats
from cost_engine.serving.replicas import GpuSets, Request, sequence_limits
from cost_engine.serving.room import cache_shards, sequence_limit
from cost_engine.units import BITS_PER_BYTE
from pipelines.answers.gpu_facts import Used
from pipelines.answers.serving_assumptions import (
    listed,
    memory_figures,
    refuse_impossible,
    with_memory,
)
from pipelines.derive import serving_reference as reference
from pipelines.derive.gpu_sets import ALL_COUNTS, gpu_sets, servable_gpus, served_precisions
from pipelines.derive.price_basis import DEFAULT_BASIS, GpuPrice, PriceBasis
from pipelines.derive.serving_names import UnknownSubjectError, known_gpus, precision_named
from pipelines.derive.serving_reference import Fit
from warehouse.reference import Documents, Gpu, Model

USEFUL_SEQUENCES = 8
"""Sequences from which a set is useful and not only able to run the model. [sequence]"""
SETS_SUGGESTED = 3


@dataclass(frozen=True, kw_only=True)
class FitQuestion:
    """What someone wants to know of one model.

    Attributes
    ----------
    documents : Documents
        The reference data to answer from.
    model : Model
    gpu : Gpu or None
        Only this one.
    precision : str or None
        Only this one; by default 16, 8 and 4 bits as each chip has them.
    context_tokens : float
        Longest context of a sequence. [token]
    sequences : int
        Sequences that must fit at once. [sequence]
    gpu_count : int or None
        Only so many GPUs in all, over one replica or several. [GPU]
    basis : PriceBasis
        What the prices rest on: how many providers a ranked GPU needs.
    fixed : mapping of str to float
        Assumptions that are set, by the names of ``serving_assumptions.SETTABLE_OF_FIT``.
    """

    documents: Documents
    model: Model
    gpu: Gpu | None = None
    precision: str | None = None
    context_tokens: float
    sequences: int = 1
    gpu_count: int | None = None
    basis: PriceBasis = DEFAULT_BASIS
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def fit(self) -> Fit:
        """The calibration of the reference data, with what is fixed of the memory."""
        return with_memory(reference.fitted(self.documents), self.fixed)

    @property
    def assumptions(self) -> list[Used]:
        """What the answer rests on beside prices."""
        return listed(memory_figures(self.fit), self.fixed)

    def refuse_impossible(self) -> None:
        """Raise if no set of GPUs can make this question answerable.

        Raises
        ------
        UnknownSubjectError
            The message says what would work.
        """
        refuse_impossible(self.fixed)
        refuse_long_context(self.model, self.context_tokens)
        if self.precision is not None:
            precision_named(self.documents, self.precision)
        if self.gpu is not None:
            precisions_for(self.documents, self.gpu, self.precision)
        reference.shape_row(self.model)


def refuse_long_context(model: Model, tokens: float) -> None:
    """Raise if a model cannot read that many tokens.

    Raises
    ------
    UnknownSubjectError
        With the longest context that works.
    """
    limit = reference.number(model, "context_limit_tokens")
    if limit is not None and tokens > limit:
        raise UnknownSubjectError(
            f"{model.model_id} reads at most {limit:,.0f} tokens, input and output together; "
            f"{tokens:,.0f} were asked for"
        )


def within_context(model: Model, input_tokens: int, output_tokens: int) -> tuple[int, int]:
    """Return the lengths of a request, shortened in proportion to what a model can read [token].

    Examples
    --------
    >>> from pipelines.derive.serving_names import known_models
    >>> from warehouse.reference import bundled
    >>> within_context(known_models(bundled())["gpt-3-175b"], 3000, 1000)
    (1536, 512)
    """
    limit = reference.number(model, "context_limit_tokens")
    if limit is None or input_tokens + output_tokens <= limit:
        return input_tokens, output_tokens
    written = int(limit * output_tokens / (input_tokens + output_tokens))
    return int(limit) - written, written


def precisions_for(documents: Documents, gpu: Gpu, precision: str | None) -> list[str]:
    """Return the precisions in which to serve on a GPU.

    Raises
    ------
    UnknownSubjectError
        If the chip does not have the precision. The message says which it has.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> precisions_for(bundled(), known_gpus(bundled())["H100-SXM-80GB"], "fp4")
    Traceback (most recent call last):
    pipelines.derive.serving_names.UnknownSubjectError: H100-SXM-80GB has no fp4; it has \
bf16, fp16, fp8, int8, and int4 as a format of the weights
    """
    if precision is None:
        return served_precisions(gpu)
    name = precision_named(documents, precision)
    has = [known for known in SERVED_WEIGHT_BITS if known in gpu.dense_flops_per_second]
    if name in has or name == "int4":
        return [name]
    has = [known for known in has if known != "int4"]
    raise UnknownSubjectError(
        f"{gpu.gpu_id} has no {name}; it has {', '.join(has)}, and int4 as a format of the weights"
    )


def fits(question: FitQuestion, prices: Mapping[str, GpuPrice]) -> list[dict[str, Any]]:
    """Return the fewest GPUs of each kind and precision that hold the sequences of a model.

    Parameters
    ----------
    question : FitQuestion
    prices : mapping of str to GpuPrice
        By GPU. Replicas that nobody offers as one set have no price.

    Returns
    -------
    list of dict
        Those that hold them, cheapest first, then smallest; after those that are ranked
        (``is_ranked``) the others: too few providers, a price of another market, or none. A GPU or
        a number of GPUs that is asked for also has rows that do not (``fits`` false), with what
        fits and what is missing. Where nothing holds them, the rows that lack least.

    Raises
    ------
    UnknownSubjectError
        If no set of GPUs can make the question answerable.
    """
    question.refuse_impossible()
    rows = _all_rows(question, prices)
    holding = [row for row in rows if row["fits"]]
    if question.gpu is not None or question.gpu_count is not None or not holding:
        return [*holding, *sorted((r for r in rows if not r["fits"]), key=_missing)]
    return holding


def fitting_sets(question: FitQuestion, prices: Mapping[str, GpuPrice]) -> list[dict[str, Any]]:
    """Return the rows of ``fits`` that hold the sequences; an empty list if none does."""
    return [row for row in _all_rows(question, prices) if row["fits"]]


def _all_rows(question: FitQuestion, prices: Mapping[str, GpuPrice]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    documents = question.documents
    gpus = (
        servable_gpus(documents, known_gpus(documents)) if question.gpu is None else [question.gpu]
    )
    for gpu in gpus:
        try:
            precisions = precisions_for(documents, gpu, question.precision)
        except UnknownSubjectError:
            continue
        rows += _rows(question, gpu, precisions, prices.get(gpu.gpu_id))
    return sorted(
        rows,
        key=lambda row: (
            not row["is_ranked"],
            row["usd_per_hour"] is None,
            row["usd_per_hour"] or 0.0,
            row["memory_bytes"],
            row["gpu_id"],
        ),
    )


def _missing(row: Mapping[str, Any]) -> tuple[float, str]:
    return row["missing_bytes"], row["gpu_id"]


@dataclass(frozen=True)
class Deployment:
    """Replicas of a model, all of one width.

    Attributes
    ----------
    place : int
        Row of the set that one replica is.
    width, replicas : int
        GPUs of a replica, and how many there are.
    sequences : int
        That fit at once on all. [sequence]
    """

    place: int
    width: int
    replicas: int
    sequences: int

    @property
    def gpu_count(self) -> int:
        """GPUs of all replicas."""
        return self.width * self.replicas


def deployment(
    widths: Sequence[int], limits: Sequence[float], sequences: int, gpu_count: int | None
) -> Deployment | None:
    """Return the replicas that hold some sequences on the fewest GPUs, or most on so many.

    Parameters
    ----------
    widths : sequence of int
        GPUs of one replica, ascending.
    limits : sequence of float
        Sequences that fit on a replica of each width.
    sequences : int
        That must fit at once. [sequence]
    gpu_count : int or None
        GPUs of all replicas, where the number is given.

    Examples
    --------
    A replica of 8 holds 21 sequences and one of 16 no more, because each GPU keeps the same cache:
    two replicas of 8 hold 32.

    >>> deployment([8, 16], [21.4, 21.9], 32, None)
    Deployment(place=0, width=8, replicas=2, sequences=42)
    >>> deployment([8, 16], [21.4, 21.9], 32, 8).sequences
    21
    """
    found = []
    for place, (width, limit) in enumerate(zip(widths, limits, strict=True)):
        each = max(int(limit), 0)
        if gpu_count is not None:
            if gpu_count % width:
                continue
            replicas = gpu_count // width
        else:
            replicas = -(-sequences // each) if each else 1
        found.append(Deployment(place, width, replicas, replicas * each))
    holding = [one for one in found if one.sequences >= sequences]
    if holding:
        return min(holding, key=lambda one: (one.gpu_count, -one.sequences, one.replicas))
    return max(found, key=lambda one: (one.sequences, one.width), default=None)


def _rows(
    question: FitQuestion, gpu: Gpu, precisions: Sequence[str], price: GpuPrice | None
) -> list[dict[str, Any]]:
    sets = gpu_sets(question.documents, [question.model], [gpu], ALL_COUNTS, precisions)
    fit, request = question.fit, Request(question.context_tokens, 0.0)
    limits = sequence_limits(sets, request, fit)
    copies = _copies(sets, request, limits, fit)
    rows = []
    for precision in dict.fromkeys(sets.precision.values):
        places = [place for place in range(len(sets)) if sets.precision.values[place] == precision]
        offered = [place for place in places if _is_offered(price, int(sets.gpu_count[place]))]
        chosen = _deployed(question, sets, offered, limits)
        of_chosen = price
        if chosen is None or (len(offered) < len(places) and not _holds(question, chosen)):
            offered, of_chosen = places, None
            chosen = _deployed(question, sets, places, limits)
        if chosen is not None:
            place = offered[chosen.place]
            figures = float(limits[place]), float(copies[place])
            rows.append(_row(question, sets, place, chosen, *figures, of_chosen))
    return rows


def _is_offered(price: GpuPrice | None, gpu_count: int) -> bool:
    return price is not None and (price.sets is None or gpu_count in price.sets)


def _deployed(
    question: FitQuestion, sets: GpuSets, places: Sequence[int], limits: Floats
) -> Deployment | None:
    widths = [int(sets.gpu_count[place]) for place in places]
    each = [float(limits[place]) for place in places]
    return deployment(widths, each, question.sequences, question.gpu_count)


def _holds(question: FitQuestion, chosen: Deployment) -> bool:
    return chosen.sequences >= question.sequences


def _copies(sets: GpuSets, request: Request, limits: Floats, calibration: Calibration) -> Floats:
    """Return how many GPUs of each set keep the same part of a sequence's cache [GPU]."""
    load = sets.load(request)
    joint = sequence_limit(calibration.constants, sets.shape, sets.chip, load)
    copies = sets.gpu_count / np.asarray(cache_shards(sets.shape, load))
    return np.where(np.asarray(joint) == limits, copies, 1.0)


def _row(
    question: FitQuestion,
    sets: GpuSets,
    place: int,
    chosen: Deployment,
    limit: float,
    copies: float,
    price: GpuPrice | None,
) -> dict[str, Any]:
    usd = None if price is None else price.of_set(chosen.width).usd_per_gpu_hour
    cache = float(sets.cache_bytes(question.context_tokens)[place])
    holds = _holds(question, chosen)
    offer = (price.sets or {}).get(chosen.width) if price else None
    each = -(-question.sequences // chosen.replicas)
    return {
        "model_id": question.model.model_id,
        "gpu_id": sets.gpu.values[place],
        "gpu_count": chosen.gpu_count,
        "precision": str(sets.precision.values[place]),
        "fits": holds,
        "usd_per_hour": None if usd is None else usd_per_hour(usd, chosen.gpu_count),
        "usd_per_gpu_hour": usd,
        "sequences_that_fit": chosen.sequences,
        "missing_bytes": None if holds else chosen.replicas * (each - limit) * cache * copies,
        "replicas": chosen.replicas,
        "gpus_per_replica": chosen.width,
        "is_useful": chosen.sequences >= USEFUL_SEQUENCES,
        "weight_bytes": float(sets.weight_bytes()[place]),
        "kv_bytes_per_sequence": cache,
        "kv_bits_per_value": int(
            BITS_PER_BYTE * float(bytes_per_kv_value(sets.chip.weight_bits[place]))
        ),
        "memory_bytes": float(sets.memory_bytes()[place]) * chosen.replicas,
        "priced_on": None if price is None else price.day,
        "market_family": None if price is None else price.market_family,
        "reference_region": None if price is None else price.reference_region,
        "provider_count": None if price is None else price.provider_count,
        "oldest_seen_at": None if price is None else price.oldest_seen_at,
        "set_provider_id": None if offer is None else offer.provider_id,
        "set_usd_per_gpu_hour": None if offer is None else offer.usd_per_gpu_hour,
        "set_seen_at": None if offer is None else offer.seen_at,
        "is_ranked": price is not None and price.is_ranked(question.basis),
    }


def named_sets(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return GPU sets as text.

    Examples
    --------
    >>> named_sets([{"gpu_count": 8, "gpu_id": "L4-24GB", "precision": "fp8"}])
    '8 x L4-24GB in fp8'
    """
    return ", ".join(f"{row['gpu_count']} x {row['gpu_id']} in {row['precision']}" for row in rows)
