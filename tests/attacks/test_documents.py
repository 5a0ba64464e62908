"""Hostile documents are refused with a reason, before they cost memory or time."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.capture import parsers
from pipelines.child.limits import Limits
from pipelines.reading.reader import parse_captures
from pipelines.sources import documents
from pipelines.sources.base import ParseError, Payload
from tests.attacks.hostile import CASES, Hostile
from tests.pipelines.captures import MOMENT, filed
from warehouse.paths import Home

PAYLOAD = Payload(source_id="acme", key="a", url="", content=b"1\n2\n3", sha256="", seen_at=MOMENT)
SMALL = Limits(memory_bytes=600 * 2**20, cpu_seconds=20)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_document_is_refused_with_the_reason(
    case: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsers, "LIMITS", SMALL)
    home = Home(tmp_path)
    capture = filed(home, case.content(), source_id=case.source_id, key=case.key)
    [result, *_] = parse_captures(home, [capture])
    if case.refusal is None:
        assert result.status in ("ok", "quarantined", "empty"), result.error
        return
    assert result.status == "failed"
    assert case.refusal in str(result.error)
    assert not any(word in str(result.error) for word in ("memory", "CPU", "SIG")), result.error


def test_lines_of_a_table_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_LINES", 3)
    assert list(documents.csv_lines(PAYLOAD)) == ["1\n", "2\n", "3"]
    monkeypatch.setattr(documents, "MAX_LINES", 2)
    with pytest.raises(ParseError, match="over 2 lines"):
        list(documents.csv_lines(PAYLOAD))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [1.5, x, ~, true]", {"a": 1, "b": [1.5, "x", None, True]}),
        (
            "a: &one {x: 1}\nb: *one\nc: {<<: *one, y: 2}",
            {
                "a": {"x": 1},
                "b": {"x": 1},
                "c": {"x": 1, "y": 2},
            },
        ),
        ("a: 1:30\nb: -1.5e3\nc: .5", {"a": "1:30", "b": -1500.0, "c": 0.5}),
    ],
)
def test_yaml_as_people_write_it_is_read(text: str, value: object) -> None:
    assert documents.yaml_of(PAYLOAD, text) == value
