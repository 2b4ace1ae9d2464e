"""A process of its own that brings the catalogue back, two backups at a time, and is killed at a named step.

python -m tests.faults.killed_rebuild STEP
"""

import sys

import django

django.setup()

from backups.operations import rebuild  # noqa: E402 - Django comes first
from backups.storage.vault import open_vault  # noqa: E402
from environments.actors import PORTAL  # noqa: E402
from tests.faults.killed import after, before  # noqa: E402

STEPS = {
    "the vault becomes its own": after(rebuild, "_take"),
    "the first backup was read": after(rebuild, "tell"),
    "the first place is made": after(rebuild, "place_of"),
    "the second page's operations are written": before(rebuild.Backup.objects, "bulk_create", turn=2),
    "the third page is to be written": before(rebuild, "place_of", turn=3),
    "the missing are to be looked for": before(rebuild._Rebuilding, "_miss"),
    "the place is to be brought up to its newest backup": before(rebuild, "bring_up_to"),
}


def main(step: str) -> None:
    STEPS[step]()
    rebuild.PAGE = 2
    for _ in rebuild.rebuild(open_vault(), by=PORTAL):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
