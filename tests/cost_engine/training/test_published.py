"""The rules of Cottier et al.: lookups, and each decided oddity in its clean and published form."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from cost_engine.training.published.estimates import estimates
from cost_engine.training.published.prices import PriceTables, PurchasePrice, RentalPrice
from cost_engine.training.published.rules import (
    CLEAN,
    VINTAGES,
    Chip,
    Run,
    training_start,
    vintage_named,
)
from cost_engine.training.published.selection import frontier_ranks, with_imputed_hardware
from pipelines.derive import training_method
from warehouse.reference import bundled

PUBLISHED = VINTAGES["2025-06"]
V1, V2 = VINTAGES["2024-05"], VINTAGES["2024-12"]


def chip(name, released_on=date(2020, 5, 1), watts=400.0, peak=312e12):
    return Chip(name, released_on, watts, tensor_fp16_flops_per_second=peak)


def rental(hardware, vendor, day, on_demand=None, one_year=None, three_year=None):
    return RentalPrice(hardware, vendor, day, on_demand, one_year, three_year, "list")


FIGURES = training_method.figures(bundled())
ELECTRICITY = training_method.published_electricity(bundled())
INDEX = {
    f"{year}-{month:02d}": 100.0 + year - 2020
    for year in range(2010, 2027)
    for month in range(1, 13)
}
TABLES = PriceTables(
    [
        chip("NVIDIA A100"),
        chip("NVIDIA RTX A1000"),
        chip("NVIDIA H200", watts=700.0),
        chip("NVIDIA V100", watts=None),
        Chip("Google TPU v4", date(2021, 5, 20), None, tensor_fp16_flops_per_second=275e12),
        Chip("Google TPU v5e", date(2023, 8, 29), 250.0, tensor_fp16_flops_per_second=197e12),
    ],
    [
        PurchasePrice("NVIDIA A100", date(2021, 1, 1), 12_000.0, "single-unit price"),
        PurchasePrice("NVIDIA A100", date(2020, 5, 21), 24_875.0, "DGX A100"),
        PurchasePrice("NVIDIA V100", date(2017, 7, 1), 18_625.0, "DGX-1"),
        PurchasePrice("NVIDIA V100", date(2017, 7, 1), 17_250.0, "DGXS"),
    ],
    [
        rental("NVIDIA A100", "Amazon Web Services", date(2021, 6, 15), 4.1, 2.4, 1.45),
        rental("NVIDIA A100", "Amazon Web Services", date(2022, 12, 9), 4.0, 2.3, 1.40),
        rental("NVIDIA A100", "RunPod", date(2022, 1, 1), 1.89),
        rental("NVIDIA H200", "RunPod", date(2024, 1, 1), 3.99),
        rental("NVIDIA RTX A1000", "Lambda Labs", date(2022, 1, 1), 1.0),
        rental("Google TPU v4", "Google Cloud", date(2022, 5, 11), 3.22, 2.03, 1.45),
        rental("Google TPU v5e", "Google Cloud", date(2023, 9, 1), 1.2, 0.84, 0.54),
    ],
    INDEX,
    ELECTRICITY,
    FIGURES,
)
BASE = Run("X", date(2023, 3, 1), "Some Lab", 1e23, "NVIDIA A100", 1_000.0, 240.0, None, 200_000.0)


def one(run, vintage=CLEAN, name="amortized_usd", tables=TABLES):
    return estimates([run], tables, vintage).numbers[name][0]


def reason(run, vintage=CLEAN):
    return estimates([run], TABLES, vintage).texts["reason"][0]


def test_gpu_hours_prefer_what_was_reported():
    assert one(BASE, name="gpu_hours") == 200_000
    assert one(replace(BASE, gpu_hours=None), name="gpu_hours") == 240_000
    computed = replace(BASE, gpu_hours=None, training_hours=None)
    assert one(computed, name="gpu_hours") == pytest.approx(1e23 / (312e12 * 0.375) / 3600)
    assert "no chip-hours" in reason(replace(computed, training_flops=None))


def test_a_dgx_share_beats_a_later_single_unit_and_is_not_marked_up():
    assert one(BASE, name="chip_price_usd") == 24_875
    assert one(BASE, name="server_overhead_applied") == 1


def test_value_falls_from_the_day_of_delivery_and_never_rises_for_a_gpu():
    early = replace(BASE, published_on=date(2020, 6, 1))
    assert one(early, name="value_usd_at_start") == 24_875
    assert one(BASE, name="value_usd_at_start") < 24_875


def test_a_tpu_may_be_worth_more_before_its_release():
    early = replace(BASE, hardware="Google TPU v4", published_on=date(2021, 3, 1))
    assert one(early, name="value_usd_at_start") > 5167 * 1.64


def test_cloud_takes_the_newest_price_before_preparation_began():
    assert one(replace(BASE, published_on=date(2022, 3, 1)), name="cloud_usd_per_gpu_hour") == 1.45
    late = replace(BASE, published_on=date(2023, 12, 1))
    assert one(late, name="cloud_usd_per_gpu_hour") == 1.40
    first = replace(BASE, published_on=date(2020, 12, 1))
    assert one(first, name="cloud_usd_per_gpu_hour") == 1.45


def test_on_demand_is_converted_to_three_years():
    run = replace(BASE, hardware="NVIDIA RTX A1000")
    assert one(run, PUBLISHED, "cloud_usd_per_gpu_hour") == pytest.approx(0.44)


def test_a_vendor_without_committed_discounts_gives_no_price():
    run = replace(BASE, hardware="NVIDIA H200")
    assert np.isnan(one(run, name="cloud_usd"))
    assert "no rental price of NVIDIA H200" in reason(run)
    assert "no purchase price of NVIDIA H200" in reason(run)


def test_cloud_hours_are_quantity_times_time_only_in_the_published_run():
    assert one(BASE, CLEAN, "cloud_gpu_hours") == 200_000
    assert one(BASE, PUBLISHED, "cloud_gpu_hours") == 240_000
    assert one(BASE, V2, "cloud_gpu_hours") == 200_000


def test_a_fine_tune_costs_its_own_run_plus_the_base_only_in_version_1():
    tune = replace(BASE, model="X-chat", base_model="X", gpu_hours=1_000.0)
    assert np.isnan(one(tune, CLEAN)) and np.isnan(one(tune, PUBLISHED)) and np.isnan(one(tune, V2))
    both = estimates([BASE, tune], TABLES, V1).numbers["amortized_usd"]
    own = one(replace(tune, base_model=""), V2)
    assert both[1] == pytest.approx(both[0] + own)


def test_an_rtx_a1000_is_an_a100_only_in_the_published_rules():
    run = replace(BASE, hardware="NVIDIA RTX A1000")
    assert one(run, PUBLISHED, "acquisition_raw_usd") == 24_875
    assert np.isnan(one(run, CLEAN, "acquisition_raw_usd"))
    assert "no purchase price of NVIDIA RTX A1000" in reason(run)


def test_a_chip_without_a_price_or_power_gives_null_and_a_reason_not_a_crash():
    assert "no purchase price of Google TPU v5e" in reason(replace(BASE, hardware="Google TPU v5e"))
    without_power = replace(BASE, hardware="NVIDIA V100")
    assert np.isnan(one(without_power)) and "no board power" in reason(without_power)
    assert one(without_power, name="acquisition_usd") > 0


def test_the_clean_rules_price_what_the_families_leave_out():
    tables = PriceTables(
        [chip("NVIDIA H200", date(2024, 11, 18), 700.0), chip("Google TPU v5e", watts=225.0)],
        [
            PurchasePrice("NVIDIA H200", date(2024, 3, 27), 40_000.0, "one GPU"),
            PurchasePrice("NVIDIA H200", date(2025, 1, 31), 39_083.0, "HGX, 8 GPU"),
            PurchasePrice("Google TPU v5e", date(2023, 8, 15), 1_781.0, "equivalent"),
        ],
        [],
        INDEX,
        ELECTRICITY,
        FIGURES,
    )
    server_share = replace(BASE, hardware="NVIDIA H200", published_on=date(2025, 6, 1))
    assert one(server_share, CLEAN, "chip_price_usd", tables) == 39_083
    equivalent = replace(BASE, hardware="Google TPU v5e", published_on=date(2024, 6, 1))
    assert one(equivalent, CLEAN, "chip_price_usd", tables) == pytest.approx(1_781 * 1.64)
    for run in (server_share, equivalent):
        assert np.isnan(one(run, PUBLISHED, "chip_price_usd", tables))


def test_an_unknown_chip_is_named_in_the_reason():
    assert "chip 'Abacus 3000' not in the chip table" in reason(
        replace(BASE, hardware="Abacus 3000")
    )


def test_two_kinds_of_hardware_are_not_costed():
    mixed = replace(BASE, hardware="NVIDIA A100,NVIDIA V100")
    assert "several kinds of hardware" in reason(mixed)
    assert one(mixed, name="gpu_hours") == 200_000


def test_of_two_prices_of_one_day_version_1_took_the_last():
    run = replace(BASE, hardware="NVIDIA V100")
    assert one(run, V1, "chip_price_usd") == 17_250
    assert one(run, V2, "chip_price_usd") == 18_625


def test_electricity_follows_the_start_of_training_and_publication_in_the_published_rules():
    run = replace(BASE, published_on=date(2023, 1, 15))
    assert one(run, CLEAN, "usd_per_kwh") == 0.0832
    assert one(run, PUBLISHED, "usd_per_kwh") == 0.0806
    future = replace(BASE, published_on=date(2031, 1, 1))
    assert "no electricity price for 2030" in reason(future)


def test_without_an_index_the_clean_rules_withhold_and_the_published_do_not_adjust():
    old = replace(BASE, published_on=date(2009, 1, 1))
    assert one(old, PUBLISHED, "inflation_factor") == 1
    assert np.isnan(one(old, CLEAN, "inflation_factor")) and "no price index" in reason(old)


def test_one_server_needs_no_cluster_network():
    small = replace(BASE, hardware_quantity=8.0)
    assert one(small, CLEAN, "interconnect_usd") == 0
    assert one(small, PUBLISHED, "interconnect_usd") > 0


def test_training_start_keeps_the_reported_dates():
    run = replace(BASE, model="GPT-4 Turbo", training_hours=2280.0)
    assert training_start(replace(run, model="GPT-4")).date() == date(2022, 5, 12)
    assert training_start(run, V2).date() == date(2022, 5, 12)
    assert training_start(run, PUBLISHED).year == 2022 and training_start(run, PUBLISHED).month == 9
    assert training_start(replace(run, model="Gemini 1.0 Ultra")).date() == date(2023, 5, 10)


def test_published_rules_truncate_hours():
    run = replace(BASE, training_hours=10.9)
    assert (training_start(run, PUBLISHED) - training_start(run)).total_seconds() == pytest.approx(
        0.9 * 3600
    )


def test_imputed_hardware_is_flagged_and_known_hardware_stays():
    runs = with_imputed_hardware([replace(BASE, hardware=""), BASE], {2023: "NVIDIA H200"})
    assert (runs[0].hardware, runs[0].is_hardware_imputed) == ("NVIDIA H200", True)
    assert runs[1] is BASE


def test_ranks_count_the_larger_models_of_their_day_or_before():
    days = [date(2020, 1, 1), date(2020, 1, 1), date(2021, 1, 1), None]
    assert frontier_ranks(days, [1e22, 3e22, 2e22, 1e25]) == [2, 1, 2, None]


def test_an_unknown_vintage_is_refused_with_the_ones_there_are():
    with pytest.raises(ValueError, match="clean, 2025-06, 2024-12, 2024-05"):
        vintage_named("2023-01")


def test_order_of_cases_does_not_change_a_result():
    runs = [BASE, replace(BASE, model="Y", hardware="Google TPU v4", organization="Google")]
    forward = estimates(runs, TABLES).numbers["amortized_usd"]
    backward = estimates(runs[::-1], TABLES).numbers["amortized_usd"]
    np.testing.assert_array_equal(forward, backward[::-1])


def test_figures_are_found_by_chip_and_organisation():
    assert FIGURES.server_overhead("NVIDIA A100 SXM4 40 GB") == 1.66
    assert FIGURES.server_overhead("NVIDIA H100 PCIe") == 1.64
    assert FIGURES.server_power_ratio("NVIDIA A100") == 2.03125
    assert FIGURES.server_power_ratio("Google TPU v4") == 1.56
    assert FIGURES.server_power_ratio("Google TPU v3") == 1.47
    assert FIGURES.average_power_fraction("Google TPU v4") == 0.43
    assert (FIGURES.site_pue("Google DeepMind"), FIGURES.site_pue("OpenAI")) == (1.1, 1.25)


def test_an_organisation_asks_its_own_cloud_first():
    vendors = ("Amazon Web Services", "Microsoft Azure", "Google Cloud")
    first = {
        name: FIGURES.vendors_for(name, "NVIDIA A100", vendors)[0]
        for name in ("Some Lab", "Google DeepMind", "OpenAI", "Google,Microsoft Research")
    }
    assert list(first.values()) == [
        "Amazon Web Services",
        "Google Cloud",
        "Microsoft Azure",
        "Microsoft Azure",
    ]
    assert FIGURES.vendors_for("OpenAI", "Google TPU v4", vendors) == ["Google Cloud"]
