"""How a command starts, seen in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from portal.config import ROOT

LOOK = "import gc, json; print(json.dumps([gc.isenabled(), gc.get_freeze_count() > 10_000]))"


def test_what_a_start_imports_is_not_looked_through_for_garbage_and_what_comes_later_is(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", LOOK]
    environ = os.environ | {"PORTAL_DATA_DIR": str(tmp_path)}
    said = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[true, true]"
