"""The flag that a cluster's main process raises before it stops, seen by all its workers at once.

One byte of memory that is shared over fork, without a lock: a signal may come while anybody holds one.
"""

import mmap

_flag = mmap.mmap(-1, 1)


def begin() -> None:
    """From now on nothing is claimed, and what may be repeated hands itself back at its next beat."""
    _flag[0] = 1


def is_on() -> bool:
    return _flag[0] == 1
