"""doctor: says what is missing, one sentence each."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from backups.engines.tools import all_tools
from backups.models import Installation
from backups.storage.marker import check_marker
from backups.storage.vault import Vault, open_vault
from environments.errors import Failed, Refused
from environments.lifecycle.signs import worker_health
from environments.management.base import PortalCommand
from environments.models import Environment
from environments.secrets import decrypt, encrypt

GOOD, WARNING, MISSING = "good", "warning", "missing"
# Below these, restoring somebody else's dump may run their code here (CVE-2026-116314 and its like).
FLOORS = {18: 7, 17: 12, 16: 16, 15: 20, 14: 25}
_VERSION = re.compile(r"(\d*)\.?(\d*)")
DATABASE_AWAY = "It could not be looked at, because the portal's database does not answer."


@dataclass(frozen=True)
class Finding:
    """One thing looked at: good, a warning, or missing, with a sentence."""

    about: str
    level: str
    sentence: str


class Command(PortalCommand):
    help = "Says what the portal needs and does not have. Exit code 0: nothing is missing."
    requires_system_checks = ()

    def answer(self, **_: Any) -> None:
        findings = [finding for look in LOOKS for finding in look()]
        lines = [f"{finding.level:8} {finding.about}: {finding.sentence}" for finding in findings]
        self.say([asdict(finding) for finding in findings], *lines)
        missing = sum(finding.level == MISSING for finding in findings)
        if missing:
            raise Failed(f"{missing} of {len(findings)} things looked at are missing.")


def look_at_data_directory() -> Iterator[Finding]:
    about = "Data directory"
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR):
            yield Finding(about, GOOD, f"{settings.DATA_DIR} can be written.")
    except OSError as error:
        yield Finding(
            about,
            MISSING,
            f"{settings.DATA_DIR} cannot be written ({error.strerror}); give the portal's user rights there.",
        )


def look_at_database() -> Iterator[Finding]:
    about = "Portal database"
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, ImproperlyConfigured) as error:
        yield Finding(about, MISSING, f"It does not answer: {_first_line(error)}")
        return
    if waiting:
        yield Finding(about, MISSING, f"{len(waiting)} migrations are not applied; run manage.py migrate.")
    else:
        yield Finding(about, GOOD, f"{connection.display_name} answers, and every migration is applied.")


def look_at_keys() -> Iterator[Finding]:
    """Whether passwords at rest can be written, and all that are stored can be read."""
    about = "Keys"
    try:
        decrypt(encrypt("a word"))
    except ValueError:
        yield Finding(about, MISSING, "PORTAL_SECRETS_KEYS holds something that is no Fernet key.")
        return
    try:
        unread = [str(place) for place in Environment.objects.live().select_related("app") if not _can_read(place)]
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
        return
    if unread:
        yield Finding(
            about, MISSING, f"The key of the stored passwords of {', '.join(unread)} is not in PORTAL_SECRETS_KEYS."
        )
    else:
        yield Finding(about, GOOD, "Every stored password can be read.")


def _can_read(place: Environment) -> bool:
    try:
        decrypt(place.database_password)
        decrypt(place.admin_database_password)
    except Refused:
        return False
    return True


def look_at_vault() -> Iterator[Finding]:
    about = "Vault"
    try:
        own = Installation.objects.order_by("pk").first()
        vault = open_vault()
        if own is None or own.marked_at is None:
            yield _unmarked(about, vault)
            return
        check_marker(vault, str(own.pk), may_make=False)
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
    except Failed as error:
        yield Finding(about, MISSING, str(error))
    else:
        yield Finding(about, GOOD, "It answers, and its marker names this portal.")


def _unmarked(about: str, vault: Vault) -> Finding:
    """A vault to which nothing was ever written: its place may not even be made yet."""
    try:
        vault.listdir("")
    except Failed as error:
        return Finding(about, WARNING, f"The first backup makes it, where it can. Until then: {error}")
    return Finding(about, GOOD, "Nothing was written to it yet; the first backup marks it as this portal's.")


def look_at_programs() -> Iterator[Finding]:
    about = "Client programs"
    found = all_tools()
    if not found:
        yield Finding(
            about, MISSING, "No pg_dump was found; install PostgreSQL's client programs or set PORTAL_PG_BIN."
        )
    for tools in found:
        where = f"PostgreSQL {tools.version} in {tools.folder}"
        if is_below_floor(tools.version):
            yield Finding(
                about, WARNING, f"{where} is below {_floor(tools.major)}: no uploaded dump should be restored with it."
            )
        else:
            yield Finding(about, GOOD, f"{where}.")


def is_below_floor(version: str) -> bool:
    """Whether client programs of this version are known to be unsafe with other people's dumps."""
    major, minor = (int(number or 0) for number in _VERSION.match(version).groups())  # type: ignore[union-attr]
    return major <= max(FLOORS) and minor < FLOORS.get(major, 999)


def look_at_workers() -> Iterator[Finding]:
    about = "Workers"
    try:
        health = worker_health()
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
        return
    if health.is_alive:
        yield Finding(about, GOOD, f"{health}.")
    for problem in health.problems:
        yield Finding(about, MISSING, problem)


def _floor(major: int) -> str:
    return f"{major}.{FLOORS[major]}" if major in FLOORS else f"{min(FLOORS)}.{FLOORS[min(FLOORS)]}"


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    look_at_data_directory,
    look_at_database,
    look_at_keys,
    look_at_vault,
    look_at_programs,
    look_at_workers,
)
