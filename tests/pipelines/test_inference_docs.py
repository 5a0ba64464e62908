"""The methodology page is made from code and data, and says what the back-test says."""

import re

from pipelines.costing import inference_docs
from pipelines.costing import serving_reference as reference

SENTENCE = re.compile(r"\(model, GPU\) pairs left out\*\* \| (\d+) \| ([\d.]+) % \|")


def test_the_page_is_what_the_code_makes() -> None:
    written = inference_docs.PAGE.read_text(encoding="utf-8")
    assert written == inference_docs.page(), "run python -m pipelines.costing.inference_docs"


def test_the_page_quotes_the_error_of_pairs_left_out() -> None:
    found = SENTENCE.search(inference_docs.PAGE.read_text(encoding="utf-8"))
    errors = reference.load_fit().errors
    assert found is not None
    assert float(found[2]) == round(100 * errors["unseen_pair_median_absolute_error"], 1)
    assert int(found[1]) == errors["unseen_pair_scored"]


def test_every_constant_of_the_fit_is_documented() -> None:
    written = inference_docs.PAGE.read_text(encoding="utf-8")
    for name in reference.load_fit().constants.values:
        assert f"`{name.split('.')[0]}`" in written
