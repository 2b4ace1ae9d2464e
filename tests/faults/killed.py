"""A worker process of its own that performs one operation and is killed at a named step. Run as a program.

    python -m tests.faults.killed OPERATION STEP [freeze]

The steps are places between two effects; there is one more for none at all. Frozen, it goes on when it is told to.
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
from backups.operations import (  # noqa: E402
    create,
    exchange,
    exchange_files,
    making,
    restore,
    undo,
    upload,
    uploading,
)
from backups.storage import (  # noqa: E402
    bucket_mirror,
    bucket_objects,
    bucket_writing,
    manifest,
    packs,
    stored,
    swap_exchange,
)
from environments.lifecycle import run  # noqa: E402
from environments.runtimes.command import CommandRuntime  # noqa: E402


def die() -> None:
    os.kill(os.getpid(), signal.SIGSTOP if sys.argv[3:] == ["freeze"] else signal.SIGKILL)


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
EXCHANGE_STEPS = {
    "before the databases change names": (before(exchange.databases, "swap"), False),
    "the databases have changed names": (after(exchange.databases, "swap"), True),
    "before the files change places": (before(exchange, "put_in"), True),
    "the files have changed places": (after(swap_exchange.ExchangeSwap, "exchange"), True),
    "before the journal is closed": (before(exchange, "_close"), True),
    "the journal is closed": (after(exchange, "_close"), True),
}
STOP_AND_START_STEPS = {
    "the app is stopped": (after(exchange, "stop_app"), False),
    **EXCHANGE_STEPS,
    "the app is starting": (before(exchange, "start_app"), True),
}
RESTORE_STEPS = {
    "the dump is in scratch": (before(restore, "read_toc"), False),
    "before the staging database is made": (before(staging, "make_staging"), False),
    "the staging database is made": (after(staging, "make_staging"), False),
    "the database is loaded": (after(staging, "check_staging"), False),
    "the files are unpacked": (after(restore, "unpack"), False),
    "the journal is written": (after(restore, "journal"), False),
    **STOP_AND_START_STEPS,
}
UNDO_STEPS = {"the undo's journal is written": (after(undo, "journal"), False), **STOP_AND_START_STEPS}
UPLOAD_STEPS = {
    "the uploaded files are there": (after(uploading, "extract"), False),
    "the load role's database is made": (after(staging, "make_staging"), False),
    "the uploaded database is loaded": (after(staging, "check_staging"), False),
    "the upload's journal is written": (after(upload, "journal"), False),
    **EXCHANGE_STEPS,
    "before what was brought is used up": (before(upload, "conclude"), True),
}
# Of an exchange of objects in a bucket, which has this many of them when it begins.
OBJECTS = 4
BUCKET_STEPS = {
    "the objects are beside": (after(bucket_writing.BucketWriting, "sync"), False),
    "some live objects are copied aside": (before(bucket_mirror, "copy", turn=3), False),
    "live objects are copied aside": (after(bucket_objects.ObjectsSwap, "prepare"), False),
    "the app of the objects is stopped": (after(exchange, "stop_app"), False),
    "live objects are kept": (after(bucket_objects.ObjectsSwap, "keep"), False),
    "before the first half is called whole": (before(bucket_objects, "write_text"), True),
    "the first half is whole": (after(bucket_objects, "write_text"), True),
    "some new objects are in": (before(bucket_mirror, "copy", turn=OBJECTS + 3), True),
    "before old objects are removed": (before(bucket_mirror, "remove", turn=2), True),
    "before the objects are marked": (before(bucket_objects, "mark", turn=2), True),
    "before the record changes": (after(bucket_writing.BucketWriting, "exchange"), True),
    "before what came in is cleared": (before(bucket_writing.BucketWriting, "clear"), True),
    "before the step is cleared": (before(bucket_objects.ObjectsSwap, "clear"), True),
}
SWITCH_STEPS = {
    "the prefix is beside": (after(bucket_writing.BucketWriting, "sync"), False),
    "before the app is told": (before(exchange_files, "_tell"), True),
    "the app is told": (after(CommandRuntime, "use_files"), True),
    "before the switch is closed": (before(exchange, "_close"), True),
    "before the switch is cleared": (before(bucket_writing.BucketWriting, "clear"), True),
}
EVERY = (RESTORE_STEPS, UNDO_STEPS, UPLOAD_STEPS, BUCKET_STEPS, SWITCH_STEPS)
ALL = {name: arm for steps in EVERY for name, (arm, _) in steps.items()} | STEPS


def main(operation: str, step: str) -> None:
    ALL[step]()
    run.run(UUID(operation))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
