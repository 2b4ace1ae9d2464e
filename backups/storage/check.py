"""Reads everything that a backup's files need: each pack once, from its beginning to its end, two packs at a time.

A pack is compared with its own SHA-256, and every file in it with its own.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

from backports.zstd import ZstdDecompressor, ZstdError

from ..errors import StoredDiffers
from .check_regions import Region, Regions, regions_of
from .columns import FRAME
from .manifest import ManifestReader
from .stored import Stored
from .vault import Vault

THREADS = 2
BLOCK = 1 << 20

Told = Callable[[int, int], None]
"""Told of bytes read and of all bytes, twice a second or more; may raise to end it."""


def check_files(vault: Vault, manifest: ManifestReader, told: Told) -> None:
    """Read every file of a manifest, wherever it lies now, and the whole of every pack that one of them lies in.

    Raises: StoredDiffers, StoredMissing: something is not as it was saved; ManifestNotReadable, VaultUnreachable.
    """
    packs, written = regions_of(vault, manifest, lambda: told(0, 0))
    checking, total = _Checking(vault), sum(pack.size for pack in written.values())
    following, waiting = sorted(packs, reverse=True), set[Future[None]]()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as pool:
        try:
            while following or waiting:
                while following and len(waiting) < 2 * THREADS:
                    pack = following.pop()
                    waiting.add(pool.submit(checking.check, written[pack], packs.pop(pack)))
                done, waiting = wait_for(waiting, timeout=0.3, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                told(checking.done_bytes, total)
        finally:
            checking.is_stopped.set()
            pool.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """Somebody else has found what there was to find."""


class _Checking:
    """Checks packs, in any thread."""

    def __init__(self, vault: Vault) -> None:
        self.done_bytes = 0
        self.is_stopped = threading.Event()
        self._vault = vault
        self._lock = threading.Lock()

    def check(self, pack: Stored, regions: Regions) -> None:
        scan = _Scan(pack.name, self._blocks(pack.name))
        for region in regions:
            scan.skip_to(region.offset)
            _check_one(scan, region)
        scan.finish(pack)

    def _blocks(self, name: str) -> Iterator[bytes]:
        for block in self._vault.stream(name, block=BLOCK):
            if self.is_stopped.is_set():
                raise _Stopped
            with self._lock:
                self.done_bytes += len(block)
            yield block


class _Scan:
    """A pack that is read forwards, and hashed whatever of it is wanted."""

    def __init__(self, name: str, blocks: Iterator[bytes]) -> None:
        self.name, self._blocks = name, blocks
        self._sha256, self._size = hashlib.sha256(), 0
        self._block, self._at = memoryview(b""), 0

    def skip_to(self, offset: int) -> None:
        start = self._size - len(self._block) + self._at
        if offset < start:
            raise StoredDiffers(f"The backup's list names parts of {self.name} that overlap.")
        for _ in self.pieces(offset - start):
            pass

    def pieces(self, length: int) -> Iterator[memoryview]:
        """The next bytes, which hold until the next piece is taken."""
        while length:
            if self._at == len(self._block) and not self._advance():
                raise StoredDiffers(f"{self.name} in the vault is shorter than its manifest says.")
            piece = self._block[self._at : self._at + length]
            self._at += len(piece)
            length -= len(piece)
            yield piece

    def finish(self, pack: Stored) -> None:
        while self._advance():
            pass
        if (self._size, self._sha256.hexdigest()) != (pack.size, pack.sha256):
            raise StoredDiffers(f"{self.name} in the vault is not what was written: size or SHA-256 differ.")

    def _advance(self) -> bool:
        block = next(self._blocks, b"")
        self._sha256.update(block)
        self._size += len(block)
        self._block, self._at = memoryview(block), 0
        return bool(block)


def _check_one(scan: _Scan, region: Region) -> None:
    sha256, left = hashlib.sha256(), region.size
    for stored in region.stored_lengths:
        plain = min(FRAME, left)
        left -= plain
        if stored == plain:
            for piece in scan.pieces(stored):
                sha256.update(piece)
        else:
            sha256.update(_thawed(scan, stored, plain))
    if left or sha256.digest() != region.sha256:
        raise StoredDiffers(f"A file in {scan.name} in the vault is not what was saved: its SHA-256 differs.")


def _thawed(scan: _Scan, stored: int, plain: int) -> bytes:
    """One frame, which is never larger than it says."""
    pieces = list(scan.pieces(stored))
    decompressor = ZstdDecompressor()
    try:
        content = decompressor.decompress(pieces[0] if len(pieces) == 1 else b"".join(pieces), max_length=plain + 1)
        is_whole = len(content) == plain and decompressor.eof and not decompressor.unused_data
    except (ZstdError, EOFError):
        is_whole = False
    if not is_whole:
        raise StoredDiffers(f"A file in {scan.name} in the vault is damaged.")
    return content
