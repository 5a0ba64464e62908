"""Which accelerators a hyperscaler's instance type holds: their price lists do not say.

Facts from the clouds' own tables of instance types, read on 2026-11-21, one URL a family. A type
that is not here is unknown, never guessed. Counts are fractions: an eighth of a GPU is not a GPU.
Peaks, power and identity of the chips belong to ``warehouse/reference/data/gpus``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

AWS_URL = "https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html"
AZURE_URL = "https://learn.microsoft.com/en-us/azure/virtual-machines/sizes/gpu-accelerated/"
GCP_URL = "https://cloud.google.com/compute/docs/accelerator-optimized-machines"
TPU_URL = "https://cloud.google.com/tpu/docs/tpus-in-gke"


@dataclass(frozen=True)
class InstanceType:
    """The accelerators of one instance type."""

    gpu: str  # the vendor's or the cloud's name of the accelerator
    gpu_count: Fraction  # [GPU] below one: a share of a GPU
    gpu_memory_bytes: int  # of one whole GPU
    form_factor: str | None
    source_url: str

    @property
    def is_whole(self) -> bool:
        """Return whether the instance holds whole GPUs only."""
        return self.gpu_count.denominator == 1


@dataclass(frozen=True)
class Family:
    """Types that hold the same accelerator."""

    gpu: str
    gibibytes: int  # of one GPU
    form_factor: str | None
    counts: Mapping[str, int | Fraction]  # by size or by type, see the table


def _same(count: int, *sizes: str) -> dict[str, int | Fraction]:
    return dict.fromkeys(sizes, count)


_SINGLE = _same(1, "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge")
_TO_EIGHT = {**_SINGLE, "12xlarge": 4, "24xlarge": 4, "48xlarge": 8}

# Key: the family before the dot; counts by the size behind it.
AWS: dict[str, Family] = {
    "p2": Family("K80", 12, None, {"xlarge": 1, "8xlarge": 8, "16xlarge": 16}),
    "p3": Family("V100-SXM2-16GB", 16, "SXM", {"2xlarge": 1, "8xlarge": 4, "16xlarge": 8}),
    "p3dn": Family("V100-SXM2-32GB", 32, "SXM", {"24xlarge": 8}),
    "p4d": Family("A100-SXM4-40GB", 40, "SXM", {"24xlarge": 8}),
    "p4de": Family("A100-SXM4-80GB", 80, "SXM", {"24xlarge": 8}),
    "p5": Family("H100 SXM", 80, "SXM", {"4xlarge": 1, "48xlarge": 8}),
    "p5e": Family("H200", 141, "SXM", {"48xlarge": 8}),
    "p5en": Family("H200", 141, "SXM", {"48xlarge": 8}),
    "p6-b200": Family("B200", 179, "SXM", {"48xlarge": 8}),
    "p6-b300": Family("B300", 268, "SXM", {"48xlarge": 8}),
    "p6e-gb200": Family("GB200", 185, None, {"36xlarge": 4}),
    "g3": Family("M60", 8, None, {"4xlarge": 1, "8xlarge": 2, "16xlarge": 4}),
    "g3s": Family("M60", 8, None, {"xlarge": 1}),
    "g4dn": Family("T4", 16, "PCIe", {**_SINGLE, "12xlarge": 4, "metal": 8}),
    "g4ad": Family(
        "Radeon Pro V520",
        8,
        None,
        {**_same(1, "xlarge", "2xlarge", "4xlarge"), "8xlarge": 2, "16xlarge": 4},
    ),
    "g5": Family("A10G", 24, "PCIe", _TO_EIGHT),
    "g5g": Family(
        "T4g",
        16,
        None,
        {**_same(1, "xlarge", "2xlarge", "4xlarge", "8xlarge"), "16xlarge": 2, "metal": 2},
    ),
    "g6": Family("L4", 24, "PCIe", _TO_EIGHT),
    "gr6": Family("L4", 24, "PCIe", _same(1, "4xlarge", "8xlarge")),
    "g6f": Family(
        "L4",
        24,
        "PCIe",
        {
            "large": Fraction(1, 8),
            "xlarge": Fraction(1, 8),
            "2xlarge": Fraction(1, 4),
            "4xlarge": Fraction(1, 2),
        },
    ),
    "gr6f": Family("L4", 24, "PCIe", {"4xlarge": Fraction(1, 2)}),
    "g6e": Family("L40S", 48, "PCIe", _TO_EIGHT),
    "g7e": Family(
        "RTX PRO Server 6000",
        96,
        "PCIe",
        {**_same(1, "2xlarge", "4xlarge", "8xlarge"), "12xlarge": 2, "24xlarge": 4, "48xlarge": 8},
    ),
    "trn1": Family("Trainium", 32, None, {"2xlarge": 1, "32xlarge": 16}),
    "trn1n": Family("Trainium", 32, None, {"32xlarge": 16}),
    "trn2": Family("Trainium2", 96, None, {"3xlarge": 1, "48xlarge": 16}),
    "trn2u": Family("Trainium2", 96, None, {"48xlarge": 16}),
    "inf1": Family(
        "Inferentia", 8, None, {"xlarge": 1, "2xlarge": 1, "6xlarge": 4, "24xlarge": 16}
    ),
    "inf2": Family(
        "Inferentia2", 32, None, {"xlarge": 1, "8xlarge": 1, "24xlarge": 6, "48xlarge": 12}
    ),
    "dl1": Family("Gaudi HL-205", 32, None, {"24xlarge": 8}),
    "dl2q": Family("Qualcomm AI100", 16, None, {"24xlarge": 8}),
}

# Key: the page of the series; counts by the whole armSkuName without "Standard_".
AZURE: dict[str, Family] = {
    "nc-series": Family("K80", 12, None, {"NC6": 1, "NC12": 2, "NC24": 4, "NC24r": 4}),
    "ncv2-series": Family(
        "P100", 16, "PCIe", {"NC6s_v2": 1, "NC12s_v2": 2, "NC24s_v2": 4, "NC24rs_v2": 4}
    ),
    "ncv3-series": Family(
        "V100", 16, "PCIe", {"NC6s_v3": 1, "NC12s_v3": 2, "NC24s_v3": 4, "NC24rs_v3": 4}
    ),
    "ncast4v3-series": Family(
        "T4",
        16,
        "PCIe",
        {"NC4as_T4_v3": 1, "NC8as_T4_v3": 1, "NC16as_T4_v3": 1, "NC64as_T4_v3": 4},
    ),
    "nca100v4-series": Family(
        "A100 80GB PCIe",
        80,
        "PCIe",
        {"NC24ads_A100_v4": 1, "NC48ads_A100_v4": 2, "NC96ads_A100_v4": 4},
    ),
    "nca10v4-series": Family(
        "A10", 24, "PCIe", {"NC8ads_A10_v4": 1, "NC16ads_A10_v4": 1, "NC32ads_A10_v4": 2}
    ),
    "ncadsh100v5-series": Family(
        "H100 NVL",
        94,
        "NVL",
        {"NC40ads_H100_v5": 1, "NC80adis_H100_v5": 2, "NCC40ads_H100_v5": 1},
    ),
    "nd-series": Family("P40", 24, "PCIe", {"ND6s": 1, "ND12s": 2, "ND24s": 4, "ND24rs": 4}),
    "ndv2-series": Family("V100-SXM2-32GB", 32, "SXM", {"ND40rs_v2": 8}),
    "ndasra100v4-series": Family(
        "A100-SXM4-40GB", 40, "SXM", {"ND96asr_v4": 8, "ND96asr_A100_v4": 8}
    ),
    "ndma100v4-series": Family("A100-SXM4-80GB", 80, "SXM", {"ND96amsr_A100_v4": 8}),
    "ndh100v5-series": Family("H100 SXM", 80, "SXM", {"ND96isr_H100_v5": 8, "ND96is_H100_v5": 8}),
    "ndh200v5-series": Family("H200", 141, "SXM", {"ND96isr_H200_v5": 8, "ND96is_H200_v5": 8}),
    "ndmi300xv5-series": Family(
        "MI300X", 192, "OAM", {"ND96isr_MI300X_v5": 8, "ND96is_MI300X_v5": 8}
    ),
    "ndgb200v6-series": Family("GB200", 185, None, {"ND128isr_NDR_GB200_v6": 4}),
    "ndgb300v6-series": Family(
        "GB300 NVL72", 278, None, {"ND128isr_GB300_v6": 4, "ND128isr_NDR_GB300_v6": 4}
    ),
    "nv-series": Family("M60", 8, None, {"NV6": 1, "NV12": 2, "NV24": 4}),
    "nvv2-series": Family("M60", 8, None, {"NV6s_v2": 1, "NV12s_v2": 2, "NV24s_v2": 4}),
    "nvv3-series": Family("M60", 8, None, {"NV12s_v3": 1, "NV24s_v3": 2, "NV48s_v3": 4}),
    "nvv4-series": Family(
        "MI25",
        16,
        None,
        {
            "NV4as_v4": Fraction(1, 8),
            "NV8as_v4": Fraction(1, 4),
            "NV16as_v4": Fraction(1, 2),
            "NV32as_v4": 1,
        },
    ),
    "nvadsa10v5-series": Family(
        "A10",
        24,
        "PCIe",
        {
            "NV6ads_A10_v5": Fraction(1, 6),
            "NV12ads_A10_v5": Fraction(1, 3),
            "NV18ads_A10_v5": Fraction(1, 2),
            "NV36ads_A10_v5": 1,
            "NV36adms_A10_v5": 1,
            "NV72ads_A10_v5": 2,
        },
    ),
    "nvadsv710v5-series": Family(
        "Radeon Pro V710",
        28,
        None,
        {
            "NV4ads_V710_v5": Fraction(1, 6),
            "NV8ads_V710_v5": Fraction(1, 3),
            "NV12ads_V710_v5": Fraction(1, 2),
            "NV24ads_V710_v5": 1,
            "NV28adms_V710_v5": 1,
        },
    ),
    "ngadsv620-series": Family(
        "Radeon Pro V620",
        32,
        None,
        {
            "NG8ads_V620_v1": Fraction(1, 4),
            "NG16ads_V620_v1": Fraction(1, 2),
            "NG32ads_V620_v1": 1,
            "NG32adms_V620_v1": 1,
        },
    ),
}

_BY_GPU = {"1g": 1, "2g": 2, "4g": 4, "8g": 8}

# Key: the machine family; counts by what follows it. The GPU is named as Google's API names it.
GCP: dict[str, Family] = {
    "a2-highgpu": Family("nvidia-tesla-a100", 40, "SXM", _BY_GPU),
    "a2-megagpu": Family("nvidia-tesla-a100", 40, "SXM", {"16g": 16}),
    "a2-ultragpu": Family("nvidia-a100-80gb", 80, "SXM", _BY_GPU),
    "a3-highgpu": Family("nvidia-h100-80gb", 80, "SXM", _BY_GPU),
    "a3-edgegpu": Family("nvidia-h100-80gb", 80, "SXM", {"8g": 8, "8g-nolssd": 8}),
    "a3-megagpu": Family("nvidia-h100-mega-80gb", 80, "SXM", {"8g": 8}),
    "a3-ultragpu": Family("nvidia-h200-141gb", 141, "SXM", {"8g": 8, "8g-nolssd": 8}),
    "a4-highgpu": Family("nvidia-b200", 180, "SXM", {"8g": 8, "8g-nolssd": 8}),
    "a4x-highgpu": Family("nvidia-gb200", 186, None, {"4g": 4, "4g-nolssd": 4}),
    "a4x-maxgpu": Family("nvidia-gb300", 278, None, {"4g-metal": 4}),
    "g2-standard": Family(
        "nvidia-l4",
        24,
        "PCIe",
        {**_same(1, "4", "8", "12", "16", "32"), "24": 2, "48": 4, "96": 8},
    ),
    "g4-standard": Family(
        "nvidia-rtx-pro-6000",
        96,
        "PCIe",
        {
            "6": Fraction(1, 8),
            "12": Fraction(1, 4),
            "24": Fraction(1, 2),
            "48": 1,
            "96": 2,
            "192": 4,
            "384": 8,
        },
    ),
    "ct3-hightpu": Family("v3", 32, None, {"4t": 4}),
    "ct3p-hightpu": Family("v3", 32, None, {"4t": 4}),
    "ct4p-hightpu": Family("v4", 32, None, {"4t": 4}),
    "ct5l-hightpu": Family("v5litepod", 16, None, {"1t": 1, "4t": 4, "8t": 8}),
    "ct5lp-hightpu": Family("v5litepod", 16, None, {"1t": 1, "4t": 4, "8t": 8}),
    "ct5p-hightpu": Family("v5p", 95, None, {"1t": 1, "2t": 2, "4t": 4}),
    "ct6e-standard": Family("v6e", 32, None, {"1t": 1, "4t": 4, "8t": 8}),
}

# N1 machines carry no GPU of their own: nvidia-tesla-k80, -p4, -p100, -v100 and -t4 are attached
# and priced apart, so no N1 type is listed. https://cloud.google.com/compute/docs/gpus


CLOUDS: dict[str, tuple[dict[str, Family], str]] = {
    "aws": (AWS, "."), "azure": (AZURE, ""), "gcp": (GCP, "-")
}  # fmt: skip


@cache
def instance_types(cloud: str) -> dict[str, InstanceType]:
    """Return what each instance type of aws, azure or gcp holds."""
    families, joint = CLOUDS[cloud]
    types = {}
    for key, family in families.items():
        url = {
            "aws": AWS_URL,
            "azure": f"{AZURE_URL}{key}",
            "gcp": TPU_URL if key.startswith("ct") else GCP_URL,
        }[cloud]
        for size, count in family.counts.items():
            name = f"Standard_{size}" if cloud == "azure" else f"{key}{joint}{size}"
            types[name] = InstanceType(
                family.gpu,
                Fraction(count),
                family.gibibytes * 2**30,
                family.form_factor,
                url,
            )
    return types


@cache
def _names(cloud: str) -> dict[str, str]:
    return {name.casefold(): name for name in instance_types(cloud)}


def type_name(cloud: str, printed: str) -> str:
    """Return the name of an instance type as the cloud writes it, whatever its case and spaces.

    Examples
    --------
    >>> type_name("azure", " standard_nd96isr_h100_v5 "), type_name("azure", "Standard_X1")
    ('Standard_ND96isr_H100_v5', 'Standard_X1')
    """
    return _names(cloud).get(printed.strip().casefold(), printed.strip())


def instance_type(cloud: str, name: str) -> InstanceType | None:
    """Return what an instance type of aws, azure or gcp holds, or None if it is not in the table.

    Examples
    --------
    >>> p5 = instance_type("aws", "p5.48xlarge")
    >>> p5.gpu, int(p5.gpu_count), p5.is_whole
    ('H100 SXM', 8, True)
    >>> instance_type("azure", "Standard_NV6ads_A10_v5").gpu_count
    Fraction(1, 6)
    >>> instance_type("aws", "m5.large") is None
    True
    """
    return instance_types(cloud).get(type_name(cloud, name))
