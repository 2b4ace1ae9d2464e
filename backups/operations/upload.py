"""Upload: what a person brought takes the place of everything in an environment, all of it or nothing.

What was not brought is left empty. The environment ends Empty: no package is deployed.
"""

from collections.abc import Collection, Sequence

from django.db import transaction

from environments import clock
from environments.actors import Actor
from environments.choices import ACTIVE, Right, State, Status
from environments.errors import AppStillRunning
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind
from environments.lifecycle.lease import Lease
from environments.lifecycle.submit import submit
from environments.models import Environment, Operation, record
from environments.rights import rights_of
from environments.states import look

from ..choices import UploadPart, UploadState
from ..errors import EmptyNotAgreed, RightsWithdrawn, UploadGone, UploadNotGood, UploadRefused
from ..models import Swap, Upload
from ..storage import spool
from .delete import check_name
from .exchange import carry_out, journal
from .generations import discard_older
from .settle import kept_whole, settle
from .uploading import Uploading


def request_upload(
    environment: Environment,
    *,
    by: Actor,
    uploads: Sequence[Upload],
    confirm: str | None,
    allow_empty: bool = False,
    is_said_stopped: bool = False,
    is_rung: bool = True,
) -> Operation:
    """Queue the replacing of everything in an environment by examined uploads: a database, files, both, or a full one.

    `confirm` is the environment's name as the person typed it; it is always asked for. `allow_empty`: an archive
    without a file is meant so.

    Raises:
        NameNotTyped, UploadRefused (parts), UploadNotGood, UploadGone, EmptyNotAgreed, AppStillRunning,
        EnvironmentBusy: and nothing has changed.
    """
    check_name(environment, confirm or "")
    check_uploads(environment, uploads, allow_empty=allow_empty)
    if look(environment) == State.RUNNING:
        raise AppStillRunning(f"{environment.name} is running. Stop it, then upload; nothing was changed.")
    with transaction.atomic():
        params = {"is_said_stopped": is_said_stopped, "allow_empty": allow_empty}
        operation = submit("upload", environment=environment, by=by, params=params, is_rung=is_rung)
        for upload in uploads:
            free = Upload.objects.filter(pk=upload.pk, state=UploadState.GOOD).exclude(operation__status__in=ACTIVE)
            if not free.update(operation=operation, touched_at=clock.now()):
                raise UploadGone
        _tell(operation, uploads)
    return operation


def check_parts(parts: Collection[str]) -> None:
    """Whether these parts go together. Raises: UploadRefused (parts)"""
    if not parts or len(set(parts)) < len(parts) or (UploadPart.FULL in parts and len(parts) > 1):
        raise UploadRefused(
            "parts", "Bring a database, uploaded files, or both; or one full backup alone. Nothing was changed."
        )


def check_uploads(environment: Environment, uploads: Sequence[Upload], *, allow_empty: bool) -> None:
    """Whether these can be put into the environment together. Raises as `request_upload`."""
    check_parts([upload.part for upload in uploads])
    for upload in uploads:
        if upload.environment_id != environment.pk:
            raise UploadGone
        if upload.state != UploadState.GOOD:
            raise UploadNotGood(upload.refusal)
        if upload.found.get("is_empty") and upload.part == UploadPart.FILES and not allow_empty:
            raise EmptyNotAgreed


def _tell(operation: Operation, uploads: Sequence[Upload]) -> None:
    """Write into history who brings what: file, size, SHA-256."""
    names = " and ".join(
        f"{upload.filename} ({upload.size_bytes:,} bytes, SHA-256 {upload.sha256})" for upload in uploads
    )
    files = [{"part": one.part, "name": one.filename, "bytes": one.size_bytes, "sha256": one.sha256} for one in uploads]
    place, by = operation.environment, operation.by
    sentence = f"{by.name} asked to replace everything in {place.name} by {names}."
    record(place, "upload.requested", sentence, by=by, operation=operation.pk, files=files)


def perform_upload(attempt: Attempt) -> str:
    """Load beside, check, exchange, and leave the environment Empty; returns the closing sentence."""
    operation = attempt.operation
    uploads = list(Upload.objects.filter(operation=operation))
    uploading = Uploading(attempt, uploads)
    try:
        with kept_whole(attempt, conclude=conclude):
            swap = _put(uploading, attempt)
    finally:
        uploading.clear()
    conclude(operation)
    return " ".join([_sentence(operation.environment, uploads), *swap.remarks])


def _put(uploading: Uploading, attempt: Attempt) -> Swap:
    """Everything up to the end of the exchange."""
    operation, environment = attempt.operation, attempt.operation.environment
    if look(environment) == State.RUNNING:
        raise AppStillRunning(f"{environment.name} is running. Stop it, then upload; nothing was changed.")
    files = uploading.stage_files()
    database = uploading.stage_database()
    check_rights(operation)
    swap = journal(
        attempt,
        database=database,
        files=files,
        changes_package=True,
        package=None,
        services=[] if environment.is_production else None,
        remarks=uploading.remarks,
    )
    carry_out(swap, attempt, may_stop_app=False, is_said_stopped=operation.params["is_said_stopped"])
    return swap


def check_rights(operation: Operation) -> None:
    """Whether who asked may still do it, right before it is done. Commands hold all rights.

    Raises:
        RightsWithdrawn
    """
    user = operation.requested_by
    if user is None:
        return
    user.refresh_from_db()
    if Right.UPLOAD not in rights_of(user, operation.environment):
        raise RightsWithdrawn


def conclude(operation: Operation) -> None:
    """What was brought is live now: its files go, and what was live before the last time, too. Safe to call again."""
    environment = operation.environment
    for upload in Upload.objects.filter(operation=operation):
        Upload.objects.filter(pk=upload.pk).update(state=UploadState.USED, touched_at=clock.now())
        spool.remove(upload.pk)
    discard_older(environment, Lease(operation).beat)
    look(environment)


def _sentence(environment: Environment, uploads: Sequence[Upload]) -> str:
    names = " and ".join(upload.filename for upload in uploads)
    said = f"{environment.name} holds what {names} brought, and is Empty: deploy a package, then start it."
    parts = {upload.part for upload in uploads}
    if parts == {UploadPart.DATABASE}:
        said += " There are no uploaded files."
    if parts == {UploadPart.FILES}:
        said += " Its database is empty."
    return said


def recover_upload(operation: Operation, attempt: int) -> tuple[Status, str]:
    """For the reaper: bring an upload whose worker was lost to a whole end. Safe to call again."""
    settled = settle(operation, attempt)
    if settled.status == Status.COMPLETED:
        conclude(operation)
    return settled.status, f"The worker was lost. {settled.sentence}"


KIND = Kind("upload", perform_upload, is_exclusive=True, may_repeat=False, recover=recover_upload, title="An upload")
