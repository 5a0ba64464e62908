"""Which accelerator people and drivers mean by a name: ``4090``, ``H100 SXM5``, ``GH200 480GB``.

The spellings are the ids and names of ``core.gpu`` and the aliases of ``gpu_aliases.csv``; words
that distinguish no cards (the maker, the kind of memory, "GPU") do not count. A name that fits
several cards means all of them: who asked decides. Names that price lists print are resolved in
``warehouse/sql/staged/gpu_identity.sql``, which guesses less.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GENERIC = "generic_text"  # the family of names that mean the same wherever they are printed
AMBIGUOUS = "AMBIGUOUS_"
_NOISE = {
    *("nvidia", "amd", "intel", "google", "aws"),
    *("geforce", "tesla", "instinct", "tpu", "gpu", "tensor", "core", "generation", "edition"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """An accelerator, as far as its names go."""

    gpu_id: str
    name: str
    is_coarse: bool  # a name that several cards share


def folded(name: str) -> str:
    """Return a name in lower case without punctuation.

    Examples
    --------
    >>> folded("RTX PRO 6000"), folded("H100-SXM-80GB")
    ('rtxpro6000', 'h100sxm80gb')
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def plain(name: str) -> str:
    """Return a name folded, without the words that distinguish no cards.

    Examples
    --------
    >>> plain("NVIDIA H100 80GB HBM3"), plain("H100 SXM5 80 GiB"), plain("NVIDIA GeForce RTX 4090")
    ('h10080gb', 'h100sxm80gb', 'rtx4090')
    """
    kept: list[str] = []
    for text in re.findall(r"[a-z0-9]+", name.lower()):
        if re.fullmatch(r"hbm\d?e?|gddr\dx?", text) or text in _NOISE:
            continue
        text = re.sub(r"(sxm|pcie)\d$", r"\1", text)
        kept.append(re.sub(r"(?<=\d)(?:gib|g)$", "gb", text))
    words = "".join(kept)
    return re.sub(r"(?<=\d)gib", "gb", words)


class GpuNames:
    """The names of all accelerators.

    Parameters
    ----------
    cards : iterable of Card
        All accelerators.
    aliases : iterable of (family, name, canonical)
        The spellings that are known.
    """

    def __init__(self, cards: Iterable[Card], aliases: Iterable[tuple[str, str, str]]) -> None:
        self._cards = {card.gpu_id: card for card in cards}
        self._variants = {gpu_id: self._variants_of(gpu_id) for gpu_id in self._cards}
        own: defaultdict[str, set[str]] = defaultdict(set)
        coarse: defaultdict[str, set[str]] = defaultdict(set)
        stems: defaultdict[str, set[str]] = defaultdict(set)
        numbers: defaultdict[str, set[str]] = defaultdict(set)
        for card in self._cards.values():
            stem = re.sub(r"-\d+GB$", "", card.gpu_id)
            for key in _keys(card.gpu_id) | _keys(card.name):
                (coarse if card.is_coarse else own)[key].add(card.gpu_id)
            for key in _keys(stem):
                stems[key].add(card.gpu_id)
            numbers[re.sub(r"^[a-z]+", "", folded(stem))].add(card.gpu_id)
        generic: defaultdict[str, set[str]] = defaultdict(set)
        other: defaultdict[str, set[str]] = defaultdict(set)
        for family, name, canonical in aliases:
            for key in _keys(name):
                (generic if family == GENERIC else other)[key].add(canonical)
        self._levels: tuple[Mapping[str, set[str]], ...] = (
            own, generic, coarse, stems, other, numbers,
        )  # fmt: skip

    @property
    def ids(self) -> frozenset[str]:
        """Return the ids of all accelerators."""
        return frozenset(self._cards)

    def meant(self, name: str) -> tuple[str, ...]:
        """Return the ids of the cards that a name may mean, none of them coarse if it has variants.

        Examples
        --------
        >>> cards = [Card("H100", "H100", True), Card("H100-SXM-80GB", "H100 SXM", False),
        ...     Card("H100-PCIE-80GB", "H100 PCIe", False), Card("L4-24GB", "L4", False)]
        >>> names = GpuNames(cards, [("generic_text", "l4 tensor core", "L4-24GB")])
        >>> names.meant("NVIDIA L4"), names.meant("h100 sxm5"), names.meant("h1000")
        (('L4-24GB',), ('H100-SXM-80GB',), ())
        >>> names.meant("H100")
        ('H100-PCIE-80GB', 'H100-SXM-80GB')
        """
        for key in (folded(name), plain(name)):
            for level in self._levels:
                found = level.get(key, set()) if key else set()
                if any(canonical.startswith(AMBIGUOUS) for canonical in found):
                    found = found.union(*(each.get(key, set()) for each in self._levels))
                    found = found.union(self._starting(key))
                cards = {card for canonical in found for card in self._variants.get(canonical, ())}
                if cards or found:
                    return tuple(sorted(cards))
        return tuple(sorted(self._starting(folded(name))))

    def near(self, name: str, count: int = 5) -> list[str]:
        """Return ids that look like a name that means no card."""
        import difflib

        ids = {folded(gpu_id): gpu_id for gpu_id, card in self._cards.items() if not card.is_coarse}
        return [ids[key] for key in difflib.get_close_matches(plain(name), ids, count, 0.4)]

    def _starting(self, key: str) -> set[str]:
        return {
            variant
            for gpu_id, variants in self._variants.items()
            if key and folded(gpu_id).startswith(key)
            for variant in variants
        }

    def _variants_of(self, gpu_id: str) -> tuple[str, ...]:
        """Return the card itself, or of a coarse one the cards that it may be."""
        if not self._cards[gpu_id].is_coarse:
            return (gpu_id,)
        words = set(_id_words(gpu_id))
        found = [
            other.gpu_id
            for other in self._cards.values()
            if not other.is_coarse and words <= set(_id_words(other.gpu_id))
        ]
        return tuple(found) or (gpu_id,)


def _keys(name: str) -> set[str]:
    return {key for key in (folded(name), plain(name)) if key}


def _id_words(gpu_id: str) -> list[str]:
    """Return the words of an id; the editions of one card are words of their own."""
    return re.sub(r"^(RTXPRO6000)(SE|WS|MAXQ)", r"\1-\2", gpu_id).split("-")
