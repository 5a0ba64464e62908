"""The pages in a real browser, opened from disk: drawn, quiet, narrow, sorted, filtered."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from cost_engine.training.planning import plan
from cost_engine.units import HOURS_PER_MONTH
from pipelines.site.numbers import count, figure
from pipelines.site.theme import AGES
from warehouse.database import open_published
from warehouse.paths import Home

from .conftest import MONTH, TODAY

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
WIDTHS = (1280, 768, 390)
CHARTS = {  # page: {chart: fewest marks}
    "index.html": {"who-offers-what": 6},
    "gpu/h100-sxm-80gb.html": {"strip": 5, "matched": 3, "history": 10},
    "value.html": {"operations": 4, "memory": 2, "bandwidth": 2},
    "inference.html": {"margins": 3, "pace": 2, "truth": 2},
    "training.html": {"over-time": 8, "plan": 3, "truth": 2},
    "decide.html": {"own-or-rent": 3, "commitment": 3, "headroom": 2, "inputs": 2},
    "health.html": {"answers": 4},
}
UNITS = {
    "who-offers-what": "USD per GPU-hour", "strip": "USD per GPU-hour",
    "history": "USD per GPU-hour", "matched": "same offers, 100 at the start of the line",
    "operations": "USD per PFLOP-h, dense",
    "memory": "USD per TB-h", "bandwidth": "USD per TB/s-h", "margins": "USD per 1M tokens",
    "pace": "USD per 1M output tokens", "over-time": "USD of 2025-06",
    "plan": "USD for the run", "own-or-rent": "USD per useful GPU-hour",
    "commitment": "months", "headroom": "USD per 1M tokens", "inputs": "%",
    "answers": "day (UTC)", "truth": "reported",
}  # fmt: skip
MARKS = "path, rect, line, text, circle"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def phone(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context
    context.close()


@pytest.fixture(scope="module")
def context(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": WIDTHS[0], "height": 900})
    context.set_default_timeout(10_000)
    yield context
    context.close()


class Tab:
    """A page, and what it complained about or asked for while it was open."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def draw_all(self) -> None:
        """Wait until every chart of the page is drawn, wherever it is."""
        for chart in self.page.query_selector_all(".chart"):
            chart.scroll_into_view_if_needed()
        self.wait_for("[...document.querySelectorAll('.chart')].every(c => c.hasChildNodes())")

    def wait_for(self, condition: str) -> None:
        """Wait until a condition holds; asked from outside, as the pages allow no eval."""
        for _ in range(100):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"still not so after 5 s: {condition}")


def address(site: Path, name: str, query: str = "") -> str:
    return (site / name).as_uri() + query


@pytest.mark.parametrize("name", CHARTS)
def test_a_page_is_drawn_and_quiet_and_fits(context: Any, site: Path, name: str) -> None:
    tab = Tab(context, address(site, name))
    page = tab.page
    tab.draw_all()
    for chart, fewest in CHARTS[name].items():
        box = page.locator(f"#{chart}-chart")
        assert box.locator(f"[role=graphics-object] :is({MARKS})").count() >= fewest
        assert UNITS[chart] in " ".join(box.locator("text").all_text_contents())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width)
    page.wait_for_timeout(100)
    assert tab.complaints == []
    outside = [url for url in tab.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == []
    page.close()


def test_filters_and_sorting_stand_in_the_address(context: Any, site: Path) -> None:
    tab = Tab(context, address(site, "gpu/h100-sxm-80gb.html"))
    page = tab.page
    shown = "#offers-table tbody tr:not([hidden])"
    assert page.locator(shown).count() == 5
    page.select_option("select[name=purchase_model]", "on_demand")
    assert page.locator(shown).count() == 3
    page.click("#offers-table th button[data-key=usd_per_node_hour]")
    assert column(page, 1) == ["16.0", "24.0", "36.0"]
    page.click("#offers-table th button[data-key=usd_per_node_hour]")
    assert column(page, 1) == ["36.0", "24.0", "16.0"]
    heads = page.locator("#offers-table th[aria-sort]")
    assert [head.get_attribute("aria-sort") for head in heads.all()] == ["descending"]
    link = page.url
    page.close()

    tab = Tab(context, link)
    again = tab.page
    assert again.input_value("select[name=purchase_model]") == "on_demand"
    assert column(again, 1) == ["36.0", "24.0", "16.0"]
    again.click("button[type=reset]")
    tab.wait_for("location.search === ''")
    assert again.locator(shown).count() == 5
    again.close()


def column(page: Any, index: int) -> list[str]:
    """Return the visible texts of a column of the offers."""
    rows = page.locator("#offers-table tbody tr:not([hidden])").all()
    return [row.locator("td").nth(index).inner_text() for row in rows]


def test_filters_reach_the_charts(context: Any, site: Path) -> None:
    name = "gpu/h100-sxm-80gb.html"
    tab = Tab(context, address(site, name, "?purchase_model=spot"))
    tab.draw_all()
    marks = "#strip-chart .mark-symbol.role-mark path"
    assert tab.page.locator(marks).count() == 1
    tab.page.close()


@pytest.mark.parametrize("name", CHARTS)
def test_every_choice_of_a_filter_is_drawn_without_a_complaint(
    context: Any, site: Path, name: str
) -> None:
    tab = Tab(context, address(site, name))
    choices = tab.page.evaluate(
        "[...document.querySelectorAll('form.filters select')].flatMap(one =>"
        " [...one.options].map(option => [one.name, option.value]))"
    )
    tab.page.close()
    for field, value in choices:
        tab = Tab(context, address(site, name, "?" + urlencode({field: value})))
        tab.draw_all()
        assert tab.page.input_value(f"select[name={field}]") == value
        assert tab.complaints == [], (field, value)
        tab.page.close()


def test_a_month_is_a_twelfth_of_a_year_and_says_so(context: Any, site: Path) -> None:
    page = Tab(context, address(site, "gpu/h100-sxm-80gb.html")).page
    page.click("button[value=month]")
    assert column(page, 0)[0] == figure(1.25 * HOURS_PER_MONTH)
    head = page.locator("#offers-table th").first.inner_text()
    assert "USD/GPU-month" in head
    assert "month=month" in page.url or "hour=month" in page.url
    page.click("button[value=hour]")
    assert column(page, 0)[0] == "1.25"
    page.close()


def test_a_thousand_tokens_cost_a_thousandth_of_a_million(context: Any, site: Path) -> None:
    page = Tab(context, address(site, "inference.html")).page
    cell = "#cheapest-sets-table tbody tr:not([hidden]) td.n a"
    per_million = page.locator(cell).first.inner_text()
    page.click("button[value='1k']")
    assert float(page.locator(cell).first.inner_text()) == pytest.approx(float(per_million) / 1000)
    assert "USD/1k tok" in page.locator("#cheapest-sets-table thead").inner_text()
    assert "tokens=1k" in page.url
    again = Tab(context, page.url).page
    assert "USD/1k tok" in again.locator("#cheapest-sets-table thead").inner_text()
    again.click("button[value='1M']")
    assert again.locator(cell).first.inner_text() == per_million
    page.close()
    again.close()


def test_numbers_read_alike_in_both_languages(context: Any, site: Path) -> None:
    page = Tab(context, address(site, "gpu/h100-sxm-80gb.html")).page
    for value in (0.0204, 0.9996, 1.0, 9.995, 12.345, 912.5, 1234.5, 7.0e-6):
        page.evaluate(
            "value => document.querySelector('#offers-table tbody td').dataset.v = value", value
        )
        page.click("button[value=hour]")
        assert column(page, 0)[0] == figure(value)
    page.close()


def test_everything_is_reached_with_the_keyboard(context: Any, site: Path) -> None:
    page = Tab(context, address(site, "gpu/h100-sxm-80gb.html")).page
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return [e.tagName, e.className, s.outlineStyle !== 'none'].join('|'); })()"
            )
        )
    kinds = {one.split("|")[0] for one in reached}
    assert {"A", "SELECT", "INPUT", "BUTTON", "SUMMARY", "DIV"} <= kinds
    assert all(one.endswith("true") for one in reached if not one.startswith("BODY"))
    page.focus("#offers-table th button")
    page.keyboard.press("Enter")
    assert page.locator("#offers-table th").first.get_attribute("aria-sort") == "ascending"
    page.close()


def test_the_query_and_the_picture_can_be_taken_along(context: Any, site: Path) -> None:
    tab = Tab(context, address(site, "gpu/h100-sxm-80gb.html", "#strip-sql"))
    page = tab.page
    assert page.locator("#strip-sql").get_attribute("open") is not None
    tab.draw_all()
    for name, start in (("strip.png", b"\x89PNG"), ("strip.svg", b"<svg ")):
        with page.expect_download() as download:
            page.click(f"button[data-name='{name}']")
        assert download.value.suggested_filename == name
        taken = Path(download.value.path()).read_bytes()
        assert taken.startswith(start)
    drawn = " ".join(re.findall(r">([^<]+)<", taken.decode()))
    assert "the dearest fresh offer of H100 SXM 80 GB" in drawn
    assert "Truecost, data of 2026-11-21" in drawn
    assert "CC BY 4.0" in drawn
    page.click("button[data-copy=strip-query]")
    tab.wait_for(
        "document.querySelector('button[data-copy=strip-query]').textContent !== 'Copy SQL'"
    )
    page.close()


@pytest.mark.parametrize("name", CHARTS)
def test_every_page_fits_and_is_read_without_scripts(browser: Any, site: Path, name: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.goto(address(site, name))
    assert page.locator("main table").count() > 0
    assert page.locator("noscript p").first.is_visible()
    assert page.locator("main").bounding_box()["width"] <= 390
    context.close()


def test_pages_are_read_without_scripts(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.goto(address(site, "index.html"))
    text = page.inner_text("main")
    assert "H100 SXM 80 GB" in text
    assert "3.00" in text
    assert page.locator("svg.spark").first.is_visible()
    assert page.locator("#all-gpus-table tbody tr").count() >= 2
    assert not page.locator("form.filters").is_visible()
    assert not page.locator("button[data-copy]").first.is_visible()
    context.close()


def test_the_arrows_read_the_marks_of_a_chart_out(context: Any, site: Path) -> None:
    tab = Tab(context, address(site, "gpu/h100-sxm-80gb.html"))
    tab.draw_all()
    tab.page.focus("#strip-chart")
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        tab.page.keyboard.press(key)
        said.append(tab.page.inner_text("#strip .read"))
    assert [line.split(".")[0] for line in said[:3]] == [f"{place} of 7" for place in (1, 2, 3)]
    assert "p10: 2.1; p90: 4.5" in said[0] and "provider: " in said[2]
    assert said[3] == said[1]
    assert tab.page.locator("#strip-chart .read-out").count() == 1
    assert tab.complaints == []
    tab.page.close()


def test_marks_of_a_family_have_one_colour_on_all_pages(context: Any, site: Path) -> None:
    colours = []
    for name, chart in (("value.html", "memory"), ("inference.html", "pace")):
        tab = Tab(context, address(site, name))
        tab.draw_all()
        marks = tab.page.locator(f"#{chart}-chart .mark-symbol.role-mark path")
        colours.append({
            mark.get_attribute("fill") if name == "value.html" else mark.get_attribute("stroke")
            for mark in marks.all()
        })  # fmt: skip
        tab.page.close()
    assert colours[0] == colours[1]
    assert len(colours[0]) == 2
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour or "") for colour in colours[0])


@pytest.mark.parametrize("name", CHARTS)
def test_each_number_leads_to_the_query_that_gives_it_alone(
    context: Any, site: Path, small_home: Home, name: str
) -> None:
    page = Tab(context, address(site, name)).page
    page.evaluate(
        "document.querySelectorAll('details:not(.columns)').forEach(one => { one.open = true; })"
    )
    checked = 0
    with open_published(small_home) as connection:
        for table in page.locator("main table").all():
            block = (table.get_attribute("id") or "").removesuffix("-table")
            for row in table.locator("tbody tr:not([hidden])").all()[:3]:
                for link in row.locator("td.n:not([hidden]) > a").all():
                    shown = link.inner_text()
                    link.click()
                    query = page.locator(f"#{block}-number").inner_text()
                    (values,) = connection.execute(query).fetchall()
                    raw = link.locator("..").get_attribute("data-v")
                    if raw is None:
                        raw, expected = shown, values[0]
                        whole = isinstance(expected, int)
                        assert raw == (count(expected) if whole else figure(expected)), query
                    else:
                        assert float(raw) == pytest.approx(float(values[0]), rel=1e-5), query
                    checked += 1
    assert checked > 3
    page.close()


def test_a_cited_number_is_found_again_by_its_address(context: Any, site: Path) -> None:
    tab = Tab(context, address(site, "gpu/h100-sxm-80gb.html"))
    tab.page.click("#offers-table tbody tr:nth-child(2) td:nth-child(2) a")
    assert "number=offers" in tab.page.url
    query = tab.page.locator("#offers-number").inner_text()
    assert 'select "usd_per_node_hour"' in query
    again = Tab(context, tab.page.url)
    assert again.page.locator("#offers-number").inner_text() == query
    assert again.page.locator("td.cited").inner_text() == "12.0"
    assert again.page.locator("#offers-sql").get_attribute("open") is not None
    tab.page.close()
    again.page.close()


def test_a_preset_and_columns_stand_in_the_address(context: Any, site: Path) -> None:
    page = Tab(context, address(site, "index.html")).page
    head = "#gpus-table th:not([hidden])"
    page.click("button[value=inference]")
    assert "per GB-h" in " ".join(page.locator(head).all_inner_texts())
    assert page.locator("#gpus-table th[aria-sort=ascending]").count() == 1
    page.click(".columns summary")
    page.uncheck(".columns input[value=provider_count]")
    again = Tab(context, page.url).page
    heads = " ".join(again.locator(head).all_inner_texts())
    assert again.locator("button[value=inference]").get_attribute("aria-pressed") == "true"
    assert "per GB-h" in heads
    assert "providers" not in heads
    page.close()
    again.close()


def test_unknown_state_in_an_address_shows_the_default_and_says_so(
    context: Any, site: Path
) -> None:
    query = "?preset=steam&columns=colour&provider_id=nobody"
    page = Tab(context, address(site, "index.html", query)).page
    said = " ".join(page.locator(".say").all_inner_texts())
    assert all(word in said for word in ("steam", "colour", "nobody"))
    assert page.locator("#gpus-table tbody tr:not([hidden])").count() == 2
    assert page.input_value("select[name=provider_id]") == ""
    page.close()


def test_a_slash_leads_to_the_search_and_enter_to_the_page(context: Any, site: Path) -> None:
    page = Tab(context, address(site, "value.html")).page
    page.keyboard.press("/")
    page.keyboard.type("hgx H100")
    assert page.locator("#found [role=option]").all_inner_texts() == ["H100 SXM 80 GB\nGPU"]
    page.keyboard.press("Enter")
    page.wait_for_url("**/gpu/h100-sxm-80gb.html")
    page.focus("form.find input")
    page.keyboard.type("no such thing")
    assert "is called" in page.inner_text("#found")
    page.close()


@pytest.mark.parametrize("name", [*CHARTS, "provider/alpha.html"])
def test_every_table_of_prices_has_one_in_sight_on_a_phone(
    phone: Any, site: Path, name: str
) -> None:
    page = Tab(phone, address(site, name)).page
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    for table in page.locator("main table", has=page.locator("th", has_text="USD")).all():
        head = table.locator("th", has_text="USD").first.bounding_box()
        assert head["x"] + head["width"] <= 390, table.get_attribute("id")
        table.locator("xpath=..").evaluate("box => { box.scrollLeft = 200; }")
        assert table.locator("th").first.bounding_box()["x"] < 30  # the first column is pinned
    page.close()


def test_the_first_table_has_a_price_in_sight_on_a_phone(browser: Any, site: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = Tab(context, address(site, "index.html")).page
    box = page.locator("#gpus-table tbody td a[href^='#']").first.bounding_box()
    assert box["x"] + box["width"] < 390
    assert box["y"] < 844
    assert page.evaluate(
        "(() => { const box = document.querySelector('.pinned');"
        " return box.scrollWidth <= box.clientWidth; })()"
    )
    context.close()


def test_a_calculator_answers_and_stands_in_the_address(context: Any, site: Path) -> None:
    tab = Tab(context, address(site, "calculators.html"))
    form = "form[data-calculator=training]"
    tab.page.fill(f"{form} input[name=parameters]", "8B")
    tab.page.fill(f"{form} input[name=gpus]", "64")
    run = plan(6 * 8e9 * 2e12, 64, peak_flops_per_second=989e12, utilisation_fraction=0.4,
               usd_per_gpu_hour=3.0)  # fmt: skip
    said = tab.page.inner_text(f"{form} output")
    assert f"{figure(run.usd)} USD" in said
    assert f"{figure(run.days)} days" in said
    assert f"{figure(run.usd * 2 / 3)} to {figure(run.usd * 4 / 3)}" in said
    assert tab.page.locator(f"{form} output svg rect.band").count() == 1
    again = Tab(context, tab.page.url).page
    assert again.inner_text(f"{form} output") == said
    assert "--params 8000000000" in again.locator("#training-command").text_content()
    assert tab.complaints == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[0]
    tab.page.close()
    again.close()


def test_an_impossible_input_says_what_is_allowed(context: Any, site: Path) -> None:
    page = Tab(context, address(site, "calculators.html", "?training.tokens=many")).page
    assert "training.tokens" in page.inner_text(".say")
    assert page.input_value("form[data-calculator=training] input[name=tokens]") == "2T"
    form = "form[data-calculator=reservation]"
    for name, wrong, allowed in (
        ("resale", "1.5", "from 0 to 1"),
        ("job", "-1", "above 0"),
        ("term", "1,5", "above 0"),
        ("price", "1e400", "above 0"),
    ):
        page.fill(f"{form} input[name={name}]", wrong)
        label = page.locator(f"{form} label", has=page.locator(f"input[name={name}]"))
        assert allowed in label.locator(".wrong").inner_text()
        assert "Correct" in page.inner_text(f"{form} output")
    page.close()


def test_no_input_of_a_calculator_gives_what_is_no_number(context: Any, site: Path) -> None:
    tab = Tab(context, address(site, "calculators.html"))
    answers = tab.page.evaluate(
        """() => [...document.querySelectorAll("form.calculator input")].flatMap(input => {
          const form = input.closest("form"), usual = input.value;
          const said = ["", "0", "1e-300", "1e308", "1e400", "-1", "1,5", "1,500", "NaN", "<b>"]
            .map(value => {
              input.value = value;
              input.dispatchEvent(new Event("input", { bubbles: true }));
              return [input.name, value, form.querySelector(".answer").textContent];
            });
          input.value = usual;
          input.dispatchEvent(new Event("input", { bubbles: true }));
          return said;
        })"""
    )
    assert len(answers) > 100
    odd = [one for one in answers if re.search("NaN|undefined|Infinity|null|<b>", one[2])]
    assert odd == []
    assert tab.complaints == []
    tab.page.close()


MONEY = re.compile(r"\$([\d.,]+)")


@pytest.mark.parametrize("name", [*CHARTS, "provider/alpha.html"])
def test_each_title_agrees_with_the_rows_under_it_after_every_filter(
    context: Any, site: Path, name: str
) -> None:
    tab = Tab(context, address(site, name))
    states = tab.page.evaluate(
        "[...document.querySelectorAll('form.filters select')].flatMap(one =>"
        " [...one.options].filter(option => option.value !== one.dataset.default)"
        "   .map(option => ({ [one.name]: option.value })))"
        ".concat([...document.querySelectorAll('button[name=preset]')]"
        "   .map(one => ({ preset: one.value })), [{ find: 'alpha' }, { find: 'nothing' }])"
    )
    tab.page.close()
    checked = 0
    for state in states:
        page = Tab(context, address(site, name, "?" + urlencode(state))).page
        sections = page.evaluate(
            """[...document.querySelectorAll("main section")].map(section => {
              const table = section.querySelector("table");
              const rows = table ? [...table.tBodies[0].rows] : [];
              const index = table && table.dataset.measure
                ? truecost.columnOf(table, table.dataset.measure) : -1;
              return [section.querySelector("h2").textContent,
                rows.length, rows.filter(row => !row.hidden).map(row => index < 0 ? null
                  : row.cells[index].querySelector(".none") ? null
                  : Number(row.cells[index].dataset.v))];
            })"""
        )
        for title, total, shown in sections:
            if len(shown) == total:
                continue
            assert title.startswith(f"{len(shown)} of {total} "), (state, title)
            prices = [price for price in shown if price is not None]
            if prices:
                ends = {figure(min(prices)), figure(max(prices))}
                assert set(MONEY.findall(title)) == ends, (state, title)
            checked += 1
        page.close()
    assert checked > 0


def test_one_part_can_be_embedded_as_it_is_filtered(context: Any, site: Path) -> None:
    page = Tab(context, address(site, "gpu/h100-sxm-80gb.html", "?provider_id=alpha")).page
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard',"
        " { value: { writeText: async text => { window.copied = text; } } })"
    )
    page.click("button[data-embed=offers]")
    page.wait_for_function("window.copied")
    frame = page.evaluate("window.copied")
    page.close()
    assert frame.startswith("<iframe ") and "3 of 5 offers" in frame
    state = html.unescape(re.search(r'src="[^"?]*([^"]*)"', frame)[1])
    assert state == "?provider_id=alpha&embed=offers"
    page = Tab(context, address(site, "gpu/h100-sxm-80gb.html", state)).page
    shown = "[...document.querySelectorAll('main > *, header, footer')].filter(x => x.offsetParent)"
    assert page.evaluate(f"{shown}.map(x => x.id)") == ["offers"]
    assert "Truecost, data of" in page.inner_text("#offers")
    page.close()


def test_without_scripts_a_number_opens_the_query_of_its_table(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(site, "gpu/h100-sxm-80gb.html"))
    assert not page.locator("#offers-query").is_visible()
    page.locator("#offers-table tbody td.n a").first.click()
    assert page.locator("#offers-query").is_visible()
    context.close()


@pytest.mark.parametrize("name", CHARTS)
def test_extreme_prices_and_long_names_break_no_page(
    context: Any, odd_site: Path, name: str
) -> None:
    tab = Tab(context, address(odd_site, name))
    tab.draw_all()
    for width in WIDTHS:
        tab.page.set_viewport_size({"width": width, "height": 900})
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, width
    assert tab.complaints == []
    assert tab.page.locator("main script:not([type='application/json'])").count() == 0
    tab.page.close()


def test_marks_fade_by_the_four_bands_of_age_that_the_legend_names(
    context: Any, odd_site: Path
) -> None:
    tab = Tab(context, address(odd_site, "gpu/h100-sxm-80gb.html"))
    tab.draw_all()
    marks = tab.page.locator("#strip-chart .mark-symbol.role-mark path")
    faded = {mark.get_attribute("opacity") for mark in marks.all()}
    assert faded == {str(opacity) for _, opacity in AGES.values()}
    legend = tab.page.locator("#strip-chart .role-legend").all_text_contents()
    assert all(name in " ".join(legend) for name in AGES)
    rows = tab.page.locator("#offers-table tbody tr").all()
    assert {row.get_attribute("class") for row in rows} == {None, "age1", "age2", "age3"}
    tab.page.close()


# Boxes of text in a chart that another text of it covers, or that stick out of it, by over a pixel.
CLIPPED = """
() => [...document.querySelectorAll(".chart")].flatMap(chart => {
  const outer = chart.getBoundingClientRect();
  const texts = [...chart.querySelectorAll("svg text")]
    .filter(text => text.textContent.trim() && getComputedStyle(text).opacity > 0)
    .map(text => [text.textContent, text.getBoundingClientRect()]);
  const out = texts.filter(([, box]) => box.left < outer.left - 1 || box.right > outer.right + 1
    || box.top < outer.top - 1 || box.bottom > outer.bottom + 1).map(([words]) => "out: " + words);
  const over = texts.flatMap(([words, box], place) => texts.slice(place + 1)
    .filter(([, other]) => Math.min(box.right, other.right) - Math.max(box.left, other.left) > 1
      && Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top) > 3)
    .map(([others]) => `over: ${words} | ${others}`));
  return [...out, ...over].map(what => chart.id + " " + what);
})
"""


@pytest.mark.parametrize("name", CHARTS)
def test_no_text_of_a_chart_is_cut_or_covered(context: Any, site: Path, name: str) -> None:
    for width in WIDTHS:
        tab = Tab(context, address(site, name))
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.reload()
        tab.draw_all()
        tab.page.wait_for_timeout(200)
        assert tab.page.evaluate(CLIPPED) == [], width
        tab.page.close()


def test_days_are_days_in_utc_wherever_the_reader_is(browser: Any, site: Path) -> None:
    context = browser.new_context(
        timezone_id="America/Los_Angeles", viewport={"width": 1280, "height": 900}
    )
    tab = Tab(context, address(site, "gpu/h100-sxm-80gb.html"))
    tab.draw_all()
    marks = tab.page.locator("#history-chart .mark-symbol.role-mark path")
    marks.first.hover(force=True)
    tab.wait_for("document.querySelector('#vg-tooltip-element.visible') !== null")
    tip = tab.page.locator("#vg-tooltip-element").inner_text()
    assert str(TODAY - timedelta(days=MONTH)) in tip, tip
    assert "marts.gpu_price_daily" in tip
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_faded_rows_are_still_legible(browser: Any, odd_site: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = Tab(context, address(odd_site, "gpu/h100-sxm-80gb.html")).page
    cell = "#offers-table tr.age3 td:nth-child(4)"
    ink, opacity, ground = page.evaluate(
        f"(() => {{ const style = getComputedStyle(document.querySelector('{cell}')); return"
        " [style.color, style.opacity, getComputedStyle(document.body).backgroundColor]; })()"
    )
    front, back = ([int(part) for part in re.findall(r"\d+", colour)] for colour in (ink, ground))
    seen = [float(opacity) * f + (1 - float(opacity)) * b for f, b in zip(front, back, strict=True)]
    light, dark = sorted((luminance(seen), luminance(back)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
    context.close()


def luminance(colour: list[Any]) -> float:
    """Return the relative luminance of a colour (https://www.w3.org/TR/WCAG21/)."""
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def test_operations_are_counted_as_achieved_or_at_the_peak(context: Any, site: Path) -> None:
    prices = {}
    for counted in ("achieved", "peak"):
        tab = Tab(context, address(site, "value.html", f"?flop={counted}"))
        tab.draw_all()
        marks = tab.page.locator("#operations-chart .mark-symbol.role-mark path")
        prices[counted] = [
            (mark.get_attribute("aria-label"), mark.get_attribute("fill")) for mark in marks.all()
        ]
        tab.page.close()
    assert len(prices["achieved"]) == len(prices["peak"]) == 2
    assert {fill for _, fill in prices["achieved"]} == {"transparent"}
    assert "transparent" not in {fill for _, fill in prices["peak"]}
