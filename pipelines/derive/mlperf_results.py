"""Turns rows of MLPerf Inference's summaries into cases of measured serving results.

A row names benchmark, scenario, accelerator and the format of the weights. The lengths of prompts
and answers are those of the benchmark's data set (``benchmark_names.csv``). What the columns of a
case mean belongs to ``measured_case``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipelines.derive.serving_names import folded
from warehouse.reference import Documents
from warehouse.reference.serving import benchmark_names

COLUMNS = ("scenario", "accelerator", "n_accelerators", "weight_data_types", "result", "units")
"""Columns by which a summary is recognised."""
TOKENS_PER_SECOND = "Tokens/s"
PUBLISHED_IN = {"v5.1": "2025-09", "v6.0": "2026-04"}
"""Month in which a round was published."""


def is_summary(header: Sequence[str]) -> bool:
    """Return whether a table is a summary of MLPerf Inference."""
    return set(COLUMNS) <= set(header)


def case_of(documents: Documents, row: Mapping[str, str]) -> dict[str, str]:
    """Return a row of a summary with the columns of a case beside its own.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> case = case_of(bundled(), {"round": "v6.0", "division": "closed",
    ...     "model": "llama2-70b-99.9", "scenario": "Offline", "accelerator": "NVIDIA GB200",
    ...     "n_accelerators": "4", "weight_data_types": "fp4", "result": "50000",
    ...     "units": "Tokens/s"})
    >>> [case[name] for name in ("model", "metric", "input_len", "date", "value")]
    ['llama2-70b', 'mlperf_offline_tok_s_total', '294', '2026-04', '50000']
    """
    model = re.sub(r"-99(\.9)?$|-(fp8|fp4)_.*$", "", row["model"].strip())
    names = benchmark_names(documents)
    key, scenario = folded(model), row["scenario"].strip().lower()
    has_tokens = row["units"].strip() == TOKENS_PER_SECOND
    edition = row.get("round", "").strip()
    return {
        **row,
        "source": f"MLPerf Inference {edition} {row.get('division', '').strip()} datacenter",
        "url": row.get("details", ""),
        "date": PUBLISHED_IN.get(edition, ""),
        "model": model,
        "gpu": row["accelerator"],
        "n_gpus": row["n_accelerators"],
        "precision": row["weight_data_types"],
        "input_len": names["mlperf_prompt"].get(key, ""),
        "output_len": names["mlperf_answer"].get(key, ""),
        "concurrency": scenario if scenario in ("server", "offline", "interactive") else "max",
        "metric": f"mlperf_{scenario}_tok_s_total" if has_tokens else row["units"],
        "value": row["result"],
        "unit": "tok/s" if has_tokens else row["units"],
    }
