"""Carbon and water of tokens: by place and hour where a source says so, else a reason."""

import pytest

from pipelines.answers.footprint import footprint, grid
from pipelines.derive.serving_names import UnknownSubjectError
from warehouse.reference import bundled
from warehouse.reference.documents import typed_rows
from warehouse.reference.environment import GridHours, former_facility_power, grids
from warehouse.reference.gpus import load_gpus

COUNTRIES = ("GB", "NL", "SE", "DE", "PL", "JP", "SG", "AU", "KR")
STATES = ("VA", "TX", "OH", "OR", "IA", "GA", "AZ", "NV", "WA", "TN")


def of(country: str, gpu_id: str, provider_id: str | None) -> dict[str, float | str | None]:
    return footprint(
        bundled(),
        country,
        gpu_id,
        provider_id,
        tokens_per_second_per_gpu=1000.0,
        watt_hours_per_1k_tokens=0.4,
        fleet_utilisation_fraction=0.5,
    )


@pytest.mark.parametrize("place", [*COUNTRIES, *(f"us-{state}" for state in STATES)])
def test_each_grid_where_gpus_stand_has_an_intensity(place: str) -> None:
    assert 10 < grid(bundled(), place).grams_co2e_per_kwh < 1000


def test_hours_are_around_the_mean_and_belong_to_a_grid() -> None:
    rows = typed_rows(bundled(), "grid_intensity_hours", GridHours)
    assert len(rows) >= 7
    for row in rows:
        assert row.low < row.mean < row.high
        assert row.country in grids(bundled())


def test_an_unknown_place_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownSubjectError, match=r"'US-XX'; there are: .*US-VA"):
        grid(bundled(), "US-XX")


def test_a_set_of_which_all_is_known_has_no_reason() -> None:
    known = of("US-VA", "H100-SXM-80GB", "aws")
    assert known["unknown"] is None
    assert known["grams_co2e_per_1k_tokens"] == pytest.approx(0.4 * 0.245)
    assert known["grams_co2e_per_1k_tokens_low"] < known["grams_co2e_per_1k_tokens"]
    assert known["grams_co2e_per_1k_tokens_high"] > known["grams_co2e_per_1k_tokens"]
    assert known["embodied_grams_co2e_per_1k_tokens"] == pytest.approx(0.00208, rel=1e-2)
    assert known["water_litres_per_1k_tokens"] == pytest.approx(0.4e-3 * 0.12 / 1.1)


def test_what_no_source_supports_is_null_with_its_reason() -> None:
    bare = of("PL", "L4-24GB", "runpod")
    for name in (
        "grams_co2e_per_1k_tokens_low",
        "grams_co2e_per_1k_tokens_high",
        "embodied_grams_co2e_per_1k_tokens",
        "water_litres_per_1k_tokens",
    ):
        assert bare[name] is None
    for part in ("hours of the grid", "embodied carbon", "runpod"):
        assert part in str(bare["unknown"])


def test_former_facility_power_is_of_gpus_that_have_a_newer_one() -> None:
    newest = {gpu.gpu_id: gpu.facility_watts for gpu in load_gpus()}
    for row in former_facility_power(bundled()):
        assert newest[row.gpu_id] not in (None, row.facility_watts)
