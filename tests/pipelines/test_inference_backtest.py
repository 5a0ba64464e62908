"""The back-test of serving: what case files mean, what is scored, and how good it must stay."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cost_engine.serving import ServingConstants
from pipelines.commands.backtest_inference import inference
from pipelines.costing import inference_backtest as backtest
from pipelines.costing import serving_reference as reference

MEASURED = reference.REFERENCE_FOLDER / "inference_measured.csv"
HEADER = (
    "source,date,model,total_params_b,active_params_b,layers,hidden,kv_heads,head_dim,precision,"
    "gpu,n_gpus,parallelism,engine,spec_decode,input_len,output_len,concurrency,metric,value"
)
KNOWN = "table,2025-09,Llama-3.3-70B,70.6,70.6,80,8192,8,128,FP8,H200,1,TP1,trtllm,none,1000,1000,"


@pytest.fixture
def cases(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "cases.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def test_error_on_the_measured_rows_does_not_get_worse() -> None:
    report = backtest.backtest(*backtest.read_cases(MEASURED)).as_json()
    assert report["cases"] == 510
    assert report["scored"] >= 445
    assert report["median_absolute_error"] <= 0.065
    assert report["within_25_percent"] >= 0.92
    assert report["within_2x"] >= 0.985
    for part in report["by_metric"].values():
        assert part["median_absolute_error"] <= 0.12


def test_quoted_errors_are_those_of_pairs_left_out() -> None:
    errors = reference.load_fit().errors
    assert errors["unseen_pair_median_absolute_error"] <= 0.12
    assert errors["unseen_pair_within_25_percent"] >= 0.775
    assert errors["unseen_pair_median_absolute_error"] > errors["fitted_rows_median_absolute_error"]


@pytest.mark.recorded
def test_error_on_the_golden_rows_does_not_get_worse(recorded: Path) -> None:
    path = recorded / "golden" / "inference_measured_dev.csv"
    report = backtest.backtest(*backtest.read_cases(path)).as_json()
    assert report["median_absolute_error"] <= 0.065
    assert report["within_25_percent"] >= 0.92


def test_a_model_nobody_knows_is_described_by_its_row(cases) -> None:  # type: ignore[no-untyped-def]
    known = KNOWN + "64,total_tok_s_per_gpu,5000"
    stranger = known.replace("Llama-3.3-70B", "Lama-9-70B")
    path = cases(known, stranger)
    first, second = backtest.backtest(*backtest.read_cases(path)).predictions
    factor = reference.load_fit().constants.values["model_speed.llama-3.3-70b"]
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
    predictions = backtest.backtest(*backtest.read_cases(path)).predictions
    assert all(value is not None and 1 < value < 5000 for value in predictions)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("H200", "Q9000"), "unknown GPU 'Q9000'"),
        (("TP1", "disagg P8+D8"), "separate prefill and decode pools"),
        (("FP8,H200,1", "FP8,H200,"), "number of GPUs was not published"),
        (("total_tok_s_per_gpu", "watts"), "metric 'watts' is not predicted"),
        (("FP8", "FP3"), "unknown precision 'FP3'"),
        (("total_tok_s_per_gpu", "median_ttft_ms"), "time to first token"),
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
    report = backtest.backtest(*backtest.read_cases(cases(row)))
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
        backtest.read_cases(path)
    assert CliRunner().invoke(inference, [str(tmp_path / "none.csv")]).exit_code == 2


def test_residual_factors_are_one_for_what_was_never_measured() -> None:
    cases, _, _ = backtest.arrays_of(backtest.read_cases(MEASURED)[1][:5], reference.load_fit())
    assert cases is not None
    factor = backtest.residual_factor(cases, ServingConstants({"model_speed.other": 2.0}))
    assert np.array_equal(factor, np.ones(len(cases)))


def test_pace_of_a_user_is_the_inverse_of_the_time_per_token(cases) -> None:  # type: ignore[no-untyped-def]
    path = cases(KNOWN + "64,output_tok_s_per_user,30", KNOWN + "64,median_tpot_ms,30")
    pace, milliseconds = backtest.backtest(*backtest.read_cases(path)).predictions
    assert pace is not None and milliseconds is not None
    assert pace * milliseconds == pytest.approx(1000)
