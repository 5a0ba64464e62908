"""What the commands ``infer`` and ``fit`` share: names of models and GPUs, and refusals.

No answers, no arithmetic. The reference data are imported when a command runs, so that the command
line starts fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands import Refused
from pipelines.commands.opening import gpu_meant as one_gpu
from pipelines.commands.opening import one_of

if TYPE_CHECKING:
    from warehouse.reference import Documents, Gpu, Model

model_file_option = click.option(
    "--model-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A model of your own: its config.json in the layout of Hugging Face.",
)

gpu_file_option = click.option(
    "--gpu-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="GPUs of your own: a YAML of the form of warehouse/reference/data/gpus.",
)


@contextmanager
def answering() -> Iterator[None]:
    """Turn what the answers refuse into one line."""
    try:
        yield
    except ValueError as error:
        raise Refused(str(error)) from None


def model_meant(documents: Documents, asked: str | None, model_file: Path | None = None) -> Model:
    """Return the model that was asked for: a reference model, or one of the caller's own.

    Raises
    ------
    Refused
        If no model, or more than one, is meant, or the file does not describe one.
    """
    from pipelines.derive.serving_names import known_models, model_spelled

    if (asked is None) == (model_file is None):
        raise Refused("give a MODEL or --model-file, one of the two")
    if model_file is not None:
        return own_model(model_file)
    assert asked is not None
    models = known_models(documents)
    spelled = model_spelled(documents, asked)
    return models[spelled or one_of("model", asked, models)]


def own_model(model_file: Path) -> Model:
    """Return the model that a configuration describes, or refuse the file in one line."""
    from pipelines.answers import own_files
    from pipelines.answers.foreign_file import ForeignFileError
    from warehouse.reference import ReferenceError

    try:
        return own_files.own_model(model_file)
    except (ForeignFileError, ReferenceError) as error:
        raise Refused(str(error)) from None


def gpu_meant(documents: Documents, asked: str | None) -> Gpu | None:
    """Return the GPU that was asked for, a variant and not a family, or None.

    Raises
    ------
    Refused
        If no GPU, or more than one, is meant.
    """
    if asked is None:
        return None
    from pipelines.derive.serving_names import known_gpus

    return known_gpus(documents)[one_gpu(documents, asked, is_exact=True)]


def with_own_gpus(
    documents: Documents, gpu_file: Path | None, asked: str | None
) -> tuple[Documents, str | None]:
    """Return the documents with the GPUs of a file, and the GPU that is meant.

    A file of one GPU means that one.

    Raises
    ------
    Refused
        If the file is not of the form of the reference data.
    """
    if gpu_file is None:
        return documents, asked
    from pipelines.answers.foreign_file import ForeignFileError
    from pipelines.answers.own_files import with_gpus
    from warehouse.reference import ReferenceError, read_gpus

    try:
        more = with_gpus(documents, gpu_file)
        added = {gpu.gpu_id for gpu in read_gpus(more)} - {
            gpu.gpu_id for gpu in read_gpus(documents)
        }
    except (ForeignFileError, ReferenceError) as error:
        raise Refused(str(error)) from None
    if asked is None and len(added) != 1:
        raise Refused(f"--gpu-file has {', '.join(sorted(added))}: choose one with --gpu")
    return more, asked or next(iter(added))
