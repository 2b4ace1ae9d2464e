"""What archives are put together from: pieces made ahead of whoever takes them."""

import threading
from collections.abc import Generator

import pytest

from backups.errors import StoredDiffers
from backups.storage.archive_parts import AHEAD, ahead


def test_what_is_made_ahead_comes_whole_and_in_order() -> None:
    made = [b"%d" % number for number in range(5 * AHEAD + 2)]
    assert list(ahead(piece for piece in made)) == made


def test_the_first_piece_waits_for_no_other() -> None:
    is_taken = threading.Event()

    def pieces() -> Generator[bytes]:
        yield b"first"
        assert is_taken.wait(60)
        yield b"second"

    taken = ahead(pieces())
    assert next(taken) == b"first"
    is_taken.set()
    assert list(taken) == [b"second"]


def test_nothing_goes_on_behind_whoever_stops_early() -> None:
    before, ended = threading.active_count(), []

    def pieces() -> Generator[bytes]:
        try:
            while True:
                yield b"piece"
        finally:
            ended.append(threading.current_thread())

    taken = ahead(pieces())
    assert next(taken) == next(taken) == b"piece"
    del taken
    assert ended == [threading.current_thread()]
    assert threading.active_count() == before


def test_what_fails_ahead_fails_here() -> None:
    def pieces() -> Generator[bytes]:
        yield b"good"
        raise StoredDiffers("damaged")

    taken = ahead(pieces())
    assert next(taken) == b"good"
    with pytest.raises(StoredDiffers, match="damaged"):
        next(taken)
