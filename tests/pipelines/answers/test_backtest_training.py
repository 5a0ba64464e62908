"""Recomputing case files: published results to nine digits, refusals, files with inputs only."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from pipelines.answers.backtest_training import backtest
from pipelines.answers.training_cases import read_cases
from pipelines.commands.backtest import backtest as command
from pipelines.derive.epoch import CREDIT
from pipelines.derive.epoch_files import trim
from warehouse.reference import REFERENCE_FOLDER
from warehouse.reference.training import EPOCH_FOLDER

BUNDLED = REFERENCE_FOLDER / EPOCH_FOLDER
HEADER = (
    "model,publication_date,organization,base_model,training_compute_flop,hardware,"
    "hardware_quantity,training_time_h,mfu_reported,chip_hours_reported"
)
GPT4 = "GPT-4,2023-03-15,OpenAI,,2.1e25,NVIDIA A100 SXM4 40 GB,25000,2280,0.34,57000000"
EXPECTED = ",capex_energy_total_usd,acquisition_cost_usd"


def written(tmp_path, *lines, name="cases.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(path, **settings):
    return backtest(*read_cases(path), **settings)


def test_gpt4_as_published(tmp_path):
    path = written(tmp_path, HEADER + EXPECTED, GPT4 + ",40155934,767746914")
    report = run(path, tolerance=1e-7)
    assert report.has_passed
    assert report.as_json()["columns"]["acquisition_cost_usd"]["compared"] == 1


def test_a_wrong_expectation_fails_and_is_named(tmp_path):
    path = written(tmp_path, HEADER + EXPECTED, GPT4 + ",40155934,1")
    report = run(path, tolerance=1e-6)
    assert not report.has_passed
    assert [(row.model, row.column) for row in report.mismatches] == [
        ("GPT-4", "acquisition_cost_usd")
    ]


def test_a_value_that_we_withhold_counts_as_an_error(tmp_path):
    path = written(tmp_path, HEADER + EXPECTED, GPT4.replace("A100", "A200") + ",40155934,")
    score = run(path).as_json()["columns"]["capex_energy_total_usd"]
    assert score == {"compared": 1, "max_relative_error": 1.0, "over_tolerance": 1}


def test_inputs_only_get_predictions_and_no_errors(tmp_path):
    report = run(written(tmp_path, HEADER, GPT4))
    assert report.as_json() == {
        **{"cases": 1, "tolerance": 1e-9, "passed": True, "columns": {}},
        "kinds": {"recomputation": 1},
    }
    row = next(csv.DictReader(io.StringIO(report.as_csv())))
    assert row["kind"] == "recomputation"
    assert float(row["predicted_capex_energy_total_usd"]) == pytest.approx(40_155_934)


def test_a_subset_of_the_input_columns_is_enough(tmp_path):
    path = written(
        tmp_path,
        "model,publication_date,hardware,training_compute_flop",
        "M,2023-06-01,NVIDIA A100,1e24",
    )
    assert run(path).predictions["capex_energy_total_usd"][0] > 0


def test_paper_columns_choose_the_paper(tmp_path):
    path = written(
        tmp_path,
        "model,Publication date,Organization,Training hardware,Hardware quantity,"
        "Training time (hours),Training chip-hours,cloud usd2023m12",
        "Gemini 1.0 Ultra,2023-12-06,Google DeepMind,Google TPU v4,55000,2400,132000000,191400000",
    )
    report = run(path)
    assert report.vintage.name == "2024-12" and report.has_passed


def test_version_1_adds_a_base_model_that_the_file_lacks(tmp_path):
    header = "model,Publication date,Training hardware,Training chip-hours,Base model"
    line = "Tune,2022-10-20,Google TPU v4,18944,PaLM (540B)"
    path = written(tmp_path, header, line)
    column = "hardware-capex-energy nominal_usd"
    assert run(path, vintage_name="2024-05").predictions[column][0] > 2.8e6
    assert run(path, vintage_name="2024-12").predictions[column][0] is None


def test_a_missing_chip_is_imputed_by_year_and_flagged(tmp_path):
    path = written(tmp_path, HEADER, "M,2023-06-01,Lab,,1e24,,,,,")
    predictions = run(path).predictions
    assert predictions["hardware"] == ["NVIDIA A100"]
    assert predictions["hardware_imputed"] == ["True"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("25000", "-5"), ("25000", "many"), ("2023-03-15", "15 March"), ("2.1e25", "inf")],
)
def test_a_bad_input_withholds_the_row_and_says_why(tmp_path, field, value):
    report = run(written(tmp_path, HEADER, GPT4.replace(field, value)))
    assert report.predictions["capex_energy_total_usd"] == [None]
    assert value in report.predictions["reason"][0]


def test_cloud_hours_follow_the_run_that_made_the_file(tmp_path):
    header = HEADER + ",compute_rank_when_published"
    gemini = "G,2023-12-06,Google,,5e25,Google TPU v4,57000,2400,,132000000"
    top = written(tmp_path, header, gemini + ",1")
    assert run(top).predictions["cloud_chip_hours_used"] == [136_800_000]
    mixed = written(tmp_path, header, gemini + ",1", GPT4 + ",40")
    assert run(mixed).predictions["cloud_chip_hours_used"][0] == 132_000_000
    own = written(tmp_path, HEADER + ",cloud_chip_hours_used", gemini + ",136800000")
    report = run(own)
    assert report.has_passed and report.vintage.cloud_hours == "quantity_times_time"


def test_cases_on_which_both_rules_agree_do_not_choose_one(tmp_path):
    header = HEADER + ",cloud_chip_hours_used"
    multiplied = "A{n},2023-06-01,Lab,,1e24,NVIDIA A100,100,50,,"
    agreeing = [multiplied.format(n=n) + ",5000" for n in range(5)]
    computed = "B,2023-06-01,Lab,,1e22,NVIDIA A100,,,,,23741.690408357076"
    report = run(written(tmp_path, header, *agreeing, computed))
    assert report.vintage.cloud_hours == "run" and report.has_passed


def test_the_command_prints_the_report_as_json_and_writes_predictions(tmp_path):
    path = written(tmp_path, HEADER + EXPECTED, GPT4 + ",40155934,767746914")
    out = tmp_path / "out.csv"
    result = CliRunner().invoke(
        command,
        ["training", str(path), "--tolerance", "1e-7", "--format", "json", "--out", str(out)],
    )
    assert result.exit_code == 0
    assert json.loads(result.output)["passed"] is True
    assert "predicted_capex_energy_total_usd" in out.read_text(encoding="utf-8")


def test_the_command_ends_with_1_over_tolerance_and_2_on_bad_input(tmp_path):
    wrong = written(tmp_path, HEADER + EXPECTED, GPT4 + ",1,1")
    assert CliRunner().invoke(command, ["training", str(wrong)]).exit_code == 1
    for arguments, hint in [
        ([str(tmp_path / "none.csv")], "give the path of a file"),
        ([str(written(tmp_path, "a,b", "1,2", name="other.csv"))], "no input column"),
        ([str(written(tmp_path, HEADER, GPT4)), "--vintage", "1999"], "must be one of clean"),
        ([str(written(tmp_path, HEADER, GPT4)), "--tolerance", "-1"], "above 0"),
    ]:
        result = CliRunner().invoke(command, ["training", *arguments])
        assert result.exit_code == 2 and hint in result.output


def test_the_bundled_tables_are_small_and_credited():
    files = [path for path in BUNDLED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 700_000
    assert CREDIT in (BUNDLED / "README.md").read_text(encoding="utf-8")


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "vintage"),
    [
        ("training_dev.csv", "2025-06"),
        ("training_extended_dev.csv", "2025-06"),
        ("paper_v1_2024-05-31_top10_costs_dev.csv", "2024-05"),
        ("paper_v2_2024-12-11_top10_costs_dev.csv", "2024-12"),
    ],
)
def test_published_results_to_nine_digits(recorded, name, vintage):
    header, rows = read_cases(recorded / "golden" / name)
    report = backtest(header, rows, vintage)
    assert report.has_passed, report.mismatches[:5]
    for column, values in report.predictions.items():
        if column in header and column not in ("hardware", "hardware_imputed"):
            place = header.index(column)
            blank = [row[place] == "" for row in rows]
            predicted = [value is None for value in values]
            assert blank == predicted or column.startswith("cloud_"), column


@pytest.mark.recorded
def test_the_bundled_tables_give_the_same_as_the_published_files(recorded, tmp_path):
    trim(recorded / "payloads" / "epoch_training_cost", tmp_path)
    for name in ("models", "chips", "hardware_prices", "producer_price_index"):
        bundled = BUNDLED / "2025-06" / f"{name}.csv.gz"
        assert (tmp_path / f"{name}.csv.gz").read_bytes() == bundled.read_bytes()
