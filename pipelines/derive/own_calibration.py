"""Reads what ``truecost calibrate`` wrote: speed factors of a user's own machines.

A data folder may hold such a file. Then it is one of the reference documents of its builds, so
that every table and answer uses it, and a past shows what was used then. What is learnt from rows
belongs to ``answers.calibrate``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cost_engine.serving.calibration import OWN_GPU_TABLE, OWN_PAIR_TABLE
from warehouse.reference import Documents, ReferenceError

FORMAT = "truecost calibration 1"
DOCUMENT = "own_calibration.json"
"""The name of the file in a data folder, and of the document."""


class CalibrationError(ValueError):
    """Measurements or a file that cannot be used. The message says what would work."""


def read_factors(path: Path) -> dict[str, float]:
    """Return the factors of a calibration file.

    Raises
    ------
    CalibrationError
        If it is none.
    """
    try:
        return factors_of(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise CalibrationError("not UTF-8 text") from None


def factors_of(text: str) -> dict[str, float]:
    """Return the factors of the text of a calibration file.

    Raises
    ------
    CalibrationError
        If it is none.

    Examples
    --------
    >>> factors_of('{"format": "truecost calibration 1", "factors": {"own_gpu.L4-24GB": 1.1}}')
    {'own_gpu.L4-24GB': 1.1}
    """
    wanted = "want the file that truecost calibrate writes"
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise CalibrationError(f"format {content['format']!r}; {wanted}")
        factors = {str(name): float(value) for name, value in content["factors"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalibrationError(f"not a calibration ({error}); {wanted}") from None
    tables = {name.split(".", 1)[0] for name in factors}
    if not tables <= {OWN_GPU_TABLE, OWN_PAIR_TABLE} or not all(
        0 < value < math.inf for value in factors.values()
    ):
        raise CalibrationError(f"factors that no calibration has; {wanted}")
    return factors


def with_own(documents: Documents, path: Path) -> Documents:
    """Return the documents with the calibration of a data folder, where there is one.

    Raises
    ------
    ReferenceError
        If the file is no calibration.
    """
    if not path.exists():
        return documents
    try:
        factors = read_factors(path)
    except (CalibrationError, OSError) as error:
        raise ReferenceError(f"{path}: {error}; repair or delete it") from None
    content: Mapping[str, Any] = {"format": FORMAT, "factors": factors}
    return documents.with_content(DOCUMENT, content)


def own_factors(documents: Documents) -> dict[str, float]:
    """Return the speed factors of the user's own machines, none without a calibration."""
    if DOCUMENT not in documents.names():
        return {}
    return {name: float(value) for name, value in documents.content(DOCUMENT)["factors"].items()}
