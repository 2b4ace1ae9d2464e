"""The three ways in which a new tree takes the place of an app's uploaded files; registration names the one.

*exchange* for an ordinary directory: one system call. *link* for a symbolic link: a new link renamed over the old.
*contents* for what cannot be renamed (a mount point, the source of another mount): entries out, then entries in.
Each may be called again after a kill at any point, and then goes on where it was.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from .generations import OWN
from .mounts import is_source_of_a_mount
from .swap_contents import ContentsSwap
from .swap_exchange import ExchangeSwap
from .swap_link import LinkSwap


class FileSwap(Protocol):
    """How one directory of uploaded files is exchanged."""

    method: str

    def staging(self, label: str) -> Path:
        """Where a new tree is built: on the same disk as the live one. Not made yet."""

    def previous(self, label: str) -> Path:
        """Where the tree that leaves will lie after the exchange that has this label."""

    def exchange(self, incoming: Path, outgoing: Path, generation: str) -> None:
        """Put the tree `incoming` in the live one's place and the live one at `outgoing`. Safe to call again.

        The app is stopped. `incoming` is any whole tree of this place: a staging, or an earlier `outgoing`.

        Raises:
            OSError: nothing changed, or calling again goes on where it was.
        """


def choose_swap(live: Path) -> FileSwap:
    """The way for this directory, by what it is now."""
    if live.is_symlink():
        return LinkSwap(live)
    parent = live.parent
    is_fixed = (
        os.path.ismount(live)
        or live.stat().st_dev != parent.stat().st_dev
        or not os.access(parent, os.W_OK | os.X_OK)
        or is_source_of_a_mount(live)
    )
    return ContentsSwap(live) if is_fixed else ExchangeSwap(live)


def make_tree(path: Path, like: Path) -> None:
    """An empty folder with the owner, group and mode of another one."""
    facts = like.stat()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700)
    if (facts.st_uid, facts.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(path, facts.st_uid, facts.st_gid)
    path.chmod(facts.st_mode & 0o7777)


def discard(tree: Path, beat: Callable[[], None] = lambda: None) -> None:
    """Remove a tree that is not live. Nothing there is no error; what cannot be removed is."""
    if tree.is_symlink() or not tree.exists():
        return
    for _, folders, files, handle in os.fwalk(os.fsencode(tree), topdown=False):
        with suppress(PermissionError):  # it may be shut against its own owner
            os.fchmod(handle, 0o700)
        for name in files:
            os.unlink(name, dir_fd=handle)
            beat()
        for name in folders:
            if stat.S_ISLNK(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=handle)
            else:
                os.rmdir(name, dir_fd=handle)
    tree.rmdir()
    if tree.parent.name == OWN and not any(tree.parent.iterdir()):
        tree.parent.rmdir()
