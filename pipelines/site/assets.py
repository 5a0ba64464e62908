"""The scripts and styles that all pages share."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from pipelines.site.folder import Folder
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


def write_assets(files: Folder, other_site: Path, names: str) -> set[str]:
    """Write the scripts and styles.

    Parameters
    ----------
    files : Folder
        The folder of the site.
    other_site : Path
        A site whose script bundle is taken where the earlier site has none of the same version:
        making one takes seconds.
    names : str
        The script that holds all names, for the search.

    Returns
    -------
    set of str
        The name of each.
    """
    themes = {"light": vega_config(False), "dark": vega_config(True)}
    contents = {path.name: path.read_bytes() for path in ASSETS.iterdir()} | {
        "names.js": names.encode(),
        THEME: f"{THEME_START}{json.dumps(themes)};\n".encode(),
    }
    made = [site / "assets" / bundle_name() for site in (files.old, other_site)]
    earlier = next((path for path in made if path.is_file()), None)
    contents[bundle_name()] = earlier.read_bytes() if earlier else bundle().encode()
    for name, content in contents.items():
        files.write(f"assets/{name}", content)
    return set(contents)
