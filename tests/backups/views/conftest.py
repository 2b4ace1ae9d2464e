"""What every view's tests share: signing in, addresses, and the four ways to stand before a closed door."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.models import Backup
from environments.models import Activity, Environment
from environments.models import App as AppModel
from tests.apps import App
from tests.cast import signed_in
from tests.factories import BackupFactory

SignIn = Callable[[User], Client]
Address = Callable[..., str]
CheckDoor = Callable[..., None]


@pytest.fixture(autouse=True)
def _workers_known(workers_known: None) -> None:
    """Several of these tests count queries."""


@pytest.fixture
def sign_in() -> SignIn:
    """A browser in which this person is signed in."""

    return signed_in


@pytest.fixture
def address() -> Address:
    """The address of a view by its name, for an environment or one of its backups."""

    def find(name: str, place: Environment | Backup, **query: str) -> str:
        environment = place.environment if isinstance(place, Backup) else place
        ids = [place.pk] if isinstance(place, Backup) else []
        return reverse(f"backups:{name}", args=[environment.app.slug, environment.slug, *ids], query=query or None)

    return find


@pytest.fixture
def check_door(sign_in: SignIn, stranger: User, support: User) -> CheckDoor:
    """Signed out: to sign-in. A stranger: 404. A member without the right: 403, recorded. A wrong method: 405."""

    def check(address: str, *, without: User | None = None, wrong: str = "post", method: str = "get") -> None:
        signed_out = getattr(Client(), method)(address)
        assert signed_out.status_code == 302
        assert signed_out.url.startswith(reverse("sign_in"))
        assert getattr(sign_in(stranger), method)(address).status_code == 404
        if without is not None:
            refused = getattr(sign_in(without), method)(address)
            assert refused.status_code == 403
            assert Activity.objects.filter(action="access.refused", actor=without).exists()
        assert getattr(sign_in(support), wrong)(address).status_code == 405

    return check


@pytest.fixture
def running(tmp_path: Path) -> App:
    """An app that runs."""
    folder = tmp_path / "app"
    folder.mkdir()
    return App(folder)


@pytest.fixture
def backup(environment: Environment) -> Backup:
    """A verified backup of Live."""
    found: Backup = BackupFactory(environment=environment, verified=True, server_version="17.2")
    return found


@pytest.fixture
def place(make_place: Callable[..., Environment], app: AppModel, environment: Environment, running: App) -> Environment:
    """Acceptance, with a real database and an app that runs; the package is the one of the backup."""
    facts = {"slug": "acceptance", "name": "Acceptance", "commands": running.commands}
    return make_place("CREATE TABLE orders (id int)", app=app, package=environment.package, **facts)
