"""A published file in which every text says something hostile: the pages stay pages of text."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.site.build import build_site
from warehouse.paths import Home

from .conftest import NOW, fill, publish_by_hand

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
POISON = (
    "=cmd()</script></textarea><script>document.title='evil'</script>"
    "<img src=x onerror=\"document.title='evil'\">\"'><svg onload=document.title='evil'>"
    " javascript:alert(1) {{ 7*7 }} \u202egnp.exe\u2066 \x1b[31m\x00"
)
ADDRESS = "javascript:document.title='evil'"
# What joins rows to each other, what the pages choose rows by, and what SQL casts to a date.
KEYS = re.compile(
    r"(_id|^(day|state|status|precision|evidence|purchase_model|market_family|gpu_class|method"
    r"|market_tier|reference_region|selection|price_basis|record_kind|source_kind|architecture"
    r"|workload|run_id|verdict|canonical|source_family|real_month|quantity|horizon.*))$"
)
pytestmark = pytest.mark.slow
COLUMNS_AT_LEAST = 88  # as many as the review of the site poisoned


def poison(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the tables, then put the hostile text into every text that is no key of a join."""
    fill(connection)
    for schema, table, column in text_columns(connection):
        text = ADDRESS if column.endswith(("_url", "homepage")) else POISON
        connection.execute(f'update {schema}."{table}" set "{column}" = ?', [text])


def text_columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Return the text columns of tables that are no keys."""
    found = connection.execute(
        """
        select c.schema_name, c.table_name, c.column_name
        from duckdb_columns() as c inner join duckdb_tables() as t using (schema_name, table_name)
        where c.data_type = 'VARCHAR' and not c.internal
        """
    ).fetchall()
    return [each for each in found if not KEYS.search(each[2])]


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site of the poisoned file."""
    home = publish_by_hand(Home(tmp_path_factory.mktemp("poisoned")), poison)
    with duckdb.connect(home.published / "truecost-run-1.duckdb", read_only=True) as connection:
        assert len(text_columns(connection)) >= COLUMNS_AT_LEAST
    return build_site(home, now=NOW.replace(tzinfo=UTC)).folder


class Live(HTMLParser):
    """Collects what would run: scripts with code in them, handlers, addresses of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and not given.get("src") and given.get("type") != "application/json":
            self.found.append(tag)
        if tag in ("img", "iframe", "object", "textarea"):
            self.found.append(tag)
        self.found += [
            f"{name}={value}"
            for name, value in attrs
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:")
        ]


def test_no_page_has_anything_of_it_that_runs(poisoned: Path) -> None:
    pages = sorted(poisoned.rglob("*.html"))
    assert len(pages) >= 8
    carried = 0
    for path in pages:
        html = path.read_text()
        live = Live()
        live.feed(html)
        live.close()
        assert live.found == [], path.name
        assert not set(html) & {"\u202e", "\u2066", "\x1b", "\x00"}, path.name
        assert "49 " not in re.findall(r"javascript:alert\(1\) (.{0,8})", html), path.name
        carried += "&lt;script&gt;" in html
    assert carried >= 5


def test_no_cell_of_a_file_is_a_formula(poisoned: Path) -> None:
    cells = [
        cell
        for path in poisoned.rglob("*.csv")
        for row in csv.reader(path.read_text().splitlines())
        for cell in row
    ]
    assert any("cmd()" in cell for cell in cells)
    assert [cell for cell in cells if re.match(r"[=@\t\r]|[+-](?![\d.])", cell)] == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
def test_nothing_of_it_runs_and_no_page_is_broken(browser: Any, poisoned: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    for path in sorted(poisoned.rglob("*.html")):
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("dialog", lambda dialog, said=said: said.append(dialog.message))
        page.goto(path.as_uri())
        for chart in page.query_selector_all(".chart"):
            chart.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        marks = page.locator(".mark-symbol.role-mark path")
        if marks.count():
            marks.first.hover(force=True)
        page.keyboard.press("/")
        page.keyboard.type("cmd")
        assert said == [], path.name
        assert page.title() != "evil", path.name
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280, path.name
        assert page.locator("main h1").count() == 1, path.name
        page.close()
    context.close()
