"""Uploaded archives: looked at to the end, then written where they belong. Nothing in them is believed twice."""

import hashlib
from pathlib import Path
from typing import BinaryIO, Protocol

from .destination import explained
from .documents_store import FilesWriter
from .extract_inspect import Dump, Inspection, Opened, inspect
from .extract_layout import DUMP, TREE
from .extract_names import Seen, check_length, foreign_offence, plain_path
from .extract_refusals import refusal
from .extract_stream import Beat, Limits, Member

__all__ = ["Dump", "Inspection", "Limits", "extract", "inspect"]


class Writable(Protocol):
    def write(self, block: bytes, /) -> object: ...


def extract(
    file: BinaryIO,
    into: FilesWriter,
    limits: Limits,
    *,
    inspection: Inspection,
    beat: Beat,
    dump_into: Writable | None = None,
) -> None:
    """Write an inspected archive's uploaded files, and its dump, if it has one, to `dump_into`.

    What was written before a refusal stays and is the caller's to remove.

    Raises: UploadRefused (changed, when the bytes are not those inspected; and all that inspect() raises), and what
    writing there raises.
    """
    if inspection.written_names and inspection.written is None:
        inspection = inspect(file, limits, beat=beat, allow_empty=True)
    opened = Opened(file, limits, beat)
    extraction = _Extraction(inspection, limits, into, dump_into)
    for member in opened.members():
        extraction.meet(member)
    if opened.source.end() != inspection.sha256:
        raise refusal("changed")


def extract_dump(file: BinaryIO, limits: Limits, *, into: Path, inspection: Inspection, beat: Beat) -> None:
    """Write the dump of an inspected full backup to a new file. Raises: UploadRefused (changed, …), UnpackFailed."""
    assert inspection.dump
    sha256 = hashlib.sha256()
    for member in Opened(file, limits, beat).members():
        if plain_path(member.name, limits, is_folder=member.is_folder) == DUMP:
            with explained(member.name), into.open("xb") as target:
                for piece in member.content:
                    sha256.update(piece)
                    target.write(piece)
            break
    if sha256.hexdigest() != inspection.dump.sha256:
        raise refusal("changed")


class _Extraction:
    """One archive on its way into a folder, by the rules of the kind that its inspection found."""

    def __init__(
        self, inspection: Inspection, limits: Limits, destination: FilesWriter, dump_into: Writable | None
    ) -> None:
        self._inspection, self._limits, self._seen = inspection, limits, Seen(limits)
        self._destination, self._dump_into = destination, dump_into

    def meet(self, member: Member) -> None:
        path = plain_path(member.name, self._limits, is_folder=member.is_folder)
        target = self._target(path, member)
        if target:
            self._write(target, member)
        elif path == DUMP and self._inspection.dump and self._dump_into:
            with explained(member.name):
                for piece in member.content:
                    self._dump_into.write(piece)

    def _target(self, path: str, member: Member) -> bytes:
        """Where it belongs; empty for what is no uploaded file."""
        inspection = self._inspection
        if not path.startswith(inspection.root) or not path:
            return b""
        code = None if inspection.has_metadata else foreign_offence(path.removeprefix(TREE))
        if code:
            raise refusal(code, member.name)
        target = (
            inspection.written.original(path) if inspection.written else path.removeprefix(inspection.root).encode()
        )
        check_length(target, self._limits)
        return target

    def _write(self, target: bytes, member: Member) -> None:
        clash = self._seen.meet(target.decode("utf-8", "surrogateescape"), is_folder=member.is_folder)
        if clash and not self._inspection.has_metadata:
            raise refusal(clash, target)
        if member.is_folder:
            self._destination.make_folder(target)
        else:
            self._destination.write_file(target, member.content)
