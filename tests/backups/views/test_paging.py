"""Paging: by the place of a row, so that the last page is as quick as the first and nothing is seen twice."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backups.models import Backup
from backups.views import listing
from environments import clock
from environments.models import Environment
from tests.factories import BackupFactory
from tests.reading import text, texts

from .conftest import Address, SignIn


@pytest.fixture
def many(environment: Environment) -> Environment:
    """120 backups, each five of one moment."""
    now = clock.now()
    for number in range(120):
        BackupFactory(
            environment=environment,
            created_at=now - timedelta(hours=number // 5),
            comment=f"n{number}",
            nightly=number == 70,
        )
    return environment


def _ids(page: object) -> list[str]:
    return re.findall(r'id="backup-([0-9a-f-]{36})"', page.content.decode())  # type: ignore[attr-defined]


def _follow(client: Client, page: object, word: str) -> object | None:
    link = re.search(rf'<a class="button" href="([^"]+)" rel="\w+">{word}</a>', page.content.decode())  # type: ignore[attr-defined]
    return client.get(link[1].replace("&amp;", "&")) if link else None


def test_each_row_is_visited_once_forth_and_back(many: Environment, viewer: User, sign_in: SignIn) -> None:
    client = sign_in(viewer)
    page = client.get(many.get_absolute_url())
    pages = [_ids(page)]
    while (older := _follow(client, page, "Older")) is not None:
        page = older
        pages.append(_ids(page))

    in_order = [str(pk) for pk in Backup.objects.newest_first().values_list("pk", flat=True)]
    assert [len(one) for one in pages] == [50, 50, 20]
    assert [one for page_ids in pages for one in page_ids] == in_order

    back = []
    while (newer := _follow(client, page, "Newer")) is not None:
        page = newer
        back.append(_ids(page))
    assert back == [pages[1], pages[0]]


def test_pages_say_where_they_are(many: Environment, viewer: User, sign_in: SignIn) -> None:
    client = sign_in(viewer)

    first = client.get(many.get_absolute_url())
    second = _follow(client, first, "Older")
    third = _follow(client, second, "Older")

    assert text(first, class_="pager") == "1 to 50 of 120 backups, 577.20 GB Newer Older"
    assert text(second, class_="pager").startswith("51 to 100 of 120 backups")
    assert text(third, class_="pager").startswith("101 to 120 of 120 backups")
    assert text(_follow(client, third, "Newer"), class_="pager").startswith("51 to 100 of 120 backups")


def test_filters_hold_on_every_page(many: Environment, viewer: User, sign_in: SignIn, address: Address) -> None:
    client = sign_in(viewer)

    second = _follow(client, client.get(address("list", many, kind="person", q="n")), "Older")

    assert len(texts(second, class_="c-by")) == 50
    assert "Nightly" not in str(texts(second, class_="c-by"))
    assert text(second, class_="pager").startswith("51 to 100 of 119 matching backups")


def test_a_cursor_may_come_from_outside(many: Environment, viewer: User, sign_in: SignIn, address: Address) -> None:
    last = Backup.objects.newest_first()[49]
    cursor = f"{last.created_at.isoformat()}_{last.pk}"

    page = sign_in(viewer).get(address("list", many, before=cursor))

    assert _ids(page)[0] == str(Backup.objects.newest_first()[50].pk)
    assert text(page, class_="pager").startswith("120 backups")


@pytest.mark.parametrize(
    "cursor", ["", "x", "_", "2026-01-01_x", "0001-01-01T00:00+23:59_00000000000000000000000000000000", "2026_1_2_3"]
)
def test_what_is_no_cursor_leads_to_the_beginning(
    many: Environment, viewer: User, sign_in: SignIn, address: Address, cursor: str
) -> None:
    page = sign_in(viewer).get(address("list", many, before=cursor))

    assert _ids(page) == [str(pk) for pk in Backup.objects.newest_first().values_list("pk", flat=True)[:50]]


def test_beyond_a_cap_nothing_is_counted(
    many: Environment, viewer: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "COUNTED", 100)
    client = sign_in(viewer)

    with CaptureQueriesContext(connection) as queries:
        page = client.get(many.get_absolute_url())

    assert text(page, class_="pager").startswith("1 to 50 of more than 100 backups")
    asked = [query["sql"] for query in queries if 'FROM "backups_backup"' in query["sql"]]
    assert len(asked) == 2
    assert all("LIMIT" in sql and "OFFSET" not in sql for sql in asked)
