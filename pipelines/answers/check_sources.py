"""What every source answers today, against the recorded shape of its answers: a verdict each.

Comparing one answer belongs to ``reading.drift``. The shapes are in ``pipelines/sources/shapes``,
one small file a source; ``record`` writes them from the answers of a visit.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.capture.http.answer import MOVED
from pipelines.capture.landing import Landing
from pipelines.capture.manifest import Capture, RequestRecord
from pipelines.capture.parallel import Progress, capture
from pipelines.reading.drift import VERDICTS, Change, Recorded, Verdict, changes, recorded
from pipelines.reading.examine import Examined, examined
from pipelines.reading.trial import payloads
from pipelines.sources.base import Payload, Source
from pipelines.sources.fixtures import LISTING, fixture_payloads
from pipelines.text import markdown
from warehouse.paths import Home

SHAPES = Path(__file__).parents[1] / "sources" / "shapes"
REFUSED_STATUS = {401, 402, 403, 407, 429, 451}
REFUSED_CLASSES = {"robots", "rate_limited"}
UNREACHABLE_CLASSES = {"unreachable", "timeout"}
NOT_ON_MIRROR = "the mirror has none of its addresses"
WALL = "a page asks to accept or prove something"
MOST_SHOWN = 8  # differences of one source, in Markdown


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One source: the verdict, and every difference or failure that led to it."""

    source_id: str
    verdict: Verdict
    verified_with: str
    verified_on: str | None
    rows_read: int
    rows_kept: int
    rows_held: int
    rows_out_of_scope: int
    changes: list[dict[str, str]]  # verdict, text


def check(
    sources: Sequence[Source],
    *,
    mirror: str | None = None,
    fixtures: Path | None = None,
    shapes: Path = SHAPES,
    progress: Callable[[Progress], None] = lambda step: None,
    **options: Any,
) -> list[Checked]:
    """Ask every source once and compare its answers with the recorded ones; keep nothing.

    Parameters
    ----------
    sources : sequence of Source
        Those that are named run even if they are off by default.
    mirror : str, optional
        Asked in place of the sources. What it lacks says nothing about a source.
    fixtures : Path, optional
        A folder of fixture folders by source, read in place of asking.
    shapes : Path
        Where the recorded shapes are.
    progress : callable
        Called when a source starts and when it ends.
    **options
        Of ``capture.parallel.capture``, such as limits.

    Returns
    -------
    list of Checked
        In the order of the sources, those that were skipped left out.
    """
    found = []
    for source, visit, answers in answered(sources, mirror, fixtures, shapes, progress, options):
        if visit is None or visit.status != "skipped":
            before = recorded_shape(source, shapes)
            found.append(checked(source, before, visit, answers, has_mirror=mirror is not None))
    return found


def record(
    sources: Sequence[Source],
    *,
    mirror: str | None = None,
    fixtures: Path | None = None,
    shapes: Path = SHAPES,
    progress: Callable[[Progress], None] = lambda step: None,
    **options: Any,
) -> list[str]:
    """Write the shape of today's answers of every source; arguments as of ``check``.

    Returns
    -------
    list of str
        The sources that were recorded: those with a row kept, and no answer that is unreadable.
    """
    written = []
    for source, _, answers in answered(sources, mirror, fixtures, None, progress, options):
        if any(answer.error for answer in answers) or not any(
            answer.rows.get("kept") for answer in answers
        ):
            continue
        shapes.mkdir(parents=True, exist_ok=True)
        text = as_text({"source_id": source.source_id, **recorded(answers)})
        shape_file(source, shapes).write_text(text, encoding="utf-8")
        written.append(source.source_id)
    return written


def answered(
    sources: Sequence[Source],
    mirror: str | None,
    fixtures: Path | None,
    shapes: Path | None,
    progress: Callable[[Progress], None],
    options: Mapping[str, Any],
) -> Iterable[tuple[Source, Capture | None, list[Examined]]]:
    """Yield each source with its visit (None for saved answers) and what its answers hold."""
    with tempfile.TemporaryDirectory(prefix="truecost-check-") as folder:
        if fixtures is not None:
            for source in sources:
                if (fixtures / source.source_id / LISTING).is_file():
                    saved = fixture_payloads(fixtures / source.source_id, source)
                    yield source, None, _examined(source, saved, shapes)
            return
        home = Home(Path(folder))
        visits = capture(
            sources,
            home=home,
            mirror=mirror,
            named=[source.source_id for source in sources],
            progress=progress,
            **options,
        )
        for source, visit in zip(sources, visits, strict=True):
            answers = payloads(source, visit.capture, Landing(home), Path(folder))
            yield source, visit.capture, _examined(source, answers, shapes)


def checked(
    source: Source,
    before: Recorded | None,
    visit: Capture | None,
    answers: Sequence[Examined],
    *,
    has_mirror: bool,
) -> Checked:
    """Return the verdict on one visit: the worst of its differences and failures."""
    found = list(_failures(visit, bool(answers), has_mirror=has_mirror)) if visit else []
    found += [Change("refused", f"{WALL}: {answer.error}") for answer in answers if answer.is_wall]
    readable = [answer for answer in answers if not answer.is_wall]
    if before is None and readable:
        found += [Change("broken", answer.error) for answer in readable if answer.error]
        found.append(Change("drifted", "no shape is recorded: truecost check-sources --record"))
    elif before is not None and readable:
        found += changes(source, before, readable, is_complete=not found)
    found.sort(key=lambda change: VERDICTS.index(change.verdict), reverse=True)
    rows = {
        f"rows_{name}": sum(answer.rows.get(name, 0) for answer in answers)
        for name in ("kept", "held", "out_of_scope")
    }
    return Checked(
        source_id=source.source_id,
        verdict=found[0].verdict if found else "unchanged",
        verified_with=source.verified_with,
        verified_on=source.verified_on.isoformat() if source.verified_on else None,
        rows_read=sum(rows.values()),
        **rows,
        changes=[asdict(change) for change in found],
    )


def _failures(visit: Capture, has_answer: bool, *, has_mirror: bool) -> Iterable[Change]:
    gone = [one for one in visit.requests if one.error_class == "source_gone"]
    is_absent = all(one.outcome == "absent" or one in gone for one in visit.requests)
    if visit.requests and is_absent and not has_answer:
        text = (
            NOT_ON_MIRROR
            if has_mirror
            else f"none of its addresses exists, {len(visit.requests)} asked"
        )
        yield Change("unreachable" if has_mirror else "broken", text)
        return
    for one in visit.requests:
        for warning in one.warnings:
            if warning.startswith(MOVED):
                yield Change("drifted", f"{one.key}: {warning}")
        if one.outcome == "failed" and not (has_mirror and one in gone):
            yield Change(verdict_of(one), f"{one.key}: {one.error}")
    if visit.error_class and not any(one.error for one in visit.requests):
        yield Change("broken", f"{visit.error}")


def verdict_of(record: RequestRecord) -> Verdict:
    """Return the verdict on a request without a usable answer."""
    if record.status in REFUSED_STATUS or record.error_class in REFUSED_CLASSES:
        return "refused"
    is_server_error = record.error_class == "http_error" and (record.status or 0) >= 500
    if record.error_class in UNREACHABLE_CLASSES or is_server_error:
        return "unreachable"
    return "broken"


def _examined(source: Source, answers: Iterable[Payload], shapes: Path | None) -> list[Examined]:
    before = recorded_shape(source, shapes) if shapes else None
    known = {path for shape in (before or {"shapes": []})["shapes"] for path in shape["fields"]}
    return [examined(source, payload, known) for payload in answers]


def shape_file(source: Source, shapes: Path = SHAPES) -> Path:
    """Return where the recorded shape of a source is."""
    return shapes / f"{source.source_id}.json"


def recorded_shape(source: Source, shapes: Path = SHAPES) -> Recorded | None:
    """Return the recorded shape of a source, or None if there is none."""
    file = shape_file(source, shapes)
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def as_text(record: Mapping[str, Any]) -> str:
    """Return a recorded shape as JSON with one field a line, so that a change reads as a diff."""
    head = {name: value for name, value in record.items() if name != "shapes"}
    shapes = []
    for shape in record["shapes"]:
        fields = ",\n    ".join(
            f"{json.dumps(path)}: {json.dumps(field)}" for path, field in shape["fields"].items()
        )
        parts = [
            f'"keys": {json.dumps(shape["keys"])}',
            f'"form": {json.dumps(shape["form"])}',
            f'"ending": {json.dumps(shape["ending"])}',
            f'"anchors": {json.dumps(shape["anchors"], ensure_ascii=False)}',
            f'"fields": {{\n    {fields}\n  }}' if fields else '"fields": {}',
        ]
        shapes.append("{\n  " + ",\n  ".join(parts) + "\n }")
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    return "{\n" + ",\n".join([*lines, ' "shapes": [' + ", ".join(shapes) + "]"]) + "\n}\n"


def as_markdown(found: Sequence[Checked], asked: str) -> str:
    """Return the verdicts as a Markdown document: counts, a table, and what differs."""
    counts = {name: sum(one.verdict == name for one in found) for name in VERDICTS}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no source"
    lines = ["# Sources against their recorded answers", "", f"Asked: {asked}. {said}.", ""]
    lines += [
        "| source | verdict | rows read | kept | held | out of scope | verified on |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        rows = (one.rows_read, one.rows_kept, one.rows_held, one.rows_out_of_scope)
        cells = " | ".join(f"{number:,}" for number in rows)
        verified = " of ".join(filter(None, (one.verified_with, one.verified_on)))
        lines.append(f"| {one.source_id} | {one.verdict} | {cells} | {verified} |")
    for one in found:
        if one.changes:
            lines += ["", f"## {one.source_id}: {one.verdict}", ""]
            shown = one.changes[:MOST_SHOWN]
            lines += [f"- {each['verdict']}: {markdown(each['text'])}" for each in shown]
            if len(one.changes) > MOST_SHOWN:
                lines.append(f"- and {len(one.changes) - MOST_SHOWN} more")
    return "\n".join(lines) + "\n"
