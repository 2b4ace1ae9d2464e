"""Transfer: files come in, in as many pieces as it takes, from where they stopped; nothing is touched by that.

How much of a file is safe here is told by its row: what lies beyond that in the spool came from a sender that was
killed, and is cut off by the next one. The SHA-256 of the whole is computed when the file is examined, which reads all
of it anyway; a checksum of a single piece is compared before the piece counts.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import PurePosixPath

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Sum

from environments import clock
from environments.actors import PORTAL, Actor, lock_person
from environments.choices import ACTIVE, State
from environments.errors import AppStillRunning, Failed, TooMuchAtOnce
from environments.models import Environment
from environments.states import look

from .choices import UploadPart, UploadState
from .errors import (
    ChecksumDiffers,
    NoRoom,
    OffsetDiffers,
    TooMuchSent,
    UploadElsewhere,
    UploadGone,
    UploadInUse,
    UploadRefused,
)
from .models import Upload
from .models.upload import UploadQuerySet
from .operations.accept import check_is_taken
from .operations.examine import request_examination
from .storage import spool
from .storage.checksums import Checksum, summed

SAFE_EVERY_BYTES = 8 << 20
KEPT_FOR = timedelta(hours=24)
STRAY_SECONDS = 3600
LONGEST_NAME = 255
logger = logging.getLogger(__name__)


def uploads_of(environment: Environment, user: User | None) -> UploadQuerySet:
    """What a person has brought for an environment and not used yet, newest first; one of each part."""
    return Upload.objects.filter(environment=environment, by=user).exclude(state=UploadState.USED)


def begin(environment: Environment, *, part: UploadPart, filename: str, size: int, by: Actor) -> Upload:
    """Make room for a file of `size` bytes. An earlier one of the same part, by the same person, is given up.

    Raises:
        AppStillRunning, UploadRefused (empty-file, level, old-client), NoRoom, TooMuchAtOnce: and nothing has begun.
    """
    refuse_running(environment)
    if size <= 0:
        raise UploadRefused("empty-file", "The file is empty. Nothing was changed. Choose another one.")
    if part != UploadPart.FILES:
        with suppress(Failed):  # a server that does not answer now is asked again when the file is examined
            check_is_taken(environment)
    for older in uploads_of(environment, by.user).filter(part=part):
        with suppress(UploadInUse):
            drop(older, by=by)
    _check_room(size)
    moment = clock.now()
    upload = Upload(
        environment=environment,
        by=by.user,
        by_name=by.name[:200],
        origin=by.origin,
        part=part,
        filename=_shown(filename),
        size_bytes=size,
        created_at=moment,
        touched_at=moment,
    )
    with transaction.atomic():
        _check_share(by)
        spool.make(upload.pk)
        upload.save(force_insert=True)
    return upload


def append(
    upload: Upload,
    *,
    offset: int,
    blocks: Iterable[bytes],
    checksum: Checksum | None = None,
    is_rung: bool = True,
) -> int:
    """Write what comes behind what is here; returns where the file ends now. The last byte has it examined.

    When `blocks` breaks off, what came before is kept; with a checksum it is all or nothing. `is_rung=False` leaves the
    examination to whoever runs it here and now.

    Raises:
        OffsetDiffers, ChecksumDiffers, TooMuchSent, UploadGone, UploadElsewhere, NoRoom; and whatever `blocks` raises.
        TooMuchAtOnce: it could not be examined now; its last piece does not count, and is sent again later.
    """
    try:
        spooled = spool.Spooled(upload.pk)
    except FileNotFoundError:
        is_known = Upload.objects.filter(pk=upload.pk).exclude(state=UploadState.USED).exists()
        raise (UploadElsewhere if is_known else UploadGone) from None
    try:
        sending = _Sending(upload, spooled, offset, is_rung)
        try:
            for block in blocks if checksum is None else summed(blocks, checksum):
                sending.write(block, is_kept=checksum is None)
        except (OffsetDiffers, UploadGone, TooMuchSent):
            raise
        except BaseException:
            if checksum is None:
                sending.keep()
            raise
        if checksum is not None and not checksum.is_met:
            raise ChecksumDiffers
        sending.keep()
        return sending.at
    finally:
        spooled.close()


def receive(
    environment: Environment,
    *,
    part: UploadPart,
    filename: str,
    size: int,
    blocks: Iterable[bytes],
    by: Actor,
    is_rung: bool = True,
) -> Upload:
    """A whole file at once: from a plain form, or from a path on this machine.

    Raises:
        what `begin` and `append` raise; UploadRefused (size-differs): it was shorter than it said.
    """
    upload = begin(environment, part=part, filename=filename, size=size, by=by)
    try:
        end = append(upload, offset=0, blocks=blocks, is_rung=is_rung)
    except TooMuchAtOnce:  # nobody would go on with it
        drop(upload, by=by)
        raise
    if end != size:
        drop(upload, by=by)
        raise UploadRefused("size-differs", "The file ended before its end. Nothing was changed. Choose it again.")
    upload.refresh_from_db()
    return upload


def drop(upload: Upload, *, by: Actor) -> None:  # noqa: ARG001 - who acts is part of every request
    """Give an upload up: its row and its bytes go.

    Raises:
        UploadInUse: an operation puts it into the environment right now.
    """
    with transaction.atomic():
        free = Upload.objects.filter(pk=upload.pk).exclude(operation__status__in=ACTIVE)
        if not free.delete()[0] and Upload.objects.filter(pk=upload.pk).exists():
            raise UploadInUse
    spool.remove(upload.pk)


def refuse_running(environment: Environment) -> None:
    """Nothing is uploaded into a running environment. Raises: AppStillRunning"""
    if look(environment) == State.RUNNING:
        raise AppStillRunning(f"{environment.name} is running. Stop it, then upload; nothing was changed.")


def discard_expired_uploads() -> None:
    """Give up what nobody touched for a day, and files in the spool that no row names. For the reaper."""
    left = Upload.objects.filter(touched_at__lte=clock.now() - KEPT_FOR).exclude(state=UploadState.USED)
    for upload in left.exclude(operation__status__in=ACTIVE).exclude(examination__status__in=ACTIVE):
        drop(upload, by=PORTAL)
        logger.info("%s was given up: nobody touched it for a day.", upload)
    old = set(spool.left_for(STRAY_SECONDS))
    known = Upload.objects.filter(pk__in=old).exclude(state=UploadState.USED).values_list("pk", flat=True)
    for stray in old - set(known):
        spool.remove(stray)


class _Sending:
    """One sender at work. Another one that begins takes over: this one then learns that its offset differs."""

    def __init__(self, upload: Upload, spooled: spool.Spooled, offset: int, is_rung: bool) -> None:
        self.upload, self.spooled, self.is_rung = upload, spooled, is_rung
        self.at = self.safe = offset
        with spooled.alone():
            row = Upload.objects.filter(pk=upload.pk, state=UploadState.COMING).first()
            if row is None or spooled.size < 0:
                raise UploadGone
            if row.received_bytes != offset:
                raise OffsetDiffers(row.received_bytes)
            self.number = row.sends + 1
            Upload.objects.filter(pk=row.pk).update(sends=self.number, touched_at=clock.now())
            spooled.cut(offset)

    def write(self, block: bytes, *, is_kept: bool) -> None:
        if self.at + len(block) > self.upload.size_bytes:
            raise TooMuchSent
        with self.spooled.alone():
            self._check_alone()
            try:
                self.spooled.write(self.at, block)
            except OSError as error:
                self.spooled.cut(self.at)
                raise NoRoom(
                    f"The portal's disk does not take more ({error.strerror}). What came before is kept; make room, "
                    "then go on."
                ) from error
        self.at += len(block)
        if is_kept and self.at - self.safe >= SAFE_EVERY_BYTES:
            self.keep()

    def keep(self) -> None:
        """What was written counts from now on."""
        if self.at == self.safe:
            return
        with self.spooled.alone():
            self._check_alone()
            self.spooled.sync()
            self._count()
        self.safe = self.at

    def _count(self) -> None:
        mine = Upload.objects.filter(pk=self.upload.pk, sends=self.number, state=UploadState.COMING)
        with transaction.atomic():
            if not mine.update(received_bytes=self.at, touched_at=clock.now()):
                raise OffsetDiffers(self.safe)
            self.upload.received_bytes = self.at
            if self.upload.is_here:
                request_examination(self.upload, by=self.upload.owner, is_rung=self.is_rung)

    def _check_alone(self) -> None:
        size = self.spooled.size
        if size < 0:
            raise UploadGone
        if size != self.at:
            raise OffsetDiffers(self.safe)


def _check_share(by: Actor) -> None:
    """Only so many of one person's lie here at once. Whoever runs the command is no person."""
    if by.user is None:
        return
    lock_person(by.user.pk)
    most = settings.UPLOADS_PER_PERSON
    if Upload.objects.filter(by=by.user).exclude(state=UploadState.USED).count() >= most:
        raise TooMuchAtOnce(
            f"Files of yours unfinished or not used yet: {most}, as many as one person may have at once. "
            "Nothing was begun. Use or remove one, then choose this file again."
        )


def _check_room(size: int) -> None:
    """Room for this file and for the rest of all that are on their way."""
    coming = Upload.objects.filter(state=UploadState.COMING).aggregate(rest=Sum(F("size_bytes") - F("received_bytes")))
    free = spool.free_bytes() - (coming["rest"] or 0)
    if size > free:
        raise NoRoom(
            f"There is no room for this file on the portal's machine: it has {size / 1e6:,.2f} MB, "
            f"{max(free, 0) / 1e6:,.2f} MB are free. Nothing was changed. Make room, then try again."
        )


def _shown(filename: str) -> str:
    """A file's own name, fit to be shown: no folders, nothing that does not print."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return "".join(one if one.isprintable() else "\ufffd" for one in name)[:LONGEST_NAME] or "file"
