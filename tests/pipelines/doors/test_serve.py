"""``truecost serve``: what the commands answer, over HTTP, within limits."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import requests

from pipelines.answers.metrics import CONTENT_TYPE, GAUGES
from pipelines.answers.opencost import COLUMNS
from pipelines.commands import asking
from pipelines.commands.asking import ASKED, Asker, QuestionError, parameters_of
from tests.pipelines.commands.conftest import Truecost
from warehouse.paths import HOME_VARIABLE, Home

H100 = "H100-SXM-80GB"
ROOT = Path(__file__).parents[3]
SECONDS = 120  # a busy machine must not reach it
# The same question over HTTP and on the command line.
QUESTIONS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "offers": ("offers", {"gpu": "H100 SXM", "n": 8}, ("offers", "H100 SXM", "-n", "8")),
    "fit": (
        "fit",
        {"model": "deepseek-v3", "data-center-only": "true", "limit": 2},
        ("fit", "deepseek-v3", "--data-center-only", "--limit", "2"),
    ),
    "train": (
        "train",
        {"parameters": "70B", "tokens": "15T", "n": 4096, "set": "pue=1.2"},
        ("train", "--parameters", "70B", "--tokens", "15T", "-n", "4096", "--set", "pue=1.2"),
    ),
    "why": (
        "why",
        {"table": "core.gpu", "key": [H100]},
        ("why", "core.gpu", H100),
    ),
}
REFUSED = {
    "offers?gpu=zzz": "unknown GPU",
    "offers?gpu=H100-SXM-80GB&n=0": "0 is not in the range",
    "offers?gpu=H100-SXM-80GB&limit=99999999999999999999999": "too large",
    "offers?gpu=H100-SXM-80GB&nope=1": "no option 'nope'",
    "offers?gpu=H100-SXM-80GB&prices=/etc/passwd": "command line alone",
    "infer?model-file=/etc/passwd": "command line alone",
    "fit?model=deepseek-v3&data_center_only=perhaps": "true or false",
    "sql": "sql takes query",
    "sql?query=select content from read_text('/etc/passwd')": "published tables only",
    "sql?query=from range(20000)": "more than 10,000 rows",
    "sql?query=select repeat('x', 100000) from range(500)": "over 16777216 bytes",
}


@pytest.fixture(scope="module")
def server(answers_home: Home) -> Iterator[str]:
    """Yield the address of a server, as a person starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {HOME_VARIABLE: str(answers_home.root)},
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode in (0, -signal.SIGTERM)


def get(address: str, parameters: Any = None, headers: Any = None) -> requests.Response:
    return requests.get(address, parameters, headers=headers, timeout=SECONDS)


def facts(answer: Any) -> Any:
    """Return an answer without what differs from moment to moment, or stands once for all rows."""
    rows = answer if isinstance(answer, list) else [answer]
    return [
        {key: row[key] for key in row if key not in ("moment", "private_prices")} for row in rows
    ]


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_answers_what_the_command_answers(server: str, ask: Truecost, question: str) -> None:
    name, parameters, command = QUESTIONS[question]
    answer = get(f"{server}/v1/{name}", parameters).json()
    assert facts(answer["rows"] if "rows" in answer else answer["answer"]) == facts(
        json.loads(ask(*command, "--json").stdout)
    )
    assert answer["moment"]["prices_at"] and "Truecost" in answer["publication"]["citation"]


def test_one_query_in_sql(server: str) -> None:
    answer = get(f"{server}/v1/sql", {"query": "select 1 as one, null as none"}).json()
    assert answer["rows"] == [{"one": 1, "none": None}]
    assert answer["publication"]["licence"] == "CC-BY-4.0"


@pytest.mark.parametrize("question", REFUSED)
def test_bad_input_is_one_object(server: str, question: str) -> None:
    got = get(f"{server}/v1/{question}")
    assert (got.status_code, list(got.json())) == (400, ["error"])
    assert REFUSED[question] in got.json()["error"]
    assert "\n" not in got.json()["error"]


def test_what_does_not_exist_is_told_with_what_does(server: str) -> None:
    got = get(f"{server}/v1/run")
    assert got.status_code == 404
    assert "offers" in got.json()["error"]
    assert get(f"{server}/etc/passwd").status_code == 404


def test_an_answer_that_is_known_is_not_sent_again(server: str) -> None:
    first = get(f"{server}/opencost/gpus.csv")
    again = get(f"{server}/opencost/gpus.csv", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = requests.head(f"{server}/opencost/gpus.csv", timeout=SECONDS)
    assert (head.status_code, head.headers["ETag"]) == (200, first.headers["ETag"])


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 405),
        ("DELETE", {}, 405),
        ("OPTIONS", {}, 405),
        ("GET", {"Host": "prices.example"}, 403),
        ("GET", {"Origin": "http://prices.example"}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403),
    ],
)
def test_others_are_not_let_in(
    server: str, method: str, headers: dict[str, str], status: int
) -> None:
    got = requests.request(method, f"{server}/health", headers=headers, timeout=SECONDS)
    assert got.status_code == status
    assert "access-control-allow-origin" not in got.headers


def test_health_says_what_is_published(server: str) -> None:
    assert get(f"{server}/health").json()["run_id"] == "one"


def test_metrics_have_a_meaning_a_type_and_samples(server: str) -> None:
    got = get(f"{server}/metrics")
    assert got.headers["Content-Type"] == CONTENT_TYPE
    lines = got.text.splitlines()
    assert re.findall(r"^# TYPE (\S+) gauge$", got.text, re.MULTILINE) == [g.name for g in GAUGES]
    samples = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r'\w+\{(\w+="[^"]*",?)+\} [-0-9.e+]+', line) for line in samples)
    assert {line.partition("{")[0] for line in samples} == {gauge.name for gauge in GAUGES}
    assert len(set(line.rpartition(" ")[0] for line in samples)) == len(samples)


def test_the_index_that_is_scraped_is_that_of_the_command(server: str, ask: Truecost) -> None:
    shown = json.loads(ask("index", H100, "--market", "neocloud", "--json").stdout)
    [value] = [row["usd_per_gpu_hour"] for row in shown if row["reference_region"] == "us"]
    sample = re.search(
        rf'^truecost_index_usd_per_gpu_hour\{{gpu_id="{H100}",purchase_model="on_demand",'
        r'market_family="neocloud",reference_region="us"\} (\S+)$',
        get(f"{server}/metrics").text,
        re.MULTILINE,
    )
    assert sample is not None
    assert float(sample[1]) == value


def test_nodes_have_one_price_a_region_and_type(server: str) -> None:
    address = f"{server}/opencost/nodes.csv"
    prices = {}
    for purchase in ("on_demand", "spot"):
        text = get(address, {"provider": "gcp", "purchase": purchase}).text
        rows = list(csv.DictReader(text.splitlines()))
        assert tuple(rows[0]) == COLUMNS
        assert {row["AssetClass"] for row in rows} == {"node"}
        keys = [(row["Region"].lower(), row["InstanceID"].lower()) for row in rows]
        assert len(set(keys)) == len(keys)
        prices[purchase] = dict(
            zip(keys, (float(r["MarketPriceHourly"]) for r in rows), strict=True)
        )
    shared = prices["on_demand"].keys() & prices["spot"].keys()
    assert shared and all(prices["spot"][key] < prices["on_demand"][key] for key in shared)


def test_gpus_are_priced_by_the_label_of_their_node(server: str) -> None:
    rows = list(csv.DictReader(get(f"{server}/opencost/gpus.csv").text.splitlines()))
    [h100] = [row for row in rows if row["InstanceID"] == "NVIDIA-H100-80GB-HBM3"]
    custom = get(f"{server}/opencost/custom.json", {"gpu": H100}).json()
    assert (h100["AssetClass"], h100["InstanceIDField"], h100["Region"]) == (
        "gpu",
        "nvidia.com/gpu.product",
        "",
    )
    assert h100["MarketPriceHourly"] == custom["GPU"]


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("nodes.csv?provider=nobody", "unknown provider"),
        ("nodes.csv?purchase=reserved&commitment_months=7", "prices no instance"),
        ("nodes.csv?commitment_months=x", "not a number of months"),
        ("gpus.csv?market=mine", "no market family 'mine'"),
        ("custom.json", "which GPU"),
        ("custom.json?gpu=zzz", "unknown GPU"),
    ],
)
def test_prices_that_are_not_there_are_refused(server: str, page: str, reason: str) -> None:
    got = get(f"{server}/opencost/{page}")
    assert got.status_code == 400
    assert reason in got.json()["error"]


@pytest.mark.parametrize("name", ["metrics", "opencost/custom.json"])
def test_files_hold_what_is_served(server: str, ask: Truecost, tmp_path: Any, name: str) -> None:
    asked = ("--gpu", H100) if name.endswith("json") else ()
    out = tmp_path / "page"
    assert ask("export", name, *asked, "--out", str(out)).exit_code == 0
    parameters = {"gpu": H100} if name.endswith("json") else {}
    assert out.read_text() == get(f"{server}/{name}", parameters).text
    assert ask("export", name, *asked, "--out", str(out)).exit_code == 2  # it is there


def test_no_question_can_name_a_file() -> None:
    for name in ASKED:
        assert not [
            one
            for one in parameters_of(name).values()
            if isinstance(one.type, (click.Path, click.File))
        ]


@pytest.mark.slow
def test_a_question_over_its_limit_is_refused_and_the_next_is_answered(
    answers_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(answers_home.root))
    small = asking.Limits(memory_bytes=2**20, cpu_seconds=60, wall_seconds=60.0)
    asker = Asker(child_count=1)
    try:
        with monkeypatch.context() as patch, pytest.raises(QuestionError, match="memory"):
            patch.setattr(asking, "LIMITS", small)
            asker.ask("offers", {"gpu": [H100]})
        assert asker.ask("offers", {"gpu": [H100]})["rows"]
    finally:
        asker.close()


def test_the_dashboard_asks_for_metrics_and_labels_that_there_are() -> None:
    text = (ROOT / "docs" / "grafana.json").read_text(encoding="utf-8")
    labels = {gauge.name: set(gauge.labels) for gauge in GAUGES}
    panels = json.loads(text)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for target in (target for panel in panels for target in panel["targets"]):
        [metric] = re.findall(r"truecost_\w+", target["expr"])
        asked = re.findall(r"(\w+)=~", target["expr"])
        shown = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
        assert labels[metric] >= {*asked, *shown}, target
    variables = re.findall(r"label_values\((\w+), (\w+)\)", text)
    assert variables and all(label in labels[metric] for metric, label in variables)
