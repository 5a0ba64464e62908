"""The Dagster UI in a real browser: its own page starts a run, a hostile page starts none."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.jobs.instance import STATE_VARIABLE
from tests.pipelines.conftest import free_port
from tests.pipelines.fault_server import FaultServer, body
from warehouse.paths import HOME_VARIABLE, Home

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
FIXTURE = Path(__file__).parents[1] / "fixtures/sources/runpod/gpu_types.json"
PATIENCE = 90_000  # [ms] a run starts two interpreters

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]


@dataclass
class Ui:
    """A running `truecost ui`, the home that it shows, and the source that it may ask."""

    address: str
    home: Home
    source: FaultServer

    @property
    def origin(self) -> str:
        return self.address.partition("/?")[0]


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    home = Home(tmp_path_factory.mktemp("ui"))
    command = "from pipelines.cli import main; main()"
    with FaultServer({"api.runpod.io/graphql": [body(FIXTURE.read_bytes())]}) as source:
        environment = os.environ | {HOME_VARIABLE: str(home.root), "TRUECOST_MIRROR": source.url}
        environment.pop(STATE_VARIABLE, None)
        with subprocess.Popen(
            [sys.executable, "-c", command, "ui", "--port", str(free_port())],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            try:
                line = server.stdout.readline()
                assert "?token=" in line, "truecost ui printed no address"
                [address] = [word for word in line.split() if word.startswith("http")]
                yield Ui(address, home, source)
            finally:
                server.send_signal(signal.SIGTERM)
                server.communicate(timeout=60)


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.set_default_timeout(PATIENCE)
        yield context
        browser.close()


def run_count(page: Any) -> int:
    """Return how many runs there are, asked from Dagster's own page."""
    found = page.evaluate(
        """async () => {
            const answer = await fetch('/graphql', {
                method: 'POST', headers: {'Content-Type': 'application/json'},
                body: JSON.stringify({query: '{runsOrError {... on Runs {results {runId}}}}'}),
            });
            return (await answer.json()).data.runsOrError.results.length;
        }"""
    )
    return int(found)


def test_the_page_launches_a_run_and_hears_of_its_end(ui: Ui, context: Any) -> None:
    page = context.new_page()
    heard: list[str] = []
    page.on(
        "websocket",
        lambda opened: opened.on("framereceived", lambda frame: heard.append(str(frame))),
    )
    page.goto(ui.address)
    assert page.url == f"{ui.origin}/"  # the token has left the address
    page.goto(f"{ui.origin}/assets/sources/runpod")
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_role("button", name="Latest").click()
    with page.expect_response(lambda answer: "mutation Launch" in (answer.request.post_data or "")):
        page.get_by_role("button", name="Launch 1 run").click()
    page.goto(f"{ui.origin}/runs")
    page.locator("a[href^='/runs/']", has_text="View").first.click()
    page.get_by_text("RUN_SUCCESS").wait_for()
    assert sum(ui.source.hits.values()) == 1
    assert [path.suffix for path in (ui.home.landing / "runpod").rglob("*.zst")] == [".zst"]
    assert any("pipelineRunLogs" in frame for frame in heard)
    assert run_count(page) == 1


LAUNCH = (
    'mutation{launchRun(executionParams:{selector:{repositoryLocationName:"pipelines.definitions",'
    'repositoryName:"__repository__",jobName:"capture"},runConfigData:{}}){__typename}}'
)
HOSTILE = """<!doctype html><title>busy</title><body>
<img src="TARGET/graphql?query=QUERY">
<iframe src="TARGET/"></iframe>
<iframe name="sink"></iframe>
<form id="form" target="sink" method="post" enctype="text/plain" action="TARGET/graphql">
<input name='BODY' value=''></form>
<form id="report" target="sink" method="post" action="TARGET/report_asset_check/landing/runpod">
</form>
<script>
const body = JSON.stringify({query: MUTATION});
const tries = [
  () => fetch('TARGET/graphql?query=QUERY', {credentials: 'include', mode: 'no-cors'}),
  () => fetch('TARGET/graphql', {method: 'POST', body, credentials: 'include', mode: 'no-cors'}),
  () => fetch('TARGET/graphql', {method: 'POST', body, credentials: 'include',
    headers: {'Content-Type': 'application/json'}}),
  () => fetch('TARGET/report_asset_materialization/landing/runpod',
    {method: 'POST', credentials: 'include', mode: 'no-cors'}),
  () => fetch('TARGET/server_info', {credentials: 'include'}).then(answer => answer.text()),
  () => new Promise((opened, refused) => {
    const socket = new WebSocket('TARGET/graphql'.replace('http', 'ws'), 'graphql-ws');
    socket.onopen = () => opened('open'); socket.onerror = () => refused('refused');
  }),
];
(async () => {
  document.getElementById('form').submit();
  document.getElementById('report').submit();
  window.outcomes = [];
  for (const attempt of tries) {
    try { const got = await attempt(); window.outcomes.push(got.type || got); }
    catch (error) { window.outcomes.push('refused'); }
  }
  document.title = 'done';
})();
</script>"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_hostile_page_in_the_same_browser_starts_nothing(ui: Ui, context: Any, host: str) -> None:
    own = context.new_page()
    own.goto(ui.address)
    before = run_count(own)
    query = LAUNCH.replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
    content = (
        HOSTILE.replace("TARGET", ui.origin)
        .replace("QUERY", query)
        .replace("MUTATION", json.dumps(LAUNCH))
        .replace("BODY", json.dumps({"query": LAUNCH}).replace("'", "&#39;"))
    )
    refused: list[tuple[str, int]] = []
    page = context.new_page()
    page.on("response", lambda answer: refused.append((answer.url, answer.status)))
    with FaultServer({"page": [body(content.encode(), "text/html")]}) as hostile:
        page.goto(hostile.url.replace("127.0.0.1", host) + "/page")
        page.wait_for_function("document.title === 'done'")
        outcomes = page.evaluate("window.outcomes")
        page.close()
    assert outcomes == ["refused"] * 6
    statuses = {status for url, status in refused if url.startswith(ui.origin)}
    assert statuses <= {403, 405}
    assert run_count(own) == before
