"""What lies in the portal's own database: whether it answers, its version, what its keys open, and its clock."""

import time
from collections.abc import Iterator

from allauth.mfa.models import Authenticator
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now

from backups.models import Backup
from environments.errors import Refused
from environments.models import Environment
from environments.secrets import decrypt, encrypt

from .finding import DATABASE_AWAY, GOOD, MISSING, WARNING, Finding, first_line

WRONG_BY_SECONDS = 60
"""From here on codes of authenticator apps are refused; a store refuses what is signed a quarter of an hour off."""

SECRETS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}
"""Where each kind of second factor keeps what the keys open."""


def look_at_database() -> Iterator[Finding]:
    about = "Portal database"
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        newer = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    except (DatabaseError, ImproperlyConfigured) as error:
        yield Finding(about, MISSING, f"It does not answer: {first_line(error)}; start it, or correct DATABASE_URL.")
        return
    ours = {app for app, _ in executor.loader.disk_migrations}
    newer = {(app, name) for app, name in newer if app in ours}
    if newer:
        names = ", ".join(f"{app}.{name}" for app, name in sorted(newer))
        yield Finding(
            about, MISSING, f"It is of a newer version ({names}); take that code, or an empty one and restore_portal."
        )
    elif waiting:
        is_or_are = "migration is" if len(waiting) == 1 else "migrations are"
        yield Finding(about, MISSING, f"{len(waiting)} {is_or_are} not applied; run manage.py migrate.")
    else:
        yield Finding(about, GOOD, f"{connection.display_name} answers, and every migration is applied.")


def look_at_clock() -> Iterator[Finding]:
    """This machine's clock against the database's, by which leases go."""
    about = "Clock"
    try:
        now = ContentType.objects.annotate(now=Now()).values_list("now", flat=True).first()
        own = time.time()
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
        return
    wrong = own - now.timestamp() if now else 0.0
    if abs(wrong) > WRONG_BY_SECONDS:
        yield Finding(about, MISSING, clock_sentence("This machine", wrong))
    else:
        yield Finding(about, GOOD, "It goes with the database's.")


def clock_sentence(machine: str, wrong: float) -> str:
    side = "ahead of" if wrong > 0 else "behind"
    return f"{machine} is {abs(wrong):,.0f} s {side} the database's clock; let both ask a time server (NTP)."


def look_at_keys() -> Iterator[Finding]:
    """Whether passwords at rest can be written, and all that are stored can be read."""
    about = "Keys"
    try:
        decrypt(encrypt("a word"))
    except ValueError:
        yield Finding(
            about, MISSING, "PORTAL_SECRETS_KEYS holds something that is no Fernet key; correct or remove that one."
        )
        return
    try:
        unread = [str(place) for place in Environment.objects.live().select_related("app") if not _can_read(place)]
        factors = Authenticator.objects.filter(type__in=SECRETS).select_related("user")
        locked_out = sorted({one.user.get_username() for one in factors if not _can_use(one)})
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
        return
    if unread:
        yield Finding(
            about,
            MISSING,
            f"The key of the stored passwords of {', '.join(unread)} is not in PORTAL_SECRETS_KEYS; put it there, "
            "behind the newest, or register them anew.",
        )
    if locked_out:
        yield Finding(
            about,
            MISSING,
            f"The key of the second factors of {', '.join(locked_out)} is not in PORTAL_SECRETS_KEYS; put it there, "
            "behind the newest.",
        )
    if not unread and not locked_out:
        yield Finding(about, GOOD, "Every stored password can be read.")


def _can_read(place: Environment) -> bool:
    try:
        decrypt(place.database_password)
        decrypt(place.admin_database_password)
        decrypt(place.files_secret)
    except Refused:
        return False
    return True


def _can_use(factor: Authenticator) -> bool:
    try:
        decrypt(str(factor.data.get(SECRETS[factor.type], "")))
    except Refused:
        return False
    return True


def look_at_notes() -> Iterator[Finding]:
    """Whether the vault alone could tell everything again."""
    about = "Notes on backups"
    try:
        left = Backup.objects.unnoted().count()
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
        return
    if left:
        yield Finding(
            about,
            WARNING,
            f"The vault does not hold yet what changed of {left} backups, which the workers write within minutes; "
            "where they cannot, run rebuild_catalogue.",
        )
    else:
        yield Finding(about, GOOD, "The vault holds every comment, pin and condition.")
