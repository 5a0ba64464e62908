"""The methodology page is made from code and data, and quotes the errors of the back-test."""

from pipelines.derive.serving_reference import fitted
from pipelines.site.methodology import inference as inference_docs
from warehouse.reference import bundled
from warehouse.reference.serving import validation_rows


def test_the_page_is_what_the_code_makes() -> None:
    written = inference_docs.PAGE.read_text(encoding="utf-8")
    assert written == inference_docs.page(), "run python -m pipelines.site.methodology.inference"


def test_the_page_quotes_the_error_of_pairs_left_out() -> None:
    written = inference_docs.PAGE.read_text(encoding="utf-8")
    errors = fitted(bundled()).errors
    row = next(
        row
        for row in validation_rows(bundled())
        if (row.left_out, row.rows_of, row.by, row.serving_mode) == ("pair", "all", "all", "either")
    )
    assert row.median_absolute_error == errors["unseen_pair_median_absolute_error"]
    assert row.rows == errors["unseen_pair_scored"]
    assert (
        f"| speed | {row.rows} | {row.pairs} | {100 * row.median_absolute_error:.1f} %" in written
    )


def test_every_constant_of_the_fit_is_documented() -> None:
    written = inference_docs.PAGE.read_text(encoding="utf-8")
    for name in fitted(bundled()).constants.values:
        assert f"`{name.split('.')[0]}`" in written
