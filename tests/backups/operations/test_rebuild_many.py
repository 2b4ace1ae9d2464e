"""A long shelf comes back page by page, with as few statements for each page as for the first."""

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backups.operations import rebuild
from backups.operations.mark import mark_vault
from backups.storage.vault import open_vault
from environments import clock
from environments.actors import PORTAL
from tests.backups.operations.lost import listed, lose, store
from tests.factories import BackupFactory, EnvironmentFactory

pytestmark = pytest.mark.django_db
BACKUPS, PAGE = 120, 10


def test_statements_do_not_grow_with_the_shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(rebuild, "PAGE", PAGE)
    mark_vault(open_vault())
    place = EnvironmentFactory()
    for number in range(BACKUPS):
        moment = clock.now() - timedelta(hours=number)
        store(
            BackupFactory(environment=place, operation__origin="person", created_at=moment, comment=f"{number}" * 500)
        )
    before = listed(str(place))
    lose()
    statements = list[int]()

    def told(_: str) -> None:
        statements.append(len(asked))
        asked.initial_queries = len(connection.queries_log)

    with CaptureQueriesContext(connection) as asked:
        [done] = rebuild.rebuild(open_vault(), by=PORTAL, told=told)

    assert done.problems == []
    assert listed(str(place)) == before
    assert len(statements) == BACKUPS // PAGE
    assert len(set(statements[1:])) == 1 and statements[1] < 20
