"""Check: whether an environment's region, files, database and commands fit, before anything is remembered."""

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from django.conf import settings

from ..choices import ACTIVE
from ..errors import RegistrationRefused
from ..files_address import FilesAddress
from ..lifecycle.kinds import title_of
from ..models import Environment, Operation

COMMANDS = ("status", "stop", "start", "deploy", "undeploy", "services", "files")
SUPERVISOR = "supervisor"  # a place, not a command: /run/app/supervisor.sock program
# Of the data directory; what else lies there is nobody's.
OWN_ROOMS = ("keys", "queue", "scratch", "static", "uploads", "vault")


def check(environment: Environment) -> None:
    """Look at everything that can be looked at without asking the database.

    Raises:
        RegistrationRefused: with the sentence that says what does not fit.
    """
    check_region(environment)
    check_commands(environment.commands)
    check_files(environment)
    check_database_is_its_own(environment)


def check_region(environment: Environment) -> None:
    """Its region starts nightly backups for its cloud version. Raises: RegistrationRefused"""
    starts = sorted(start.cloud_version for start in environment.region.starts.all())
    if environment.cloud_version not in starts:
        raise RegistrationRefused(
            f"{environment.region.name} has no nightly start for cloud version {environment.cloud_version}; "
            f"it has {' and '.join(starts) or 'none'}. Nothing was changed."
        )


def check_commands(commands: Mapping[str, str]) -> None:
    """Each has a known name and can be split into words. Raises: RegistrationRefused"""
    for name, line in commands.items():
        if name not in (*COMMANDS, SUPERVISOR):
            known = ", ".join(COMMANDS)
            raise RegistrationRefused(f"There is no command {name!r}; known are {known}. Nothing was changed.")
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise RegistrationRefused(
                f"The {name} command cannot be read ({error}): {line}. Nothing was changed."
            ) from None
        if not words:
            raise RegistrationRefused(f"The {name} command is empty. Nothing was changed.")


def check_files(environment: Environment) -> None:
    """Its place is neither the portal's own nor another environment's; a directory is there and can be read.

    Raises:
        RegistrationRefused, FilesAddressNotReadable
    """
    address = environment.plain_files_address
    if address.is_s3:
        _check_bucket(environment, address)
        return
    directory = address.path
    if not directory.startswith("/") or not directory.isprintable():
        raise RegistrationRefused(f"The files directory {directory!r} is no absolute path. Nothing was changed.")
    _look_into(directory)
    real = Path(directory).resolve()
    for room in _own_rooms():
        if _overlap(real, room):
            raise RegistrationRefused(
                f"The files directory {directory} and the portal's own {room} overlap. Nothing was changed."
            )
    for other in _others(environment):
        theirs = other.plain_files_address
        if not theirs.is_s3 and _overlap(real, theirs.directory.resolve()):
            raise RegistrationRefused(
                f"The files directory {directory} overlaps that of {other}. Nothing was changed; "
                "every environment needs a directory of its own."
            )


def _check_bucket(environment: Environment, address: FilesAddress) -> None:
    usual = settings.S3["endpoint_url"] or ""
    if address.key and not environment.files_secret:
        raise RegistrationRefused(
            f"The address of uploaded files names the key {address.key} and no secret. Nothing was changed; "
            "write s3://KEY:SECRET@bucket/prefix."
        )
    if "://" in settings.VAULT_LOCATION:
        vault = FilesAddress.parse(settings.VAULT_LOCATION)
        if address.overlaps(vault, usual_endpoint=usual):
            raise RegistrationRefused(f"{address} and the portal's own vault {vault} overlap. Nothing was changed.")
    for other in _others(environment):
        theirs = other.plain_files_address
        if theirs.is_s3 and address.overlaps(theirs, usual_endpoint=usual):
            raise RegistrationRefused(
                f"{address} overlaps {theirs} of {other}. Nothing was changed; "
                "every environment needs a prefix of its own."
            )


def check_database_is_its_own(environment: Environment) -> None:
    """No other environment is registered with it, as far as addresses tell. Raises: RegistrationRefused"""
    address = environment.plain_address
    for other in _others(environment):
        if address.is_same_database(other.plain_address):
            raise RegistrationRefused(
                f"The database {address} is already that of {other}. Nothing was changed; "
                "every environment needs a database of its own."
            )


def check_nothing_is_under_way(environment: Environment) -> None:
    """Its place may be changed only while nothing works there. Raises: RegistrationRefused"""
    active = Operation.objects.filter(environment=environment, is_exclusive=True, status__in=ACTIVE)
    if operation := active.order_by("created_at").first():
        raise RegistrationRefused(
            f"{title_of(operation.kind)} is Queued or under way in {environment}, asked for by "
            f"{operation.requested_by_name}. Nothing was changed; database and files can be when it has ended."
        )


def _look_into(directory: str) -> None:
    try:
        with os.scandir(directory) as entries:
            next(entries, None)
    except FileNotFoundError:
        raise RegistrationRefused(f"There is no directory {directory}. Nothing was changed.") from None
    except NotADirectoryError:
        raise RegistrationRefused(f"{directory} is no directory. Nothing was changed.") from None
    except OSError as error:
        raise RegistrationRefused(
            f"The files directory {directory} cannot be read ({error.strerror}). Nothing was changed; "
            "let the portal's user read it."
        ) from None


def _own_rooms() -> Iterator[Path]:
    for name in OWN_ROOMS:
        yield Path(settings.DATA_DIR, name).resolve()
    if "://" not in settings.VAULT_LOCATION:
        yield Path(settings.VAULT_LOCATION).resolve()


def _others(environment: Environment) -> list[Environment]:
    return list(Environment.objects.registered().select_related("app").exclude(pk=environment.pk))


def _overlap(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents
