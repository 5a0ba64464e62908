"""What differs between an answer and the recorded shape of its source, and how bad it is.

Pure comparison of JSON. ``unchanged``, ``grown`` (more than before: a field, a word), ``drifted``
(less or other than before: someone has to look), ``broken`` (no price can be read). Asking and the
verdicts ``refused`` and ``unreachable`` belong to ``answers.check_sources``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.reading.examine import Examined
from pipelines.reading.sheet import OUTCOMES
from pipelines.sources.base import Source

Verdict = Literal["unchanged", "grown", "drifted", "unreachable", "refused", "broken"]
VERDICTS: tuple[Verdict, ...] = (
    "unchanged",
    "grown",
    "drifted",
    "unreachable",
    "refused",
    "broken",
)  # the worst of a source's counts
ALIKE = 0.5  # share of fields that two answers of one shape have in common
LEAST_SHARE = 0.7  # of the rows of the recorded answer
MOST_LOST = 0.5  # share of the headings of a page, which name products
MOST_HELD = 0.5  # share of the rows of an answer
EMPTY_TYPES = {"null", "empty text"}
LIKE_TEXT = {"text", "numeric text", "empty text"}  # a text may look like a number, or be empty

Recorded = Mapping[str, Any]
"""What ``recorded`` returns, as it is kept in a file."""


@dataclass(frozen=True)
class Change:
    """One difference, in words."""

    verdict: Verdict
    text: str


def recorded(answers: Sequence[Examined]) -> dict[str, Any]:
    """Return what is kept of a source's answers: rows, currencies, known GPUs, and their shapes.

    Answers that share half of their fields have one shape.
    """
    shapes: list[dict[str, Any]] = []
    for answer in answers:
        if answer.shape is None:
            continue
        shape = alike(shapes, answer.key, answer.shape, least=ALIKE)
        if shape is None:
            shapes.append({"keys": [answer.key], **_kept(answer.shape)})
        else:
            shape["keys"].append(answer.key)
            _join(shape, _kept(answer.shape))
    return {
        "rows": _rows(answers),
        "currencies": sorted({name for answer in answers for name in answer.currencies}),
        "known_gpus": sorted({name for answer in answers for name in answer.known_gpus}),
        "shapes": shapes,
    }


def changes(
    source: Source, before: Recorded, answers: Sequence[Examined], *, is_complete: bool = True
) -> list[Change]:
    """Return every difference between a source's answers and what is recorded of it.

    Parameters
    ----------
    source : Source
        What it declares: expected rows, whether it may be empty, on what it was verified.
    before : Mapping
        What ``recorded`` returned.
    answers : sequence of Examined
        Of this visit.
    is_complete : bool
        Whether every request was answered; else the rows are not compared in number.
    """
    found = [Change("broken", answer.error) for answer in answers if answer.error]
    now: list[tuple[Mapping[str, Any] | None, dict[str, Any]]] = []
    for answer in answers:
        if answer.shape is None:
            continue
        shape = alike(before["shapes"], answer.key, answer.shape)
        if shape is not None and shape["ending"] and not answer.shape["ending"]:
            text = f"{answer.key}: ends without its {shape['ending']}: is it whole?"
            found.append(Change("broken", text))
        same = next((mine for one, mine in now if one is shape and shape is not None), None)
        if same is None:
            now.append((shape, {"keys": [answer.key], **answer.shape}))
        else:
            _join(same, answer.shape)
    for known, mine in now:
        if known is None:
            found.append(Change("drifted", f"{mine['keys'][0]}: no recorded answer is like it"))
        else:
            found += _of_fields(known["fields"], mine["fields"], may_be_empty=source.may_be_empty)
            found += _of_anchors(known["anchors"], mine["anchors"])
    read = [answer for answer in answers if not answer.error]
    if read:
        found += _of_rows(source, before, read, is_complete=is_complete)
    return found


def alike(
    shapes: Sequence[dict[str, Any]], key: str, shape: Mapping[str, Any], least: float = 0.0
) -> dict[str, Any] | None:
    """Return the shape of a key, else the one most like an answer, or None if there is none."""
    same = [known for known in shapes if key in known["keys"] and known["form"] == shape["form"]]
    if same:
        return same[0]
    rated = [(likeness(known, shape), known) for known in shapes]
    best = max(rated, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] > least else None


def likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return the share of fields and anchors that two shapes have in common; 0 of two forms.

    Examples
    --------
    >>> page = {"form": "page", "fields": {}, "anchors": ["column GPU", "column Price"]}
    >>> likeness(page, {**page, "anchors": ["column GPU"]})
    0.5
    """
    mine, theirs = ({*shape["fields"], *shape["anchors"]} for shape in (one, other))
    if one["form"] != other["form"]:
        return 0.0
    return len(mine & theirs) / len(mine | theirs) if mine | theirs else 1.0


def _rows(answers: Iterable[Examined]) -> dict[str, int]:
    return {name: sum(answer.rows.get(name, 0) for answer in answers) for name in OUTCOMES}


def _kept(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shape with the words of enumerations only."""
    fields = {}
    for path, field in shape["fields"].items():
        kept = {name: field[name] for name in ("types", "is_optional") if name in field}
        fields[path] = kept | ({"words": field["words"]} if field.get("is_enumeration") else {})
    return {**shape, "fields": fields, "anchors": list(shape["anchors"])}


def _join(shape: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Add an answer to those that a shape is of."""
    fields = shape["fields"] = dict(shape["fields"])
    for path in fields.keys() | other["fields"].keys():
        mine, more = fields.get(path), other["fields"].get(path)
        if mine is None or more is None:
            fields[path] = {**(mine or more), "is_optional": True}
            continue
        both: dict[str, Any] = {"types": sorted({*mine["types"], *more["types"]})}
        if mine.get("is_optional") or more.get("is_optional"):
            both["is_optional"] = True
        if "words" in mine and "words" in more:
            both["words"] = sorted({*mine["words"], *more["words"]})
        fields[path] = both
    shape["fields"] = dict(sorted(fields.items()))
    shape["ending"] = shape["ending"] and other["ending"]
    added = [text for text in other["anchors"] if text not in shape["anchors"]]
    shape["anchors"] = [*shape["anchors"], *added]


def _of_fields(
    before: Mapping[str, Any], now: Mapping[str, Any], *, may_be_empty: bool
) -> Iterator[Change]:
    for path in _outermost(path for path in before if path not in now):
        is_content = path.endswith(("[]", "{}"))
        if before[path].get("is_optional") or (is_content and may_be_empty):
            continue
        yield Change("drifted", f"{path}: {'empty' if is_content else 'gone'}")
    for path in _outermost(path for path in now if path not in before):
        yield Change("grown", f"{path}: new")
    for path in before.keys() & now.keys():
        yield from _of_field(path, before[path], now[path])


def _outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths that are below no other of them.

    Examples
    --------
    >>> _outermost([".data[].price", ".data[]", ".total"])
    ['.data[]', '.total']
    """
    found: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith((f"{up}.", f"{up}[", f"{up}@")) for up in found):
            found.append(path)
    return found


def _of_field(path: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    usual, types = set(before["types"]), set(now["types"])
    new = types - usual - (LIKE_TEXT if "text" in usual else set())
    is_filled = usual <= EMPTY_TYPES or not types <= EMPTY_TYPES
    if new and usual and (usual <= EMPTY_TYPES or (new <= EMPTY_TYPES and is_filled)):
        yield Change("grown", f"{path}: also {_listed(new)}")
    elif new and usual:
        yield Change("drifted", f"{path}: {_listed(types)}, was {_listed(usual)}")
    if now.get("is_optional") and not before.get("is_optional"):
        yield Change("grown", f"{path}: missing in some places")
    words = [word for word in now.get("words", ()) if word not in before.get("words", ())]
    if "words" in before and words:
        yield Change("grown", f"{path}: new word {', '.join(map(repr, words))[:100]}")


def _of_anchors(before: Sequence[str], now: Sequence[str]) -> Iterator[Change]:
    """Columns and currencies are structure; of headings, which name products, half may go."""
    gone, new = ([text for text in a if text not in b] for a, b in ((before, now), (now, before)))
    titles = [text for text in before if text.startswith("heading ")]
    lost = [text for text in gone if text in titles]
    for text in gone:
        is_structure = text not in titles or len(lost) > MOST_LOST * len(titles)
        yield Change("drifted" if is_structure else "grown", f"{text}: gone")
    for text in new:
        yield Change("drifted" if text.startswith("currency ") else "grown", f"{text}: new")


def _of_rows(
    source: Source, before: Recorded, answers: Sequence[Examined], *, is_complete: bool
) -> Iterator[Change]:
    rows, usual = _rows(answers), before["rows"]
    read = sum(rows.values())
    if (
        not rows["kept"]
        and not (read == 0 and source.may_be_empty)
        and (source.expected_rows[0] or usual["kept"])
    ):
        rules = {rule for answer in answers for rule in answer.held}
        why = f": {_listed(rules)}" if rules else ""
        yield Change("broken", f"no row is kept of {read:,}{why}")
        return
    if is_complete and source.verified_with == "whole" and read < LEAST_SHARE * sum(usual.values()):
        yield Change("drifted", f"{read:,} rows, were {sum(usual.values()):,}")
    was_held = usual["held"] > MOST_HELD * sum(usual.values())
    if rows["held"] > MOST_HELD * read and not was_held:
        rules = {rule for answer in answers for rule in answer.held}
        yield Change("drifted", f"{rows['held']:,} of {read:,} rows are held: {_listed(rules)}")
    for name, what in (("currencies", "currency"), ("known_gpus", "known GPU")):
        printed = {word for answer in answers for word in getattr(answer, name)}
        for word in sorted(set(before[name]) - printed if read else ()):
            yield Change("drifted", f"{what} {word}: gone")
        if name == "currencies":
            for word in sorted(printed - set(before[name])):
                yield Change("drifted", f"{what} {word}: new")


def _listed(words: Iterable[str]) -> str:
    return " or ".join(sorted(words))
