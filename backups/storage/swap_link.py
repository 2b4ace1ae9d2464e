"""The exchange of a symbolic link: a new link, to the new tree, is renamed over the old one."""

from pathlib import Path

from .generations import mark
from .vault import sync_folder


class LinkSwap:
    """For a live path that is a symbolic link. The trees lie beside each other and never move; only the link does."""

    method = "link"

    def __init__(self, live: Path) -> None:
        self.live = live

    @property
    def tree(self) -> Path:
        """The tree the link leads to now."""
        return self.live.resolve()

    def staging(self, label: str) -> Path:
        return self.tree.parent / f"{_plain(self.live.name)}.portal-{label}"

    def previous(self, label: str) -> Path:  # noqa: ARG002 - the old tree stays where it is
        return self.tree

    def exchange(self, incoming: Path, outgoing: Path, generation: str) -> None:  # noqa: ARG002
        if self.tree == incoming.resolve():
            return
        mark(incoming, generation)
        fresh = self.live.with_name(f".{self.live.name}.portal-link")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(incoming)
        fresh.replace(self.live)
        sync_folder(self.live.parent)


def _plain(name: str) -> str:
    return name.partition(".portal-")[0]
