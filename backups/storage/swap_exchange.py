"""The exchange of an ordinary directory: two names change places in one system call."""

import ctypes
import errno
import os
from pathlib import Path

from .generations import generation_at, mark
from .vault import sync_folder

AT_FDCWD = -100
RENAME_EXCHANGE = 2


class ExchangeSwap:
    """For a directory whose parent may be written and lies on the same disk."""

    method = "exchange"

    def __init__(self, live: Path) -> None:
        self.live = live

    def staging(self, label: str) -> Path:
        return self.live.parent / f".{self.live.name}.portal-in-{label}"

    def previous(self, label: str) -> Path:
        return self.live.parent / f".{self.live.name}.portal-was-{label}"

    def exchange(self, incoming: Path, outgoing: Path, generation: str) -> None:
        if generation_at(self.live) != generation:
            mark(incoming, generation)
            self._exchange_names(incoming)
        # Now, or after a kill before which that was done, the old tree lies where the new one was, or aside.
        for place in (incoming, self.aside):
            if place != outgoing and place.exists():
                place.rename(outgoing)
        sync_folder(self.live.parent)

    @property
    def aside(self) -> Path:
        return self.live.parent / f".{self.live.name}.portal-aside"

    def _exchange_names(self, incoming: Path) -> None:
        """In one step, or, where the file system cannot do that, in two, between which nothing is live."""
        if self.live.exists():
            if exchange_at_once(incoming, self.live):
                return
            self.live.rename(self.aside)
        incoming.rename(self.live)


def exchange_at_once(one: Path, other: Path) -> bool:
    """Let two paths change places in one system call. False: this system or file system has no such call."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    if library.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))
