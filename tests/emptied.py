"""After a test that committed, its rows go. What belongs to the schema stays: content types and permissions.

Django's own way truncates every table and writes those two again after every such test: half a second on PostgreSQL.
"""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.test import TransactionTestCase

STAY = {ContentType._meta.db_table, Permission._meta.db_table}


def empty(alias: str) -> None:
    """Delete every row of a database's models. Foreign keys are looked at when all of them are gone."""
    connection = connections[alias]
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - STAY
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of our own models


def _fixture_teardown(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        empty(alias)


def install() -> None:
    """Let pytest-django's tests with `transaction=True` end in this way."""
    TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[method-assign]
