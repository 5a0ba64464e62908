"""The site of real data: the bundled snapshot, with every model and cost made of it."""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.site.build import build_site
from tests.conftest import BuildOnce
from warehouse.database import open_published
from warehouse.paths import Home

pytestmark = pytest.mark.slow
WEIGHT_LIMIT = 500_000  # bytes of a page with its scripts and styles, sent compressed
TABLE = re.compile(
    r'<table id="(?P<id>[\w-]+)-table" data-keys="(?P<keys>[^"]+)"[^>]*>'
    r".*?<thead>(?P<head>.*?)</thead>"
    r".*?<tbody>\n(?P<body>.*?)</tbody>.*?<code id=\"[\w-]+-query\">(?P<query>.*?)</code>",
    re.DOTALL,
)


@pytest.fixture(scope="module")
def site(answers_home: Home, build_once: BuildOnce) -> Path:
    def fill(folder: Path) -> None:
        report = build_site(answers_home, folder / "site")
        assert report.heaviest_page_bytes < WEIGHT_LIMIT, report.heaviest_page
        assert report.page_count > 40

    return build_once("site", fill) / "site"


def tables(site: Path) -> Iterator[tuple[str, re.Match[str], list[str]]]:
    """Yield the tables of numbers of all pages with their rows."""
    for path in sorted(site.rglob("*.html")):
        for block in path.read_text().split("<section ")[1:]:
            if found := TABLE.search(block):
                yield path.name, found, found["body"].strip().split("\n")


def literal(value: Any) -> str:
    """Return a condition on a value, as the script of the pages writes it."""
    if value is None:
        return "is null"
    if isinstance(value, str):
        return "= '" + value.replace("'", "''") + "'"
    return f"= {json.dumps(value)}"


def test_the_key_of_a_row_is_its_own_on_all_pages(site: Path) -> None:
    for page, table, rows in tables(site):
        keys = re.findall(r"<tr data-k='([^']*)'", table["body"])
        assert len(keys) == len(rows), (page, table["id"])
        assert len(set(keys)) == len(keys), (page, table["id"])


def test_the_query_of_a_number_gives_one_number(answers_home: Home, site: Path) -> None:
    chance, asked = random.Random(7), 0
    with open_published(answers_home) as connection:
        for page, table, rows in chance.sample(list(tables(site)), 40):
            columns = re.findall(r'data-key="(\w+)"', table["head"])
            row = chance.choice(rows)
            key = json.loads(re.findall(r"data-k='([^']*)'", row)[0])
            condition = " and ".join(
                f'"{name}" {literal(value)}'
                for name, value in zip(table["keys"].split(), key, strict=True)
            )
            numbers = [
                column
                for column, cell in zip(columns, row.split("<td")[1:], strict=True)
                if "<a href=#q" in cell
            ]
            for column in numbers[:3]:
                query = (
                    f'select "{column}" from ({html.unescape(table["query"])}) where {condition}'
                )
                (values,) = connection.execute(query).fetchall()
                assert values[0] is not None, (page, query)
                asked += 1
    assert asked > 40
