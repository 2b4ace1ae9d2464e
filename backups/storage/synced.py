"""What was written lies on the disk before anything is built upon it: a whole file system at once, not file by file."""

import ctypes
import os
import sys
from pathlib import Path


def sync_file_system(folder: Path) -> None:
    """Return when everything written to the file system of this folder is on its disk. Raises: OSError."""
    if not sys.platform.startswith("linux"):
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(handle)
