"""How a measured result divided its GPUs: one replica, or workers that prefill and that decode.

Reads the columns ``n_gpus``, ``parallelism``, ``mode`` and ``layout`` of a case. Results print the
same thing in several ways; what each means is said here, once.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.derive.serving_names import UnknownSubjectError

NODE_GPUS = 8
"""GPUs of one machine, the most of one replica that does not say otherwise. [GPU]"""


@dataclass(frozen=True)
class Layout:
    """The GPUs of one replica that decodes, and of the workers around it.

    ``is_divided`` says whether attention is data-parallel, None where that is not stated,
    ``is_prefill_divided`` the same of the workers that do prefill. Without separate pools the
    numbers of workers are 0.
    """

    gpu_count: float
    is_divided: bool | None = None
    is_pipeline: bool = False
    prefill_gpus: float = 0.0
    prefill_workers: float = 0.0
    decode_workers: float = 0.0
    is_prefill_divided: bool = False


def layout_of(row: Mapping[str, str]) -> Layout:
    """Return how a case divided its GPUs.

    Raises
    ------
    UnknownSubjectError
        If neither the number of GPUs nor the layout says it.

    Examples
    --------
    A source that prints 64 GPUs for eight, as tensor x expert parallelism.

    >>> layout_of({"n_gpus": "64", "layout": '{"tp": 64, "dp": 1, "ep": 8}'}).gpu_count
    8.0
    """
    stated = _stated(row)
    parallelism = row.get("parallelism", "").strip().lower()
    is_pooled = row.get("mode", "").strip().lower() == "disagg" or "disagg" in parallelism
    if is_pooled:
        return _pools(stated, parallelism)
    count = _number(row.get("n_gpus"))
    tensor = _number(stated.get("tp", stated.get("decode_tp")))
    data = _number(stated.get("dp")) or 1.0
    experts = _number(stated.get("ep", stated.get("decode_ep"))) or 0.0
    if count is None and tensor is not None:
        count = tensor * data * (_number(stated.get("pp")) or 1.0)
    if count is None or count < 1:
        raise UnknownSubjectError("the number of GPUs was not published")
    # Where experts are spread over the same GPUs, some sources multiply both sizes.
    if experts > 1 and count == experts**2 and (count > NODE_GPUS or data > 1):
        count = experts
    is_divided = _flag(stated.get("decode_dp_attention"))
    if is_divided is None and "dp" in stated and "tp" in stated:
        is_divided = data > 1
    if is_divided is None and re.search(r"dp|dep", parallelism):
        is_divided = True
    return Layout(
        gpu_count=count,
        is_divided=is_divided if count > 1 else False,
        is_pipeline=re.match(r"pp\d", parallelism) is not None
        or (_number(stated.get("pp")) or 1.0) > 1,
    )


def _stated(row: Mapping[str, str]) -> dict[str, Any]:
    """Return the layout column as a mapping, empty where there is none."""
    text = row.get("layout", "").strip()
    if not text:
        return {}
    try:
        stated = json.loads(text)
    except ValueError:
        raise UnknownSubjectError(f"layout {text[:40]!r} is not JSON") from None
    return stated if isinstance(stated, dict) else {}


def _pools(stated: Mapping[str, Any], parallelism: str) -> Layout:
    """Return a layout of separate pools. ``P16+D32``: GPUs of each, the second in one group."""
    printed = re.search(r"p(\d+)\s*\+\s*d(\d+)", parallelism)
    if not stated and printed:
        prefill_total = float(printed[1])
        machines = max(prefill_total / NODE_GPUS, 1.0)
        return Layout(
            gpu_count=float(printed[2]),
            prefill_gpus=prefill_total / machines,
            prefill_workers=machines,
            decode_workers=1.0,
        )
    prefill_workers = _number(stated.get("prefill_workers", stated.get("prefill_num_workers")))
    decode_workers = _number(stated.get("decode_workers", stated.get("decode_num_workers")))
    if not prefill_workers or not decode_workers:
        raise UnknownSubjectError("separate prefill and decode pools of unstated size")
    prefill = _gpus_of_worker(stated, "prefill", prefill_workers)
    decode = _gpus_of_worker(stated, "decode", decode_workers)
    if not prefill or not decode:
        raise UnknownSubjectError("separate prefill and decode pools of unstated size")
    is_divided = _flag(stated.get("decode_dp_attention"))
    if is_divided is None:
        is_divided = (_number(stated.get("decode_dp")) or 1.0) > 1
    is_prefill_divided = _flag(stated.get("prefill_dp_attention"))
    if is_prefill_divided is None:
        is_prefill_divided = (_number(stated.get("prefill_tp")) or prefill) < prefill
    return Layout(
        gpu_count=decode,
        is_divided=is_divided and decode > 1,
        prefill_gpus=prefill,
        prefill_workers=prefill_workers,
        decode_workers=decode_workers,
        is_prefill_divided=is_prefill_divided and prefill > 1,
    )


def _gpus_of_worker(stated: Mapping[str, Any], pool: str, workers: float) -> float | None:
    """Return the GPUs of one worker of a pool, printed as such or for all together."""
    one, together = _number(stated.get(f"{pool}_gpus")), _number(stated.get(f"num_{pool}_gpu"))
    return together / workers if one is None and together is not None else one


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> float | None:
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    return number if math.isfinite(number) else None
