"""The verdict on each source: as recorded, damaged in every way, gone, and saved by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.answers.check_sources import (
    Checked,
    as_markdown,
    check,
    checked,
    record,
    recorded_shape,
    shape_file,
)
from pipelines.capture.http.client import Limits
from pipelines.capture.parallel import capture
from pipelines.sources import all_sources
from tests.pipelines.fault_server import FaultServer, body, status
from tests.pipelines.sources.saved import FIXTURES
from warehouse.paths import Home

LIMITS = Limits(
    backoff_seconds=0.001, read_seconds=2.0, total_seconds=8.0, retry_after_cap_seconds=2.0
)
# An API asked by POST, a page, a list of 4,553 models, three tables, a page of tables.
NAMES = ("runpod", "nebius", "litellm", "fred", "hyperstack")
VERDICTS = {
    "500": "unreachable",
    "503-twice": "unchanged",
    "429": "unchanged",
    "403": "refused",
    "404": "unreachable",  # a mirror that lacks an address says nothing about the source
    "empty": "broken",
    "truncate": "broken",
    "html-wall": "refused",
    "wrong-type": "unchanged",
    "latin1": "unchanged",  # these answers are plain ASCII
    "bom": "unchanged",
    "slow": "unreachable",
    "hang": "unreachable",
    "bomb": "broken",
    "redirect-private": "broken",
    "redirect-loop": "broken",
    "reset": "unreachable",
}


def verdicts(mirror: str, names: tuple[str, ...] = NAMES) -> dict[str, str]:
    found = check([all_sources()[name] for name in names], mirror=mirror, limits=LIMITS)
    return {one.source_id: one.verdict for one in found}


@pytest.mark.parametrize("source_id", sorted(all_sources()))
def test_every_source_has_a_recorded_shape(source_id: str) -> None:
    shape = recorded_shape(all_sources()[source_id])
    assert shape is not None
    assert shape["source_id"] == source_id
    assert shape["rows"]["kept"] > 0
    assert shape_file(all_sources()[source_id]).stat().st_size < 40_000


@pytest.mark.recorded
def test_the_recorded_answers_are_unchanged(replay_server: str) -> None:
    assert set(verdicts(replay_server).values()) == {"unchanged"}


@pytest.mark.recorded
@pytest.mark.parametrize("fault", sorted(VERDICTS))
def test_each_kind_of_damage_has_its_verdict(replay_server: str, fault: str) -> None:
    assert set(verdicts(f"{replay_server}/__fault/{fault}").values()) == {VERDICTS[fault]}


@pytest.mark.recorded
def test_an_answer_that_was_cut_is_never_unchanged(replay_server: str) -> None:
    found = verdicts(f"{replay_server}/__fault/truncate-silent", ("runpod", "litellm", "fred"))
    assert set(found.values()) == {"broken"}


def test_an_address_that_is_gone_is_broken_unless_a_mirror_lacks_it(tmp_path: Path) -> None:
    source = all_sources()["linode"]
    with FaultServer({}) as server:
        [found] = check([source], mirror=server.url, limits=LIMITS)
        [visit] = capture([source], home=Home(tmp_path), mirror=server.url, limits=LIMITS)
    assert found.verdict == "unreachable"
    assert found.changes[0]["text"] == "the mirror has none of its addresses"
    # Asked itself, the source answers that the address is gone: nothing to wait for, but to repair.
    asked = checked(source, recorded_shape(source), visit.capture, [], has_mirror=False)
    assert asked.verdict == "broken"
    assert asked.changes[0]["text"] == "none of its addresses exists, 1 asked"


def test_a_listing_that_lost_a_third_of_its_rows_has_drifted(tmp_path: Path) -> None:
    source = replace(all_sources()["linode"], verified_with="whole")
    folder = tmp_path / "fixtures" / "linode"
    folder.mkdir(parents=True)
    listing = json.loads((FIXTURES / "linode/payloads.json").read_text())
    for entry in listing:
        document = json.loads((FIXTURES / "linode" / entry["file"]).read_text())
        document["data"] = document["data"] * 3
        (folder / entry["file"]).write_text(json.dumps(document))
    (folder / "payloads.json").write_text(json.dumps(listing))
    assert record([source], fixtures=tmp_path / "fixtures", shapes=tmp_path) == ["linode"]
    [same] = check([source], fixtures=tmp_path / "fixtures", shapes=tmp_path)
    [less] = check([source], fixtures=FIXTURES, shapes=tmp_path)
    assert (same.verdict, less.verdict) == ("unchanged", "drifted")
    assert any("rows, were" in change["text"] for change in less.changes)


def test_an_address_that_has_moved_for_good_has_drifted(tmp_path: Path) -> None:
    source = all_sources()["linode"]
    [entry, *_] = json.loads((FIXTURES / "linode/payloads.json").read_text())
    content = (FIXTURES / "linode" / entry["file"]).read_bytes()
    assert record([source], fixtures=FIXTURES, shapes=tmp_path) == ["linode"]
    plays = {
        "api.linode.com/v4/linode/types": [status(301, b"", Location="https://api.linode.com/v5")],
        "api.linode.com/v5": [body(content)],
    }
    with FaultServer(plays) as server:
        [found] = check([source], mirror=server.url, shapes=tmp_path, limits=LIMITS)
    moved = "moved permanently to https://api.linode.com/v5"
    assert found.verdict == "drifted"
    assert [change["text"] for change in found.changes] == [f"types/1: {moved}"], found.changes


def test_an_answer_without_a_price_is_not_recorded(tmp_path: Path) -> None:
    with FaultServer({"api.linode.com/v4/linode/types": [body(b'{"data": [], "pages": 1}')]}) as s:
        assert record([all_sources()["linode"]], mirror=s.url, shapes=tmp_path) == []


def test_a_report_is_a_table_and_tells_what_differs() -> None:
    one = Checked(
        source_id="acme",
        verdict="drifted",
        verified_with="whole",
        verified_on="2026-08-22",
        rows_read=1200,
        rows_kept=1100,
        rows_held=100,
        rows_out_of_scope=0,
        changes=[{"verdict": "drifted", "text": "data[].price: <b>|gone"}],
    )
    text = as_markdown([one], "the sources")
    assert "Asked: the sources. 1 drifted." in text
    assert "| acme | drifted | 1,200 | 1,100 | 100 | 0 | whole of 2026-08-22 |" in text
    assert "<b>" not in text and "data\\[\\].price" in text
