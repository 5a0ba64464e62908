"""A model or GPUs of the caller's own, from a file of strangers, read within limits.

What the files may say belongs to ``warehouse.reference``.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.answers.foreign_file import read_foreign
from warehouse.reference import Documents, ReferenceError
from warehouse.reference.model_config import model_from_config
from warehouse.reference.models import Model
from warehouse.reference.schema_check import checked_file

GPUS = "gpus"  # the folder of the reference data whose form the file has


def own_model(path: Path) -> Model:
    """Return the model that a ``config.json`` describes.

    Raises
    ------
    ForeignFileError
        If the file cannot be read within the limits.
    ReferenceError
        If it lacks a figure, or has an impossible one.
    """
    return Model(**read_foreign(path, model_in, raises=[ReferenceError]))


def model_in(path: Path) -> dict[str, Any]:
    """Return a model as plain values; runs in the child."""
    return asdict(model_from_config(path))


def with_gpus(documents: Documents, path: Path) -> Documents:
    """Return documents and those of a YAML file of GPUs.

    Raises
    ------
    ForeignFileError
        If the file cannot be read within the limits.
    ReferenceError
        If it is not of the form of the reference data.
    """
    name = f"{GPUS}/{path.name}"
    if name in documents.names(GPUS):
        raise ReferenceError(f"{path}: a reference file has this name; rename yours")
    return documents.with_content(
        name, read_foreign(path, checked_file, name, raises=[ReferenceError])
    )
