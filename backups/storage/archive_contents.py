"""Reads files in the order of their rows: neighbours that lie side by side in a pack come with one read."""

from collections.abc import Iterator

from backports.zstd import ZstdDecompressor, ZstdError

from ..errors import StoredDiffers
from .archive_parts import Piece, checked
from .archive_rows import Rows
from .columns import FileColumns
from .manifest import ManifestReader
from .packs import PackReader
from .vault import Vault

# Blocks are small and many, because neighbours may lie in as many packs as there were backups.
BLOCK, BLOCKS = 128 << 10, 32
PIECE = 256 << 10
WINDOW = 512 << 10
MOST_PLAIN = 512 << 10
GAP = 32 << 10
LOOKED_AT = 256
NO_WINDOW = memoryview(b"")


class RowReader(PackReader):
    """Reads files whole or in part, fastest when asked row after row. For one thread; holds 6 MiB at most.

    `is_checked`: a whole file is compared with its CRC-32, and its last piece comes only when it fits.
    """

    def __init__(self, vault: Vault, manifest: ManifestReader, *, is_checked: bool) -> None:
        super().__init__(vault, block=BLOCK, blocks=BLOCKS)
        self._manifest, self._is_checked = manifest, is_checked
        self._number, self._start, self._window = -1, 0, NO_WINDOW

    def read(self, rows: Rows, row: int, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """A file's plain bytes from `start` up to `stop`. Raises, while read, as `content`."""
        files, size = rows.files, rows.sizes[row]
        start, stop = max(start, 0), size if stop is None else min(stop, size)
        if start >= stop or files is None:
            return iter(())
        is_whole = (start, stop) == (0, size)
        plain = self._side_by_side(files, row) if is_whole and size <= MOST_PLAIN else None
        pieces = self._alone(files, row, start, stop) if plain is None else iter((plain,))
        return checked(pieces, files.crc32[row], files.path[row]) if is_whole and self._is_checked else pieces

    def _alone(self, files: FileColumns, row: int, start: int, stop: int) -> Iterator[Piece]:
        record = files.record(row)
        name = self._manifest.pack_name(record.pack)
        if record.size < PIECE or sum(record.stored_lengths) != record.size:
            return self.content(name, record, start, stop)
        place = self._find(name, record.offset)  # no frame of it is compressed: a compressed one is shorter
        return self._vault.stream(place.pack, place.offset + start, stop - start, PIECE)

    def _side_by_side(self, files: FileColumns, row: int) -> Piece | None:
        """A whole file out of the window, which is moved there when that is worth it."""
        number, offset, stored, size = files.pack[row], files.offset[row], files.frames[row], files.size[row]
        if not isinstance(stored, int):
            return None
        at = offset - self._start
        if number != self._number or at < 0 or at + stored > len(self._window):
            if not self._move(files, row):
                return None
            at = 0
        frame = self._window[at : at + stored]
        return frame if stored == size else self._thawed(frame, size, number)

    def _move(self, files: FileColumns, row: int) -> bool:
        """Read this file and those behind it, unless it lies alone, or not where it lay."""
        number, start = files.pack[row], files.offset[row]
        stop = self._end_of_neighbours(files, row)
        name = self._manifest.pack_name(number)
        if stop == start or tuple(self._find(name, start)) != (name, start):
            return False
        self._window = NO_WINDOW
        content = b"".join(self._vault.stream(name, start, stop - start, WINDOW))
        self._number, self._start, self._window = number, start, memoryview(content)
        return True

    def _end_of_neighbours(self, files: FileColumns, row: int) -> int:
        number, start = files.pack[row], files.offset[row]
        end, count = start, 0
        for other in range(row, min(row + LOOKED_AT, len(files.pack))):
            offset, stored = files.offset[other], files.frames[other]
            if files.pack[other] != number or not isinstance(stored, int) or not 0 <= offset - end <= GAP:
                continue
            if offset + stored - start > WINDOW:
                break
            end, count = offset + stored, count + 1
        return end if count > 1 else start

    def _thawed(self, frame: memoryview, size: int, number: int) -> bytes:
        decompressor = ZstdDecompressor()
        try:
            plain = decompressor.decompress(frame, max_length=size + 1)
            is_whole = len(plain) == size and decompressor.eof and not decompressor.unused_data
        except ZstdError:
            is_whole = False
        if not is_whole:
            raise StoredDiffers(f"A file in {self._manifest.pack_name(number)} in the vault is damaged.")
        return plain
