"""Summaries of MLPerf Inference as cases: names, lengths, scenarios and what cannot be scored."""

from pathlib import Path

import pytest

from pipelines.derive.inference_backtest import backtest
from pipelines.derive.measured_case import read_cases
from pipelines.derive.serving_names import UnknownSubjectError, gpu_named
from warehouse.reference import bundled

HEADER = (
    "round,submitter,division,availability,system,model,scenario,accelerator,n_accelerators,"
    "weight_data_types,result,units,details"
)
ROW = "v6.0,Acme,closed,available,8xB200,llama2-70b-99.9,Server,{gpu},8,fp4,95000,Tokens/s,"


def summary(folder: Path, *rows: str) -> Path:
    path = folder / "summary.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_summary_is_scored_as_it_is(tmp_path: Path) -> None:
    rows = [ROW.format(gpu="NVIDIA B200-SXM-180GB"), ROW.format(gpu="AMD Instinct MI325X 256GB")]
    header, cases = read_cases(summary(tmp_path, *rows))
    report = backtest(bundled(), header, cases)
    assert report.as_json()["scored"] == 2
    b200, mi325x = report.predictions
    assert b200 is not None and mi325x is not None
    assert 60_000 < b200 < 140_000
    assert mi325x < b200
    assert cases[0]["source"] == "MLPerf Inference v6.0 closed datacenter"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("llama2-70b-99.9", "qwen3-vl-235b-a22b"), "no input or output length"),
        (("Tokens/s", "Queries/s"), "metric 'Queries/s' is not predicted"),
        ((",8,fp4", ",0,fp4"), "number of GPUs was not published"),
        (("NVIDIA B200-SXM-180GB", "AMD Instinct MI355X (Power Cap 1000 W)"), "unknown GPU"),
        (("fp4", "UNSET"), "unknown precision 'UNSET'"),
    ],
)
def test_what_a_summary_does_not_say_is_not_scored(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    row = ROW.format(gpu="NVIDIA B200-SXM-180GB").replace(*change)
    report = backtest(bundled(), *read_cases(summary(tmp_path, row)))
    assert report.as_json()["scored"] == 0
    assert reason in report.reasons[0]


@pytest.mark.parametrize(
    ("printed", "gpu_id"),
    [
        ("NVIDIA H200-SXM-141GB", "H200-SXM-141GB"),
        ("NVIDIA H200-NVL-141GB", "H200-NVL-141GB"),
        ("NVIDIA B300-SXM-270GB", "B300-288GB"),
        ("Virtualized NVIDIA H100-SXM-80GB", "H100-SXM-80GB"),
        ("AMD Instinct MI300X 192GB HBM3", "MI300X-192GB"),
        ("NVIDIA GB300", "GB300-288GB"),
    ],
)
def test_vendor_memory_and_form_factor_may_stand_around_a_name(printed: str, gpu_id: str) -> None:
    assert gpu_named(bundled(), printed).gpu_id == gpu_id


@pytest.mark.parametrize("name", ["NVIDIA", "GB", "AMD Instinct", "SXM", "80GB HBM3"])
def test_decoration_alone_is_no_gpu(name: str) -> None:
    with pytest.raises(UnknownSubjectError):
        gpu_named(bundled(), name)
