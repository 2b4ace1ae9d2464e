"""Moving: the portal's own rows into an empty PostgreSQL database, all of them as they are, or nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.db.models.functions import Now
from django.db.utils import load_backend

from environments.addresses import DatabaseAddress
from environments.choices import Status
from environments.lifecycle.periods import REAP_EVERY_SECONDS
from environments.lifecycle.signs import REAPER, ago, sign_ages
from environments.models import Operation

from .errors import MoveFailed, MoveRefused

POSTGRESQL = "django.db.backends.postgresql"
SOURCE, TARGET = DEFAULT_DB_ALIAS, "target"
AT_ONCE = 1000
QUIET_SECONDS = 4 * REAP_EVERY_SECONDS
UNTOUCHED = "Nothing was moved, and the new database is as it was."


@dataclass(frozen=True)
class Moved:
    """What was moved."""

    tables: int
    rows: int


def move_database(address: DatabaseAddress) -> Moved:
    """Copy every row of the portal's own database to `address`, where there is none yet, and compare all of them.

    The source stays as it is, and is closed to writers meanwhile where it is SQLite.

    Raises:
        MoveRefused: workers run, or the new database does not answer or is not empty.
        MoveFailed: something could not be copied as it is; the new database is empty again.
    """
    check_quiet()
    with _joined(address) as target:
        check_empty(target, address)
        try:
            with transaction.atomic(SOURCE), transaction.atomic(TARGET):
                return _move(target)
        except (DatabaseError, ValueError) as error:
            raise MoveFailed(f"{_first_line(error)}. {UNTOUCHED}") from error


def check_quiet() -> None:
    """See that no worker writes behind our back.

    Raises:
        MoveRefused
    """
    age = sign_ages().get(REAPER)
    if age is not None and age < QUIET_SECONDS:
        raise MoveRefused(
            f"Workers run: they showed themselves {ago(age)} ago. Stop all of them and the web server, wait a minute, "
            "and move then."
        )
    held = Operation.objects.filter(status=Status.RUNNING, lease_until__gt=Now()).first()
    if held is not None:
        raise MoveRefused(f"The operation {held.pk} is under way; wait for its end, and move then.")


def check_empty(target: BaseDatabaseWrapper, address: DatabaseAddress) -> None:
    """See that the new database answers, and that nobody lives there.

    Raises:
        MoveRefused
    """
    try:
        tables = target.introspection.table_names()
    except OperationalError as error:
        raise MoveRefused(f"{address.to_url()} does not answer: {_first_line(error)}. Nothing was moved.") from error
    if tables:
        raise MoveRefused(
            f"{address.to_url()} is not empty: it holds {len(tables)} tables, such as {min(tables)}. "
            "Give an empty database; nothing was moved."
        )


def models() -> list[type[Model]]:
    """One for each table of the portal, of its apps and of the libraries it stands on."""
    return [one for one in apps.get_models(include_auto_created=True) if one._meta.managed and not one._meta.proxy]


@contextmanager
def _joined(address: DatabaseAddress) -> Iterator[BaseDatabaseWrapper]:
    """The new database beside the portal's own, in this process."""
    given = {
        "ENGINE": POSTGRESQL,
        "NAME": address.name,
        "USER": address.user,
        "PASSWORD": address.password,
        "HOST": address.host,
        "PORT": address.port,
        "OPTIONS": dict(address.options),
    }
    whole = connections.configure_settings({SOURCE: given})[SOURCE]
    connections[TARGET] = target = load_backend(POSTGRESQL).DatabaseWrapper(whole, TARGET)
    try:
        yield target
    finally:
        target.close()
        del connections[TARGET]


class _Towards:
    """What steps of the migrations put into "the" database goes into the new one."""

    def db_for_read(self, *_: Any, **__: Any) -> str:
        return TARGET

    db_for_write = db_for_read


@contextmanager
def _routed() -> Iterator[None]:
    own = router.routers
    router.routers = [_Towards()]
    try:
        yield
    finally:
        router.routers = own


def _move(target: BaseDatabaseWrapper) -> Moved:
    found = models()
    with target.cursor() as cursor:
        # Checked at once while tables are made: none is changed while checks of its rows are still to come.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with _routed():
            call_command("migrate", database=TARGET, interactive=False, verbosity=0)
        made = target.introspection.django_table_names(only_existing=True, include_views=False)
        for statement in target.ops.sql_flush(no_style(), made):  # what migrations put in comes with the copy
            cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for model in found:
            _copy(model)
        target.check_constraints()
        for statement in target.ops.sequence_reset_sql(no_style(), found):
            cursor.execute(statement)
    return Moved(len(found), sum(_compare(model) for model in found))


def _copy(model: type[Model]) -> None:
    """Raw: no default, no moment of now, no signal, so that every value is what it was."""
    fields = [field for field in model._meta.local_concrete_fields if not field.generated]
    rows = model._base_manager.using(SOURCE).order_by().iterator(AT_ONCE)
    try:
        while batch := list(islice(rows, AT_ONCE)):
            model._base_manager.using(TARGET)._insert(batch, fields=fields, using=TARGET, raw=True)  # type: ignore[attr-defined]
    except (DatabaseError, ValueError) as error:
        raise MoveFailed(
            f"The table {model._meta.db_table} could not be copied: {_first_line(error)}. {UNTOUCHED}"
        ) from error


def _compare(model: type[Model]) -> int:
    """How many rows both sides hold, each of them with the same values."""
    there, here = _sum_of(model, TARGET), _sum_of(model, SOURCE)
    if there != here:
        raise MoveFailed(f"The table {model._meta.db_table} did not arrive as it was. {UNTOUCHED}")
    return here[0]


def _sum_of(model: type[Model], alias: str) -> tuple[int, int]:
    """How many rows, and a sum over their values, whatever order they come in."""
    count = total = 0
    names = [field.attname for field in model._meta.local_concrete_fields]
    for values in model._base_manager.using(alias).order_by().values_list(*names).iterator(AT_ONCE):
        digest = sha256(json.dumps(values, sort_keys=True, default=_plain).encode()).digest()
        count, total = count + 1, (total + int.from_bytes(digest)) % 2**256
    return count, total


def _plain(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
