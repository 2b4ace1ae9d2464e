"""A real S3 store: rclone, over a directory, on a free port of this machine."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from portal.demo.children import dying_with_parent

from .vaults import KEY, SECRET

PROGRAM = Path(sys.executable).parent / "rclone"  # comes with the tests' own packages; Debian's cannot serve S3


class RcloneStore:
    """Runs from `start` to `stop`. Folders of `root` are its buckets; `endpoint` stays the same over a restart."""

    def __init__(self, root: Path) -> None:
        self.root, self.endpoint = root, ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        address = self.endpoint.removeprefix("http://") or "127.0.0.1:0"
        # In the environment rather than in the arguments, where everybody on the machine could read it.
        own = {"RCLONE_AUTH_KEY": f'"{KEY},{SECRET}"', "RCLONE_CONFIG": "/dev/null"}
        # The system means the thread that started it: one that lives less long than the store would take it along.
        is_main = threading.current_thread() is threading.main_thread()
        self._process = subprocess.Popen(
            [PROGRAM, "serve", "s3", "--addr", address, str(self.root)],
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=dying_with_parent(signal.SIGKILL) if is_main else None,
        )
        assert self._process.stderr is not None
        said = iter(self._process.stderr.readline, "")
        for line in said:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.endpoint = found[0]
                break
        else:
            raise AssertionError("rclone did not start")
        self._log = threading.Thread(target=lambda: [None for _ in said], name="rclone's log", daemon=True)
        self._log.start()
        return self

    def make_bucket(self, name: str) -> None:
        (self.root / name).mkdir(exist_ok=True)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._log.join()
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process = None
