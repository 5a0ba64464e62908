"""The methodology page says what the code and the data say, and every constant is documented."""

import pytest

from pipelines.site.methodology import training as training_docs


@pytest.fixture(scope="module")
def page():
    return training_docs.page()


def test_the_page_is_what_the_code_and_the_data_say(page):
    written = training_docs.PAGE.read_text(encoding="utf-8")
    assert written == page, "run python -m pipelines.site.methodology.training"


@pytest.mark.parametrize("module", training_docs.MODULES)
def test_every_constant_of_the_engine_is_on_the_page(page, module):
    for name, *_ in training_docs.constants(module):
        assert f"`{module}.{name}`" in page


def test_a_constant_without_a_unit_is_a_count_or_a_list():
    without = {
        name
        for module in training_docs.MODULES
        for name, value, unit, _ in training_docs.constants(module)
        if not unit and isinstance(value, float)
    }
    assert without == set()
