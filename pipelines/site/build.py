"""Writes the site: every page, its files to download, and what they share.

Which pages there are, and their order, belong here; what they say belongs to the page modules.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipelines.past import Past
from pipelines.site import numbers
from pipelines.site.decide import decide_page
from pipelines.site.exports import write_csv
from pipelines.site.gpu import gpu_pages
from pipelines.site.health import health_page
from pipelines.site.inference import inference_page
from pipelines.site.market import market_page
from pipelines.site.page import Block, Chart, Page
from pipelines.site.published import Published, opened, plain
from pipelines.site.theme import vega_config
from pipelines.site.training import training_page
from pipelines.site.value import value_page
from warehouse.paths import Home

FOLDER = Path(__file__).parent
MAIN_PAGES = (market_page, value_page, inference_page, training_page, decide_page, health_page)
OLD_AFTER_HOURS = 72
# 'self' is every file of the site; some browsers give files from disk no common origin.
SCRIPT_SOURCE = "'self' file:"

RUN = """
    select
        (
            select max(valid_at) from meta.capture
            where status in ('ok', 'unchanged') and record_kind = 'offer'
        ) as data_as_of,
        (select max(started_at) from meta.run) as started_at,
        (select arg_max(run_id, started_at) from meta.run) as run_id,
        (select arg_max(code_version, started_at) from meta.run) as code_version,
        (select max(version) from meta.schema_version) as schema_version
"""
RULES = """
    select arg_max(methodology_version, day) as version
    from marts.gpu_price_index
    having count(*) > 0
"""
SYNTHETIC = """
    select count(*) as captures
    from meta.capture
    where lower(coalesce(record_kind, '')) in ('synthetic', 'demo')
        or source_id like 'demo%' or source_id like 'synthetic%'
"""


class NotASiteFolderError(ValueError):
    """The folder to write to holds something that is no site of ours."""


@dataclass(frozen=True)
class SiteReport:
    """What was written."""

    folder: Path
    page_count: int
    bytes: int
    heaviest_page: str
    heaviest_page_bytes: int  # with the scripts and styles that it loads
    seconds: float


@dataclass
class Exports:
    """The files beside the pages, and the data inside them."""

    folder: Path
    mark: str = ""  # what the names of all files begin with, where the data are made up
    written: dict[tuple[str, str], str] = field(default_factory=dict)

    def files(self, page: Page, block: Block) -> dict[str, str]:
        """Write the rows of a block as CSV and Parquet, and return their paths in the site."""
        answer = block.answer
        if not answer:
            return {}
        assert answer is not None
        key = (page.path, answer.sql)
        stem = self.written.get(key)
        if stem is None:
            name = page.path.removesuffix(".html").replace("/", "-")
            stem = f"data/{self.mark}{name}-{block.id}"
            self.written[key] = stem
            (self.folder / "data").mkdir(exist_ok=True)
            cells = answer.cells()
            write_csv(self.folder / f"{stem}.csv", answer.columns, cells)
            columns = dict(zip(answer.columns, zip(*cells, strict=True), strict=True))
            pyarrow.parquet.write_table(
                pa.table({name: list(values) for name, values in columns.items()}),
                self.folder / f"{stem}.parquet",
                compression="zstd",
            )
        return {"csv": f"{stem}.csv", "parquet": f"{stem}.parquet"}

    def chart_json(self, chart: Chart) -> Markup:
        """Return specification and rows as JSON that cannot end its script element."""
        columns = list(dict.fromkeys(name for row in chart.rows for name in row))
        rows = [[short(plain(row.get(name))) for name in columns] for row in chart.rows]
        text = json.dumps(
            {"spec": chart.spec, "columns": columns, "rows": rows},
            separators=(",", ":"),
            allow_nan=False,
        )
        return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def short(value: Any) -> Any:
    """Return a value without the digits that a chart cannot show: those beyond the fifth.

    Examples
    --------
    >>> short(1.23456789), short("2026-01-01")
    (1.2346, '2026-01-01')
    """
    return float(f"{value:.5g}") if isinstance(value, float) else value


def build_site(
    home: Home,
    out: Path | None = None,
    *,
    past: Past | None = None,
    now: datetime | None = None,
) -> SiteReport:
    """Write the whole site from the published file, and swap it in when it is complete.

    Parameters
    ----------
    home : Home
        The data folder, whose published file is read.
    out : Path, optional
        The folder to write; the site folder of the home where not given.
    past : Past, optional
        The past day to show, with what was known then.
    now : datetime, optional
        The time of building, for the footer; the clock where not given. [UTC]

    Raises
    ------
    NotASiteFolderError
        If the folder exists and is not one that this function wrote.
    warehouse.database.NothingPublishedError
        If nothing has been published yet.
    """
    started = time.monotonic()
    folder = (out or home.site).absolute()
    refuse_other_folder(folder)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "assets").mkdir(parents=True)
    (fresh / "gpu").mkdir()
    shared = write_assets(fresh / "assets", [folder, home.site])
    weights: dict[str, int] = {}
    with opened(home, past) as published:
        facts = facts_of(published, now or datetime.now(UTC))
        banners = list(banners_of(published, facts))
        pages = [page_of(published) for page_of in MAIN_PAGES]
        navigation = [(page.path, page.name) for page in pages]
        exports = Exports(fresh, "synthetic-" if is_synthetic(published) else "")
        template = environment().get_template("page.html.j2")
        for page in [*pages, *gpu_pages(published)]:
            html = template.render(
                page=page,
                navigation=navigation,
                banners=banners,
                facts=facts,
                exports=exports,
                bundle=bundle_name(),
                script_source=SCRIPT_SOURCE,
            )
            text = "\n".join(line for line in html.splitlines() if line.strip())
            (fresh / page.path).write_text(text, encoding="utf-8")
            weights[page.path] = len(text.encode()) + shared
    swap(fresh, folder)
    heaviest = max(weights, key=lambda path: weights[path])
    return SiteReport(
        folder=folder,
        page_count=len(weights),
        bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        heaviest_page=heaviest,
        heaviest_page_bytes=weights[heaviest],
        seconds=time.monotonic() - started,
    )


def refuse_other_folder(folder: Path) -> None:
    """Raise unless the folder is missing, empty or a site of ours."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotASiteFolderError(f"{folder} is a file; give a folder")
    if any(folder.iterdir()) and not (folder / "assets" / "site.js").exists():
        raise NotASiteFolderError(f"{folder} holds other things than a site; give a new folder")


def swap(fresh: Path, folder: Path) -> None:
    """Put the complete new folder in the place of the old one."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


@cache
def environment() -> Environment:
    """Return the templates, everything in them escaped."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["whole"] = whole
    return made


def whole(sentence: Any) -> Markup:
    """Return a sentence whose dates and names of GPUs do not break at their hyphens.

    Examples
    --------
    >>> str(whole("on 2026-05-12 <b>"))
    'on <span class="whole">2026-05-12</span> &lt;b&gt;'
    """
    if isinstance(sentence, Markup):  # has tags, whose inside is not to be touched
        return sentence
    names = r"(?<![\w.-])(?=[\w.-]{3,20}(?![\w.-]))[\w.]+(?:-[\w.]+)+"  # longer ones must break
    return Markup(re.sub(names, r'<span class="whole">\g<0></span>', str(escape(sentence))))


def bundle_name() -> str:
    """Return the name of the script bundle, which changes with its version."""
    return f"vega-{version('vl-convert-python')}.js"


@cache
def bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    return vl_convert.javascript_bundle()


def write_assets(folder: Path, earlier_sites: Sequence[Path]) -> int:
    """Write scripts and styles, and return their bytes. [byte]."""
    for name in ("site.css", "site.js"):
        shutil.copyfile(FOLDER / "assets" / name, folder / name)
    themes = {"light": vega_config(False), "dark": vega_config(True)}
    (folder / "theme.js").write_text(
        f"window.truecostTheme = {json.dumps(themes)};\n", encoding="utf-8"
    )
    # Making the bundle takes seconds, and one version of it never differs.
    made = [site / "assets" / bundle_name() for site in earlier_sites]
    for earlier in made:
        if earlier.exists():
            shutil.copyfile(earlier, folder / bundle_name())
            break
    else:
        (folder / bundle_name()).write_text(bundle(), encoding="utf-8")
    return sum(path.stat().st_size for path in folder.iterdir())


def facts_of(published: Published, now: datetime) -> dict[str, Any]:
    """Return what the foot of every page says."""
    answer = published.ask(RUN)
    row = answer.first if answer else dict.fromkeys(
        ("data_as_of", "started_at", "run_id", "code_version", "schema_version")
    )  # fmt: skip
    past = published.past
    data_as_of = numbers.instant(row["data_as_of"])
    day = str(past.as_of) if past else data_as_of[:10]
    address = past.options if past else ""
    return {
        "data_as_of": data_as_of,
        "age_hours": hours_between(row["data_as_of"], now),
        "built_at": numbers.instant(now),
        "schema_version": row["schema_version"],
        "methodology": methodology(published),
        "code_version": row["code_version"],
        "run_id": str(row["run_id"])[:8],
        "citation": f"Truecost, data of {day}, schema {row['schema_version']}, run"
        f" {str(row['run_id'])[:8]}{'; truecost site ' + address if address else ''}.",
    }


def methodology(published: Published) -> str:
    """Return the version of the rules of the index."""
    answer = published.ask(RULES)
    return f"index rules {answer.first['version']}" if answer else "no index yet"


def hours_between(earlier: datetime | None, later: datetime) -> float | None:
    """Return the hours between two instants in UTC; None where the first is not known. [h]."""
    if earlier is None:
        return None
    return (later.astimezone(UTC).replace(tzinfo=None) - earlier).total_seconds() / 3600


def is_synthetic(published: Published) -> bool:
    """Return whether any of the data are made up."""
    synthetic = published.ask(SYNTHETIC)
    return bool(synthetic and synthetic.first["captures"])


def banners_of(published: Published, facts: dict[str, Any]) -> Iterator[str]:
    """Return what every page must say at its top."""
    past = published.past
    if past is not None:
        yield (
            f"{str(past).capitalize()}: prices, and what is made of them, are made again from what"
            " was believed then; specifications and assumptions are those of the newest run."
        )
    elif facts["age_hours"] is not None and facts["age_hours"] > OLD_AFTER_HOURS:
        yield (
            f"These prices are {numbers.age(facts['age_hours'])} old: the newest answer of a price"
            f" list is of {facts['data_as_of']}. Nothing here is today's price."
        )
    if is_synthetic(published):
        yield "Synthetic data: these prices are made up for a demonstration."
