"""Uploading: what was brought is loaded beside what is live. Nobody believes it: it is read again, by its SHA-256."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from environments.lifecycle.attempt import Attempt

from ..choices import UploadPart
from ..engines import staging
from ..engines.preflight import check_before
from ..engines.toc import read_toc
from ..errors import LoadFailed, UploadElsewhere
from ..models import Upload
from ..storage import spool
from ..storage.documents_store import FilesWriter
from ..storage.extract import Inspection, extract
from ..storage.extract_refusals import refusal
from .accept import check_is_taken
from .exchange import database_name, place_of, scratch_of, tree_label
from .exchange_files import files_of
from .found import limits_of
from .restore import check_space

STEPS = 4
BLOCK = 1 << 20
LOADER = "The role that loads what people bring"


class Uploading:
    """One upload: what each step hands to the next."""

    def __init__(self, attempt: Attempt, uploads: Sequence[Upload]) -> None:
        self.attempt, self.environment = attempt, attempt.operation.environment
        self.uploads = {UploadPart(upload.part): upload for upload in uploads}
        self.place = place_of(self.environment)
        self.remarks: list[str] = []

    @cached_property
    def scratch(self) -> Path:
        """Where a full backup's dump lies until it is loaded."""
        path = scratch_of(self.attempt.operation, self.attempt.number)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def clear(self) -> None:
        shutil.rmtree(scratch_of(self.attempt.operation, self.attempt.number), ignore_errors=True)

    def stage_files(self) -> str:
        """A tree beside the live one: what the archive brings, or nothing at all.

        Raises:
            PuttingBackRefused, UploadRefused (changed, …), UnpackFailed.
        """
        attempt = self.attempt
        attempt.beat("Unpacking the uploaded files beside the live ones", step=1, steps=STEPS)
        store = files_of(self.environment)
        target = store.staging(tree_label(attempt.operation, attempt.number))
        store.make(target, attempt.beat)
        upload = self.uploads.get(UploadPart.FULL) or self.uploads.get(UploadPart.FILES)
        inspection = Inspection.from_json(upload.inspection) if upload and upload.inspection else None
        if inspection:
            check_space(store.free_bytes(), inspection.bytes, "the uploaded files", store.address)
        with store.opened(target, attempt.beat) as writer:
            if upload and inspection:
                self._unpack(upload, inspection, writer)
        return target

    def stage_database(self) -> str:
        """The name of a database beside the live one: loaded from the dump, or empty.

        Raises:
            PuttingBackRefused, UploadRefused, LoadFailed and others: it is dropped by whoever settles.
        """
        attempt = self.attempt
        name = database_name("in", attempt.operation, attempt.number)
        dump = self._dump()
        if dump is None:
            attempt.beat("Making an empty database beside the live one", step=3, steps=STEPS)
            self.remarks += check_before(self.place, None, is_untrusted=False)
            staging.make_empty(self.place, name)
            return name
        tools = check_is_taken(self.environment)
        toc = read_toc(dump, tools, beat=attempt.beat)
        self.remarks += check_before(self.place, toc, is_untrusted=True)
        attempt.beat("Loading the database beside the live one", step=3, steps=STEPS)
        try:
            report = staging.load(
                self.place,
                name,
                dump,
                tools,
                toc=toc,
                label=attempt.label,
                hold=attempt.holds_child,
                beat=attempt.beat,
                is_untrusted=True,
            )
        except LoadFailed as failure:
            raise LoadFailed(str(failure).replace(staging.role_of(attempt.label), LOADER)) from None
        attempt.beat("Checking what was loaded", step=4, steps=STEPS)
        staging.check_staging(self.place, name, toc)
        self.remarks += report.remarks
        return name

    def _unpack(self, upload: Upload, inspection: Inspection, writer: FilesWriter) -> None:
        dump = self.scratch / "db.backup" if upload.part == UploadPart.FULL else Path(os.devnull)
        with _file_of(upload).open("rb", buffering=0) as file, dump.open("wb") as into:
            limits = limits_of(self.environment)
            extract(file, writer, limits, inspection=inspection, beat=self._told, dump_into=into)

    def _dump(self) -> Path | None:
        """The dump to load, its bytes seen to be those that were examined; None: none was brought."""
        if UploadPart.FULL in self.uploads:
            return self.scratch / "db.backup"
        upload = self.uploads.get(UploadPart.DATABASE)
        if upload is None:
            return None
        self.attempt.beat("Reading the database's dump", step=2, steps=STEPS)
        path, sha256, done = _file_of(upload), hashlib.sha256(), 0
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                sha256.update(block)
                done += len(block)
                self._told(done, upload.size_bytes)
        if sha256.hexdigest() != upload.sha256:
            raise refusal("changed")
        return path

    def _told(self, done: int, total: int) -> None:
        self.attempt.beat(done_bytes=done, total_bytes=total)


def _file_of(upload: Upload) -> Path:
    path = spool.path_of(upload.pk)
    if not path.is_file():
        raise UploadElsewhere
    return path
