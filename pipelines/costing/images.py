"""Binds the image equations to the reference data: how fast each GPU makes an image of each model.

A GPU that was measured keeps its measured speed; the others reach the median share of their
16-bit peak that the measured ones reach. No formulas here, no prices.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from cost_engine import images
from pipelines.costing import serving_reference as reference
from warehouse.reference import REFERENCE_FOLDER, Gpu

IMAGE_FILE = "image_models.yaml"
UNITS = {"flop": 1.0, "parameter": 1.0, "count": 1.0, "gigabytes": 1e9}


@dataclass(frozen=True)
class ImageModel:
    """One image model and how it is run; figures in FLOP and bytes."""

    image_model_id: str
    name: str
    parameters: float
    step_flops: float
    decoder_flops: float
    encoder_flops: float
    steps: float
    is_guided: bool
    memory_bytes: float

    @property
    def flops(self) -> float:
        """FLOPs of one image."""
        return float(
            images.image_flops(
                self.step_flops, self.steps, self.decoder_flops, self.is_guided, self.encoder_flops
            )
        )


@dataclass(frozen=True)
class Measured:
    """A measured speed."""

    image_model_id: str
    gpu_id: str
    images_per_second_per_gpu: float


@cache
def load(folder: Path = REFERENCE_FOLDER) -> tuple[tuple[ImageModel, ...], tuple[Measured, ...]]:
    """Return the image models and what was measured of them.

    Raises
    ------
    ValueError
        If a figure has no known unit or source.

    Examples
    --------
    >>> [model.image_model_id for model in load()[0]]
    ['stable-diffusion-1.5', 'sdxl', 'flux.1-dev', 'flux.1-schnell']
    """
    content = yaml.safe_load((folder / IMAGE_FILE).read_text("utf-8"))
    sources = set(content["sources"]) | {"assumption"}

    def figure(entry: Mapping[str, Any], name: str) -> float:
        leaf = entry[name]
        if leaf.get("source") not in sources or leaf.get("unit") not in UNITS:
            raise ValueError(f"{IMAGE_FILE}: {entry['image_model_id']}.{name}: no source or unit")
        return float(leaf["value"]) * UNITS[leaf["unit"]]

    names = (
        *("parameters", "step_flops", "decoder_flops", "encoder_flops", "steps", "memory_bytes"),
    )
    models = tuple(
        ImageModel(
            image_model_id=entry["image_model_id"],
            name=entry["name"],
            is_guided=entry["is_guided"],
            **{name: figure(entry, name) for name in names},
        )
        for entry in content["image_models"]
    )
    measured = tuple(
        Measured(row["image_model_id"], row["gpu_id"], float(row["images_per_second_per_gpu"]))
        for row in content["measured"]
    )
    return models, measured


def peak_16_bit(gpu: Gpu) -> float | None:
    """Return the dense 16-bit peak of a GPU, or None [FLOP/s]."""
    peaks = gpu.dense_flops_per_second
    return peaks.get("bf16") or peaks.get("fp16")


def reached_fractions() -> dict[tuple[str, str], float]:
    """Return the share of the 16-bit peak that each measured GPU reached [1]."""
    models, measured = load()
    flops = {model.image_model_id: model.flops for model in models}
    return {
        (row.image_model_id, row.gpu_id): row.images_per_second_per_gpu
        * flops[row.image_model_id]
        / (peak_16_bit(reference.known_gpus()[row.gpu_id]) or np.nan)
        for row in measured
    }


def image_points(gpus: Iterable[Gpu]) -> pa.Table:
    """Return the table ``marts.image_point``: image models on single GPUs that hold them."""
    models, measured = load()
    cards = list(gpus)
    known = {(row.image_model_id, row.gpu_id): row for row in measured}
    reached = reached_fractions()
    typical = statistics.median(reached.values())
    low, high = min(reached.values()), max(reached.values())
    rows = []
    for model in models:
        for gpu in cards:
            peak, room = peak_16_bit(gpu), gpu.driver_visible_memory_bytes or gpu.memory_bytes
            if peak is None or room is None or room < model.memory_bytes:
                continue
            found = known.get((model.image_model_id, gpu.gpu_id))
            speed = (
                found.images_per_second_per_gpu
                if found
                else float(images.images_per_second(model.flops, peak, typical))
            )
            rows.append(
                {
                    "image_model_id": model.image_model_id,
                    "gpu_id": gpu.gpu_id,
                    "flops_per_image": model.flops,
                    "steps": int(model.steps),
                    "model_memory_bytes": model.memory_bytes,
                    "images_per_second_per_gpu": speed,
                    "low_images_per_second": speed if found else speed * low / typical,
                    "high_images_per_second": speed if found else speed * high / typical,
                    "method": "measured" if found else "peak share",
                    "utilisation_fraction": speed * model.flops / peak,
                }
            )
    return pa.Table.from_pylist(rows)
