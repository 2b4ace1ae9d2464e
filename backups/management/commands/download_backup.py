"""download_backup: take a backup home, into a file or down a pipe."""

import errno
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandParser

from backups.choices import Contents, Format
from backups.errors import Failed, Refused
from backups.lookup import find_backup
from backups.operations.download import Download, open_archive, record_download
from environments.actors import Actor
from environments.management.base import PortalCommand

PIPE = "-"
SHOWN_EVERY_SECONDS = 0.5


class Command(PortalCommand):
    help = "Writes a backup, or a part of it, to a file. A file that is there is never overwritten."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", metavar="BACKUP", help="a backup's id, or app/environment/latest")
        parser.add_argument("--output", required=True, metavar="F", help="the file to make; - writes to stdout")
        parser.add_argument("--kind", choices=Contents.values, default=Contents.FULL.value, help="default: full")
        parser.add_argument("--format", choices=Format.values, default=Format.ZIP.value, help="default: zip")

    def answer(self, **options: Any) -> None:
        backup = find_backup(options["backup"])
        download = open_archive(backup, options["kind"], options["format"], is_checked=True)
        output = options["output"]
        with _stdout() if output == PIPE else _file(Path(output)) as file:
            record_download(download, by=Actor.command_line())
            sha256 = self._copy(download, file)
        if output != PIPE:  # where the bytes went, nothing else may go
            self.say(_as_json(download, output, sha256), f"{output} {download.length} bytes, SHA-256 {sha256}")

    def _copy(self, download: Download, file: BinaryIO) -> str:
        """Returns the SHA-256 of what was written. Raises: Failed."""
        sha256, progress = hashlib.sha256(), Progress(download.length)
        for piece in download.stream():
            file.write(piece)
            sha256.update(piece)
            progress.add(len(piece))
        return sha256.hexdigest()


class Progress:
    """How far it is, on one line of a terminal that is written over; elsewhere nothing."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._next_at = total, 0, 0.0
        self._is_shown = sys.stderr.isatty()

    def add(self, size: int) -> None:
        self._done += size
        is_end = self._done == self._total
        if self._is_shown and (is_end or time.monotonic() >= self._next_at):
            self._next_at = time.monotonic() + SHOWN_EVERY_SECONDS
            line = f"{100 * self._done // self._total} %, {self._done / 1e6:,.2f} of {self._total / 1e6:,.2f} MB"
            sys.stderr.write(f"\r{line}\033[K" + "\n" * is_end)
            sys.stderr.flush()


def _as_json(download: Download, output: str, sha256: str) -> dict[str, Any]:
    return {
        "backup": str(download.backup.pk),
        "output": output,
        "filename": download.filename,
        "kind": download.contents.value,
        "format": download.form,
        "bytes": download.length,
        "sha256": sha256,
    }


@contextmanager
def _stdout() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        # Else the interpreter would try once more to write the rest, and complain while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise Failed("Whoever was reading has gone; the download is not complete.") from None
        raise Failed(_sentence(error, "the output")) from None


@contextmanager
def _file(target: Path) -> Iterator[BinaryIO]:
    """A file beside the target, which gets its name when everything is written; else nothing stays."""
    part = target.with_name(f"{target.name}.part")
    _refuse(target, part)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                _refuse(target)
                part.rename(target)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise Failed(_sentence(error, str(target))) from error


def _refuse(target: Path, part: Path | None = None) -> None:
    """Raises: Refused."""
    if os.path.lexists(target):
        raise Refused(f"{target} is there already and was not overwritten. Name another file, or remove it first.")
    if part is not None and os.path.lexists(part):
        raise Refused(f"{part} is there: another download is writing it, or was killed. Remove it, then try again.")


def _sentence(error: OSError, target: str) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"No space left for {target}. Nothing was kept of it. Make room, or name another place."
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"The folder of {target} is not there. Make it, or name another place."
    return f"{target} cannot be written ({error.strerror}). Name another place."
