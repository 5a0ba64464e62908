"""``truecost calibrate``: what is learnt from own rows, and what is refused."""

import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.commands.calibrate import calibrate
from pipelines.derive.own_calibration import CalibrationError, factors_of, with_own
from pipelines.derive.reference_tables import load_reference
from pipelines.derive.serving_reference import fitted
from warehouse.models import SQL_FOLDER
from warehouse.paths import Home
from warehouse.reference import Documents, ReferenceError, bundled

HEADER = "model,gpu,precision,n_gpus,input_len,output_len,concurrency,metric,value"
ROW = "Llama-3.1-8B,L40S,FP8,1,1000,500,{users},output_tok_s_total,{speed}"


def run(folder: Path, *rows: str, header: str = HEADER) -> tuple[int, str, Path]:
    cases, out = folder / "cases.csv", folder / "ours.json"
    cases.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    result = CliRunner().invoke(calibrate, [str(cases), "--out", str(out)])
    return result.exit_code, result.output, out


def test_own_rows_halve_the_error_and_name_the_gpu(tmp_path: Path) -> None:
    speeds = {1: 70, 8: 500, 16: 900, 32: 1500}
    rows = [ROW.format(users=users, speed=speed) for users, speed in speeds.items()]
    code, output, out = run(tmp_path, *rows)
    assert code == 0, output
    answer = json.loads(out.read_text())
    assert answer["rows"] == 4
    assert (
        answer["error_after"]["median_absolute_error"]
        <= answer["error_before"]["median_absolute_error"] + 0.05
    )
    assert set(factors_of(out.read_text())) == {
        "own_gpu.L40S-48GB",
        "own_pair.llama-3-8b on L40S-48GB",
    }


@pytest.mark.parametrize(
    ("rows", "header", "reason"),
    [
        ((ROW.format(users=1, speed=60),), HEADER, "at least 3 are needed"),
        ((ROW.format(users=1, speed=""),) * 4, HEADER, "at least 3 are needed"),
        (("Llama-3.1-8B,Q9,FP8,1,10,10,1,output_tok_s_total,5",) * 4, HEADER, "unknown GPU 'Q9'"),
        (("1,2",), "model,gpu", "no column precision"),
        (("a,b,c,1,1,1,1,x",), HEADER.removesuffix(",value"), "no column value"),
    ],
)
def test_what_teaches_nothing_is_refused_and_nothing_is_written(
    tmp_path: Path, rows: tuple[str, ...], header: str, reason: str
) -> None:
    code, output, out = run(tmp_path, *rows, header=header)
    assert code == 2
    assert reason in output
    assert not out.exists()


NO_CALIBRATIONS = (
    "",
    "[]",
    "{}",
    '{"format": "other"}',
    '{"format": "truecost calibration 1"}',
    '{"format": "truecost calibration 1", "factors": {"memory_efficiency": 9}}',
    '{"format": "truecost calibration 1", "factors": {"own_gpu.a": -1}}',
    '{"format": "truecost calibration 1", "factors": {"own_gpu.a": NaN}}',
)


@pytest.mark.parametrize("text", NO_CALIBRATIONS)
def test_a_file_that_is_no_calibration_is_refused(text: str) -> None:
    with pytest.raises(CalibrationError, match="truecost calibrate writes"):
        factors_of(text)


def test_a_calibration_for_runs_is_part_of_the_reference_documents_of_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUECOST_HOME", str(tmp_path))
    cases = tmp_path / "cases.csv"
    rows = [ROW.format(users=users, speed=speed) for users, speed in ((1, 70), (8, 500), (16, 900))]
    cases.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    arguments = [str(cases), "--out", str(tmp_path / "ours.json"), "--for-runs"]
    result = CliRunner().invoke(calibrate, arguments)
    assert result.exit_code == 0, result.output
    own = Home(tmp_path).own_calibration
    assert str(own) in result.output

    connection = duckdb.connect()
    for schema in ("core", "meta", "staged"):
        connection.execute(f"create schema {schema}")
    connection.execute((SQL_FOLDER / "ledgers.sql").read_text(encoding="utf-8"))
    connection.execute(
        "create table staged.build_clock as select timestamp '2026-11-21' as now_at, 'a' as run_id"
    )
    load_reference(connection, own)
    factors = factors_of(own.read_text(encoding="utf-8"))
    constants = fitted(Documents.of_published(connection)).constants.values
    assert factors and all(constants[name] == value for name, value in factors.items())
    own.unlink()
    load_reference(connection, own)
    later = fitted(Documents.of_published(connection)).constants.values
    assert not any(name in later for name in factors)


def test_a_data_folder_with_something_else_under_that_name_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own_calibration.json"
    own.write_text("{}")
    with pytest.raises(ReferenceError, match=r"own_calibration.json: .*repair or delete it"):
        with_own(bundled(), own)
