"""What images cost on rented GPUs: the rows of ``marts.image_cost`` for one model, ranked.

The select is ``warehouse/sql/reports/image.sql``, how fast GPUs are is made in
``pipelines.derive.image_point``. Asking and printing belong to the command.
"""

from __future__ import annotations

from typing import Any

import duckdb

from pipelines.derive.price_basis import PriceBasis
from warehouse.reports import report_dicts, run_report


def image_models(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the image models whose speed is known."""
    return [name for (name,) in run_report(connection, "image_named").rows]


def image(
    connection: duckdb.DuckDBPyConnection,
    basis: PriceBasis,
    *,
    image_model_id: str,
    gpu_id: str | None,
    row_limit: int,
) -> list[dict[str, Any]]:
    """Return what a thousand images cost: rows that are ranked first, each part cheapest first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    basis : PriceBasis
        Which price.
    image_model_id : str
    gpu_id : str, optional
        Only this accelerator; None asks for any.
    row_limit : int
        How many rows at most.
    """
    return report_dicts(
        connection, "image", **vars(basis), image_model_id=image_model_id, gpu_id=gpu_id,
        row_limit=row_limit,
    )  # fmt: skip
