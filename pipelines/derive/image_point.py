"""Makes ``marts.image_point``: how fast each GPU makes an image of each model, whatever the day.

A measured GPU keeps its measured speed. The others get the median share of their 16-bit peak that
measured GPUs reach. No formulas here, no prices.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from cost_engine import images
from pipelines.derive.reference_tables import recorded_documents
from pipelines.derive.serving_names import known_gpus
from pipelines.derive.serving_reference import peak_16_bit
from warehouse.reference import Documents, Gpu
from warehouse.reference.serving import ImageModelFigures, image_models, measured_images

if TYPE_CHECKING:
    import duckdb


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Compute every image model on every GPU that holds it.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing.
    on : date
        The newest day of the build. Points do not depend on it.
    """
    documents = recorded_documents(connection)
    fine = [gpu for gpu in known_gpus(documents).values() if not gpu.is_coarse]
    connection.register("made", image_points(documents, fine))
    connection.execute("create or replace table marts.image_point as from made")
    connection.unregister("made")


def image_flops(model: ImageModelFigures) -> float:
    """Return the FLOPs of one image of a model [FLOP]."""
    return float(
        images.image_flops(
            model.step_flops,
            model.steps,
            model.decoder_flops,
            model.is_guided,
            model.encoder_flops,
        )
    )


def reached_fractions(documents: Documents) -> dict[tuple[str, str], float]:
    """Return the share of the 16-bit peak that each measured GPU reached, by model and GPU [1]."""
    flops = {model.image_model_id: image_flops(model) for model in image_models(documents)}
    return {
        (row.image_model_id, row.gpu_id): float(
            images.reached_fraction(
                row.images_per_second_per_gpu,
                flops[row.image_model_id],
                peak_16_bit(known_gpus(documents)[row.gpu_id]),
            )
        )
        for row in measured_images(documents)
    }


def image_points(documents: Documents, gpus: Iterable[Gpu]) -> pa.Table:
    """Return the table for some GPUs: image models on single GPUs that hold them."""
    cards = list(gpus)
    known = {
        (row.image_model_id, row.gpu_id): row.images_per_second_per_gpu
        for row in measured_images(documents)
    }
    reached = reached_fractions(documents)
    typical = statistics.median(reached.values())
    low, high = min(reached.values()), max(reached.values())
    rows = []
    for model in image_models(documents):
        flops = image_flops(model)
        for gpu in cards:
            peak, room = peak_16_bit(gpu), gpu.driver_visible_memory_bytes or gpu.memory_bytes
            if peak is None or room is None or room < model.memory_bytes:
                continue
            found = known.get((model.image_model_id, gpu.gpu_id))
            speed, slowest, fastest = (
                found if found else float(images.images_per_second(flops, peak, share))
                for share in (typical, low, high)
            )
            rows.append(
                {
                    "image_model_id": model.image_model_id,
                    "gpu_id": gpu.gpu_id,
                    "flops_per_image": flops,
                    "steps": int(model.steps),
                    "model_memory_bytes": model.memory_bytes,
                    "images_per_second_per_gpu": speed,
                    "low_images_per_second": slowest,
                    "high_images_per_second": fastest,
                    "method": "measured" if found else "peak share",
                    "utilisation_fraction": float(images.reached_fraction(speed, flops, peak)),
                }
            )
    return pa.Table.from_pylist(rows)
