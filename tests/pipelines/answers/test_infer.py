"""Questions on what tokens cost that no price can answer."""

from datetime import date

import pytest

from pipelines.answers.infer import quotes
from pipelines.answers.infer_question import InferQuestion
from pipelines.derive.price_basis import GpuPrice
from pipelines.derive.serving_names import UnknownSubjectError, known_models
from warehouse.reference import bundled

H100 = GpuPrice("H100-SXM-80GB", 2.5, 2.0, 3.0, 3, date(2026, 8, 10), None)


def test_a_precision_that_no_priced_gpu_has_is_refused() -> None:
    question = InferQuestion(
        documents=bundled(),
        model=known_models(bundled())["llama-3.1-8b"],
        precision="fp4",
        input_tokens=3000,
        output_tokens=1000,
        tokens_per_second_per_user=25.0,
    )
    with pytest.raises(UnknownSubjectError, match="no GPU with a price has fp4"):
        quotes(question, {H100.gpu_id: H100})
