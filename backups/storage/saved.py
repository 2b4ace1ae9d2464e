"""What came of storing the uploaded files."""

from dataclasses import dataclass, field
from typing import Any

from .documents_found import LeftOut
from .stored import Stored

NAMED = 100


@dataclass
class DocumentsSaved:
    """What a backup holds of the uploaded files, in bytes; `packs` are all that the manifest names, old and new."""

    files_count: int = 0
    files_bytes: int = 0
    folders_count: int = 0
    changed_count: int = 0
    left_out: dict[str, int] = field(default_factory=lambda: {"links": 0, "devices": 0, "unreadable": 0})
    left_out_names: list[str] = field(default_factory=list)
    packs: list[Stored] = field(default_factory=list)
    stored_bytes: int = 0

    @property
    def left_out_count(self) -> int:
        return sum(self.left_out.values())

    def leave_out(self, one: LeftOut) -> None:
        self.left_out[one.why] += 1
        if len(self.left_out_names) < NAMED:
            self.left_out_names.append(one.path)

    def as_end(self) -> dict[str, Any]:
        """Its part of a manifest's end line."""
        names = ("files_count", "files_bytes", "folders_count", "changed_count", "left_out", "left_out_names")
        return {
            "packs": [[one.name, one.size, one.sha256] for one in self.packs],
            **{name: getattr(self, name) for name in names},
            "stored_bytes": self.stored_bytes,
        }
