"""A deploy command for tests: a real program that writes down what it was given."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

CODE = """
import json, os, sys, time
trace, hold, code = sys.argv[1:4]
given = sys.argv[4:]
file = given[2] if len(given) > 2 else None
told = {"versions": given[:2], "file": file and os.path.basename(file), "environment": os.environ["PORTAL_ENVIRONMENT"],
        "content": file and open(file, "rb").read().decode()}
open(trace, "a").write(json.dumps(told) + "\\n")
while os.path.exists(hold):
    time.sleep(0.02)
print("no such slot", file=sys.stderr)
sys.exit(int(code))
"""


class DeployCommand:
    """`runs`: what each run was given. A run lasts while `hold` exists; `exit_code` is that of all later commands."""

    def __init__(self, folder: Path) -> None:
        self.trace, self.hold = folder / "deployed", folder / "hold"

    def line(self, exit_code: int = 0) -> str:
        program = [sys.executable, "-I", "-S", "-c", CODE]
        return shlex.join([*program, str(self.trace), str(self.hold), str(exit_code)])

    @property
    def runs(self) -> list[dict[str, Any]]:
        if not self.trace.exists():
            return []
        return [json.loads(line) for line in self.trace.read_text().splitlines()]
