"""The scripts and styles that all pages share."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from pipelines.site.theme import vega_config

ASSETS = Path(__file__).parent / "assets"
THEME, THEME_START = "theme.js", "window.truecostTheme = "


def bundle_name() -> str:
    """Return the file name of the script bundle, which contains its version."""
    return f"vega-{version('vl-convert-python')}.js"


@cache
def bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    return vl_convert.javascript_bundle()  # type: ignore[call-arg]  # stub lacks the default


def is_theme(path: Path) -> bool:
    """Return whether a file is the theme of a site of ours."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(THEME_START)) == THEME_START.encode()


def write_assets(folder: Path, earlier_sites: Sequence[Path], names: str) -> dict[str, int]:
    """Write the scripts and styles.

    Parameters
    ----------
    folder : Path
        Where to write them.
    earlier_sites : sequence of Path
        Sites whose script bundle is copied if it has the same version: making one takes seconds.
    names : str
        The script that holds all names, for the search.

    Returns
    -------
    dict of str to int
        The size of each by its name. [byte]
    """
    for path in ASSETS.iterdir():
        shutil.copyfile(path, folder / path.name)
    (folder / "names.js").write_text(names, encoding="utf-8")
    themes = {"light": vega_config(False), "dark": vega_config(True)}
    (folder / THEME).write_text(f"{THEME_START}{json.dumps(themes)};\n", encoding="utf-8")
    made = [site / "assets" / bundle_name() for site in earlier_sites]
    for earlier in made:
        if earlier.exists():
            shutil.copyfile(earlier, folder / bundle_name())
            break
    else:
        (folder / bundle_name()).write_text(bundle(), encoding="utf-8")
    return {path.name: path.stat().st_size for path in folder.iterdir()}
