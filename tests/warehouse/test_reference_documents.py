"""Facts about the reference documents in the folder, in the warehouse, and in a published file."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from warehouse.models import SQL_FOLDER
from warehouse.reference import (
    Documents,
    ReferenceError,
    bundled,
    read_gpus,
    read_models,
    read_scenarios,
    scenario,
)
from warehouse.reference.recorded import record
from warehouse.reference.tables import reference_tables

DAY = datetime.fromisoformat("2026-11-01")
STATES = "select name, recorded_at, superseded_at from meta.reference_document order by all"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute((SQL_FOLDER / "ledgers.sql").read_text(encoding="utf-8"))
        yield opened


def folder_with(folder: Path, **tables: str) -> Documents:
    for path in folder.iterdir():
        path.unlink()
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    return Documents.of_folder(folder)


def test_a_published_file_says_what_the_folder_says(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    record(connection, bundled(), DAY)
    published = Documents.of_published(connection)
    assert published.texts() == bundled().texts()
    assert Documents.of_published(connection) is published
    assert read_gpus(published) == read_gpus(bundled())
    assert read_models(published) == read_models(bundled())
    assert read_scenarios(published) == read_scenarios(bundled())
    assert reference_tables(published) == reference_tables(bundled())


def test_every_document_is_text_of_the_same_meaning() -> None:
    texts = bundled().texts()
    assert len(texts) > 50
    assert all(json.loads(text) == bundled().content(name) for name, text in texts.items())
    assert bundled().digest() == Documents.of_folder().digest()
    assert bundled().digest(["pue.csv"]) != bundled().digest(["electricity.csv"])


def test_only_a_document_that_changed_makes_a_new_row(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    one, two, three = (DAY + timedelta(days=number) for number in range(3))
    record(connection, folder_with(tmp_path, pue="a\n1\n", same="b\n1\n", gone="c\n1\n"), one)
    record(connection, folder_with(tmp_path, pue="a\n2\n", same="b\n1\n", come="d\n1\n"), two)
    record(connection, folder_with(tmp_path, pue="a\n2\n", same="b\n1\n", come="d\n1\n"), three)
    assert connection.execute(STATES).fetchall() == [
        ("come.csv", two, None),
        ("gone.csv", one, two),
        ("pue.csv", one, two),
        ("pue.csv", two, None),
        ("same.csv", one, None),
    ]
    published = Documents.of_published(connection)
    assert published.names() == ["come.csv", "pue.csv", "same.csv"]
    assert published.table("pue").records() == [{"a": "2"}]


def test_a_comment_is_not_a_change(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    file = tmp_path / "scenarios" / "x.yaml"
    for comment in ("", "# another\n"):
        file.write_text(f"{comment}sources: {{}}\n")
        record(connection, Documents.of_folder(tmp_path), DAY)
    assert len(connection.execute(STATES).fetchall()) == 1


def test_nothing_is_written_when_a_document_is_wrong(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(ReferenceError, match=r"bad.csv:2: 2 cells under 1 names"):
        record(connection, folder_with(tmp_path, pue="a\n1\n", bad="a\n1,2\n"), DAY)
    assert connection.execute(STATES).fetchall() == []


def test_a_file_of_an_older_version_says_what_to_do() -> None:
    with (
        duckdb.connect() as opened,
        pytest.raises(ReferenceError, match=r"no reference documents, .* with truecost run$"),
    ):
        Documents.of_published(opened)


def test_an_unknown_document_or_scenario_says_which_there_are() -> None:
    with pytest.raises(ReferenceError, match=r"'model.csv'; there are: .*electricity.csv"):
        bundled().table("model")
    with pytest.raises(ReferenceError, match=r"holds 'tea'; allowed: batch, fast, interactive"):
        scenario(bundled(), "service_level", "tea")
