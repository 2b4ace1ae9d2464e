"""A file that comes in a plain form. It is written where it can be large, and gone when whoever takes it is killed."""

import shutil
import tempfile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

BLOCK = 1 << 20
NO_ROOM = "There is no room for this file on the portal's machine. Nothing was changed. Make room, then try again."


def room() -> int:
    """The bytes that are free where files come in."""
    return shutil.disk_usage(settings.DATA_DIR).free


class UnnamedFile(FileUploadHandler):
    """Writes into a file without a name in the data directory. `refusal` says why there is none in the end."""

    chunk_size = BLOCK
    refusal = ""

    def handle_raw_input(
        self,
        stream: Any,  # noqa: ARG002 - Django's signature
        meta: Any,  # noqa: ARG002 - Django's signature
        content_length: int,
        boundary: str,  # noqa: ARG002 - Django's signature
        encoding: str | None = None,  # noqa: ARG002 - Django's signature
    ) -> None:
        # Once without a name, once where uploads lie: both are there for a moment.
        if content_length * 2 > room():
            self.refusal = NO_ROOM

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.refusal:
            raise StopUpload(connection_reset=False)
        self.file = tempfile.TemporaryFile(dir=settings.DATA_DIR)  # noqa: SIM115 - closed by the request

    def receive_data_chunk(self, block: bytes, start: int) -> None:  # noqa: ARG002 - Django's signature
        try:
            self.file.write(block)
        except OSError:
            self.refusal = NO_ROOM
            raise StopUpload(connection_reset=False) from None

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        self.file.seek(0)
        return UploadedFile(self.file, self.file_name, self.content_type, file_size, self.charset)

    def upload_interrupted(self) -> None:
        if file := getattr(self, "file", None):
            file.close()
