"""The search finds what the commands find: the script of the pages folds names as they do."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.site.assets import ASSETS
from pipelines.site.names import START
from warehouse.reference.gpu_names import plain

from .conftest import EVIL

NODE = shutil.which("node")
TYPED = (
    "H100 SXM5 80 GiB", "NVIDIA GeForce RTX 4090", "gh200 480GB", "L40 S", "MI300X HBM3e",
    "a100-80g", "Google TPU v5e", "H100 80GB HBM3", "rtx pro 6000", "", "  ", "h100 sxm",
    "GDDR6X 24gib x 2",
)  # fmt: skip


def in_node(script: str, *given: object) -> object:
    """Return what a script prints as JSON, with the search loaded as ``search``."""
    assert NODE is not None
    program = f"const search = require({json.dumps(str(ASSETS / 'search.js'))});{script}"
    asked = subprocess.run(
        [NODE, "-e", program, json.dumps(given)], capture_output=True, text=True, check=True
    )
    return json.loads(asked.stdout)


def names_of(site: Path) -> list[list[str]]:
    text = (site / "assets" / "names.js").read_text(encoding="utf-8")
    names: list[list[str]] = json.loads(text.removeprefix(START).removesuffix(";\n"))
    return names


@pytest.mark.skipif(NODE is None, reason="no Node.js here")
def test_names_are_folded_as_the_commands_fold_them() -> None:
    script = "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(search.plain)))"
    assert in_node(script, *TYPED) == [plain(name) for name in TYPED]


@pytest.mark.skipif(NODE is None, reason="no Node.js here")
@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("h100 sxm", "H100 SXM 80 GB"), ("HGX H100", "H100 SXM 80 GB"), ("l4", "L4 24 GB"),
        ("llama 70b", "Llama 3.1 70B"), ("alpha", "Alpha Cloud"), ("ALPHA cloud", "Alpha Cloud"),
        ("h100 vs l4", "H100 SXM 80 GB against L4 24 GB"),
        ("L4 or hgx h100", "H100 SXM 80 GB against L4 24 GB"),
    ],
)  # fmt: skip
def test_what_people_type_is_found(site: Path, typed: str, first: str) -> None:
    script = (
        "const [names, typed] = JSON.parse(process.argv[1]);"
        "console.log(JSON.stringify(search.found(names, typed)))"
    )
    found = in_node(script, names_of(site), typed)
    assert isinstance(found, list)
    assert found[0][0] == first


def test_every_name_leads_to_a_page(site: Path) -> None:
    names = names_of(site)
    assert {kind for _, kind, _, _ in names} == {"GPU", "model", "provider", "comparison"}
    for _, _, href, _ in names:
        assert (site / href.split("?")[0].split("#")[0]).is_file(), href
    assert EVIL in {label for label, _, _, _ in names}
