"""upload_data: replace everything in a stopped environment by a dump, an archive of files, both, or a full backup."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandParser

from backups.choices import UploadPart
from backups.errors import UploadRefused
from backups.models import Upload
from backups.operations.delete import check_name
from backups.operations.upload import check_parts, request_upload
from backups.transfer import drop, receive
from environments.actors import Actor
from environments.lookup import find_environment, operation_json
from environments.management.base import PortalCommand
from environments.models import Environment

BLOCK = 1 << 20


class Command(PortalCommand):
    help = "Replaces everything in a stopped environment by what the files bring; what they do not bring is left empty."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("environment", metavar="ENV", help="app/environment")
        parser.add_argument("--confirm", required=True, metavar="ENV", help="the same once more: all its data goes")
        parser.add_argument("--database", type=Path, metavar="F", help="a dump in custom format (pg_dump -Fc)")
        parser.add_argument("--files", type=Path, metavar="F", help="uploaded files as .zip, .tar or .tar.gz")
        parser.add_argument("--full", type=Path, metavar="F", help="a full backup, as download_backup writes it")
        parser.add_argument("--allow-empty", action="store_true", help="an archive without a file is meant so")
        parser.add_argument("--app-is-stopped", action="store_true", help="say so where the portal cannot tell")
        self.add_wait(parser)

    def answer(self, **options: Any) -> None:
        environment = find_environment(options["environment"])
        check_name(environment, options["confirm"])
        given = {part: options[part] for part in UploadPart if options[part] is not None}
        check_parts(given)
        uploads: list[Upload] = []
        is_kept = False
        try:
            for part, path in given.items():
                uploads.append(self._bring(environment, part, path))
            operation = request_upload(
                environment,
                by=Actor.command_line(),
                uploads=uploads,
                confirm=options["confirm"],
                allow_empty=options["allow_empty"],
                is_said_stopped=options["app_is_stopped"],
                is_rung=not options["here"],
            )
            is_kept = True
        finally:
            if not is_kept:
                for upload in uploads:
                    drop(upload, by=Actor.command_line())
        operation = self.see_through(operation, **options)
        self.say(operation_json(operation), operation.message or f"{operation.pk} {operation.status}")

    def _bring(self, environment: Environment, part: UploadPart, path: Path) -> Upload:
        """The file, copied and read to its end. Raises: UploadRefused and others; then nothing of it is kept."""
        try:
            file = path.open("rb", buffering=0)
        except OSError as error:
            raise UploadRefused(
                "not-readable", f"{path} cannot be read ({error.strerror}). Nothing was changed."
            ) from None
        by = Actor.command_line()
        with file:
            size = os.fstat(file.fileno()).st_size
            upload = receive(
                environment, part=part, filename=path.name, size=size, blocks=_blocks(file), by=by, is_rung=False
            )
        assert upload.examination is not None
        try:
            self.see_through(upload.examination, here=True)  # here, because whoever waits for it reads it anyway
        except BaseException:
            drop(upload, by=by)
            raise
        upload.refresh_from_db()
        for warning in upload.warnings:
            self.stderr.write(warning, self.style.WARNING)
        return upload


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block
