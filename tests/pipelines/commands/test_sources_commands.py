"""``sources`` and ``source``: every source listed, one tried, bad input refused in one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.sources import all_sources
from tests.pipelines.fault_server import FaultServer, body

FIXTURES = Path(__file__).parents[2] / "fixtures/sources"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path))
    monkeypatch.delenv("TRUECOST_MIRROR", raising=False)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


def test_every_source_is_listed_with_its_state(capsys, monkeypatch):
    monkeypatch.delenv("LAMBDA_API_KEY", raising=False)
    status, out, err = run(capsys, "sources", "--format", "json")
    rows = {row["source_id"]: row for row in json.loads(out)}
    assert (status, err) == (0, "")
    assert set(rows) == set(all_sources())
    assert rows["runpod"]["state"] == "on"
    assert rows["verda"]["state"].startswith("off: ")
    assert rows["lambda_api"]["state"] == "skipped: set LAMBDA_API_KEY"
    assert rows["runpod"]["status"] is None  # nothing is published in this folder


def test_a_key_in_the_environment_turns_its_source_on_and_is_not_printed(capsys, monkeypatch):
    monkeypatch.setenv("LAMBDA_API_KEY", "s3cret-value")
    _, out, err = run(capsys, "sources", "--format", "csv")
    rows = {row["source_id"]: row for row in csv.DictReader(io.StringIO(out))}
    assert rows["lambda_api"]["state"] == "on"
    assert "s3cret-value" not in out + err


def test_a_fixture_reads_as_its_expected_file(capsys):
    folder = FIXTURES / "runpod"
    status, out, err = run(capsys, "source", "runpod", "--fixture", str(folder), "--json")
    assert status == 0
    assert json.loads(out) == json.loads((folder / "expected.json").read_text())
    assert "gpu_types: 10 rows: 3 kept as 9 offers; 7 held (5 price_placeholder" in err


def test_prices_are_printed_to_the_last_digit(capsys):
    _, out, _ = run(capsys, "source", "azure", "--fixture", str(FIXTURES / "azure"))
    assert "551221" in out and "551,000" not in out


def test_what_is_left_out_of_a_table_is_said(capsys):
    _, out, _ = run(capsys, "source", "oci", "--fixture", str(FIXTURES / "oci"), "--limit", "1")
    assert "and 1 more" in out


def test_trying_a_source_leaves_the_data_folder_alone(capsys, home):
    run(capsys, "source", "vast", "--fixture", str(FIXTURES / "vast"), "--json")
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("source", "runpood"), "runpod"),
        (("source", "runpod", "--mirror", "not a url"), "is not an address"),
        (("source", "runpod", "--fixture", "/nowhere"), "/nowhere"),
        (("source",), "NAME"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_status_2(capsys, arguments, says):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1 and says in err


def test_a_folder_without_a_listing_is_refused(capsys, tmp_path):
    status, _, err = run(capsys, "source", "runpod", "--fixture", str(tmp_path))
    assert status == 2 and "payloads.json" in err


def test_a_damaged_answer_is_told_and_its_neighbours_are_read(capsys, tmp_path):
    listing = json.loads((FIXTURES / "fred/payloads.json").read_text())
    for entry in listing:
        content = (FIXTURES / "fred" / entry["file"]).read_text()
        if entry["key"] == "CPIAUCSL":
            content = "<html>wall</html>"
        (tmp_path / entry["file"]).write_text(content)
    (tmp_path / "payloads.json").write_text(json.dumps(listing))
    status, out, err = run(capsys, "source", "fred", "--fixture", str(tmp_path), "--json")
    assert status == 0
    assert "is this still CPIAUCSL?" in err
    kept = [row for row in json.loads(out) if row["record"] == "series_point"]
    assert {row["series_id"] for row in kept} == {"APU000072610", "PCU518210518210"}


def test_a_source_that_gives_nothing_ends_with_status_1(capsys, tmp_path):
    (tmp_path / "payloads.json").write_text((FIXTURES / "oci/payloads.json").read_text())
    (tmp_path / "products.json").write_text("{}")
    status, out, err = run(capsys, "source", "oci", "--fixture", str(tmp_path), "--json")
    assert (status, json.loads(out)) == (1, [])
    assert "oci[products]" in err


@pytest.mark.recorded
@pytest.mark.parametrize("source_id", ["runpod", "aws", "azure", "scaleway", "vast", "nebius"])
def test_a_source_is_fetched_over_the_mirror(capsys, replay_server, source_id):
    status, out, err = run(capsys, "source", source_id, "--mirror", replay_server, "--json")
    offers = [row for row in json.loads(out) if row["record"] == "offer"]
    assert (status, bool(offers)) == (0, True), err
    names = ("sku", "region", "purchase_model", "commitment_months", "market_tier")
    keys = [tuple(row.get(name) for name in names) for row in offers]
    assert len(set(keys)) == len(keys)  # one recorded page answers several requests


def test_answers_that_were_saved_are_a_fixture_without_the_key(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDA_API_KEY", "s3cret-value")
    listing = json.loads((FIXTURES / "lambda_api/payloads.json").read_text())
    content = (FIXTURES / "lambda_api" / listing[0]["file"]).read_bytes()
    echoed = content.replace(b"{", b'{"you": "s3cret-value", ', 1)
    address = listing[0]["url"].split("://", 1)[1]
    saved = tmp_path / "saved"
    with FaultServer({address: [body(echoed)]}) as server:
        arguments = ("source", "lambda_api", "--mirror", server.url, "--save", str(saved), "--json")
        status, out, err = run(capsys, *arguments)
    assert (status, "review expected.json" in err) == (0, True), err
    kept = b"".join(path.read_bytes() for path in saved.iterdir())
    assert b"s3cret-value" not in kept and b"************" in kept
    status, again, _ = run(capsys, "source", "lambda_api", "--fixture", str(saved), "--json")
    assert status == 0
    assert json.loads(again) == json.loads(out) == json.loads((saved / "expected.json").read_text())
    status, _, err = run(capsys, *arguments)
    assert status == 2 and "not empty" in err
    both = ("source", "lambda_api", "--fixture", str(saved), "--save", str(tmp_path / "more"))
    assert run(capsys, *both)[0] == 2


def test_sources_are_checked_against_their_shapes(capsys, tmp_path):
    report = tmp_path / "report.md"
    saved = ("--fixtures", str(FIXTURES), "--source", "civo", "--source", "gputable")
    status, out, _ = run(capsys, "check-sources", *saved, "--json", "--markdown", str(report))
    found = {one["source_id"]: one["verdict"] for one in json.loads(out)}
    assert (status, found) == (0, {"civo": "unchanged", "gputable": "unchanged"})
    assert "Asked: saved answers. 2 unchanged." in report.read_text()


def test_a_broken_source_ends_with_status_1_and_the_table_says_why(capsys, tmp_path):
    folder = tmp_path / "gputable"
    folder.mkdir()
    listing = json.loads((FIXTURES / "gputable/payloads.json").read_text())
    (folder / "payloads.json").write_text(json.dumps(listing))
    for entry in listing:
        (folder / entry["file"]).write_text('{"rows": []}')
    status, out, _ = run(
        capsys, "check-sources", "--fixtures", str(tmp_path), "--source", "gputable"
    )
    assert status == 1
    assert "broken" in out and "no mapping" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--source", "runpood"), "runpod"),
        (("--mirror", "not a url"), "is not an address"),
        (("--fixtures", "/nowhere"), "/nowhere"),
        (("--record", "--json", "--fixtures", "."), "--record"),
        (("--mirror", "http://127.0.0.1:9", "--fixtures", "."), "give one of them"),
    ],
)
def test_a_check_refuses_bad_input_in_one_line(capsys, arguments, says):
    status, out, err = run(capsys, "check-sources", *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1 and says in err
