"""Which accelerators a line of a bill pays for, by what the cloud wrote on it.

Some clouds name the instance type, some write it into the meter or the description, and Google
bills a machine in parts. Recognising these belongs here; texts of unknown kinds name nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pipelines.sources.instance_types import CLOUDS, instance_types

Role = Literal["machine", "gpu", "part", "beside"]
SIGNS = re.compile(r"[^a-z0-9]+")
PREFIX = re.compile(r"^(?:standard[_ ]|ml\.)")
WORD = re.compile(r"[^\s:/,;|()\[\]$]+")
MOST_WORDS = 4  # of an instance type in a text: ND96isr H100 v5
MOST_GPU_WORDS = 6
# Hours of an instance that are no time of it: a licence, a service on top, and the hours that a
# capacity reservation held, whose cost AWS puts on the instances that used them.
BESIDE = re.compile(
    r"licen[cs]|ebsoptimized|cpucredits|\b(?:reservation|dedicatedres):", re.IGNORECASE
)
# Services of AWS that charge by the hour of an instance which EC2 bills itself.
ON_TOP = re.compile(r"mapreduce|kubernetes|\beks\b|amazoneks", re.IGNORECASE)
PART = re.compile(r"\b(?:core|ram|vcpu|memory|ssd|disk)\b", re.IGNORECASE)
GPU_WORD = re.compile(r"\s+(?:\(1 )?GPUs?\b", re.IGNORECASE)  # also: B200 (1 gpu slice)
COUNT = re.compile(r"(?<![a-z0-9])(\d{1,3}) ?x(?![a-z0-9])", re.IGNORECASE)  # 8x H100, gpu_8x_h100


class Line(NamedTuple):
    """What a line of a bill says of its accelerators; columns of ``bill_item``."""

    provider_id: str
    service: str | None
    instance_type: str | None
    gpu_printed: str | None
    gpu_count: float | None
    sku: str | None
    meter: str | None


@dataclass(frozen=True)
class Found:
    """The accelerators of a line."""

    gpu_id: str | None
    gpu_count: float | None  # [GPU] of one instance; None where it is not told
    role: Role  # what the quantity counts: machines, single GPUs, or nothing


@dataclass(frozen=True)
class Names:
    """The instance types and spellings that are known."""

    types: Mapping[tuple[str, str], tuple[str, float]]  # provider, folded type: GPU, count
    spellings: Mapping[str, str]  # folded spelling: GPU

    @classmethod
    def of(
        cls,
        offers: Mapping[tuple[str, str], tuple[str, float]],
        spellings: Mapping[str, str],
    ) -> Names:
        """Return the names of offers and of the clouds' own tables of instance types.

        Examples
        --------
        >>> names = Names.of({}, {"h100sxm": "H100-SXM-80GB"})
        >>> names.types["aws", "p548xlarge"]
        ('H100-SXM-80GB', 8.0)
        """
        types = {(cloud, folded_type(sku)): found for (cloud, sku), found in offers.items()}
        for cloud in CLOUDS:
            for name, spec in instance_types(cloud).items():
                if gpu_id := spellings.get(folded(spec.gpu)):
                    types.setdefault((cloud, folded_type(name)), (gpu_id, float(spec.gpu_count)))
        return cls(types, spellings)


def folded(text: str) -> str:
    """Return a text in small letters and digits only."""
    return SIGNS.sub("", text.lower())


def folded_type(name: str) -> str:
    """Return an instance type as types are compared: Azure's prefix and SageMaker's do not count.

    Examples
    --------
    >>> folded_type("Standard_ND96isr_H100_v5") == folded_type("ND96isr H100 v5")
    True
    >>> folded_type("ml.p5.48xlarge")
    'p548xlarge'
    """
    return SIGNS.sub("", PREFIX.sub("", name.strip().lower()))


def identify(line: Line, names: Names) -> Found:
    """Return the accelerators of a line.

    Examples
    --------
    >>> names = Names.of({}, {"h100sxm": "H100-SXM-80GB", "nvidiah10080gb": "H100-SXM-80GB"})
    >>> def of(meter, provider_id="aws", service=None, instance=None):
    ...     return identify(Line(provider_id, service, instance, None, None, None, meter), names)
    >>> of("USE1-BoxUsage:p5.48xlarge")
    Found(gpu_id='H100-SXM-80GB', gpu_count=8.0, role='machine')
    >>> of("ND96isr H100 v5 Spot", "azure").gpu_count
    8.0
    >>> of("Nvidia H100 80GB GPU running in Americas", "gcp", instance="a3-highgpu-8g")
    Found(gpu_id='H100-SXM-80GB', gpu_count=1.0, role='gpu')
    >>> of("A3 Instance Core running in Americas", "gcp", instance="a3-highgpu-8g").role
    'part'
    >>> of("8x NVIDIA H100 80GB GPU", "lambda").gpu_count
    8.0
    >>> of("USE1-EBSOptimized:p5.48xlarge").role, of("Premium SSD Managed Disks - P4 LRS").gpu_id
    ('beside', None)
    """
    meter = line.meter or ""
    is_on_top = line.provider_id == "aws" and ON_TOP.search(line.service or "")
    if is_on_top or BESIDE.search(f"{line.service or ''} {meter}"):
        return Found(_machine(line, names)[0], None, "beside")
    in_meter = _gpu_before_word(meter, names)
    if in_meter and line.provider_id == "gcp" and line.gpu_count is None:
        return Found(in_meter, 1.0, "gpu")
    gpu_id, count = _machine(line, names)
    if line.gpu_printed:
        gpu_id = names.spellings.get(folded(line.gpu_printed), gpu_id)
    gpu_id = gpu_id or in_meter
    if count is None and (told := COUNT.search(f"{line.instance_type} {line.sku} {meter}")):
        count = float(told[1])
    is_part = line.provider_id == "gcp" and PART.search(meter) is not None
    return Found(gpu_id, line.gpu_count or count, "part" if is_part else "machine")


def _machine(line: Line, names: Names) -> tuple[str | None, float | None]:
    """Return the GPU and the count of the instance type that a line names."""
    for text in (line.instance_type, line.sku):
        if text and (found := names.types.get((line.provider_id, folded_type(text)))):
            return found
    if line.sku and (gpu_id := names.spellings.get(folded(line.sku))):
        return gpu_id, None
    words = [folded_type(word) for word in WORD.findall(line.meter or "")]
    for length in range(MOST_WORDS, 0, -1):
        for start in range(len(words) - length + 1):
            name = "".join(words[start : start + length])
            found = names.types.get((line.provider_id, name))
            # "2" or "large" in a text is no instance type, whatever a provider calls its offers.
            if found and len(name) >= 4 and not name.isalpha() and not name.isdigit():
                return found
    return None, None


def _gpu_before_word(text: str, names: Names) -> str | None:
    """Return the accelerator whose name stands before the word GPU, the longest name first."""
    for match in GPU_WORD.finditer(text):
        words = WORD.findall(text[: match.start()])[-MOST_GPU_WORDS:]
        for start in range(len(words)):
            if gpu_id := names.spellings.get(folded(" ".join(words[start:]))):
                return gpu_id
    return None
