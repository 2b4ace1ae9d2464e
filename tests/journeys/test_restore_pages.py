"""How restore, undo and the notice look to everybody: no barrier in either theme, nothing beside the page."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from backups.models import Backup
from environments import clock
from environments.models import Environment
from tests.apps import App
from tests.factories import AppServiceFactory, BackupFactory, OperationFactory, PackageFactory
from tests.factories_exchange import GenerationFactory, RestoreFactory

from .conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "w" * 200


@pytest.fixture
def backup(environment: Environment) -> Backup:
    """A backup of an older version, with a comment that tries to break the page."""
    facts = {"modeler_version": "7.23.1", "model_version": "1.4.1.112", "server_version": "17.2"}
    return BackupFactory(environment=environment, verified=True, comment=LONG, **facts)


@pytest.fixture
def busy(environment: Environment, backup: Backup) -> Environment:
    """Live, where a restore runs."""
    operation = OperationFactory(environment=environment, kind="restore", running=True, subject=backup.pk)
    RestoreFactory(operation=operation, backup=backup, environment=environment)
    return environment


@pytest.fixture
def restored(
    make_place: Callable[..., Environment], environment: Environment, backup: Backup, tmp_path: Path
) -> Environment:
    """A production environment that runs and holds restored data."""
    folder = tmp_path / "app"
    folder.mkdir()
    facts = {"name": f"Acceptance {LONG[:100]}", "slug": "acceptance", "is_production": True}
    package = PackageFactory(app=environment.app, model_version="1.5.0.7")
    place = make_place(app=environment.app, package=package, commands=App(folder).commands, **facts)
    PackageFactory(app=environment.app, model_version="1.4.1.112", modeler_version="7.23.1")
    left_at = clock.now() - timedelta(minutes=2)
    operation = OperationFactory(environment=place, kind="restore", subject=backup.pk, finished_at=left_at)
    RestoreFactory(operation=operation, backup=backup, environment=place)
    GenerationFactory(environment=place, operation=operation, left_at=left_at, services=[["Orders", "2.0"]])
    AppServiceFactory(environment=place, name=LONG[:60])
    return place


def stations(page: Page, backup: Backup, busy: Environment, restored: Environment) -> Iterator[str]:
    """Every state of these pages, one after the other."""
    form = f"{backup.get_absolute_url()}restore/?to="
    page.goto(f"{form}{restored.slug}")
    yield "the form"
    page.get_by_role("button", name="Restore into").click()
    expect(page.locator("#summary")).to_be_focused()
    yield "its errors"
    page.goto(f"{form}{busy.slug}")
    yield "a busy target"
    page.goto(busy.get_absolute_url(), wait_until="networkidle")  # parts that come later move what is clicked
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("button", name="Cancel restore")).to_be_visible()
    yield "a running restore, and its cancelling"
    page.goto(restored.get_absolute_url())
    expect(page.get_by_role("link", name="Deploy 1.4.1.112")).to_be_visible()
    yield "the notice"
    page.get_by_role("link", name="Undo").click()
    expect(page.get_by_role("button", name="Undo in")).to_be_visible()
    yield "the dialog"
    page.goto(f"{restored.get_absolute_url()}undo/")
    yield "the dialog as a page"
    page.goto(f"{restored.get_absolute_url()}current/")
    yield "the notice as a page"


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_every_state_is_for_everybody(
    backup: Backup, busy: Environment, restored: Environment, operator: User, open_page: OpenPage, is_dark: bool
) -> None:
    page = open_page(operator, is_dark=is_dark)
    found = []
    for station in stations(page, backup, busy, restored):
        violations = Axe().run(page).response["violations"]
        found += [f"{station}, {one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations]

    assert found == []


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_stands_beside_the_page(
    backup: Backup, busy: Environment, restored: Environment, operator: User, open_page: OpenPage, width: int
) -> None:
    page = open_page(operator, width=width)
    found = []
    for station in stations(page, backup, busy, restored):
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(station)

    assert found == []
