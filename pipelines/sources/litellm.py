"""LiteLLM's price list: US dollars per single token, by client route and model.

Only modes that read and write text are taken. Prices by service (batch, priority, flex), by length
of the prompt and of audio are rows of their own. Zero on both sides is ``free``: some routes are
local models.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.api_providers import api_provider_id
from pipelines.sources.base import (
    GitHistory,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    each_row,
    objects_in,
    whole_or_none,
)
from pipelines.sources.token_prices import token_price

URL = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
TEXT_MODES = {"chat", "completion", "responses"}
TOKENS_PER_MILLION = 10**6
NOTE = "a note beside the models"
EXAMPLE_KEY = "sample_spec"  # documents the format; not a model
FIELDS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}
AUDIO_FIELDS = {
    "input": "input_cost_per_audio_token",
    "output": "output_cost_per_audio_token",
    "cache_read": "cache_read_input_audio_token_cost",
}
SERVICES = {"": None, "_batches": "batch", "_priority": "priority", "_flex": "flex"}
BY_LENGTH = re.compile(r"input_cost_per_token_above_(\d{1,6})k_tokens(_batches|_priority|_flex)?")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the prices of each text model, one for each condition."""
    document = payload.json()
    # Some months also carry the day of the list beside the models, as text.
    entries = document if isinstance(document, dict) else {}
    if not any(isinstance(entry, dict) for entry in entries.values()):
        raise ParseError(f"{payload.where()}: no mapping of models; did the list change?")
    values = [{NOTE: entry} if isinstance(entry, str) else entry for entry in entries.values()]
    models = [
        {"model": name, **entry} for name, entry in zip(entries, objects_in(values), strict=True)
    ]
    today = payload.seen_at.date()
    yield from each_row(payload, models, lambda model: _prices(model, today))


def _prices(model: Mapping[str, Any], today: date) -> Iterator[Row]:
    if model["model"] == EXAMPLE_KEY:
        yield OutOfScope("documents the format")
        return
    if NOTE in model:
        yield OutOfScope(NOTE)
        return
    if model["mode"] not in TEXT_MODES:
        yield OutOfScope(f"no text model: {model['mode']}")
        return
    fields = {
        "api_provider_id": api_provider_id(model["litellm_provider"]),
        "api_model_id": model["model"],
        "context_tokens": whole_or_none(model.get("max_input_tokens")),
        "is_deprecated": _is_deprecated(model.get("deprecation_date"), today),
    }
    for tier in model.get("tiered_pricing") or [{}]:
        # A tier that prints no range is the only one.
        printed = tier.get("range", [0])[0]
        above = whole_or_none(printed)
        if above is None and (isinstance(printed, bool) or printed != 0):
            reason = f"tiered_pricing: a range starts at {printed!r}, no number of tokens"
            yield Held(rule="condition_unknown", reason=reason, row={**model, **tier})
            continue
        yield _price({**model, **tier}, "", fields, above_input_tokens=above)
    for ending, variant in SERVICES.items():
        if variant and any(f"{name}{ending}" in model for name in FIELDS.values()):
            yield _price(model, ending, fields, variant=variant)
    for name in model:
        if found := BY_LENGTH.fullmatch(name):
            length, ending = f"_above_{found[1]}k_tokens", found[2] or ""
            above = 1000 * int(found[1])
            more = {"variant": SERVICES[ending], "above_input_tokens": above}
            yield _price(model, length + ending, fields, **more)
    audio = {kind: (name, model.get(name)) for kind, name in AUDIO_FIELDS.items()}
    if any(value is not None for _, value in audio.values()):
        per_million = Decimal(TOKENS_PER_MILLION)
        yield token_price(model, audio, per_million=per_million, modality="audio", **fields)


def _price(model: Mapping[str, Any], ending: str, fields: Mapping[str, Any], **more: Any) -> Row:
    names = {kind: f"{name}{ending}" for kind, name in FIELDS.items()}
    printed = {kind: (name, model.get(name)) for kind, name in names.items()}
    return token_price(model, printed, per_million=Decimal(TOKENS_PER_MILLION), **fields, **more)


def _is_deprecated(printed: object, today: date) -> bool | None:
    try:
        return date.fromisoformat(str(printed)) <= today
    except ValueError:
        return None


SOURCE = Source(
    source_id="litellm",
    title="LiteLLM model prices",
    kind="feed",
    homepage_url="https://github.com/BerriAI/litellm",
    terms_url="https://github.com/BerriAI/litellm/blob/main/LICENSE",
    licence="MIT",
    credit="BerriAI/litellm (MIT)",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request("prices", URL),
    parse=parse,
    row_of_answer="entry of the list",
    parser_version=3,
    verified_with="whole",
    verified_on=date(2026, 11, 15),
    reads_day=True,
    record_kind="api_price",
    expected_rows=(800, 12000),
    max_bytes=four_times(3_176_369),
    past=GitHistory(first_day=date(2025, 11, 28)),
    currency="USD",
)
