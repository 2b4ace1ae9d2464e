"""Download links and everybody they are not meant for: each is told so, and nothing is written down as taken."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.choices import Condition
from backups.models import Backup
from backups.storage import names
from backups.storage.vault import open_vault
from environments import clock
from environments.choices import Role
from environments.models import Activity, Environment, Membership
from tests.reading import text

from ..taken import keep_backup, link_for
from .conftest import SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def backup(environment: Environment, tmp_path: Path) -> Backup:
    root = tmp_path / "files"
    root.mkdir()
    (root / "page.html").write_text("<script>alert(1)</script>")
    return keep_backup(environment, root)


@pytest.fixture
def client(sign_in: SignIn, developer: User) -> Client:
    return sign_in(developer)


def lines() -> int:
    return Activity.objects.filter(action="download.started").count()


def test_a_link_in_other_hands_leads_nowhere(
    backup: Backup, developer: User, operator: User, stranger: User, sign_in: SignIn
) -> None:
    address = link_for(backup, developer)

    assert sign_in(operator).get(address).status_code == 404
    assert sign_in(stranger).get(address).status_code == 404
    signed_out = Client().get(address)
    assert signed_out.status_code == 302
    assert signed_out.url.startswith(reverse("sign_in"))  # type: ignore[attr-defined]
    assert lines() == 0


def test_a_changed_link_leads_nowhere(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer)
    token = address.split("/")[2]

    for wrong in (
        address.replace(token, token[:-1]),
        address.replace(token, token.swapcase()),
        address.replace(".zip", ".html"),
        address.replace("live-2026", "live-2025"),
    ):
        assert client.get(wrong).status_code == 404
    assert client.post(address).status_code == 405


def test_a_link_ends_when_the_right_is_withdrawn(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer)

    Membership.objects.filter(user=developer).update(role=Role.VIEWER)
    assert client.get(address).status_code == 403
    assert Activity.objects.filter(action="access.refused", actor=developer).exists()

    Membership.objects.filter(user=developer).delete()
    assert client.get(address).status_code == 404
    assert lines() == 0


def test_a_link_ends_after_eight_hours(backup: Backup, sign_in: SignIn, developer: User) -> None:
    address = link_for(backup, developer)

    with time_machine.travel(clock.now() + timedelta(hours=8, minutes=1)):
        response = sign_in(developer).get(address)

    assert response.status_code == 410
    assert "This download link is no longer valid" in text(response, class_="empty")


def test_a_link_ends_with_its_backup(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer)

    Backup.objects.filter(pk=backup.pk).update(removal_at=clock.now())
    assert "being deleted" in text(client.get(address), class_="empty")
    Backup.objects.filter(pk=backup.pk).update(removal_at=None, condition=Condition.DAMAGED)
    assert "damaged" in text(client.get(address), class_="empty")
    backup.delete()

    response = client.get(address)
    assert response.status_code == 410
    assert "This backup was deleted" in text(response, class_="empty")
    assert "Backups of Live" in text(response, class_="empty")
    assert lines() == 0


def test_a_vault_that_is_away_is_said_on_a_page(backup: Backup, client: Client, developer: User) -> None:
    vault = open_vault()
    vault.delete(names.manifest(backup.environment_id, backup.pk, 1))

    response = client.get(link_for(backup, developer))

    assert response.status_code == 503
    assert "cannot be read" in text(response, class_="empty")
    assert lines() == 0
