"""Packs: objects of about 64 MiB in which many files lie one after the other, each as one or several frames."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

from backports.zstd import ZstdDecompressor, ZstdError

from ..errors import ManifestNotReadable, StoredDiffers, StoredMissing
from . import names
from .columns import FRAME, FileRecord
from .moves import Moves
from .moves import Place as Place
from .stored import Stored, StoredStream, Tick, no_tick, read_back
from .vault import Vault

PACK = 64 << 20
JOINED = 256 << 10
KEPT = 64 << 10
OWED = 2
BLOCK = 4 << 20
PIECE = 1 << 20


class PackWriter:
    """Appends files to packs. A pack closes once it is longer than `limit` and never splits a file.

    Closed packs are synced and read back in a thread of its own; what goes wrong there is raised by the next call.
    `name_of` names the pack of a number. Left without `finish`, the open pack is gone and no thread stays; packs that
    were closed before are for `sweep`.
    """

    def __init__(self, vault: Vault, name_of: Callable[[int], str], *, limit: int = PACK) -> None:
        self.stored_bytes = 0
        self._vault, self._name_of, self._limit = vault, name_of, limit
        self._count = 0
        self._open: StoredStream | None = None
        self._offset = 0
        self._joined: list[bytes | memoryview] = []
        self._joined_bytes = 0
        self._closing: deque[tuple[StoredStream, Future[Stored]]] = deque()
        self._closed: list[Stored] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="packs")

    def begin(self) -> Place:
        """Where the next file will lie; `append` its frames, then `end`."""
        if self._open is None:
            self._open = StoredStream(self._vault, self._name_of(self._count), has_crc=False)
            self._offset = 0
            self._count += 1
        return Place(self._open.name, self._offset)

    def append(self, frame: bytes | memoryview) -> None:
        """Add a frame or a piece of one."""
        length = len(frame)
        if length >= JOINED:
            self._write_joined()  # many bytes are not copied once more, to go with a few
        self._offset += length
        self.stored_bytes += length
        self._joined_bytes += length
        # What is kept for a while must be bytes: a view's buffer may be filled with something else meanwhile.
        self._joined.append(frame if length > KEPT else bytes(frame))
        if self._joined_bytes >= JOINED or length > KEPT:
            self._write_joined()

    def end(self) -> None:
        if self._offset > self._limit:
            self._close()

    def put(self, frame: bytes) -> Place:
        """Add a file of one frame; returns where it lies."""
        place = self.begin()
        self.append(frame)
        self.end()
        return place

    def wait(self, seconds: float) -> bool:
        """Wait so long for closed packs; True when no more than a few are still owed.

        Raises: VaultUnreachable, StoredDiffers: a pack could not be synced or did not read back.
        """
        if len(self._closing) > OWED:
            wait_for([self._closing[0][1]], timeout=seconds)
        while self._closing and self._closing[0][1].done():
            self._closed.append(self._closing.popleft()[1].result())
        return len(self._closing) <= OWED

    def finish(self, tick: Tick = no_tick) -> list[Stored]:
        """Close the last pack and wait for all; returns them in order. Raises as `wait`."""
        if self._open is not None:
            self._close()
        while self._closing:
            wait_for([self._closing[0][1]], timeout=0.2)
            self.wait(0)
            tick()
        self._thread.shutdown()
        return self._closed

    def abort(self) -> None:
        """End the thread and drop the open pack. Nothing happens after `finish`."""
        self._thread.shutdown(cancel_futures=True)
        for stream, _ in self._closing:
            stream.abort()
        self._closing.clear()
        if self._open is not None:
            self._open.abort()
            self._open = None

    def __enter__(self) -> "PackWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    def _write_joined(self) -> None:
        if not self._joined:
            return
        assert self._open is not None
        joined, self._joined, self._joined_bytes = self._joined, [], 0
        self._open.write(joined[0] if len(joined) == 1 else b"".join(joined))

    def _close(self) -> None:
        self._write_joined()
        assert self._open is not None
        stream, self._open = self._open, None
        self._closing.append((stream, self._thread.submit(self._keep, stream)))

    def _keep(self, stream: StoredStream) -> Stored:
        stored = stream.commit()
        read_back(self._vault, stored)
        return stored


class PackReader:
    """Reads files out of packs, through a few cached blocks: packs are written in walk order, so reading goes forward.

    A file that has moved since its manifest was written is read where it lies now. For one thread. At most `blocks`
    times `block` bytes are held.
    """

    def __init__(self, vault: Vault, *, block: int = BLOCK, blocks: int = 4) -> None:
        self._vault, self._block, self._blocks = vault, block, blocks
        self._cache: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._moves: dict[str, Moves | None] = {}

    def content(self, pack: str, record: FileRecord, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The plain bytes of a file from `start` up to `stop`, in pieces of a MiB at most; only frames that are needed
        are read. `pack` is the name of the record's pack.

        Raises, while read: StoredDiffers, StoredMissing, VaultUnreachable.
        """
        stop = record.size if stop is None else min(stop, record.size)
        if start >= stop:
            return
        pack, offset = self._find(pack, record.offset)
        for number, stored in enumerate(record.stored_lengths):
            first = number * FRAME
            plain = min(FRAME, record.size - first)
            low, high = max(start - first, 0), min(stop - first, plain)
            if low < high:
                yield from self._frame(pack, offset, stored, plain, low, high)
            offset += stored

    def stored(self, pack: str, offset: int, length: int) -> Iterator[bytes]:
        """Bytes of a pack as they lie there."""
        while length > 0:
            number, skip = divmod(offset, self._block)
            block = self._load(pack, number)
            piece = block[skip : skip + min(length, PIECE)]
            if not piece:
                raise StoredDiffers(f"{pack} in the vault is shorter than its manifest says.")
            offset, length = offset + len(piece), length - len(piece)
            yield piece

    def _find(self, pack: str, offset: int) -> Place:
        """Where a file lies now. What was known of moves is looked up again where it leads nowhere any more."""
        folder = names.moves_folder_beside(pack)
        is_fresh = folder not in self._moves
        if is_fresh:
            self._moves[folder] = Moves.newest(self._vault, folder)
        try:
            moves = self._moves[folder]
            place = (moves and moves.find(pack, offset)) or Place(pack, offset)
            self._size(place.pack)
            return place
        except (StoredMissing, ManifestNotReadable):
            if is_fresh:
                raise
        del self._moves[folder]
        return self._find(pack, offset)

    def _size(self, pack: str) -> int:
        if pack not in self._sizes:
            self._sizes[pack] = self._vault.size(pack)
        return self._sizes[pack]

    def _frame(self, pack: str, offset: int, stored: int, plain: int, low: int, high: int) -> Iterator[bytes]:
        if stored == plain:
            yield from self.stored(pack, offset + low, high - low)
            return
        at = 0
        for piece in self._decompressed(pack, offset, stored, plain):
            part = piece[max(low - at, 0) : high - at]
            at += len(piece)
            if part:
                yield part
            if at >= high and high < plain:
                return

    def _decompressed(self, pack: str, offset: int, stored: int, plain: int) -> Iterator[bytes]:
        decompressor, left = ZstdDecompressor(), plain
        for piece in self.stored(pack, offset, stored):
            while not decompressor.eof:
                out = self._next(decompressor, piece, pack)
                piece, left = b"", left - len(out)
                if left < 0:
                    break
                yield out
                if decompressor.needs_input:
                    break
        if left or not decompressor.eof or decompressor.unused_data:
            raise StoredDiffers(f"A file in {pack} in the vault is not as long as its manifest says.")

    def _next(self, decompressor: ZstdDecompressor, piece: bytes, pack: str) -> bytes:
        try:
            return decompressor.decompress(piece, max_length=PIECE)
        except (ZstdError, EOFError) as error:
            raise StoredDiffers(f"A file in {pack} in the vault is damaged ({error}).") from error

    def _load(self, pack: str, number: int) -> bytes:
        block = self._cache.get((pack, number))
        if block is not None:
            self._cache.move_to_end((pack, number))
            return block
        start = number * self._block
        length = min(self._block, self._size(pack) - start)
        while len(self._cache) >= self._blocks:
            self._cache.popitem(last=False)
        block = b"".join(self._vault.stream(pack, start, length)) if length > 0 else b""
        self._cache[pack, number] = block
        return block
