"""How results print the GPUs that they used, and what that means."""

import pytest

from pipelines.derive.measured_layout import Layout, layout_of
from pipelines.derive.serving_names import UnknownSubjectError


@pytest.mark.parametrize(
    ("row", "layout"),
    [
        ({"n_gpus": "4", "parallelism": "TP4"}, Layout(4.0)),
        ({"n_gpus": "8", "parallelism": "PP8"}, Layout(8.0, is_pipeline=True)),
        ({"n_gpus": "8", "parallelism": "DEP8"}, Layout(8.0, is_divided=True)),
        ({"n_gpus": "", "layout": '{"tp": 2, "pp": 2, "dp": 1}'}, Layout(4.0, False, True)),
        ({"n_gpus": "", "layout": '{"tp": 1, "dp": 8, "ep": "8"}'}, Layout(8.0, True)),
        ({"n_gpus": "", "layout": '{"tp": 1, "dp": 64, "ep": "8"}'}, Layout(8.0, True)),
        ({"n_gpus": "16", "layout": '{"tp": 16, "dp": 1, "ep": "4"}'}, Layout(4.0, False)),
        (
            {
                "n_gpus": "16",
                "layout": '{"decode_tp": 4, "decode_ep": 4, "decode_dp_attention": true}',
            },
            Layout(4.0, True),
        ),
        ({"n_gpus": "32", "layout": '{"tp": 32, "dp": 1, "ep": "8"}'}, Layout(32.0, False)),
    ],
)
def test_the_gpus_of_one_replica(row: dict[str, str], layout: Layout) -> None:
    assert layout_of(row) == layout


def test_the_gpus_of_separate_pools() -> None:
    stated = (
        '{"prefill_gpus": 4, "prefill_workers": "2", "decode_gpus": 32, "decode_workers": "1", '
        '"decode_dp": "32"}'
    )
    counted = (
        '{"num_prefill_gpu": 8, "prefill_num_workers": 2, "num_decode_gpu": 32, '
        '"decode_num_workers": 1, "decode_dp_attention": true}'
    )
    wanted = Layout(32.0, True, prefill_gpus=4.0, prefill_workers=2.0, decode_workers=1.0)
    for text in (stated, counted):
        assert layout_of({"mode": "disagg", "layout": text}) == wanted
    printed = layout_of({"parallelism": "disagg P24+D8"})
    assert (printed.prefill_gpus, printed.prefill_workers, printed.gpu_count) == (8.0, 3.0, 8.0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"n_gpus": ""}, "number of GPUs was not published"),
        ({"n_gpus": "nan"}, "number of GPUs was not published"),
        ({"n_gpus": "8", "layout": "tp8"}, "not JSON"),
        ({"mode": "disagg", "layout": '{"decode_gpus": 8}'}, "pools of unstated size"),
        (
            {"mode": "disagg", "layout": '{"prefill_workers": 1, "decode_workers": 1}'},
            "pools of unstated size",
        ),
    ],
)
def test_what_a_row_does_not_say_is_refused(row: dict[str, str], reason: str) -> None:
    with pytest.raises(UnknownSubjectError, match=reason):
        layout_of(row)
