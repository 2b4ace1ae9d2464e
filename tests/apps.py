"""An app for tests that need one to stop and start."""

import shlex
import sys
from pathlib import Path


class App:
    """An app that is a file: it runs while the file is there. Its commands are real programs."""

    def __init__(self, folder: Path) -> None:
        self.flag, self.trace = folder / "runs", folder / "trace"
        self.start()

    def start(self) -> None:
        self.flag.touch()

    @property
    def is_running(self) -> bool:
        return self.flag.exists()

    @property
    def commands(self) -> dict[str, str]:
        flag, trace = str(self.flag), str(self.trace)
        status = f"import os, sys; sys.exit(0 if os.path.exists({flag!r}) else 3)"
        stop = f"import os; open({trace!r}, 'a').write('stop '); os.path.exists({flag!r}) and os.remove({flag!r})"
        start = f"open({trace!r}, 'a').write('start '); open({flag!r}, 'w')"
        words = {"status": status, "stop": stop, "start": start}
        return {name: shlex.join([sys.executable, "-I", "-S", "-c", code]) for name, code in words.items()}
