"""Index, offers of the past, why, digest, bill and package on a published home."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import threading
from collections.abc import Callable
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from pipelines.answers.digest import TITLES, Digest, as_atom, as_data, as_markdown, digest
from pipelines.answers.package import tables_of
from pipelines.answers.trace import KEYS, relations, trace
from pipelines.answers.verify_index import check_index
from pipelines.cli import main
from pipelines.derive.rebuild import carry_over
from tests.pipelines.commands.conftest import Rows, Truecost
from warehouse.database import POINTER, open_published
from warehouse.paths import Home

BILL = Path(__file__).parents[2] / "fixtures" / "bill" / "focus.csv"
EVIL = "<script>alert(1)</script> [x](http://evil.example) | \x1b[31m\u202e\n# title" + "x" * 9999
FORMULA = '=HYPERLINK("http://evil.example")'
ATOM = "{http://www.w3.org/2005/Atom}"


# --- index


def test_every_value_of_a_day_can_be_made_again(answers_home: Home) -> None:
    with open_published(answers_home) as connection:
        check = check_index(connection, date(2026, 8, 10))
    assert check.values > 50
    assert check.inputs > check.values
    assert check.wrong == ()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("set usd_per_gpu_hour = usd_per_gpu_hour * 1.01 where usd_per_gpu_hour is not null",
         "from its inputs"),
        ("set input_sha256 = 'f00'", "another hash"),
        ("set inputs = inputs[:1] where len(inputs) > 3", "is not what its offers give"),
    ],
)  # fmt: skip
def test_a_value_that_was_tampered_with_is_found(
    answers_home: Home, tmp_path: Path, change: str, found: str
) -> None:
    copy = tmp_path / "copy.duckdb"
    shutil.copyfile(next(answers_home.published.glob("truecost-*.duckdb")), copy)
    with duckdb.connect(copy) as connection:
        connection.execute(f"update marts.gpu_price_index_revision {change}")
    with duckdb.connect(copy, read_only=True) as connection:
        wrong = check_index(connection, date(2026, 8, 10)).wrong
    assert any(found in line for line in wrong)


def test_a_day_without_an_index_is_refused_with_the_days_there_are(ask: Truecost) -> None:
    result = ask("verify", "index", "--day", "2020-01-01")
    assert result.exit_code == 2
    assert "no index on 2020-01-01" in result.output
    assert "to 2026-08-10" in result.output
    assert ask("verify", "index", "--day", "2026-08-10").exit_code == 0


def test_the_index_is_printed_with_reason_or_value(ask: Truecost) -> None:
    rows = json.loads(ask("index", "H100-SXM-80GB", "--json").stdout)
    assert {row["market_family"] for row in rows} >= {"neocloud", "hyperscaler"}
    assert all((row["usd_per_gpu_hour"] is None) == bool(row["withheld_reason"]) for row in rows)
    past = json.loads(ask("index", "H100-SXM-80GB", "--as-of", "2026-08-05", "--json").stdout)
    assert {row["day"] for row in past} == {"2026-08-05"}
    known = ask("index", "H100-SXM-80GB", "--as-of", "2026-08-05", "--known-on", "2026-08-05")
    assert "there is no index yet" in known.output  # it was first published on 2026-08-10


def test_a_rebuild_keeps_the_index_as_it_was_published(answers_home: Home, tmp_path: Path) -> None:
    before = next(answers_home.published.glob("truecost-*.duckdb"))
    with duckdb.connect(tmp_path / "new.duckdb") as connection:
        connection.execute("create schema marts; create schema meta")
        carry_over(connection, before)
        carry_over(connection, before)  # a repetition changes nothing
        kept = connection.execute("select count(*) from marts.gpu_price_index_revision").fetchall()
    with open_published(answers_home) as connection:
        assert (
            kept
            == connection.execute("select count(*) from marts.gpu_price_index_revision").fetchall()
        )


# --- offers


def test_offers_of_a_past_day_are_those_that_stood_then(ask: Truecost, answers_home: Home) -> None:
    answer = ask("offers", "H100-SXM-80GB", "--as-of", "2026-08-05", "--all", "--include-stale",
                 "--limit", "1000", "--json")  # fmt: skip
    found = sorted(row["usd_per_gpu_hour"] for row in json.loads(answer.stdout))
    with open_published(answers_home) as connection:
        expected = connection.execute(
            "select usd_per_gpu_hour from core.offer_price where superseded_at is null"
            " and gpu_id = 'H100-SXM-80GB' and purchase_model = 'on_demand'"
            " and valid_from < '2026-08-06' and (valid_to is null or valid_to >= '2026-08-06')"
            " order by 1"
        ).fetchall()
    assert found
    assert found == [usd for (usd,) in expected]


def test_witnesses_are_left_out_unless_asked_for(ask: Truecost) -> None:
    options = ("--include-stale", "--limit", "1000", "--json")
    few = json.loads(ask("offers", "H100-SXM-80GB", *options).stdout)
    every = json.loads(ask("offers", "H100-SXM-80GB", "--all", *options).stdout)
    assert few
    assert not any(row["is_witness"] for row in few)
    assert len(every) >= len(few)


@pytest.mark.parametrize(
    "options", [("--known-on", "2026-08-05"), ("--as-of", "yesterday"), ("--as-of", "2026-13-01")]
)
def test_times_that_make_no_sense_are_refused(ask: Truecost, options: tuple[str, ...]) -> None:
    assert ask("offers", "H100-SXM-80GB", *options).exit_code == 2


# --- why


def test_why_leads_from_the_index_to_payload_parser_and_rule(
    ask: Truecost, answers_home: Home
) -> None:
    key = ("gpu_price_index", "H100-SXM-80GB", "on_demand", "neocloud")
    steps = json.loads(ask("why", *key, "--json").stdout)
    payloads = [step for step in steps if step["step"] == "payload"]
    tables = [step["name"] for step in steps if step["step"] in ("row", "table")]
    assert tables[0] == "marts.gpu_price_index"
    assert "core.offer_price" in tables
    assert all("warehouse/" in step["rule"] for step in steps if step["step"] == "table")
    with open_published(answers_home) as connection:
        known = {
            sha
            for (sha,) in connection.execute("select payload_sha256 from meta.capture").fetchall()
        }
    assert payloads
    assert {step["values"]["payload_sha256"] for step in payloads} <= known
    assert all(step["rule"].startswith("pipelines/sources/") for step in payloads)


@pytest.mark.parametrize(
    "key",
    [
        ("marts.inference_cost", "model_id=llama-3.3-70b", "purchase_model=on_demand"),
        ("training_cost", "GPT-4"),
        ("api_margin", "llama-3.3-70b"),
        ("offers_latest", "H100-SXM-80GB"),
        ("focus.sku_price", "x_GpuModel=H100-SXM-80GB"),
        ("cost_per_flop", "H100-SXM-80GB", "bf16", "neocloud"),
        ("reconciliation", "H100-SXM-80GB", "gcp", "on_demand"),
        ("training_cost_trend", "top 10", "amortized"),
    ],
    ids=lambda key: key[0],
)
def test_why_finds_bytes_behind_every_table(ask: Truecost, key: tuple[str, ...]) -> None:
    steps = json.loads(ask("why", *key, "--json").stdout)
    assert any(step["step"] == "payload" for step in steps)


OWN = {  # tables that a person wrote, or that say themselves where each row is from
    "core.gpu_alias", "core.gpu_name_source", "core.model_alias", "core.training_run_alias",
    "core.price_band", "core.api_price_median", "core.node_network", "core.data_price",
    "core.provider", "core.provider_alias", "core.region", "core.method_break",
    "core.reference_region", "core.margin_scenario", "marts.inference_backtest",
    "core.grid_intensity", "marts.training_plan_backtest",
    "core.api_price_capture", "core.offer_capture", "core.former_facility_power",
}  # fmt: skip


def test_why_leads_somewhere_from_a_row_of_every_public_table(answers_home: Home) -> None:
    with open_published(answers_home) as connection:
        nowhere = []
        for table, columns in relations(connection).items():
            row = connection.execute(f"from {table} limit 1").fetchall()
            if table.split(".")[0] not in ("core", "marts", "focus") or not row:
                continue
            cells = dict(zip(columns, row[0], strict=True))
            names = [n for n in columns if n in KEYS] or list(columns)[:2]
            key = [f"{name}={'null' if cells[name] is None else cells[name]}" for name in names]
            found = trace(connection, table, key)
            if not (found.payloads or found.assumptions or len(found.steps) > 1 or table in OWN):
                nowhere.append(table)
            assert found.steps[0].rule.startswith("One row per "), table
    assert nowhere == []


def test_why_forward_lists_what_hangs_on_a_price(ask: Truecost) -> None:
    key = ("core.offer_price", "H100-SXM-80GB", "--forward", "--json")
    tables = {step["name"] for step in json.loads(ask("why", *key).stdout)}
    assert {"marts.gpu_price_daily", "marts.cost_per_flop", "marts.inference_cost"} <= tables
    assert {"marts.gpu_price_index", "marts.training_cost"} <= tables


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "x"), "there are: core."),
        (("gpu_price_index", "NoSuchGPU"), "no row 'NoSuchGPU'"),
        (("gpu_price_index", "colour=red"), "no column 'colour'"),
        (("gpu_price_index", "x'; drop table marts.gpu; --"), "no row"),
    ],
)
def test_why_refuses_what_is_not_there(
    ask: Truecost, arguments: tuple[str, ...], said: str
) -> None:
    result = ask("why", *arguments)
    assert result.exit_code == 2
    assert said in result.output


# --- digest


def test_the_digest_tells_prices_and_the_figures_that_moved(ask: Truecost) -> None:
    found = json.loads(ask("digest", "--since", "2026-08-05", "--json").stdout)
    assert list(found["sections"]) == list(TITLES)
    moves = found["sections"]["provider_moves"]
    assert all(abs(move["change_fraction"]) >= 0.02 for move in moves)
    assert moves
    moved = {move["gpu_id"] for move in moves} | {
        row["gpu_id"] for row in found["sections"]["offers"]
    }
    derived = found["sections"]["derived_moves"]
    assert derived
    assert {row["gpu_id"] for row in derived} <= moved
    assert all(row["because"].startswith(row["gpu_id"]) for row in derived)
    hanging = {row["table_name"] for row in found["sections"]["hanging_tables"]}
    assert "marts.cost_per_flop" in hanging


@pytest.mark.parametrize(
    ("break_on", "is_between"), [("2026-08-07", True), ("2026-08-05", False), ("2026-08-11", False)]
)
def test_the_digest_tells_a_declared_break_from_a_move(
    answers_home: Home, tmp_path: Path, break_on: str, is_between: bool
) -> None:
    shutil.copyfile((answers_home.published / POINTER).resolve(), tmp_path / "copy.duckdb")
    with duckdb.connect(tmp_path / "copy.duckdb") as connection:
        connection.execute(
            "insert into core.method_break (source_id, break_on, settled_on, change)"
            " select distinct source_id, $1::date, $1::date, 'another page is read'"
            " from meta.source",
            [break_on],
        )
        found = digest(connection, date(2026, 8, 5), date(2026, 8, 10)).sections
    words = {row["method_break"] for row in found["provider_moves"]}
    assert words == ({"another page is read"} if is_between else {None})
    because = [row["because"] for row in found["derived_moves"]]
    assert because
    assert all("(another method: " in text for text in because) is is_between
    composition = " ".join(row["composition"] or "" for row in found["index_moves"])
    assert " to " in composition
    assert ("(another method)" in composition) is is_between


def test_a_digest_of_days_in_the_wrong_order_is_refused(ask: Truecost) -> None:
    result = ask("digest", "--since", "2026-09-01")
    assert result.exit_code == 2
    assert "is not before 2026-08-10" in result.output


def hostile() -> Digest:
    """Return a digest that holds what a host on a marketplace may have typed."""
    rows = [{"source_id": "vast", "gpu_name_printed": EVIL, "offer_count": 1}]
    sections: dict[str, list[dict[str, object]]] = {name: [] for name in TITLES}
    sections["unmapped"] = rows
    made_at = datetime.fromisoformat("2026-08-10T06:20:00")
    return Digest(date(2026, 8, 9), date(2026, 8, 10), 0.02, made_at, "one", sections)


def test_hostile_names_reach_no_digest_unescaped() -> None:
    markdown = as_markdown(hostile())
    assert "<script" not in markdown
    assert "[x](" not in markdown
    assert "\x1b" not in markdown
    assert sum("gpu" in line for line in markdown.splitlines()) == 1  # the name broke no line
    feed = ElementTree.fromstring(as_atom(hostile()))
    content = feed.find(f"{ATOM}entry/{ATOM}content")
    assert content is not None
    assert content.get("type") == "text"
    assert list(content) == []
    assert "\x1b" not in as_atom(hostile())
    data = json.dumps(as_data(hostile()), ensure_ascii=False)
    for text in (markdown, as_atom(hostile()), data):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert len(text) < 4000


HOSTILE_CELLS = ("=1+1", " =1+1", "\t@SUM(1)", "\uff1d1", "+1", "-1", "\x1b]0;x\x07", "a\u202eb")


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_hostile_cells_reach_no_terminal_and_no_spreadsheet(ask: Truecost, output: str) -> None:
    values = ", ".join(f"('{text}')" for text in HOSTILE_CELLS)
    result = ask("sql", f"from (values {values}) as t (name)", "--format", output)
    assert result.exit_code == 0
    assert not any(mark in result.stdout for mark in ("\x1b", "\x07", "\u202e"))
    if output == "csv":
        cells = [line[0] for line in csv.reader(io.StringIO(result.stdout))][1:]
        assert [cell[:1] for cell in cells] == ["'"] * 6 + [" ", "a"]


@pytest.mark.parametrize("moment", [(), ("--as-of", "2026-08-10")], ids=["now", "then"])
def test_no_progress_bar_is_drawn_into_an_answer(ask: Truecost, moment: tuple[str, ...]) -> None:
    result = ask("sql", "select current_setting('enable_progress_bar') as bar", "--json", *moment)
    assert json.loads(result.stdout) == [{"bar": False}]


def test_a_hostile_argument_is_refused_without_its_control_characters(
    answers_home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRUECOST_HOME", str(answers_home.root))
    with pytest.raises(SystemExit):
        main(["why", "gpu_price_index", "a\x1b[31m\nb"])
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "\x1b" not in said


def test_an_atom_feed_has_what_readers_need(ask: Truecost) -> None:
    feed = ElementTree.fromstring(ask("digest", "--since", "2026-08-05", "--format", "atom").stdout)
    assert all(feed.find(ATOM + name) is not None for name in ("id", "title", "updated", "author"))
    ids = [entry.findtext(ATOM + "id") for entry in feed.findall(ATOM + "entry")]
    assert ids
    assert len(ids) == len(set(ids))


def test_the_webhook_gets_the_digest_and_its_address_is_never_printed(
    ask: Truecost, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[dict[str, object]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204 if "good" in self.path else 500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("TRUECOST_WEBHOOK", f"{address}/good/s3cret")
        sent = ask("digest")
        monkeypatch.setenv("TRUECOST_WEBHOOK", f"{address}/bad/s3cret")
        refused = ask("digest")
        silent = ask("digest", "--no-webhook")
        server.shutdown()
    monkeypatch.setenv("TRUECOST_WEBHOOK", "file:///etc/passwd")
    nonsense = ask("digest")
    assert sent.exit_code == 0
    assert received[0]["until"] == "2026-08-10"
    assert len(received) == 2
    assert (refused.exit_code, silent.exit_code, nonsense.exit_code) == (1, 0, 2)
    assert "HTTP 500" in refused.output
    assert all("s3cret" not in one.output for one in (sent, refused, silent))


# --- bill


def test_a_bill_is_compared_by_service_and_region(ask: Truecost) -> None:
    rows = json.loads(ask("bill", str(BILL), "--json").stdout)
    compared = {(row["service"], row["region"]): row for row in rows if row["reason"] is None}
    lambdas = compared["GPU Cloud", "us-west-1"]
    assert lambdas["gpu_hours"] == 48 + 24  # six hours of eight GPUs, and 24 GPU hours
    assert lambdas["paid_usd_per_gpu_hour"] == pytest.approx((191.52 + 95.76) / 72)
    above = lambdas["paid_usd_per_gpu_hour"] / lambdas["market_usd_per_gpu_hour"] - 1
    assert lambdas["above_fraction"] == pytest.approx(above)
    assert lambdas["above_usd"] == pytest.approx(
        lambdas["gpu_hours"] * (3.99 - lambdas["market_usd_per_gpu_hour"])
    )
    assert lambdas["market"] == "index, neocloud"
    assert lambdas["provider_count"] >= 3
    assert compared["Compute Engine", "us-central1"]["gpu_id"] == "H100-SXM-80GB"
    reasons = sorted(row["reason"] for row in rows if row["reason"])
    assert reasons == [
        "charge of category Tax",
        "no GPU is known for n2-standard-8",
        "not in US dollars: EUR",
        f"provider not known: {FORMULA.replace('evil.example', 'x.test')}",
    ]


def test_a_missing_column_is_named(ask: Truecost, tmp_path: Path) -> None:
    lines = list(csv.reader(io.StringIO(BILL.read_text(encoding="utf-8"))))
    gone = lines[0].index("ConsumedUnit")
    short = tmp_path / "short.csv"
    with short.open("w", newline="") as file:
        csv.writer(file).writerows([cell for n, cell in enumerate(line) if n != gone]
                                   for line in lines)  # fmt: skip
    result = ask("bill", str(short))
    assert result.exit_code == 2
    assert "missing columns: ConsumedUnit or PricingUnit" in result.output


def written(folder: Path, changes: dict[str, str], encoding: str = "utf-8") -> Path:
    """Write the bill with some of its texts replaced, and return its path."""
    text = BILL.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "bill.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("changes", "encoding"),
    [
        ({"ConsumedQuantity,ConsumedUnit": "PricingQuantity,PricingUnit"}, "utf-8"),  # 1.0
        ({"ProviderName": "ServiceProviderName"}, "utf-8"),  # 1.3
        ({"EffectiveCost": "BilledCost", "RegionId": "RegionName"}, "utf-8"),
        ({}, "utf-8-sig"),
        ({"2122.80": '"2,122.80"', "191.52": '"191,52"'}, "utf-8"),
        ({"2122.80": '"2.122,80"', "191.52": '"191,52"'}, "utf-8"),
        # The unit of the quantity that is filled in counts.
        ({"ConsumedUnit,": "ConsumedUnit,PricingQuantity,PricingUnit,", "24,Hours,": ",,24,Hours,",
          "6,Hours,": "6,Hours,1,Jobs,", "24,GPU Hours": ",Requests,24,GPU Hours",
          ",,,,\n": ",,,,,,\n", "1,Hours,x": "1,Hours,,,x"}, "utf-8"),
    ],
)  # fmt: skip
def test_a_bill_reads_alike_whatever_its_columns_and_numbers_look_like(
    read_bill: Callable[..., Rows], tmp_path: Path, changes: dict[str, str], encoding: str
) -> None:
    assert read_bill(written(tmp_path, changes, encoding)) == read_bill(BILL)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"2122.80": "NaN"}, "no cost or quantity"),
        ({"2122.80": "1e999"}, "number not read: 1e999"),
        ({"2122.80": '"2,122"'}, "number not read: 2,122"),
        ({"2122.80": ""}, "no cost or quantity"),
        ({"2026-08-09T00:00:00Z": "2019-01-01"},
         "no day within a month has a market price of 3 providers"),
        ({"2026-08-09T00:00:00Z": "09/08/2026"}, "no day"),
    ],
)  # fmt: skip
def test_an_item_that_cannot_be_compared_says_why(
    read_bill: Callable[..., Rows], tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    answer = read_bill(written(tmp_path, changes))
    rows = {row["service"]: row for row in answer if row["reason"] == reason}
    assert rows["Compute Engine"]["gpu_id"] == "H100-SXM-80GB"
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        ("Name\nLämbda\n".encode("latin-1"), "is not UTF-8"),
        (b"\x00\x01PNG\xff" * 99, "is not UTF-8"),
        (b"a;b\n1;2\n", "missing columns: ProviderName or ServiceProviderName"),
    ],
)
def test_a_file_that_is_no_bill_is_refused_in_one_line(
    ask: Truecost, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "bill.csv").write_bytes(content)
    result = ask("bill", str(tmp_path / "bill.csv"))
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("name", ["../above.csv", "/tmp/above.csv", "a/../../above.csv", "."])
def test_an_export_out_of_its_folder_is_refused(ask: Truecost, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "reports"
    result = ask("bill", str(BILL), "--export", name, "--folder", str(folder))
    assert result.exit_code == 2
    assert "leads out of" in result.output
    assert list(tmp_path.rglob("*.csv")) == []


def test_an_export_through_a_link_out_of_its_folder_is_refused(
    ask: Truecost, tmp_path: Path
) -> None:
    folder, outside = tmp_path / "reports", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "above.csv").symlink_to(outside / "above.csv")
    for name in ("link/above.csv", "above.csv"):
        result = ask("bill", str(BILL), "--export", name, "--folder", str(folder))
        assert result.exit_code == 2
        assert "leads out of" in result.output
    assert list(outside.iterdir()) == []


def test_an_export_runs_no_formula(ask: Truecost, tmp_path: Path) -> None:
    assert ask("bill", str(BILL), "--export", "a.csv", "--folder", str(tmp_path)).exit_code == 0
    with (tmp_path / "a.csv").open(newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not any(cell[:1] in ("=", "+", "@") for cell in cells)
    assert any("<script>" in cell for cell in cells)  # text in a CSV, not in a page


@pytest.mark.parametrize("name", ["nothing.csv", "*.csv", "."])
def test_a_bill_that_is_no_file_is_refused(ask: Truecost, name: str) -> None:
    assert ask("bill", str(BILL.parent / name)).exit_code == 2


# --- package


@pytest.fixture(scope="module")
def packed(answers_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data package of all but the largest tables."""
    from pipelines.answers.package import write_package

    folder = tmp_path_factory.mktemp("package")
    with open_published(answers_home, folders=[folder]) as connection:
        names = [table.name for table in tables_of(connection)]
        small = [n for n in names if n not in ("marts.inference_cost", "marts.serving_point")]
        write_package(connection, folder, small)
    return folder


def test_the_descriptor_keeps_the_rules_of_its_profile(packed: Path) -> None:
    described = json.loads((packed / "datapackage.json").read_text(encoding="utf-8"))
    assert described["$schema"].endswith("/2.0/datapackage.json")
    assert described["version"].count(".") == 2
    assert datetime.fromisoformat(described["created"]).tzinfo is not None
    assert all({"name", "path", "title"} <= set(one) for one in described["licenses"])
    assert all(one.get("title") and one.get("path") for one in described["sources"])
    assert all(one.get("title") for one in described["contributors"])
    resources = described["resources"]
    assert resources
    names = [resource["name"] for resource in resources]
    assert len(names) == len(set(names))
    types = {"string", "number", "integer", "boolean", "object", "array", "date", "datetime"}
    for resource in resources:
        assert resource["name"] == resource["name"].lower()
        path = packed / resource["path"]
        assert not Path(resource["path"]).is_absolute()
        assert ".." not in resource["path"]
        content = path.read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == "sha256:" + hashlib.sha256(content).hexdigest()
        fields = resource["schema"]["fields"]
        assert {field["type"] for field in fields} <= types
        columns = duckdb.sql(f"describe from '{path}'").fetchall()
        assert [field["name"] for field in fields] == [column[0] for column in columns]
        keys = resource["schema"].get("primaryKey", [])
        assert set(keys) <= {field["name"] for field in fields}


def test_croissant_says_what_the_descriptor_says(packed: Path) -> None:
    described = json.loads((packed / "datapackage.json").read_text(encoding="utf-8"))
    found = json.loads((packed / "croissant.json").read_text(encoding="utf-8"))
    # What version 1.0 of the specification requires of a dataset, a file and a record set.
    needed = {"name", "description", "license", "url", "creator", "datePublished", "version"}
    assert needed | {"@context", "citeAs"} <= found.keys() and all(found[one] for one in needed)
    assert found["@type"] == "sc:Dataset"
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    for one, file in zip(found["distribution"], described["resources"], strict=True):
        assert one["@type"] == "cr:FileObject" and one["encodingFormat"]
        assert (
            hashlib.sha256((packed / one["contentUrl"]).read_bytes()).hexdigest() == one["sha256"]
        )
        assert one["contentSize"] == f"{file['bytes']} B"
    files = {one["@id"]: one for one in found["distribution"]}
    sets = found["recordSet"]
    tables = [one for one in described["resources"] if one["format"] == "parquet"]
    assert [one["name"] for one in sets] == [one["name"] for one in tables] != []
    names = [one["@id"] for table in sets for one in table["field"]]
    assert len({*names, *files, *(table["@id"] for table in sets)}) == len([*names, *files, *sets])
    for table, kept in zip(sets, tables, strict=True):
        for field, column in zip(table["field"], kept["schema"]["fields"], strict=True):
            assert field["source"]["fileObject"]["@id"] in files
            assert field["source"]["extract"]["column"] == column["name"]
            assert field["dataType"].startswith("sc:")
        assert {key["@id"] for key in table.get("key", [])} <= set(names)


def test_csv_holds_the_rows_of_parquet(packed: Path) -> None:
    described = json.loads((packed / "datapackage.json").read_text(encoding="utf-8"))
    parquet = {one["name"]: one for one in described["resources"] if one["format"] == "parquet"}
    text = {one["name"]: one for one in described["resources"] if one["format"] == "csv"}
    assert {"core.gpu.csv", "marts.gpu_price_index.csv"} <= text.keys()
    for name, one in text.items():
        assert one["schema"] == parquet[name.removesuffix(".csv")]["schema"]
        lines = duckdb.sql(f"select count(*) from read_csv('{packed}/{one['path']}', header=true)")
        assert lines.fetchall() == [(one["rows"],)], name
    query = "select {} from '{}' order by all"
    columns = "gpu_id, day, purchase_model, market_family, usd_per_gpu_hour, recorded_at::timestamp"
    both = [
        duckdb.sql(query.format(columns, packed / one["path"])).fetchall()
        for one in (text["marts.gpu_price_index.csv"], parquet["marts.gpu_price_index"])
    ]
    assert both[0] == both[1] != []


def test_the_package_says_what_is_in_it(packed: Path) -> None:
    text = (packed / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    described = json.loads((packed / "datapackage.json").read_text(encoding="utf-8"))
    assert sorted(links) == sorted(one["path"] for one in described["resources"])
    assert "run one, published 2026-08-10. CC-BY-4.0." in text and " MB in all" in text
    [query] = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert duckdb.sql(query.replace("'data/", f"'{packed}/data/")).fetchall()


def test_every_public_column_of_the_package_is_described(packed: Path) -> None:
    described = json.loads((packed / "datapackage.json").read_text(encoding="utf-8"))
    bare = [
        f"{resource['name']}.{field['name']}"
        for resource in described["resources"]
        if resource["name"].split(".")[0] in ("core", "marts", "focus")
        for field in resource["schema"]["fields"]
        if not field["description"]
    ]
    assert bare == []
    page = (packed / "data_dictionary.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in page for name in ("core.offer_price", "marts.gpu_price_index"))
    assert "<script" not in page


def test_the_package_holds_no_rows_that_may_not_be_given_away(
    packed: Path, answers_home: Home
) -> None:
    with open_published(answers_home) as connection:
        free = {
            source
            for (source,) in connection.execute(
                "select source_id from meta.source where may_redistribute"
            ).fetchall()
        }
    found = duckdb.sql(f"select distinct source_id from '{packed}/data/core/offer_price.parquet'")
    assert {source for (source,) in found.fetchall()} <= free


def test_the_citation_carries_the_date_of_the_data(packed: Path) -> None:
    text = (packed / "CITATION.cff").read_text(encoding="utf-8")
    assert 'date-released: "2026-08-10"' in text
    assert (packed / "CHANGELOG.md").exists()


def test_focus_prices_are_null_and_never_zero(answers_home: Home) -> None:
    with open_published(answers_home) as connection:
        zero, rows, categories = connection.execute(
            'select count(*) filter ("ListUnitPrice" = 0), count(*),'
            ' list(distinct "PricingCategory" order by 1) from focus.sku_price'
        ).fetchall()[0]
    assert zero == 0
    assert rows > 1000
    assert set(categories) <= {"Standard", "Dynamic", "Committed", "Other"}


def test_a_package_overwrites_nothing_else(ask: Truecost, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    result = ask("package", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "something else" in result.output
    assert ask("package", "--out", str(tmp_path / "x"), "--table", "../gpu").exit_code == 2
    assert ask("package", "--out", str(tmp_path / "y"), "--table", "core.gpu").exit_code == 0


def test_status_names_the_proxy_and_the_mirror_without_their_passwords(
    ask: Truecost, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Trusted by your choice" not in ask("status").stdout
    monkeypatch.setenv("TRUECOST_MIRROR", "http://user:word@127.0.0.1:9/x")
    monkeypatch.setenv("https_proxy", "http://user:word@proxy.example:3128")
    said = ask("status").stdout
    assert "Trusted by your choice: mirror 127.0.0.1:9 answers in place of every source." in said
    assert "proxy proxy.example:3128 chooses what https requests connect to" in said
    assert "word" not in said.rpartition("Published")[2]
