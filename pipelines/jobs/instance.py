"""Where Dagster finds its settings and keeps its state.

Imports no Dagster, so that ``truecost ui`` starts quickly; running jobs belongs to ``runner``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.paths import (
    DEFAULT_ROOT,
    HOME_VARIABLE,
    IS_CHECKOUT,
    PROJECT,
    Home,
    project_file,
)

STATE_VARIABLE = "TRUECOST_DAGSTER_STATE"
MODULE = "pipelines.definitions"  # what the pages of Dagster load
UI_NOTE = "ui.json"  # in the folder of the state: where `truecost ui` answers, and its process


def prepare_instance(home: Home) -> Path:
    """Select a data folder and its Dagster instance, through the environment of this process.

    The data folder of a checkout keeps the state of Dagster in ``.dagster/`` beside it, any other
    inside itself, so that two data folders never mix their runs. All share ``dagster.yaml``.

    Parameters
    ----------
    home : Home
        The data folder.

    Returns
    -------
    Path
        The folder of the state, which exists afterwards.
    """
    is_default = IS_CHECKOUT and home.root == DEFAULT_ROOT
    state = PROJECT / ".dagster" if is_default else home.root / "dagster"
    state.mkdir(parents=True, exist_ok=True)
    os.environ[HOME_VARIABLE] = str(home.root)
    os.environ[STATE_VARIABLE] = str(state)
    os.environ["DAGSTER_HOME"] = str(project_file("dagster.yaml").parent)
    return state


@contextmanager
def noted_ui(port: int) -> Iterator[None]:
    """Note for other processes that the pages of Dagster answer on a port, while they do."""
    note = Path(os.environ[STATE_VARIABLE]) / UI_NOTE
    note.write_text(json.dumps({"port": port, "process": os.getpid()}), encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def ui_address() -> str | None:
    """Return the address of the pages of Dagster of this data folder; None where none answer."""
    try:
        text = (Path(os.environ[STATE_VARIABLE]) / UI_NOTE).read_text(encoding="utf-8")
        note = json.loads(text)
        os.kill(int(note["process"]), 0)  # signal 0 only tests that the process exists
        return f"http://127.0.0.1:{int(note['port'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return None
