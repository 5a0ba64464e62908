"""Answers how a user's own measurements change the serving model.

The rows are understood by ``derive.measured_case``, the arithmetic is in
``cost_engine.serving.posterior``. Reading the file back belongs to ``derive.own_calibration``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cost_engine.serving.calibration import OWN_GPU_TABLE, OWN_PAIR_TABLE, pair_names
from cost_engine.serving.inputs import Labels
from cost_engine.serving.measured import FIRST_TOKEN_KINDS, POWER_KINDS, Summary, is_time, predicted
from cost_engine.serving.posterior import posterior
from pipelines.derive.measured_case import arrays_of, finite_number
from pipelines.derive.own_calibration import FORMAT, CalibrationError
from pipelines.derive.serving_reference import fitted
from warehouse.reference import Documents

FEWEST_ROWS = 3
"""Rows below which nothing is learnt. [row]"""
UNUSED_KINDS = (*FIRST_TOKEN_KINDS, *POWER_KINDS, "usd", "joules")


def calibration(documents: Documents, rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return the factors that own rows suggest, with the errors before and after.

    Parameters
    ----------
    documents : Documents
    rows : sequence of mappings
        As from ``read_cases``, with a column ``value``.

    Returns
    -------
    dict
        ``factors`` by constant, ``error_before`` and ``error_after``: of every row, predicted
        without it.

    Raises
    ------
    CalibrationError
        If fewer than three rows can be used.
    """
    # Answers assume a typical engine and no report: what is learnt is the rest.
    plain = [{**row, "engine": "", "source": ""} for row in rows]
    cases, places, reasons = arrays_of(documents, plain)
    if cases is None:
        raise CalibrationError(f"no row can be used: {next(iter(reasons.values()))}")
    values = np.array([finite_number(rows[place], "value") or math.nan for place in places])
    expected = predicted(cases, fitted(documents).constants)
    usable = np.isfinite(expected) & np.isfinite(values) & (values > 0)
    usable &= ~np.isin(cases.kind.values, UNUSED_KINDS)
    keep = np.flatnonzero(usable)
    if len(keep) < FEWEST_ROWS:
        raise CalibrationError(
            f"{len(keep)} rows with a speed that can be predicted; at least {FEWEST_ROWS} are "
            "needed" + (f"; {next(iter(reasons.values()))}" if reasons else "")
        )
    some, slower = cases.taken(keep), np.where(is_time(cases), -1, 1)[keep]
    logs = slower * np.log(values[keep] / expected[keep])
    gpu = Labels.of(some.gpu.values)
    pair = Labels.of(pair_names(some.model, some.gpu))
    found = posterior(logs, gpu, pair)
    factors = {f"{OWN_GPU_TABLE}.{name}": value for name, value in found.gpu_factors.items()}
    factors |= {f"{OWN_PAIR_TABLE}.{name}": value for name, value in found.pair_factors.items()}
    before = np.exp(-logs)
    return {
        "format": FORMAT,
        "constants_fitted_on": str(fitted(documents).fitted_on),
        "rows": len(keep),
        "unused": len(rows) - len(keep),
        "error_before": Summary.of(before).as_json(),
        "error_after": Summary.of(before * found.factors_without_row).as_json(),
        "factors": factors,
    }
