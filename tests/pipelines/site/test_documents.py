"""The documents as pages of the site, and the feed of what moved."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pipelines.site.feed import FEED
from pipelines.site.pages.documents import DOCUMENTS, METHODS, rendered
from warehouse.paths import project_file

from .conftest import EVIL, TODAY

ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_a_page_whose_links_lead_somewhere(name: str, site: Path) -> None:
    page = site / DOCUMENTS[name][0]
    html = page.read_text()
    heading = project_file(name).read_text().split("\n", 1)[0].removeprefix("# ")
    assert heading in re.sub("<[^>]+>", "", html.split("<h1>")[1].split("</h1>")[0])
    for href in re.findall(r'href="([^"#:]*)(?:#[^"]*)?"', html):
        assert not href or (page.parent / href).exists(), href


def test_every_page_leads_to_the_documents_at_its_foot(site: Path) -> None:
    for name in ("index.html", "gpu/h100-sxm-80gb.html", "methodology/index.html"):
        foot = (site / name).read_text().split("<footer>")[1]
        root = "../" * name.count("/")
        for path in ("about.html", "downloads.html", "changes.html", METHODS):
            assert f'href="{root}{path}"' in foot
    file, anchor = METHODS.split("#")
    assert f'id="{anchor}"' in (site / file).read_text()


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "[a](javascript:alert(1))", "![a](data:image/png,x)"]
)
def test_markup_in_a_document_stays_text(text: str) -> None:
    _, html = rendered(text, "docs/about.md")
    assert not re.search(r"<(script|a)\b|src=\"(?!data:image/)", html)


def test_the_feed_has_one_lasting_entry_for_each_move(site: Path) -> None:
    text = (site / FEED).read_text()
    feed = ET.fromstring(text)
    entries = feed.findall("a:entry", ATOM)
    day = (TODAY - timedelta(7)).isoformat()
    assert [one.findtext("a:title", "", ATOM) for one in entries] == [
        f"{name} on demand: −5.0\u00a0% on {day}" for name in ("H100 SXM 80 GB", "L4 24 GB")
    ]
    assert EVIL in entries[0].findtext("a:summary", "", ATOM) and EVIL not in text
    ids = [one.findtext("a:id", "", ATOM) for one in entries]
    assert len({*ids}) == 2 and all(one.startswith("urn:uuid:") for one in ids)
    for one in entries:
        href = one.find("a:link", ATOM)
        assert href is not None and (site / href.attrib["href"].split("#")[0]).exists()
