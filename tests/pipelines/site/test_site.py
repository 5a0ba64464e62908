"""What every page holds: honest numbers, the way back, and no foreign script."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag

import altair as alt
import duckdb
import pyarrow.parquet
import pytest

from pipelines.site.build import MAIN_PAGES, NotASiteFolderError, SiteReport, build_site
from pipelines.site.pages.documents import DOCUMENTS
from pipelines.site.rows.gpu import bends, in_segments
from warehouse.database import SCHEMA_VERSION, open_published
from warehouse.paths import Home

from .conftest import BREAKOUT, EVIL, FORMULA, NOW, TODAY, fill, insert, publish_by_hand

PAGES = ("index.html", "gpu/h100-sxm-80gb.html", "provider/alpha.html",
         "model/llama-3-1-70b.html", "value.html", "inference.html", "training.html",
         "decide.html", "health.html")  # fmt: skip
PRICED = PAGES[:8]
WEIGHT_LIMIT = 500_000  # bytes of a page with its scripts and styles, sent compressed


def chart_rows(data: str) -> list[dict[str, object]]:
    """Return the rows of a chart by the names of their fields, as the page's script reads them."""
    chart = json.loads(data)
    return [
        {name: value for name, value in zip(chart["columns"], row, strict=True)
         if value is not None}
        for row in chart["rows"]
    ]  # fmt: skip


class Reader(HTMLParser):
    """Collects what a test asks a page about."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.inside: list[str] = []
        self.heads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)
        if tag == "th":
            self.heads.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" not in self.inside:
            self.text.append(data)
        if "th" in self.inside:
            self.heads[-1] += data


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text())
    return reader


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, site: Path) -> Path:
    return site / request.param


def test_hostile_text_stays_text(page: Path) -> None:
    reader = read(page)
    scripts = [attributes for tag, attributes in reader.tags if tag == "script"]
    assert all("src" in one or one.get("type") == "application/json" for one in scripts)
    assert not [tag for tag, _ in reader.tags if tag in ("img", "iframe", "object", "embed")]
    handlers = [name for _, attributes in reader.tags for name in attributes if name[:2] == "on"]
    assert handlers == []
    assert page.read_text().lower().count("</script") == len(scripts)


def test_hostile_text_can_still_be_read(site: Path) -> None:
    text = "".join(read(site / "gpu/h100-sxm-80gb.html").text)
    assert EVIL in text
    assert FORMULA in text
    assert EVIL in "".join(read(site / "health.html").text)


def test_no_control_character_reaches_a_page(page: Path) -> None:
    assert not [c for c in page.read_text() if unicodedata.category(c) == "Cc" and c != "\n"]


def test_pages_load_nothing_from_elsewhere(page: Path) -> None:
    reader = read(page)
    for tag, attributes in reader.tags:
        source = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
        assert source is None or not re.match(r"(https?:)?//", source)
    for link in (a["href"] or "" for tag, a in reader.tags if tag == "a" and "href" in a):
        assert not link.lower().startswith(("javascript:", "data:"))
    policy = next(a["content"] or "" for _, a in reader.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy


def test_every_link_inside_the_site_leads_somewhere(page: Path) -> None:
    reader = read(page)
    ids = {a["id"] for _, a in reader.tags if a.get("id")}
    assert len(ids) == sum("id" in a for _, a in reader.tags)
    for tag, attributes in reader.tags:
        href = attributes.get("href") or attributes.get("src")
        if tag == "link" and href == "data:,":
            continue
        if not href or href.startswith("http"):
            continue
        path, anchor = urldefrag(href)
        target = (page.parent / path.split("?")[0]).resolve() if path else page
        assert target.is_file(), href
        if anchor:
            assert f'id="{anchor}"' in target.read_text(), href


def test_scripts_are_not_needed_to_read_the_tables(page: Path) -> None:
    tags = [tag for tag, _ in read(page).tags]
    assert "table" in tags
    assert tags.count("tr") > 2


# Charts whose numbers are in another table of the page
TABLE_OF_CHART = {
    "strip": "offers", "operations": "all-values", "memory": "all-values",
    "bandwidth": "all-values", "margins": "all-margins", "own-or-rent": "owning",
}  # fmt: skip


def test_the_numbers_of_every_chart_stand_in_a_table_too(page: Path) -> None:
    html = page.read_text()
    charts = re.findall(r'data-chart="([\w-]+)"', html)
    assert charts or page.parent.name in ("model", "provider")
    for id in charts:
        assert f'<table id="{TABLE_OF_CHART.get(id, id)}-table"' in html, id


def test_every_chart_is_vega_lite(page: Path) -> None:
    for data in re.findall(r'<script type="application/json" id="[\w-]+-data">(.*?)</script>',
                           page.read_text()):  # fmt: skip
        loaded = json.loads(data)
        if "spec" in loaded:
            alt.Chart.from_dict(loaded["spec"], validate=True)


def test_the_foot_says_where_it_comes_from(page: Path) -> None:
    text = " ".join(" ".join(read(page).text).split())
    for part in ("Data as of 2026-11-21 06:00Z", f"Schema version {SCHEMA_VERSION}", "Methodology",
                 "CC BY 4.0", "Truecost, data of 2026-11-21", "run-1"):  # fmt: skip
        assert part in text


def test_what_did_not_change_is_not_written_again(small_home: Home, tmp_path: Path) -> None:
    def stamps() -> dict[str, tuple[int, int]]:
        paths = (path for path in (tmp_path / "site").rglob("*") if path.is_file())
        return {
            path.relative_to(tmp_path / "site").as_posix(): (
                path.stat().st_mtime_ns,
                path.stat().st_ino,
            )
            for path in paths
        }

    moment = NOW.replace(tzinfo=UTC)
    first = build_site(small_home, tmp_path / "site", now=moment)
    before = stamps()
    assert first.changed_files == len(before)
    again = build_site(small_home, tmp_path / "site", now=moment + timedelta(hours=1))
    after = stamps()
    assert [name for name in after if after[name] != before[name]] == ["health.html"]
    assert again.changed_files == 1
    (tmp_path / "site" / "value.html").write_text("else")
    build_site(small_home, tmp_path / "site", now=moment + timedelta(hours=1))
    assert "<h1>" in (tmp_path / "site" / "value.html").read_text()


@pytest.mark.parametrize("name", PRICED)
def test_list_prices_are_said_to_be_list_prices(site: Path, name: str) -> None:
    assert "not what anyone paid" in (site / name).read_text()


def test_every_column_of_money_says_its_unit(page: Path) -> None:
    for head in read(page).heads:
        name = head.split("USD")[0].strip()
        if name in ("price", "median", "p10", "p90", "in", "out", "rent", "owned", "cost"):
            assert "USD" in head, head


def test_nothing_is_free_and_nothing_is_missing_without_a_reason(page: Path) -> None:
    html = page.read_text()
    assert "$0.00" not in html
    assert not re.search(r"<td[^>]*>(nan|None|null|0\.00)?(?=<td|\n|</t)", html)
    assert html.count("–<span") == html.count('<span class="none" title="')


def test_a_median_of_too_few_providers_is_withheld(site: Path) -> None:
    html = (site / "gpu/h100-sxm-80gb.html").read_text()
    assert "withheld: 2 of 3 providers" in html
    row = next(line for line in html.splitlines() if "<td>neocloud" in line and "withheld" in line)
    assert "3.00" not in row


def test_titles_are_findings_from_the_data(site: Path) -> None:
    def title(name: str) -> str:
        return Text.of(re.findall(r"<h1>(.*?)</h1>", (site / name).read_text())[0])

    assert "prices of 2 GPUs" in title("index.html")
    assert "2 GPUs for $0.400 to $2.00 per GPU-hour" in Text.of((site / "index.html").read_text())
    assert "$2.00 per GPU-hour at Alpha Cloud; the median of 3 providers is $3.00" in title(
        PAGES[1]
    )
    assert "2.90 times a year (2.50 to 3.40)" in title("training.html")
    assert "47\u00a0% utilisation" in title("decide.html")


def test_the_age_of_the_data_is_that_of_its_prices(tmp_path: Path) -> None:
    def later_models(connection: duckdb.DuckDBPyConnection) -> None:
        fill(connection)
        insert(connection, "meta.capture", capture_id="models", source_id="feed",
               record_kind="table_row", seen_at=NOW + timedelta(days=4), status="ok")  # fmt: skip

    home = publish_by_hand(Home(tmp_path / "home"), later_models)
    report = build_site(home, now=(NOW + timedelta(days=4)).replace(tzinfo=UTC))
    html = (report.folder / "index.html").read_text()
    assert "These prices are 4 days old" in html
    assert "<dt>Data as of</dt><dd>2026-11-21 06:00Z" in html


def test_a_gpu_without_an_offer_keeps_the_page_of_its_history(tmp_path: Path) -> None:
    def vanished(connection: duckdb.DuckDBPyConnection) -> None:
        fill(connection)
        connection.execute("delete from marts.offers_latest where gpu_id = 'L4-24GB'")
        connection.execute(
            f"delete from marts.gpu_price_daily where gpu_id = 'L4-24GB' and day = date '{TODAY}'"
        )

    report = build_site(publish_by_hand(Home(tmp_path / "home"), vanished))
    html = (report.folder / "gpu/l4-24gb.html").read_text()
    assert "Nobody that we read offers L4 24 GB today" in Text.of(html)
    assert 'id="history-data"' in html
    market = (report.folder / "index.html").read_text()
    assert "1 GPU had a price before and has none today" in market
    assert market.split('id="gone"')[1].count("gpu/l4-24gb.html") == 1


def test_a_title_speaks_of_fresh_prices_only(odd_site: Path) -> None:
    html = (odd_site / "gpu/h100-sxm-80gb.html").read_text()
    assert 'id="strip-query">' in html
    # 4.5 and 0.0004 are stale; 250,000 is fresh
    assert "costs 125,000 times the cheapest" in Text.of(html)


def test_each_query_on_a_page_gives_the_rows_of_its_csv(site: Path, small_home: Home) -> None:
    checked = 0
    with open_published(small_home) as connection:
        for name in PAGES:
            html = (site / name).read_text()
            for block in html.split("<section ")[1:]:
                query = re.search(r'<code id="[^"]+-query">(.*?)</code>', block, re.DOTALL)
                file = re.search(r'href="(?:\.\./)?(data/[^"]+\.csv)"', block)
                if query is None or file is None:
                    continue
                sql = Text.of(query[1])
                with (site / file[1]).open(newline="") as lines:
                    rows = list(csv.reader(lines))
                assert len(connection.execute(sql).fetchall()) == len(rows) - 1
                told = json.loads((site / file[1].replace(".csv", ".json")).read_text())
                assert (told["command"], told["parameters"]) == ("sql", {"query": [sql]})
                assert len(told["rows"]) == len(rows) - 1
                assert told["publication"]["data_version"]
                parquet = site / file[1].replace(".csv", ".parquet")
                assert pyarrow.parquet.read_metadata(parquet).num_rows == len(rows) - 1
                checked += 1
    assert checked > 25


class Text(HTMLParser):
    """Turns markup into its text."""

    @classmethod
    def of(cls, markup: str) -> str:
        parser = cls(convert_charrefs=True)
        parser.parts: list[str] = []
        parser.feed(markup)
        parser.close()
        return "".join(parser.parts)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def test_every_number_in_a_table_is_a_link_to_the_query_of_its_block(page: Path) -> None:
    html = page.read_text()
    linked = 0
    for block in html.split("<section ")[1:]:
        cells = re.findall(r"<td class=n[^>]*>(.*)", block.replace("<td", "\n<td"))
        for cell in cells:
            if cell.startswith('<span class="none"'):
                continue
            (target,) = re.findall(r"^<a href=#(q\d+)>[^<]+</a>", cell)
            assert f'<pre id="{target}"' in block, cell
            linked += 1
    assert linked > 0


def test_the_key_of_a_row_tells_it_from_all_others(page: Path) -> None:
    for block in page.read_text().split("<section ")[1:]:
        keys = re.findall(r"<tr data-k='([^']*)'", block)
        assert len(set(keys)) == len(keys)
        names = re.findall(r'data-keys="([^"]*)"', block)
        assert all(len(json.loads(key)) == len(names[0].split()) for key in keys)


def test_no_downloaded_cell_is_a_formula(site: Path) -> None:
    cells = 0
    for path in (site / "data").glob("*.csv"):
        with path.open(newline="") as lines:
            for row in csv.reader(lines):
                for cell in row:
                    cells += 1
                    assert cell[:1] not in ("=", "+", "@", "\t", "\r"), cell
                    if cell[:1] == "-":
                        float(cell)
                    assert cell.isprintable()
    assert cells > 500


def test_charts_carry_few_rows_and_only_what_was_measured(site: Path) -> None:
    for name in PAGES:
        for found in re.findall(
            r'<script type="application/json"[^>]*>(.*?)</script>', (site / name).read_text()
        ):
            chart = json.loads(found)
            assert 0 < len(chart["rows"]) <= 5000
            assert chart["spec"]["width"] == "container"
            assert {len(row) for row in chart["rows"]} == {len(chart["columns"])}


# What a tooltip must say, by the names of fields; and where one of it cannot be, because
# a list price is no estimate, a formula has no day, a case is one case.
SAID = {
    "date": {"day", "month", "seen_at", "published_on"},
    "interval": {"p10", "p90", "low", "high", "cost_low", "cost_high", "margin_low", "margin_high",
                 "output_low", "output_high", "fit_low", "fit_high", "dearest_usd_per_gpu_hour"},
    "n": {"provider_count", "offer_count", "gpu_count", "model_count", "offers_kept",
          "link_provider_count"},
    "source": {"source", "source_id", "api_source_id"},
}  # fmt: skip
NOT_THERE = {
    ("strip", "interval"), ("margins", "n"), ("truth", "n"), ("over-time", "n"),
    ("commitment", "date"), ("commitment", "interval"), ("commitment", "n"),
    ("inputs", "date"), ("answers", "interval"), ("terms", "interval"),
}  # fmt: skip


def test_every_tooltip_says_date_value_interval_n_and_source(page: Path) -> None:
    for id, text in re.findall(
        r'<script type="application/json" id="([\w-]+)-data">(.*?)</script>', page.read_text()
    ):
        spec = json.loads(text)["spec"]
        layers = [one["encoding"] for one in spec.get("layer", [spec])]
        tooltips = [one["tooltip"] for one in layers if "tooltip" in one]
        assert tooltips, id
        for tooltip in tooltips:
            fields = {one["field"].replace("utcyearmonthdate", "") for one in tooltip}
            missing = {what for what, names in SAID.items() if not fields & names}
            assert {(id, what) for what in missing} <= NOT_THERE, (id, fields)


def test_an_odd_list_price_is_in_the_table_and_not_in_the_chart(site: Path) -> None:
    html = (site / "inference.html").read_text()
    chart = re.findall(r'id="margins-data">(.*?)</script>', html)[0]
    listed = [row["listed"] for row in chart_rows(chart) if row["part"] == "list"]
    assert sorted(listed) == [0.2, 0.9]
    assert "90,000" in html
    assert "1 list price over 100 times" in html


def test_a_provider_stands_beside_its_market(site: Path) -> None:
    text = Text.of((site / "provider/alpha.html").read_text())
    assert "Alpha Cloud rents 2 GPUs on demand, for $0.400 to $2.00 per GPU-hour" in text
    assert "2 of 2 prices on demand below the middle" in text
    assert not (site / "provider/gamma.html").exists()  # its prices are stale


def test_a_model_has_its_sets_by_price_and_every_mention_leads_to_it(site: Path) -> None:
    html = (site / "model/llama-3-1-70b.html").read_text()
    text = Text.of(html)
    assert "Llama 3.1 70B, a million tokens: $0.150 on 4 × L4 24 GB" in text
    assert "2 GPUs on offer serve it in chats" in text
    assert "weights" not in text.split("Lower is better")[0]  # nobody said whether they are open
    assert "No list that we read shows a price of it" in text
    assert 'href="../gpu/h100-sxm-80gb.html"' in html
    assert 'href="model/llama-3-1-70b.html"' in (site / "inference.html").read_text()


def test_the_calculators_carry_prices_and_say_what_is_missing(site: Path) -> None:
    html = (site / "calculators.html").read_text()
    data = json.loads(re.findall(r'id="calculators-data">(.*?)</script>', html)[0])
    assert {row["gpu_id"]: row["usd_per_gpu_hour"] for row in data["gpus"]} == {
        "H100-SXM-80GB": 3.0, "L4-24GB": 3.0,
    }  # fmt: skip
    assert html.count('<form class="calculator"') == 4
    assert "no list price of a GPU that is rented, or no assumptions" in html


def test_pages_weigh_less_than_they_may(report: SiteReport) -> None:
    assert report.heaviest_page_bytes < WEIGHT_LIMIT


def test_old_data_say_so_on_every_page(small_home: Home, tmp_path: Path, site: Path) -> None:
    build_site(small_home, tmp_path / "old", now=datetime(2026, 12, 24, tzinfo=UTC))
    for name in PAGES:
        assert (
            "33 days old" in (tmp_path / "old" / name).read_text()
            or "32." in (tmp_path / "old" / name).read_text()
        )
        assert "days old" not in (site / name).read_text()


def test_made_up_data_say_so_on_every_page(tmp_path: Path) -> None:
    def demo(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(
            "insert into meta.capture (source_id, record_kind, seen_at, status)"
            f" values ('demo', 'synthetic', timestamp '{NOW}', 'ok')"
        )

    home = publish_by_hand(Home(tmp_path / "home"), demo)
    report = build_site(home, now=NOW.replace(tzinfo=UTC))
    for path in report.folder.glob("*.html"):
        assert "Synthetic data" in path.read_text()
    files = [path.name for path in (report.folder / "data").iterdir()]
    assert files
    assert all(name.startswith("synthetic-") for name in files)


def test_every_query_asks_for_columns_that_the_tables_document(tmp_path: Path) -> None:
    home = publish_by_hand(Home(tmp_path / "home"), lambda connection: None)
    report = build_site(home)
    # No GPU has a page, because none has an offer.
    assert report.page_count == len(MAIN_PAGES) + len(DOCUMENTS)
    documents = {path for path, _ in DOCUMENTS.values()}
    for path in report.folder.glob("*.html"):
        if path.name in documents:
            continue
        assert "the published file has no" not in path.read_text(), path.name
        assert "Nothing to show: the tables hold no such rows" in path.read_text()


def test_a_table_that_is_not_there_yet_breaks_no_page(tmp_path: Path) -> None:
    without = ("marts.cost_per_flop", "marts.inference_cost", "marts.api_margin",
               "marts.own_vs_rent", "marts.reconciliation", "marts.training_cost")  # fmt: skip
    home = publish_by_hand(Home(tmp_path / "home"), lambda connection: None, without)
    report = build_site(home)
    value = (report.folder / "value.html").read_text()
    assert "Nothing to show: the published file has no table cost_per_flop yet." in value


def test_a_folder_of_other_things_is_left_alone(small_home: Home, tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("keep")
    with pytest.raises(NotASiteFolderError, match="holds other things"):
        build_site(small_home, tmp_path)
    with pytest.raises(NotASiteFolderError, match="is a file"):
        build_site(small_home, precious)
    assert precious.read_text() == "keep"


def test_a_missing_day_breaks_the_line() -> None:
    days = [date(2026, 1, day) for day in (1, 2, 4, 5)]
    rows = [
        {"purchase_model": "spot", "day": day, "provider_count": 3, "median": 1.0, "p10": 1.0,
         "p90": 1.0, "oldest_seen_on": day}
        for day in days
    ]  # fmt: skip
    assert [row["segment"] for row in in_segments(rows)] == ["spot 0"] * 2 + ["spot 1"] * 2


def test_a_line_keeps_the_ends_of_a_stretch_without_change() -> None:
    rows = [
        {"segment": "a", "median": usd, "p10": 1, "p90": 2, "provider_count": 3, "day": day,
         "age": "up to 30 h"}
        for day, usd in enumerate((1.0, 1.0, 1.0, 2.0, 2.0, 2.0))
    ]  # fmt: skip
    assert [row["day"] for row in bends(rows)] == [0, 2, 3, 5]


def test_breakout_text_is_in_the_data_of_the_chart_as_data(site: Path) -> None:
    html = (site / "gpu/h100-sxm-80gb.html").read_text()
    rows = chart_rows(re.findall(r'id="strip-data">(.*?)</script>', html)[0])
    assert BREAKOUT.replace("\x07", " ") in {row.get("region") for row in rows}


def test_the_title_of_then_and_now_counts_runs_with_enough_providers(site):
    text = (site / "training.html").read_text(encoding="utf-8")
    title = "Rent of the same runs on demand, then and now: −15\u00a0% in the middle of 2 runs"
    assert title in text
