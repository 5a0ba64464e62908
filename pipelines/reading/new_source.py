"""The files of a new source: a copy of the template, and a fixture folder that it reads.

What is asked and how it is read is then written by a person (docs/how-to/source.md).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from pipelines.sources import _template, all_sources
from pipelines.sources.fixtures import EXPECTED, LISTING
from warehouse.files import new_file

ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
ANSWER = {"instances": [{"id": "h100x8", "gpu": "H100 SXM", "gpus": 8, "usd": "23.92"}]}


class NewSourceError(ValueError):
    """A source that cannot be made; one line that says why."""


def new_source(source_id: str, project: Path) -> list[Path]:
    """Write the module of a source and its fixture folder, and return what was written.

    Parameters
    ----------
    source_id : str
        Lower case letters, digits and ``_``, a letter first.
    project : Path
        The folder of the checkout.

    Raises
    ------
    NewSourceError
        If the id is no name of a module, is taken, or the folder is no checkout.
    """
    if not ID.fullmatch(source_id):
        raise NewSourceError(f"{source_id!r} is not lower case letters, digits and _")
    if source_id in all_sources():
        raise NewSourceError(f"there is a source {source_id!r} already")
    module = project / "pipelines" / "sources" / f"{source_id}.py"
    fixtures = project / "tests" / "fixtures" / "sources"
    if not fixtures.is_dir():
        raise NewSourceError(f"{project} is no checkout: it has no tests/fixtures/sources")
    answer = {
        "key": "instances",
        "url": _template.URL,
        "file": "instances.json",
        "content_type": "application/json",
    }
    template = Path(_template.__file__).read_text(encoding="utf-8")
    texts = {
        module: re.sub(r'(?<=source_id=")_template(?=")', source_id, template),
        fixtures / source_id / LISTING: json.dumps([answer], indent=1) + "\n",
        fixtures / source_id / answer["file"]: json.dumps(ANSWER, indent=1) + "\n",
        fixtures / source_id / EXPECTED: "[]\n",
    }
    for path in texts:
        if path.exists():
            raise NewSourceError(f"{path} exists already")
    for path, text in texts.items():
        with new_file(path, existing="refuse") as file:
            file.write(text.encode())
    return list(texts)
