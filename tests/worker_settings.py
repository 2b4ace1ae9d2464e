"""The settings of workers that a test starts: the portal's, with the tests' kinds, and time running faster."""

import os

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS, Q_CLUSTER

INSTALLED_APPS = [*INSTALLED_APPS, "tests.kinds"]
LIFECYCLE_PACE = float(os.environ.get("PORTAL_TEST_PACE", "0.1"))
Q_CLUSTER["poll"] = 0.1
Q_CLUSTER["scheduler"] = False  # no test waits for the clock, and none is disturbed by it
if _limit := os.environ.get("PORTAL_TEST_LIBRARY_TIMEOUT"):
    Q_CLUSTER["ALT_CLUSTERS"]["long"] |= {"timeout": int(_limit), "retry": 600}
if _seconds := os.environ.get("PORTAL_TEST_CLOCK_TURNED_SECONDS"):
    from tests.turned_clock import turn

    turn(float(_seconds))
if _mounts := os.environ.get("PORTAL_TEST_MOUNTINFO"):
    from pathlib import Path

    from backups.storage import mounts

    mounts.MOUNTINFO = Path(_mounts)
