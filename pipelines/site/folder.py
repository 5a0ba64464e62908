"""The folder of the site: written beside the old one, which it then replaces.

A file whose content did not change is the old file, with its time: whoever copies the site to a
server copies only what moved. What the files say belongs to ``build``.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from warehouse.files import rename


@dataclass
class Folder:
    """A new folder of the site, and the old one.

    Parameters
    ----------
    path : Path
        The folder that is being written.
    old : Path
        The folder that it will replace; may be missing.
    changed : int
        Files so far that are new or differ from the old ones.
    """

    path: Path
    old: Path
    changed: int = 0

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file, or keep the old one where it says the same."""
        data = content.encode() if isinstance(content, str) else content
        earlier, target = self.old / name, self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_same(earlier, data):
            keep(earlier, target)
            return
        target.write_bytes(data)
        self.changed += 1


def is_same(path: Path, content: bytes) -> bool:
    """Return whether a file has this content; a link is no file."""
    return (
        path.is_file()
        and not path.is_symlink()
        and path.stat().st_size == len(content)
        and path.read_bytes() == content
    )


def keep(earlier: Path, target: Path) -> None:
    """Give a file a second name; copy it, with its time, on disks without such names."""
    try:
        os.link(earlier, target)
    except OSError:
        shutil.copy2(earlier, target)


def finish_swap(folder: Path) -> None:
    """Put the old site back where a run was killed between the two renames of ``swap``."""
    old = folder.with_name(f".{folder.name}.old")
    if old.is_dir() and not old.is_symlink() and not folder.exists():
        rename(old, folder)


def swap(fresh: Path, folder: Path) -> None:
    """Replace the old folder by the complete new one."""
    old = folder.with_name(f".{folder.name}.old")
    remove(old)
    if folder.exists():
        rename(folder, old)
    rename(fresh, folder)
    remove(old)


def remove(unfinished: Path) -> None:
    """Remove a folder that a run left; a link under its name, and not what it leads to."""
    if unfinished.is_symlink():
        unfinished.unlink()
    shutil.rmtree(unfinished, ignore_errors=True)
