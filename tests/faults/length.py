"""How much the tests that kill try: `make faults` every step, `make test` a few of each kind."""

import os
from collections.abc import Iterable

IS_LONG = bool(os.environ.get("PORTAL_TEST_KILLS"))
OTHER_HALF = os.environ.get("PORTAL_TEST_DATABASE") == "postgresql"


def steps_of_this_run(steps: Iterable[str]) -> list[str]:
    """All of them, or every second one: those that are left out are tried with the portal on the other database."""
    return list(steps) if IS_LONG else list(steps)[OTHER_HALF::2]
