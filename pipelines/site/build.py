"""Writes the site: every page, its files to download, and the scripts that they share.

The list of pages, and their order, belong here; their wording belongs to ``pages``.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from altair.utils.schemapi import debug_mode

from pipelines.answers.as_of import Past
from pipelines.site.assets import THEME, bundle_name, is_theme, write_assets
from pipelines.site.exports import Exports
from pipelines.site.feed import FEED, feed
from pipelines.site.folder import Folder, finish_swap, remove, swap
from pipelines.site.footer import banners_of, facts_of, is_synthetic
from pipelines.site.markup import environment
from pipelines.site.names import search_script
from pipelines.site.pages.calculators import calculators_page
from pipelines.site.pages.decide import decide_page
from pipelines.site.pages.documents import METHODS, DocumentPage, document_pages
from pipelines.site.pages.gpu import gpu_pages
from pipelines.site.pages.health import health_page
from pipelines.site.pages.inference import inference_page
from pipelines.site.pages.market import market_page
from pipelines.site.pages.model import model_pages
from pipelines.site.pages.pair import pair_pages
from pipelines.site.pages.provider import provider_pages
from pipelines.site.pages.training import training_page
from pipelines.site.pages.value import value_page
from pipelines.site.published import opened
from warehouse.paths import Home

MAIN_PAGES = (market_page, value_page, inference_page, training_page, decide_page, calculators_page,
              health_page)  # fmt: skip
KINDS = (gpu_pages, model_pages, provider_pages, pair_pages)
# 'self' is every file of the site; for files from disk some browsers need file: as well.
SCRIPT_SOURCE = "'self' file:"


class NotASiteFolderError(ValueError):
    """The folder to write to holds something other than a site."""


@dataclass(frozen=True)
class SiteReport:
    """The site that was written."""

    folder: Path
    page_count: int
    changed_files: int  # that are new or differ from those of the earlier site
    bytes: int
    heaviest_page: str
    heaviest_page_bytes: int  # sent compressed, with the scripts and styles that it loads
    seconds: float


def build_site(
    home: Home,
    out: Path | None = None,
    *,
    past: Past | None = None,
    now: datetime | None = None,
) -> SiteReport:
    """Make the whole site from the published file, and replace the old one when it is complete.

    Files that say what they said before are left as they are.

    Parameters
    ----------
    home : Home
        The data folder, whose published file is read.
    out : Path, optional
        The folder to write; the site folder of the home where not given.
    past : Past, optional
        The past day to show, from what was known then.
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
    finish_swap(folder)
    refuse_other_folder(folder)
    fresh = folder.with_name(f".{folder.name}.new")
    remove(fresh)
    files = Folder(fresh, folder)
    parts: dict[str, list[str]] = {}  # the files that a page is made of
    with opened(home, past) as published, debug_mode(False):  # specifications unchecked, see finish
        assets = write_assets(files, home.site, search_script(published))
        facts = facts_of(published, now or datetime.now(UTC))
        banners = list(banners_of(published, facts))
        pages = [page_of(published) for page_of in MAIN_PAGES]
        navigation = [(page.path, page.name) for page in pages]
        publication = published.ask("reports/publication")
        exports = Exports(
            files,
            "synthetic-" if is_synthetic(published) else "",
            publication.first if publication else None,
        )
        things = [of_kind for kind in KINDS for of_kind in kind(published)]
        template = environment().get_template("page.html.j2")
        of_one_page = {script for page in pages for script in page.scripts}
        documents = document_pages()
        listed = [*footer_links(documents)]
        files.write(FEED, feed(published))
        for page in [*pages, *things, *documents]:
            loaded = assets - of_one_page | set(page.scripts)
            html = template.render(
                page=page,
                navigation=navigation,
                documents=listed,
                banners=banners,
                facts=facts,
                exports=exports,
                bundle=bundle_name(),
                script_source=SCRIPT_SOURCE,
            )
            text = html if page in documents else without_empty_lines(html)
            files.write(page.path, text)
            parts[page.path] = [page.path, *(f"assets/{name}" for name in sorted(loaded))]
    swap(fresh, folder)
    heaviest = max(
        parts, key=lambda path: sum((folder / part).stat().st_size for part in parts[path])
    )
    return SiteReport(
        folder=folder,
        page_count=len(parts),
        changed_files=files.changed,
        bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        heaviest_page=heaviest,
        heaviest_page_bytes=sum(
            len(gzip.compress((folder / part).read_bytes(), mtime=0)) for part in parts[heaviest]
        ),
        seconds=time.monotonic() - started,
    )


def footer_links(documents: Sequence[DocumentPage]) -> Iterator[tuple[str, str]]:
    """Yield path and name of what the foot of a page leads to; one link for all methods."""
    for page in documents:
        if not page.path.startswith("methodology/"):
            yield page.path, page.name
    yield METHODS, "Methodology"


def without_empty_lines(html: str) -> str:
    """Return a page without the empty lines that templates leave."""
    return "\n".join(line for line in html.splitlines() if line.strip())


def refuse_other_folder(folder: Path) -> None:
    """Raise unless the folder is missing, empty, or a site."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotASiteFolderError(f"{folder} is a file; give a folder")
    if any(folder.iterdir()) and not is_theme(folder / "assets" / THEME):
        raise NotASiteFolderError(f"{folder} holds other things than a site; give a new folder")
