"""What people and drivers type for a GPU, and the cards that it may mean."""

from functools import cache

import pytest

from pipelines.answers.gpu_named import GpuUnclearError, gpu_named, names_of
from warehouse.reference import bundled, load_csv, load_gpus
from warehouse.reference.gpu_names import GpuNames


@cache
def names() -> GpuNames:
    return names_of(bundled())


@pytest.mark.parametrize(
    ("typed", "gpu_id"),
    [
        ("4090", "RTX4090-24GB"),
        ("3090ti", "RTX3090TI-24GB"),
        ("NVIDIA GeForce RTX 4090", "RTX4090-24GB"),
        ("H100 SXM", "H100-SXM-80GB"),
        ("h100 sxm5 80 GB", "H100-SXM-80GB"),
        ("NVIDIA H100 80GB HBM3", "H100-SXM-80GB"),
        ("NVIDIA A100-SXM4-80GB", "A100-SXM-80GB"),
        ("H100 PCIe 80GB", "H100-PCIE-80GB"),
        ("NVIDIA GH200 480GB", "GH200-96GB"),
        ("GH200 144G HBM3e", "GH200-144GB"),
        ("H20-3e", "H20-141GB"),
        ("H200", "H200-SXM-141GB"),  # what people mean; a list that prints it may mean either
        ("AMD Instinct MI300X", "MI300X-192GB"),
        ("a6000", "RTXA6000-48GB"),
        ("v5e", "TPU-V5E"),
    ],
)
def test_a_name_of_one_card_means_it(typed: str, gpu_id: str) -> None:
    assert names().meant(typed) == (gpu_id,)


@pytest.mark.parametrize(
    ("typed", "some"),
    [
        ("h100", {"H100-SXM-80GB", "H100-PCIE-80GB", "H100-NVL-94GB"}),
        ("A100 40GB", {"A100-SXM-40GB", "A100-PCIE-40GB"}),
        ("a100 pcie", {"A100-PCIE-40GB", "A100-PCIE-80GB"}),
        ("rtx 6000", {"QUADRORTX6000-24GB", "RTX6000ADA-48GB"}),
        ("RTX PRO 6000", {"RTXPRO6000SE-96GB", "RTXPRO6000WS-96GB", "RTXPRO6000MAXQ-96GB"}),
        ("4060 ti", {"RTX4060TI-8GB", "RTX4060TI-16GB"}),
        ("gh200", {"GH200-96GB", "GH200-144GB"}),
    ],
)
def test_a_name_of_several_cards_means_all_of_them(typed: str, some: set[str]) -> None:
    assert set(names().meant(typed)) >= some
    with pytest.raises(GpuUnclearError, match="is not one thing") as refused:
        gpu_named(bundled(), typed)
    assert all(gpu_id in str(refused.value) for gpu_id in some)


@pytest.mark.parametrize("typed", ["", " ", "h1000", "foo", "NVIDIA", "A100-SXM4-40GB MIG 3g.20gb"])
def test_a_name_of_no_card_is_refused_with_what_is_near(typed: str) -> None:
    assert names().meant(typed) == ()
    with pytest.raises(GpuUnclearError, match="unknown GPU"):
        gpu_named(bundled(), typed)


def test_every_id_and_every_spelling_of_a_card_leads_to_it_or_asks() -> None:
    coarse = {gpu.gpu_id for gpu in load_gpus() if gpu.is_coarse}
    for gpu in load_gpus():
        if not gpu.is_coarse:
            assert names().meant(gpu.gpu_id) == (gpu.gpu_id,)
    for row in load_csv("gpu_aliases"):
        canonical = str(row["canonical"])
        if canonical in names().ids - coarse and row["source_family"] == "generic_text":
            assert canonical in names().meant(str(row["gpu_name_printed"])), row


def test_the_id_of_a_shared_name_is_taken_at_its_word_where_no_exact_card_is_needed() -> None:
    assert gpu_named(bundled(), "H100-80GB") == "H100-80GB"
    with pytest.raises(GpuUnclearError):
        gpu_named(bundled(), "H100-80GB", is_exact=True)
