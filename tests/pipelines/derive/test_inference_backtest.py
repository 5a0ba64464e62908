"""The back-test of serving: what case files mean, what is scored, and how good it must stay."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cost_engine.serving import measured
from cost_engine.serving.inputs import ServingConstants
from pipelines.commands.backtest_inference import inference
from pipelines.derive.inference_backtest import Backtest, backtest
from pipelines.derive.measured_case import arrays_of, read_cases
from pipelines.derive.serving_reference import fitted
from warehouse.reference import REFERENCE_FOLDER, bundled

MEASURED = REFERENCE_FOLDER / "inference_measured.csv"
HEADER = (
    "source,date,model,total_params_b,active_params_b,layers,hidden,kv_heads,head_dim,precision,"
    "gpu,n_gpus,parallelism,engine,spec_decode,input_len,output_len,concurrency,metric,value"
)
KNOWN = "table,2025-09,Llama-3.3-70B,70.6,70.6,80,8192,8,128,FP8,H200,1,TP1,trtllm,none,1000,1000,"


def compared(path: Path) -> Backtest:
    """Predict the cases of a file and compare them with what was measured."""
    return backtest(bundled(), *read_cases(path))


@pytest.fixture
def cases(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "cases.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def test_error_on_the_measured_rows_does_not_get_worse() -> None:
    report = compared(MEASURED).as_json()
    assert report["cases"] == 4636
    assert report["scored"] >= 4500
    waits = report["by_metric"].pop("median_ttft_ms")
    assert waits["median_absolute_error"] <= 0.25
    for part in report["by_metric"].values():
        assert part["median_absolute_error"] <= (0.11 if part["scored"] > 10 else 0.2)
        assert part["within_25_percent"] >= 0.8


def test_quoted_errors_are_those_of_pairs_left_out() -> None:
    errors = fitted(bundled()).errors
    assert errors["unseen_pair_median_absolute_error"] <= 0.17
    assert errors["unseen_pair_within_25_percent"] >= 0.68
    assert errors["unseen_pair_median_absolute_error"] > errors["fitted_rows_median_absolute_error"]


@pytest.mark.recorded
def test_error_on_the_golden_rows_does_not_get_worse(recorded: Path) -> None:
    path = recorded / "golden" / "inference_measured_dev.csv"
    report = compared(path).as_json()
    assert report["median_absolute_error"] <= 0.1
    assert report["within_25_percent"] >= 0.86


def test_a_model_nobody_knows_is_described_by_its_row(cases) -> None:  # type: ignore[no-untyped-def]
    known = KNOWN + "64,total_tok_s_per_gpu,5000"
    stranger = known.replace("Llama-3.3-70B", "Lama-9-70B")
    path = cases(known, stranger)
    first, second = compared(path).predictions
    factor = fitted(bundled()).constants.values["model_speed.llama-3.3-70b"]
    assert first is not None and second is not None
    assert first / factor == pytest.approx(second, rel=1e-3)


def test_a_stranger_with_experts_and_a_compressed_cache_is_predicted(cases) -> None:  # type: ignore[no-untyped-def]
    path = cases(
        "table,2026-01,New-600B,600,30,60,7168,MLA,576,FP8,B200,8,TP8,sglang,none,8192,1024,32,"
        "median_tpot_ms,20",
        "table,2026-01,New-300B,300,15,60,4096,hybrid15x2,256,FP4,B200,8,TP8,vllm,none,8192,1024,"
        "32,median_tpot_ms,20",
        "table,2026-01,New-100B,100,100,60,8192,8,128,INT4,L40S,8,TP8,vllm,mtp,1024,1024,8,"
        "output_tok_s_total,300",
    )
    predictions = compared(path).predictions
    assert all(value is not None and 1 < value < 5000 for value in predictions)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("H200", "Q9000"), "unknown GPU 'Q9000'"),
        (("TP1", "disagg"), "separate prefill and decode pools of unstated size"),
        (("FP8,H200,1", "FP8,H200,"), "number of GPUs was not published"),
        (("total_tok_s_per_gpu", "watts"), "metric 'watts' is not predicted"),
        (("FP8", "FP3"), "unknown precision 'FP3'"),
        (("5000", ""), "no measured value"),
        (("1000,1000", ",1000"), "no input or output length"),
        (("H200,1", "L40S,1"), "does not fit in the memory"),
        (
            ("Llama-3.3-70B,70.6,70.6,80", "Unheard,70.6,70.6,"),
            "does not give its size, layers and width",
        ),
    ],
)
def test_what_cannot_be_scored_says_why(cases, change, reason) -> None:  # type: ignore[no-untyped-def]
    row = (KNOWN + "64,total_tok_s_per_gpu,5000").replace(*change, 1)
    report = compared(cases(row))
    assert report.as_json()["scored"] == 0
    assert reason in next(iter(report.as_json()["unscored"]))


def test_a_file_without_values_gets_predictions_only(cases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = cases(KNOWN + "64,total_tok_s_per_gpu", header=HEADER.removesuffix(",value"))
    out = tmp_path / "out.csv"
    result = CliRunner().invoke(inference, [str(path), "--format", "json", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["predicted"] == 1
    header, row = out.read_text().splitlines()
    assert "predicted_value" in header
    assert 1000 < float(row.split(",")[header.split(",").index("predicted_value")]) < 20_000


def test_the_report_has_the_shape_that_is_documented() -> None:
    result = CliRunner().invoke(inference, [str(MEASURED), "--format", "json"])
    answer = json.loads(result.output)
    assert {
        "cases",
        "scored",
        "unscored",
        "median_absolute_error",
        "median_ratio",
        "within_25_percent",
        "within_2x",
        "by_gpu",
        "by_model",
        "by_engine",
        "by_metric",
    } <= answer.keys()
    assert answer["scored"] + sum(answer["unscored"].values()) == answer["cases"]


def test_a_file_that_is_no_table_of_cases_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no column model, precision"):
        read_cases(path)
    assert CliRunner().invoke(inference, [str(tmp_path / "none.csv")]).exit_code == 2


def test_residual_factors_are_one_for_what_was_never_measured() -> None:
    cases, _, _ = arrays_of(bundled(), read_cases(MEASURED)[1][:5])
    assert cases is not None
    factor = measured.residual_factor(cases, ServingConstants({"model_speed.other": 2.0}))
    assert np.array_equal(factor, np.ones(len(cases)))


def test_pace_of_a_user_is_the_inverse_of_the_time_per_token(cases) -> None:  # type: ignore[no-untyped-def]
    path = cases(KNOWN + "64,output_tok_s_per_user,30", KNOWN + "64,median_tpot_ms,30")
    pace, milliseconds = compared(path).predictions
    assert pace is not None and milliseconds is not None
    assert pace * milliseconds == pytest.approx(1000)


def test_power_and_energy_of_a_token_belong_together(cases) -> None:  # type: ignore[no-untyped-def]
    path = cases(
        KNOWN + "64,gpu_watts_total,600",
        KNOWN + "64,output_tok_s_total,2000",
        KNOWN + "64,gpu_joules_per_output_token,0.3",
    )
    report = compared(path)
    watts, speed, joules = report.predictions
    assert watts is not None and speed is not None and joules is not None
    assert report.as_json()["scored"] == 3
    assert 200 < watts < 700
    assert joules == pytest.approx(watts / speed, rel=1e-6)


def test_separate_pools_are_predicted(cases) -> None:  # type: ignore[no-untyped-def]
    header = HEADER.replace("spec_decode", "mode,layout,spec_decode")
    layout = (
        '"{""prefill_gpus"": 8, ""prefill_workers"": 1, ""decode_gpus"": 8, '
        '""decode_workers"": 2, ""decode_dp"": 8}"'
    )
    row = (
        "table,2026-02,DeepSeek-R1,,,,,,,FP8,B200,24,,sglang,disagg,"
        + layout
        + ",none,8192,1024,64,METRIC,1"
    )
    metrics = ("median_tpot_ms", "median_ttft_ms", "tok_s_per_gpu_total", "output_tok_s_per_gpu")
    path = cases(*(row.replace("METRIC", metric) for metric in metrics), header=header)
    pace, wait, total, output = compared(path).predictions
    assert pace is not None and wait is not None and total is not None and output is not None
    assert 2 < pace < 100
    assert wait > 50
    # Output counts the 16 GPUs that decode, the total all 24.
    assert total * 24 == pytest.approx(output * 16 * 9, rel=1e-6)
