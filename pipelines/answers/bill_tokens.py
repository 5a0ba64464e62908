"""Which tokens a line of a bill pays for, by what the cloud wrote on it.

The model, whether the tokens went in or out, and how many tokens one of its unit is. Recognising
these belongs here. A text with a word that is not known names nothing: "gpt 4o realtime" is not
GPT-4o.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

WORD = re.compile(r"[a-z]+|\d+")
PLACE = re.compile(r"^(?:MP:)?[A-Z]{2,4}\d{0,2}(?:-MP:[A-Z]{2,4}\d{0,2})?[-_:](?=[A-Za-z])")
VENDOR = re.compile(r"^(?:[a-z0-9]+\.)+(?=[a-z])")  # us.anthropic.
VERSION = re.compile(r"(?:-v\d+)?(?::\d+)?$|-(?:instruct|it|latest)\b")
DATE = re.compile(r"[-@](?:(\d{4})-?(\d{2})-?(\d{2}))(?=$|-|:)")
KINDS = {
    "input": {"input", "inp", "prompt", "inputtoken", "inputtokens", "inputtokencount"},
    "output": {"output", "outp", "outpt", "opt", "completion", "outputtoken", "outputtokens",
               "outputtokencount"},
}  # fmt: skip
CACHED = {"cached", "cchd", "cache"}
# Words that tell no model apart: places, whose it is, and how its tokens are served and counted.
BESIDE = {
    "token", "tokens", "tok", "text", "count", "unit", "units", "per", "for", "on", "demand",
    "ondemand", "standard", "std", "online", "batch", "read", "write", "instruct", "it",
    "k", "m", "thousand", "million", "prediction", "predictions", "generate", "generative",
    "content",
    "glbl", "global", "regnl", "regional", "regn", "rgnl", "region", "cross", "data", "zone", "dz",
    "dzn", "dzone", "mp", "edition",
    "amazon", "bedrock", "azure", "google", "vertex", "ai", "open", "openai", "anthropic", "meta",
    "mistral", "cohere",
}  # fmt: skip
TIERS = {"priority", "flex"}


class TokenLine(NamedTuple):
    """What a line of a bill says of its tokens; columns of ``bill_item``."""

    api_provider_id: str
    service: str | None
    meter: str | None
    unit: str | None


@dataclass(frozen=True)
class Tokens:
    """The tokens of a line."""

    api_model_ids: tuple[str, ...]  # that the price lists of the provider have of the model
    model: str
    kind: str  # input, output, cache_read or cache_write
    variant: str | None
    tokens_per_unit: float | None  # [token]


@dataclass(frozen=True)
class Models:
    """The models of price lists, by provider and folded name: their ids, each with its date."""

    ids: Mapping[tuple[str, str], list[tuple[str, str]]]

    @classmethod
    def of(cls, listed: Iterable[tuple[str, str]]) -> Models:
        """Return the names of (provider, id) pairs.

        Examples
        --------
        >>> models = Models.of([("aws", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0")])
        >>> sorted(name for _, name in models.ids)
        ['claude45sonnet', 'claudesonnet45']
        >>> sorted(name for _, name in Models.of([("aws", "anthropic.claude-v2")]).ids)
        ['claude2v', 'claudev2']
        """
        found: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for provider_id, printed in sorted(listed):
            name = VENDOR.sub("", printed.rsplit("/", 1)[-1].lower())
            dated = DATE.search(name)
            day = dated[2] + dated[3] if dated else ""
            undated = DATE.sub("", name)
            words = WORD.findall(VERSION.sub("", undated))
            if len(words) == 1:  # a family: claude-v2 is not every Claude
                words = WORD.findall(undated)
            numbers = [word for word in words if word.isdigit()]
            letters = [word for word in words if not word.isdigit()]
            # Claude 4.5 Sonnet is Claude Sonnet 4.5.
            for folded in {"".join(words), "".join(letters[:1] + numbers + letters[1:])}:
                found[provider_id, folded].append((printed, day))
        return cls(found)


def identify(line: TokenLine, models: Models) -> Tokens | None:
    """Return the tokens of a line, or None if no text of it names a model and a direction.

    Examples
    --------
    >>> models = Models.of([("aws", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
    ...     ("azure", "azure/gpt-4o"), ("azure", "gpt-4o-mini"), ("azure", "gpt-4o-2024-05-13")])
    >>> def of(provider_id, meter, unit, service=None):
    ...     return identify(TokenLine(provider_id, service, meter, unit), models)
    >>> found = of("aws", "USE1-Claude3.5Sonnet-input-tokens", "1k tokens")
    >>> found.kind, found.tokens_per_unit, found.model
    ('input', 1000.0, 'claude-3-5-sonnet-20240620')
    >>> of("azure", "gpt 4o 0513 Outp glbl Tokens", "1m").api_model_ids
    ('gpt-4o-2024-05-13',)
    >>> of("azure", "gpt-4o-mini-batch-Inp-glbl Tokens", "1k").variant
    'batch'
    >>> told = "USE1-MP:USE1_InputTokenCount-Units | Million Input Tokens"
    >>> of("aws", told, "units", "Claude 3.5 Sonnet (Amazon Bedrock Edition)").kind
    'input'
    >>> of("azure", "gpt 4o realtime Inp glbl Tokens", "1k") is None
    True
    """
    for part in (PLACE.sub("", one) for one in (line.meter or "").split(" | ")):
        for text in (part, f"{line.service or ''} {part}"):
            named = _named(line.api_provider_id, text, models)
            if named:
                return Tokens(*named, tokens_per_unit(line.unit, line.meter or ""))
    return None


def _named(
    provider_id: str, text: str, models: Models
) -> tuple[tuple[str, ...], str, str, str | None] | None:
    """Return ids, model, direction and tier of a text, if every word of it is understood."""
    words = WORD.findall(text.lower())
    kinds = {kind for kind, names in KINDS.items() if names & set(words)}
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            listed = models.ids.get((provider_id, "".join(words[start : start + length])))
            rest = words[:start] + words[start + length :]
            if not listed or len(kinds) != 1:
                continue
            days = [word for word in rest if word in {day for _, day in listed if day}]
            other = set(rest) - BESIDE - CACHED - TIERS - set(days)
            other -= set().union(*KINDS.values()) | {"1", "1000", "1000000"}
            if other:
                continue
            day = days[0] if days else min(one for _, one in listed)
            ids = tuple(printed for printed, one in listed if one == day)
            [kind] = kinds
            if CACHED & set(rest):
                kind = "cache_write" if "write" in rest else "cache_read"
            variant = next((word for word in rest if word in {"batch", *TIERS}), None)
            shortest = min(ids, key=lambda one: (len(one), one))
            name = VENDOR.sub("", shortest.rsplit("/", 1)[-1])
            return ids, re.sub(r"(?:-v\d+)?(?::\d+)?$", "", name), kind, variant
    return None


def tokens_per_unit(unit: str | None, text: str) -> float | None:
    """Return how many tokens one of a unit is, or None if it counts something else.

    Examples
    --------
    >>> tokens_per_unit("1K tokens", ""), tokens_per_unit("1M", ""), tokens_per_unit("hours", "")
    (1000.0, 1000000.0, None)
    >>> tokens_per_unit("units", "$3 per million input tokens")
    1000000.0
    >>> tokens_per_unit("count", "Gemini 1.5 Pro input (characters)") is None
    True
    """
    if re.search(r"(?i)character", text):
        return None
    printed = re.fullmatch(
        r"([\d,]*)\s*(k|m|thousand|million)?\s*(?:input |output )?(tokens?|units?|count)?",
        (unit or "").strip().lower(),
    )
    if printed is None or not any(printed.groups()):
        return None
    number = float(printed[1].replace(",", "") or 1)
    scale = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
    if printed[2]:
        return number * scale[printed[2]]
    if (printed[3] or "").startswith("unit"):
        told = re.search(r"(?i)\b(thousand|million|1k|1m)\b.{0,20}tokens?\b", text)
        return number * scale[told[1].lower().removeprefix("1")] if told else None
    return number
