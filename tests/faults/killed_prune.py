"""A process of its own that prunes one environment and is killed at a named step. Run as a program.

    python -m tests.faults.killed_prune ENVIRONMENT MOMENT STEP

A step that is not reached kills nothing: then the pruning is done, and the process says so by its exit code.
"""

import sys
from datetime import datetime

import django

django.setup()

from backups.operations import collect, prune, remove  # noqa: E402 - Django comes first
from backups.storage.vault import DirectoryVault, open_vault  # noqa: E402
from environments import clock  # noqa: E402
from environments.actors import PORTAL  # noqa: E402
from environments.models import Environment  # noqa: E402
from tests.faults.killed import after, before  # noqa: E402

STEPS = {
    "the first manifest is to go": before(DirectoryVault, "delete"),
    "its dump is to go": before(DirectoryVault, "delete", turn=2),
    "its row is to go": before(remove, "record"),
    "the next backup is to go": before(DirectoryVault, "delete", turn=3),
    "the vault is looked through": before(collect, "survey"),
    "it is known what is dead": before(collect, "_mark"),
    "the dead ones are remembered": after(collect, "_mark"),
    "a pack is to be forgotten": after(collect, "_remove_one"),
    "the next pack is to go": before(collect, "_remove_one", turn=2),
    "half-dead packs are to be rewritten": before(collect, "rewrite"),
    "half-dead packs are rewritten": after(collect, "rewrite"),
}


def main(environment: str, moment: str, step: str) -> None:
    STEPS[step]()
    now = datetime.fromisoformat(moment)
    with clock.turned_to(now):
        prune.prune_environment(open_vault(), Environment.objects.get(pk=environment), now=now, by=PORTAL)


if __name__ == "__main__":
    main(*sys.argv[1:])
