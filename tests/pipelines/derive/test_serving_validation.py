"""The serving model predicts measured rows as well as recorded, on rows that it has not seen."""

from dataclasses import replace

import pytest

from benchmarks.score_inference import fits_without, left_out
from benchmarks.serving_cases import Measured, measured
from benchmarks.serving_validation import slices, worse
from warehouse.reference import bundled
from warehouse.reference.serving import ValidationRow, validation_rows


@pytest.fixture(scope="module")
def rows() -> Measured:
    return measured()


def scored(rows: Measured, group: str) -> list[ValidationRow]:
    prediction = left_out(rows.cases, fits_without(rows, group))
    return slices(rows, prediction / rows.values, group, "bundled")


def recorded(group: str) -> list[ValidationRow]:
    return [
        row
        for row in validation_rows(bundled())
        if (row.left_out, row.rows_of) == (group, "bundled")
    ]


def test_the_recorded_constants_predict_the_bundled_rows_as_recorded(rows: Measured) -> None:
    made, known = scored(rows, "nothing"), recorded("nothing")
    assert len(made) == len(known)
    assert list(worse(made, known)) == []


@pytest.mark.slow
@pytest.mark.parametrize("group", ["pair", "time"])
def test_groups_left_out_of_the_fit_are_predicted_as_recorded(rows: Measured, group: str) -> None:
    made, known = scored(rows, group), recorded(group)
    assert len(made) == len(known)
    assert list(worse(made, known)) == []


def test_a_worse_prediction_is_noticed(rows: Measured) -> None:
    known = recorded("nothing")
    slower = replace(rows, values=rows.values * 1.3)
    said = list(worse(scored(slower, "nothing"), known))
    assert any("all speed, nothing left out" in line for line in said)
