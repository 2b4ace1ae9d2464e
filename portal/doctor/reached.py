"""What the portal reaches over its settings: the vault, stores of uploaded files, the queue, the mail server."""

import secrets
from collections.abc import Iterator
from smtplib import SMTPException

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError

from backups.models import Installation
from backups.operations.mark import check_vault
from backups.storage.documents_store import store_of
from backups.storage.marker import check_first
from backups.storage.vault import Vault, open_vault
from environments.errors import Failed, Refused
from environments.files_address import SCHEME
from environments.lifecycle.doorbell import check_queue
from environments.models import Environment

from .finding import DATABASE_AWAY, GOOD, MISSING, WARNING, Finding, first_line, one_sentence

MAIL_SECONDS = 5
OK = 250


def look_at_vault() -> Iterator[Finding]:
    about = "Vault"
    try:
        own = Installation.objects.order_by("pk").first()
        vault = open_vault()
        if own is None or own.marked_at is None:
            yield _unmarked(about, vault, str(own.pk) if own else "")
            return
        check_vault(vault, own)
        _try_to_write(vault)
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
    except Failed as error:
        yield Finding(about, MISSING, one_sentence(error))
    else:
        yield Finding(about, GOOD, "It answers, and its marker names this portal.")


def _unmarked(about: str, vault: Vault, own: str) -> Finding:
    """A vault to which nothing was ever written: its place may not even be made yet."""
    try:
        vault.listdir("")
    except Failed as error:
        if settings.VAULT_LOCATION.startswith("s3://"):  # a bucket is made by somebody else
            return Finding(about, MISSING, one_sentence(error))
        return Finding(about, WARNING, one_sentence(f"It is made by the first backup, where that can be. {error}"))
    try:
        check_first(vault, own)
        _try_to_write(vault)
    except Failed as error:
        return Finding(about, MISSING, one_sentence(error))
    return Finding(about, GOOD, "Nothing was written to it yet; the first backup marks it as this portal's.")


def _try_to_write(vault: Vault) -> None:
    """Begin an object, and leave it. Nothing stays, also where what is stored may not be removed."""
    with vault.create(f"doctor.{secrets.token_hex(8)}"):
        pass


def look_at_files() -> Iterator[Finding]:
    """Whether the S3 stores of uploaded files answer; directories are looked at when they are backed up."""
    about = "Uploaded files"
    try:
        places = list(Environment.objects.live().filter(files_directory__startswith=SCHEME).select_related("app"))
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
        return
    answering = 0
    for place in places:
        try:
            store_of(place.files_address).look()
        except (Failed, Refused) as error:
            yield Finding(about, MISSING, one_sentence(f"Those of {place} cannot be read: {error}"))
        else:
            answering += 1
    if answering:
        yield Finding(about, GOOD, f"The S3 stores of {answering} of {len(places)} environments answer.")


def look_at_queue() -> Iterator[Finding]:
    about = "Queue"
    try:
        yield Finding(about, GOOD, check_queue())
    except Failed as error:
        yield Finding(about, MISSING, one_sentence(error))


def look_at_mail() -> Iterator[Finding]:
    """Whether the mail server lets us in and takes our sender. Nothing is sent."""
    about = "Mail"
    if not settings.EMAIL_HOST:
        level = WARNING if settings.BASE_URL.startswith("https://") else GOOD
        yield Finding(about, level, "EMAIL_HOST is not set: alarms stand on Home and in the log alone.")
        return
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        code, said = _ask_mail_server()
    except (OSError, SMTPException, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        yield Finding(
            about, MISSING, f"{where} lets nobody in ({why}); start the mail server, or correct the settings EMAIL_…."
        )
        return
    if code == OK:
        yield Finding(about, GOOD, f"{where} takes mail from {settings.DEFAULT_FROM_EMAIL}.")
    else:
        sentence = f"{where} takes no mail from {settings.DEFAULT_FROM_EMAIL} ({said.decode(errors='replace')})"
        yield Finding(about, MISSING, f"{sentence}; correct DEFAULT_FROM_EMAIL.")


def _ask_mail_server() -> tuple[int, bytes]:
    """What it says of our sender. Raises: OSError, SMTPException, ValueError"""
    server = EmailBackend(timeout=MAIL_SECONDS)
    try:
        server.open()
        assert server.connection is not None
        server.connection.ehlo_or_helo_if_needed()
        return server.connection.mail(settings.DEFAULT_FROM_EMAIL)
    finally:
        server.close()
