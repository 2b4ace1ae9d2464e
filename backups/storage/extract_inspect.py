"""Looks at an uploaded archive to its very end, before anything is touched."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, BinaryIO, Self

from ..errors import UploadRefused
from .extract_gzip import Gunzip
from .extract_layout import DUMP, METADATA, NAMES, TREE, Layout, WrittenNames, read_metadata
from .extract_names import Seen, check_length, foreign_offence, plain_path
from .extract_refusals import refusal
from .extract_stream import Beat, Limits, Member, Source, Tally
from .extract_tar import tar_members
from .extract_zip import zip_members
from .extract_zip_end import has_end
from .recognise import HEAD, FileKind, recognise, recognise_head, require_archive, require_dump
from .recognise_dump import DumpHeader, FormatByte

MOST_LONG_NAMES = 1_000


@dataclass(frozen=True)
class Dump:
    """The database dump inside a full backup."""

    bytes: int
    sha256: str
    header: DumpHeader


@dataclass(frozen=True)
class Inspection:
    """What an archive brings. `files`, `folders` and `bytes` are those of the uploaded files below `root`.

    `entries` and `unpacked_bytes` count everything in it; `packed_bytes` is its own size.
    """

    kind: FileKind
    entries: int
    files: int
    folders: int
    bytes: int
    unpacked_bytes: int
    packed_bytes: int
    root: str
    metadata: dict[str, Any] | None
    dump: Dump | None
    written_names: int
    sha256: str
    written: WrittenNames | None = field(default=None, repr=False, compare=False)

    @property
    def has_metadata(self) -> bool:
        """Whether it is one of our own archives, whose names may be any."""
        return self.metadata is not None

    def to_json(self) -> dict[str, Any]:
        """All of it but the names, fit to be stored."""
        return asdict(replace(self, written=None))

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        dump = said["dump"]
        if dump is not None:
            header = dump["header"]
            fields = {"version": tuple(header["version"]), "form": FormatByte(header["form"])}
            dump = Dump(dump["bytes"], dump["sha256"], DumpHeader(**{**header, **fields}))
        return cls(**{**said, "kind": FileKind(said["kind"]), "dump": dump})


class Opened:
    """An archive with its members, its kind told by its content. Raises: UploadRefused."""

    def __init__(self, file: BinaryIO, limits: Limits, beat: Beat) -> None:
        self.source = Source(file, beat)
        recognised = recognise(file)
        if recognised.kind is FileKind.UNKNOWN and has_end(self.source):
            raise refusal("junk-before")
        self.kind = require_archive(recognised)
        self.tally = Tally(limits, self.source)

    def members(self) -> Iterator[Member]:
        if self.kind is FileKind.ZIP:
            return zip_members(self.source, self.tally)
        packed = self.kind is FileKind.TAR_GZ
        return tar_members(Gunzip(self.source, self.tally) if packed else self.source, self.tally)


def inspect(file: BinaryIO, limits: Limits, *, beat: Beat, allow_empty: bool = False) -> Inspection:
    """Read an archive to its end and say what it brings.

    `file` is a private file that nobody else can write to, with a descriptor; its position is neither used nor moved.
    `beat` is called with the bytes read and the bytes there are, often. Raises: UploadRefused.
    """
    opened = Opened(file, limits, beat)
    look = Look(limits)
    for member in opened.members():
        look.meet(member)
    look.conclude(allow_empty=allow_empty)
    counted = look.below_tree if look.layout.root else look.all
    return Inspection(
        kind=opened.kind,
        entries=opened.tally.entries,
        files=counted.files,
        folders=counted.folders,
        bytes=counted.bytes,
        unpacked_bytes=opened.tally.unpacked_bytes,
        packed_bytes=opened.source.size,
        root=look.layout.root,
        metadata=look.layout.metadata if look.layout.is_ours else None,
        dump=look.dump,
        written_names=look.written.count if look.layout.is_ours else 0,
        sha256=opened.source.end(),
        written=look.written if look.layout.is_ours else None,
    )


@dataclass
class Count:
    files: int = 0
    folders: int = 0
    bytes: int = 0

    def add(self, member: Member) -> None:
        self.files += not member.is_folder
        self.folders += member.is_folder
        self.bytes += member.size


class Look:
    """What was seen of an archive so far."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.layout, self._seen, self.written = Layout(), Seen(limits), WrittenNames(limits)
        self.all, self.below_tree = Count(), Count()
        self.dump: Dump | None = None
        self._dump_head, self._dump_sum, self._dump_bytes = b"", "", 0
        self._long_names: list[tuple[str, UploadRefused]] = []

    def meet(self, member: Member) -> None:
        path = plain_path(member.name, self._limits, is_folder=member.is_folder)
        self.layout.meet(path, is_folder=member.is_folder)
        if not path:
            return
        self._check_name(path, member)
        self.all.add(member)
        if path.startswith(TREE):
            self.below_tree.add(member)
        if self.layout.may_be_ours:
            self._read(path, member.content)

    def _check_name(self, path: str, member: Member) -> None:
        code = foreign_offence(path.removeprefix(TREE))
        if code:
            self.layout.forgive(refusal(code, member.name))
        try:
            check_length(path.removeprefix(TREE).encode(), self._limits)
        except UploadRefused as offence:
            self._meet_long_name(path, offence)
        clash = self._seen.meet(path, is_folder=member.is_folder)
        if clash:
            self.layout.forgive(refusal(clash, path))

    def _meet_long_name(self, path: str, offence: UploadRefused) -> None:
        """A name written with percents is up to three times as long as the one it stands for."""
        if "%" not in path or len(path) > 3 * self._limits.path_bytes or len(self._long_names) >= MOST_LONG_NAMES:
            raise offence
        self.layout.forgive(offence)
        self._long_names.append((path, offence))

    def _read(self, path: str, content: Iterable[bytes]) -> None:
        if path == METADATA:
            self.layout.metadata = read_metadata(content)
        elif path == DUMP:
            self._read_dump(content)
        elif path == NAMES:
            self._read_names(content)

    def _read_dump(self, content: Iterable[bytes]) -> None:
        checksum = hashlib.sha256()
        for piece in content:
            checksum.update(piece)
            self._dump_bytes += len(piece)
            self._dump_head = self._dump_head or piece[:HEAD]
        self._dump_sum = checksum.hexdigest()

    def _read_names(self, content: Iterable[bytes]) -> None:
        try:
            self.written.read(content)
        except UploadRefused as offence:
            if offence.code != "names-list":
                raise
            self.layout.forgive_unless_ours(offence)

    def conclude(self, *, allow_empty: bool) -> None:
        """Everything was met. Raises: UploadRefused for what only the whole tells."""
        self.layout.conclude()
        for path, offence in self._long_names:
            if not self.written.holds(path):
                raise offence
        if self.layout.root and self.layout.has_dump:
            header = require_dump(recognise_head(self._dump_head))
            self.dump = Dump(self._dump_bytes, self._dump_sum, header)
        counted = self.below_tree if self.layout.root else self.all
        if not counted.files and not self.dump and not allow_empty:
            raise refusal("empty")
