"""The data folder: links in place of our files, other users, kills, and folders that say no."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.answers import package
from pipelines.cli import truecost
from pipelines.site.build import (
    NotASiteFolderError,
    build_site,
    finish_swap,
    refuse_other_folder,
    swap,
)
from tests.conftest import BuildOnce
from tests.pipelines.commands.conftest import publish_days
from tests.pipelines.site.conftest import NOW, publish_by_hand
from warehouse import database, files
from warehouse.paths import Home


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Return a file of somebody else, which every test must leave as it is."""
    path = tmp_path / "precious"
    path.write_text("precious")
    return path


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe"])
@pytest.mark.parametrize("work", ["build", "publish", "site"])
def test_what_stands_in_place_of_a_lock_is_refused(
    tmp_path: Path, precious: Path, work: str, kind: str
) -> None:
    home = Home(tmp_path / "home")
    lock = home.locks / work
    home.locks.mkdir(parents=True)
    {
        "link": lambda: lock.symlink_to(precious),
        "dangling link": lambda: lock.symlink_to(tmp_path / "made"),
        "folder": lock.mkdir,
        "pipe": lambda: os.mkfifo(lock),
    }[kind]()
    for take in (database.exclusive, database.wait_for):
        with pytest.raises(database.DataFolderError, match="is not a lock file"):
            with_lock(take, home, work)
    assert precious.read_text() == "precious"
    assert not (tmp_path / "made").exists()


def with_lock(take: Callable[..., object], home: Home, work: str) -> None:
    held = take(home, work)
    if held is not None:
        with held:  # type: ignore[attr-defined]
            pass


def test_a_lock_names_its_holder_and_is_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for _ in range(2):
        with database.exclusive(home, "build"):
            assert (home.locks / "build").read_text() == str(os.getpid())
    assert stat.S_IMODE((home.locks / "build").stat().st_mode) == 0o600


def test_a_new_home_is_private_and_a_shared_one_stays_shared(tmp_path: Path) -> None:
    new, empty, shared = (tmp_path / name for name in ("a/new", "empty", "shared"))
    empty.mkdir(mode=0o755)
    (shared / "site").mkdir(parents=True)
    shared.chmod(0o755)
    for folder in (new, empty, shared):
        with database.open_build(Home(folder)):
            pass
    modes = [stat.S_IMODE(folder.stat().st_mode) for folder in (new, empty, shared)]
    assert modes == [0o700, 0o700, 0o755]


@pytest.mark.parametrize("existing", ["replace", "keep", "refuse"])
def test_a_link_under_a_temporary_name_is_not_written_through(
    tmp_path: Path, precious: Path, existing: files.Existing
) -> None:
    (tmp_path / ".out.csv.tmp").symlink_to(precious)
    with files.new_file(tmp_path / "out.csv", existing=existing) as file:
        file.write(b"ours")
    assert precious.read_text() == "precious"
    assert (tmp_path / "out.csv").read_bytes() == b"ours"
    assert not (tmp_path / "out.csv").is_symlink()


# ------------------------------------------------------------------------ kills between the steps


@pytest.fixture
def ask(build_once: BuildOnce, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a way to run the command on the published home that the tests of commands share."""
    home = Home(build_once("answers", publish_days) / "home")
    monkeypatch.setenv("TRUECOST_HOME", str(home.root))
    return lambda *arguments: CliRunner().invoke(truecost, list(map(str, arguments)))


class Killed(BaseException):
    """Stands for a kill: no code handles it."""


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("renames", [None, 0, 1, 3])
def test_a_killed_package_can_be_repeated(
    ask: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    renames: int | None,
    is_first: bool,
) -> None:
    """Killed while tables are written (None), or after some parts were moved to their place."""
    asked = ("package", "--out", tmp_path / "out", "--table", "core.gpu")
    if not is_first:
        assert ask(*asked).exit_code == 0
    rename, count = Path.rename, 0

    def dying(self: Path, target: Path) -> Path:
        nonlocal count
        if count == renames:
            raise Killed
        count += 1
        return rename(self, target)

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if renames is None:
            patch.setattr(package, "package", dies)
        else:
            patch.setattr(Path, "rename", dying)
        with pytest.raises(Killed):
            CliRunner().invoke(truecost, list(map(str, asked)), standalone_mode=False)
    assert ask(*asked).exit_code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"data", "datapackage.json", "CITATION.cff"} <= names
    assert package.UNFINISHED not in names


@pytest.mark.parametrize("described", ["{}", "[]", "{", '{"name": "mine"}'])
def test_a_package_of_somebody_else_is_not_replaced(
    ask: Callable[..., Result], tmp_path: Path, described: str
) -> None:
    (tmp_path / "out" / "data").mkdir(parents=True)
    (tmp_path / "out" / "data" / "mine.csv").write_text("mine")
    (tmp_path / "out" / "datapackage.json").write_text(described)
    result = ask("package", "--out", tmp_path / "out", "--table", "core.gpu")
    assert (result.exit_code, "something else" in result.stderr) == (2, True)
    assert (tmp_path / "out" / "data" / "mine.csv").read_text() == "mine"


def test_a_site_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    for name in ("site.js", "theme.js"):
        (tmp_path / "site" / "assets").mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / "assets" / name).write_text("mine")
    with pytest.raises(NotASiteFolderError, match="other things"):
        refuse_other_folder(tmp_path / "site")


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return publish_by_hand(Home(tmp_path_factory.mktemp("small")))


@pytest.mark.parametrize("kind", ["new", "old"])
def test_a_link_in_place_of_an_unfinished_site_is_not_written_through(
    small_home: Home, tmp_path: Path, kind: str
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "mine").write_text("mine")
    (tmp_path / f".site.{kind}").symlink_to(precious)
    build_site(small_home, tmp_path / "site", now=NOW.replace(tzinfo=UTC))
    assert [path.name for path in precious.iterdir()] == ["mine"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "site"]


def test_a_site_killed_between_its_renames_comes_back(tmp_path: Path) -> None:
    site, fresh = tmp_path / "site", tmp_path / ".site.new"
    site.mkdir()
    (site / "index.html").write_text("old")
    site.rename(tmp_path / ".site.old")  # killed here
    finish_swap(site)
    assert (site / "index.html").read_text() == "old"
    fresh.mkdir()
    (fresh / "index.html").write_text("new")
    swap(fresh, site)
    finish_swap(site)
    assert (site / "index.html").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]
    shutil.rmtree(site)
