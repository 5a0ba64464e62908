"""Every report can be parsed, and says which parameters and tables it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from warehouse.lineage import column_edges
from warehouse.models import ModelError, read_models, tables_in
from warehouse.reports import Report, read_report, read_reports

# Selects that sqlglot cannot resolve to columns; their tables are known all the same.
WITHOUT_COLUMN_LINEAGE = {
    "staged.affected_offer",
    "marts.offers_latest",
    "marts.gpu_price_index_revision",
}


@pytest.mark.parametrize("report", read_reports().values(), ids=lambda report: report.name)
def test_a_report_declares_the_parameters_that_it_uses(report: Report) -> None:
    assert set(re.findall(r"\$([a-z_]+)", report.select)) == set(report.parameters)


@pytest.mark.parametrize("report", read_reports().values(), ids=lambda report: report.name)
def test_a_report_parses_and_names_the_tables_of_its_macros(report: Report) -> None:
    if "as_of(" in report.select:
        assert "core.offer_price" in report.depends_on
    assert not re.search(r"\bmarts\.\w+|\bcore\.\w+", report.select) or report.depends_on


def test_the_tables_of_a_select_are_those_that_a_parser_finds() -> None:
    documents = [*read_models().values(), *read_reports().values()]
    selects = [document.select for document in documents if document.select]
    for select in selects:
        found = sqlglot.parse_one(select, read="duckdb").find_all(exp.Table)
        assert tables_in(select) == {f"{table.db}.{table.name}" for table in found if table.db}
    assert len(selects) > 100


def test_a_parameter_without_a_meaning_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.sql"
    path.write_text("-- One row per price.\n-- usd | a price [USD]\n-- parameter: day\nselect 1\n")
    with pytest.raises(ModelError, match=r"one\.sql: write '-- parameter: name \| meaning'"):
        read_report(path)


def test_only_known_models_are_without_column_lineage() -> None:
    without = {model.name for model in read_models().values() if column_edges(model) is None}
    assert without == WITHOUT_COLUMN_LINEAGE
