"""Checksums: what one piece of a file must be, computed beside while it is written."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

MOST_OWED = 8  # blocks that are written and not yet summed


class Checksum:
    """What one piece must be, as the tus protocol names it: `sha256` or `sha1`, and the digest."""

    ALGORITHMS = ("sha256", "sha1")

    def __init__(self, algorithm: str, digest: bytes) -> None:
        """Raises: ValueError: an algorithm that is not known."""
        if algorithm not in self.ALGORITHMS:
            raise ValueError(algorithm)
        self._sum, self._digest = hashlib.new(algorithm, usedforsecurity=False), digest

    @property
    def is_met(self) -> bool:
        return self._sum.digest() == self._digest

    def update(self, block: bytes, /) -> None:
        self._sum.update(block)


def summed(blocks: Iterable[bytes], checksum: Checksum) -> Iterator[bytes]:
    """The same blocks; their sum is computed beside, while they are written, and is known at their end."""
    owed: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="checksum") as beside:
        for block in blocks:
            owed.append(beside.submit(checksum.update, block))
            if len(owed) > MOST_OWED:
                owed.popleft().result()
            yield block
