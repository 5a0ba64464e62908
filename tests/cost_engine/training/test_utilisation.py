"""The regression of reported shares: what it learns, and how sure it is of what it has not seen."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from cost_engine.training.utilisation import (
    HIGHEST_FRACTION,
    Prediction,
    ReportedRun,
    Setting,
    UtilisationModel,
    left_out,
)

BASE = Setting(7e10, 7e10, 6.3e24, 989.4e12, 2024.5, "hopper", gpu_count=1024)


def run_at(share: float, organization: str = "one", **changes: float | str | bool) -> ReportedRun:
    setting = replace(BASE, **changes)
    hours = setting.flops / (share * 3600 * setting.peak_flops_per_second)
    return ReportedRun(setting, hours, organization)


def test_the_share_is_that_of_the_hours():
    assert run_at(0.3).share == pytest.approx(0.3)


def test_more_evidence_pulls_further_and_is_surer():
    few = UtilisationModel([run_at(0.15)]).predict(BASE)
    many = UtilisationModel([run_at(0.15, f"maker {n}") for n in range(20)]).predict(BASE)
    assert 0.15 < many.median < few.median
    assert many.scale < few.scale


def test_one_organisation_weighs_less_than_as_many_others():
    low = [run_at(0.15, "one") for _ in range(8)]
    lows = [run_at(0.15, f"maker {n}") for n in range(8)]
    rest = [run_at(0.4, f"other {n}") for n in range(8)]
    shared = UtilisationModel([*low, *rest]).predict(BASE).median
    assert shared > UtilisationModel([*lows, *rest]).predict(BASE).median


def test_an_unseen_generation_is_less_certain():
    model = UtilisationModel([run_at(0.3, f"maker {n}") for n in range(10)])
    seen, unseen = model.predict(BASE), model.predict(replace(BASE, generation="next"))
    assert unseen.scale > seen.scale
    assert unseen.median == pytest.approx(seen.median, rel=0.1)


def test_a_run_of_exceptional_trouble_does_not_move_the_others():
    runs = [run_at(0.35, f"maker {n}") for n in range(10)]
    without = UtilisationModel(runs).predict(BASE).median
    troubled = UtilisationModel([*runs, run_at(0.02, "unlucky")]).predict(BASE).median
    assert troubled == pytest.approx(without, rel=0.12)


def test_small_active_shares_are_learnt():
    dense = [run_at(0.35, f"dense {n}") for n in range(8)]
    sparse = [
        run_at(0.15, f"sparse {n}", parameters=4e11, active_parameters=1.5e10) for n in range(8)
    ]
    model = UtilisationModel([*dense, *sparse])
    mixture = model.predict(replace(BASE, parameters=4e11, active_parameters=1.5e10))
    assert mixture.median < model.predict(BASE).median


def test_a_run_is_predicted_from_the_others_alone():
    runs = [run_at(0.3, f"maker {n}") for n in range(5)]
    strange = run_at(0.1, "strange")
    alone = left_out([*runs, strange])[-1]
    assert alone == UtilisationModel(runs).predict(strange.setting)


def test_the_runs_of_an_organisation_can_be_left_out_together():
    runs = [run_at(0.3, "one"), run_at(0.2, "one"), run_at(0.4, "two")]
    assert left_out(runs, by_organization=True)[0] == UtilisationModel(runs[2:]).predict(BASE)


def test_wide_clusters_reach_less():
    model = UtilisationModel([run_at(0.35, f"maker {n}") for n in range(5)])
    assert model.predict(replace(BASE, gpu_count=65536)).median < model.predict(BASE).median


def test_no_prediction_is_above_what_any_run_reports():
    model = UtilisationModel([run_at(0.99, f"maker {n}") for n in range(30)])
    assert model.predict(BASE).median == HIGHEST_FRACTION


def test_wider_levels_hold_narrower_ones():
    narrow, wide = Prediction(0.3, 0.2).range(0.8), Prediction(0.3, 0.2).range(0.9)
    assert wide[0] < narrow[0] < 0.3 < narrow[1] < wide[1]
    assert math.sqrt(narrow[0] * narrow[1]) == pytest.approx(0.3)
