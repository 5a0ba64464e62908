"""Files appear whole or not at all, under names inside their folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from warehouse import files
from warehouse.files import OutsideFolderError, copy_file, inside, new_file, point_link, rename


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_an_error_in_the_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "a") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_nothing_is_seen_before_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with new_file(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_a_taken_name_is_replaced_kept_or_refused(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with new_file(target, existing="keep") as file:
        file.write(b"new")
    assert target.read_bytes() == b"old"
    with pytest.raises(FileExistsError), new_file(target, existing="refuse") as file:
        file.write(b"new")
    assert target.read_bytes() == b"old"
    files.write_text(target, "new")
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_the_temporary_folder_is_used_and_left_empty(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    with new_file(tmp_path / "b" / "a", temporary_folder=aside, existing="refuse") as file:
        file.write(b"x")
        file.flush()
        assert [path.suffix for path in aside.iterdir()] == [".tmp"]
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("existing", ["replace", "keep", "refuse"])
def test_content_is_flushed_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: files.Existing
) -> None:
    flushed: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{handle}").readlink().suffix or "folder")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with new_file(tmp_path / "day" / "a", existing=existing) as file:
        file.write(b"x")
    assert flushed == [".tmp", "folder", "folder"]


def test_a_link_moves_from_one_name_to_another(tmp_path: Path) -> None:
    for name in ("first", "second"):
        point_link(tmp_path / "newest", name)
        assert (tmp_path / "newest").readlink() == Path(name)
    assert [path.name for path in tmp_path.iterdir()] == ["newest"]


def test_a_folder_in_the_place_of_a_link_stays(tmp_path: Path) -> None:
    (tmp_path / "newest").mkdir()
    with pytest.raises(IsADirectoryError):
        point_link(tmp_path / "newest", "first")
    assert (tmp_path / "newest").is_dir()


def test_a_copy_and_a_rename_keep_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    copy_file(tmp_path / "a", tmp_path / "b")
    rename(tmp_path / "b", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"x" * 100
    assert names(tmp_path) == ["a", "c"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "."])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutsideFolderError, match="leads out of"):
        inside(tmp_path, name)


def test_a_symbolic_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    with pytest.raises(OutsideFolderError):
        inside(tmp_path / "in", "link/x")
    assert inside(tmp_path / "in", "a/b") == (tmp_path / "in" / "a" / "b")
