"""A worker process of its own that performs one operation and is killed at a named step. Run as a program.

    python -m tests.faults.killed OPERATION STEP

The steps are places between two effects; there is one more for none at all.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import django

django.setup()

from backups.engines import staging  # noqa: E402 - Django comes first
from backups.operations import create, exchange, making, restore  # noqa: E402 - Django comes first
from backups.storage import manifest, packs, stored, swap_exchange  # noqa: E402
from environments.lifecycle import run  # noqa: E402


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, turn: int = 1) -> Callable[[], None]:
    """Die when `owner.name` is called for the `turn`-th time, before it does anything."""

    def arm() -> None:
        real, calls = getattr(owner, name), [0]

        def armed(*arguments: Any, **named: Any) -> Any:
            calls[0] += 1
            if calls[0] == turn:
                die()
            return real(*arguments, **named)

        setattr(owner, name, armed)

    return arm


def after(owner: Any, name: str) -> Callable[[], None]:
    """Die when `owner.name` has returned."""

    def arm() -> None:
        real = getattr(owner, name)

        def armed(*arguments: Any, **named: Any) -> Any:
            real(*arguments, **named)
            die()

        setattr(owner, name, armed)

    return arm


STEPS = {
    "claimed": before(create, "open_vault"),
    "looked at the database": before(making.Making, "_save_database"),
    "the dump has begun": after(stored.StoredStream, "write"),
    "the dump is stored": before(making.Making, "_save_files"),
    "packing has begun": after(packs.PackWriter, "put"),
    "packs are stored": before(making, "confirm_packs"),
    "before the manifest has its name": before(manifest.ManifestWriter, "finish"),
    "the manifest is stored": before(making.Making, "_publish"),
    "published": after(making.Making, "_publish"),
    "finished": after(run, "finish"),
}


# The step, and whether the environment ends with the new data.
RESTORE_STEPS = {
    "the dump is in scratch": (before(restore, "read_toc"), False),
    "the staging database is made": (after(staging, "make_staging"), False),
    "the database is loaded": (after(staging, "check_staging"), False),
    "the files are unpacked": (after(restore, "unpack"), False),
    "the journal is written": (after(restore, "journal"), False),
    "the app is stopped": (after(exchange, "stop_app"), False),
    "before the databases change names": (before(exchange.databases, "swap"), False),
    "the databases have changed names": (after(exchange.databases, "swap"), True),
    "before the files change places": (before(exchange, "choose_swap", turn=2), True),
    "the files have changed places": (after(swap_exchange.ExchangeSwap, "exchange"), True),
    "before the journal is closed": (before(exchange, "_close"), True),
    "the journal is closed": (after(exchange, "_close"), True),
    "the app is starting": (before(exchange, "start_app"), True),
}


def main(operation: str, step: str) -> None:
    arm = STEPS[step] if step in STEPS else RESTORE_STEPS[step][0]
    arm()
    run.run(UUID(operation))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
