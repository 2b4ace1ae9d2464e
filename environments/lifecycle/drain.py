"""What a cluster's processes tell each other without a lock: that it is to stop, and who has something in hand.

Memory that is shared over fork: a signal may come while anybody holds a lock, and who is killed never gives one back.
"""

import mmap
import os
import struct

HANDS = 1024
NUMBER = struct.Struct("=I")
_flag = mmap.mmap(-1, 1)
_hands = mmap.mmap(-1, HANDS * NUMBER.size)


def begin() -> None:
    """From now on nothing is claimed, and what may be repeated hands itself back at its next beat."""
    _flag[0] = 1


def is_on() -> bool:
    return _flag[0] == 1


def take_in_hand() -> None:
    """Say that this process is at something."""
    _write(os.getpid())


def put_down() -> None:
    _write(0)


def is_anything_in_hand() -> bool:
    """Whether a process that took something in hand still has it, and still is."""
    return any(pid and _is_there(pid) for (pid,) in NUMBER.iter_unpack(_hands[:]))


def _write(pid: int) -> None:
    NUMBER.pack_into(_hands, os.getpid() % HANDS * NUMBER.size, pid)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
