"""Examine: read an uploaded file to its end and say what it is, before anything is touched."""

import shutil
from functools import partial

from django.db import transaction

from environments import clock
from environments.actors import Actor
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind
from environments.lifecycle.submit import submit
from environments.models import Operation

from ..choices import UploadPart, UploadState
from ..errors import UploadElsewhere, UploadGone, UploadRefused
from ..models import Upload
from ..storage import spool
from .accept import check_is_taken
from .exchange import scratch_of
from .found import Found, look_at_archive, look_at_dump

GONE = "The file was given up; there was nothing to examine."


def request_examination(upload: Upload, *, by: Actor, is_rung: bool = True) -> Operation:
    """Queue the reading of a file that has come whole. It excludes nothing, and may be asked for again.

    Raises:
        UploadGone: it is not whole, was examined already, or is used.
    """
    with transaction.atomic():
        operation = submit("examine", environment=upload.environment, by=by, subject=upload.pk, is_rung=is_rung)
        whole = Upload.objects.filter(pk=upload.pk, received_bytes=upload.size_bytes)
        waiting = whole.filter(state__in=(UploadState.COMING, UploadState.HERE))
        if not waiting.update(state=UploadState.HERE, examination=operation):
            raise UploadGone
    upload.state, upload.examination = UploadState.HERE, operation
    return operation


def perform_examination(attempt: Attempt) -> str:
    """Read it and write down what was found; returns the closing sentence.

    Raises:
        UploadRefused, UploadElsewhere: it cannot be used, and its row says why; others: nothing is known of it yet.
    """
    assert attempt.operation.subject is not None
    rows = Upload.objects.select_related("environment__app").filter(state=UploadState.HERE)
    upload = rows.filter(pk=attempt.operation.subject).first()
    if upload is None:
        return GONE
    attempt.beat("Reading the file to its end")
    try:
        found = _look_at(upload, attempt)
    except FileNotFoundError:
        if _write_down(attempt, upload, state=UploadState.BAD, refusal=UploadElsewhere.sentence):
            raise UploadElsewhere from None
        return GONE
    except UploadRefused as refused:
        _write_down(attempt, upload, state=UploadState.BAD, refusal=str(refused))
        raise
    is_there = _write_down(
        attempt,
        upload,
        state=UploadState.GOOD,
        sha256=found.sha256,
        found=found.facts,
        warnings=found.warnings,
        inspection=found.inspection and found.inspection.to_json(),
    )
    return f"{upload.filename} was read to its end: {found.facts['kind']}." if is_there else GONE


def _look_at(upload: Upload, attempt: Attempt) -> Found:
    environment, path = upload.environment, spool.path_of(upload.pk)
    scratch = scratch_of(attempt.operation, attempt.number)
    tools = None if upload.part == UploadPart.FILES else check_is_taken(environment)
    beat = partial(_beat, attempt)
    if upload.part == UploadPart.DATABASE:
        assert tools
        return look_at_dump(path, environment, tools, label=attempt.label, beat=beat)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return look_at_archive(
            path, UploadPart(upload.part), environment, tools, scratch=scratch, label=attempt.label, beat=beat
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _beat(attempt: Attempt, done: int, total: int) -> None:
    attempt.beat(done_bytes=done, total_bytes=total)


def _write_down(attempt: Attempt, upload: Upload, **facts: object) -> bool:
    """Remember what was found, if it is still wanted to know."""
    attempt.check_owned()
    waiting = Upload.objects.filter(pk=upload.pk, state=UploadState.HERE, examination=attempt.operation)
    return bool(waiting.update(touched_at=clock.now(), **facts))


def sweep_examination(operation: Operation, attempt: int) -> None:
    """Remove what a lost attempt had unpacked."""
    shutil.rmtree(scratch_of(operation, attempt), ignore_errors=True)


KIND = Kind(
    "examine",
    perform_examination,
    is_exclusive=False,
    may_repeat=True,
    sweep=sweep_examination,
    is_quiet=True,
    title="The examining of an uploaded file",
)
