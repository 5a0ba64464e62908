"""Where the data of one installation lie on disk.

Only names of folders and files belong here. Writing into them belongs to ``capture.landing``
and ``reading``, opening the databases to ``warehouse.database``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

HOME_VARIABLE = "TRUECOST_HOME"
PROJECT = Path(__file__).resolve().parents[1]
CARRIED = Path(__file__).parent / "carried"
"""Files of the project's root, which a wheel carries here."""
IS_CHECKOUT = not CARRIED.is_dir()
DEFAULT_ROOT = (
    Path(__file__).parent / "data"
    if IS_CHECKOUT
    else platformdirs.user_data_path("truecost", appauthor=False)
)


def project_file(name: str) -> Path:
    """Return a file of the project's root, such as its licence: in a checkout or in a wheel."""
    return (PROJECT if IS_CHECKOUT else CARRIED) / name


@dataclass(frozen=True)
class Home:
    """The data folder of one installation.

    Parameters
    ----------
    root : Path
        The folder that holds everything that a run writes.

    Examples
    --------
    >>> Home(Path("data")).build_database.as_posix()
    'data/build.duckdb'
    """

    root: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Home:
        """Return the home that ``TRUECOST_HOME`` names, else the default one.

        That is ``warehouse/data`` of a checkout; an installed wheel uses the user's data folder.


        Examples
        --------
        >>> Home.from_environment({"TRUECOST_HOME": "/srv/prices"}).root.as_posix()
        '/srv/prices'
        """
        named = environment.get(HOME_VARIABLE, "").strip()
        return cls(Path(named).expanduser().absolute() if named else DEFAULT_ROOT)

    @property
    def landing(self) -> Path:
        """The bytes as they came: immutable; a program packs them, and never loses one."""
        return self.root / "landing"

    @property
    def observations(self) -> Path:
        """What the parsers read in the bytes; can be rebuilt from landing."""
        return self.root / "observations"

    @property
    def build_database(self) -> Path:
        """The file that only the build job opens."""
        return self.root / "build.duckdb"

    @property
    def own_calibration(self) -> Path:
        """What was learnt from own measurements, if anything."""
        return self.root / "own_calibration.json"

    @property
    def build_before(self) -> Path:
        """The previous build file, kept while a rebuild makes a new one."""
        return self.root / "build.before.duckdb"

    @property
    def published(self) -> Path:
        """The folder of published files and their pointer."""
        return self.root / "published"

    @property
    def site(self) -> Path:
        """The pages made from the published file."""
        return self.root / "site"

    @property
    def locks(self) -> Path:
        """Advisory locks between processes."""
        return self.root / "locks"
