"""Restore and undo from the first click to the app's own page: a real browser, worker, database and app."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from backups.models import Backup
from backups.operations.create import request_create
from environments import clock
from environments.actors import Actor
from environments.choices import Origin, Role, Status
from environments.lifecycle.run import run_here
from environments.models import App, Environment
from portal.demo.places import connection_of
from tests.factories import MembershipFactory, UserFactory
from tests.workers import Workers, eventually

from .conftest import OpenPage
from .desk import Desk, leave_traces

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
A_MINUTE = 60_000
OLD, NEW = "Zofia of yesterday", "Amara of today"


@pytest.fixture
def backup(make_place: Callable[..., Environment], app: App) -> Backup:
    """Yesterday's backup of Live."""
    live = make_place(app=app, name="Live", slug="live", is_production=True)
    leave_traces(live, OLD, "old.svg")
    made = request_create(live, by=Actor("Nightly", Origin.NIGHTLY), is_rung=False)
    assert run_here(made.operation).status == Status.COMPLETED
    Backup.objects.update(created_at=clock.now() - timedelta(days=1))
    return Backup.objects.get(pk=made.pk)


@pytest.fixture
def desk(make_place: Callable[..., Environment], app: App, backup: Backup) -> Iterator[Desk]:
    """Acceptance with its app, in which people have worked today."""
    acceptance = make_place(app=app, name="Acceptance", slug="acceptance", package=backup.environment.package)
    leave_traces(acceptance, NEW, "new.svg")
    desk = Desk(acceptance)
    yield desk
    desk.end()


@pytest.fixture
def tomasz(desk: Desk) -> User:
    user: User = UserFactory(first_name="Tomasz", last_name="Wieczorek")
    MembershipFactory(app=desk.environment.app, user=user, role=Role.OPERATOR)
    return user


@contextmanager
def somebody_works(environment: Environment) -> Iterator[None]:
    """A session of the app's role: the app is not believed to be stopped before it ends."""
    with psycopg.connect(**connection_of(environment.database_address), application_name="a report"):
        yield


def is_old(desk: Desk) -> bool:
    shown = desk.shown
    return OLD in shown and "old.svg" in shown and "new.svg" not in shown and NEW not in shown


def is_new(desk: Desk) -> bool:
    shown = desk.shown
    return NEW in shown and "new.svg" in shown and "old.svg" not in shown


def choose_restore(page: Page, backup: Backup) -> None:
    """From the list to the form."""
    page.goto(backup.environment.get_absolute_url())
    page.locator("#results tbody tr").get_by_role("button").click()
    page.get_by_role("menuitem", name="Restore").click()
    expect(page.get_by_role("heading", name="Restore a backup")).to_be_visible()


def test_yesterdays_backup_goes_into_acceptance_and_comes_out_again(
    backup: Backup, desk: Desk, tomasz: User, open_page: OpenPage, start_workers: Callable[..., Workers]
) -> None:
    assert is_new(desk)
    start_workers()
    page = open_page(tomasz)
    choose_restore(page, backup)
    expect(page.get_by_label("Type the name of the environment")).to_be_visible()  # Live was chosen, as where it is
    page.get_by_role("radio", name="Acceptance").check()
    expect(page.get_by_label("Target")).to_contain_text("Acceptance")
    expect(page.get_by_label("Type the name of the environment")).to_have_count(0)
    assert page.url.endswith("restore/?to=acceptance&contents=full")
    expect(page.locator("#chosen")).to_have_text("Into Acceptance: Running.")
    page.get_by_label("Stop the app for the exchange").check()
    with somebody_works(desk.environment):  # so that it is seen to run
        page.get_by_role("button", name="Restore into Acceptance").click()
        current = page.locator("#current")
        page.evaluate("window.isSame = true")
        expect(current).to_contain_text("Stopping the app", timeout=A_MINUTE)
        expect(current).to_contain_text("You may leave this page.")
        expect(current.locator("progress")).to_be_visible()
    expect(current).to_contain_text("Acceptance holds the data of", timeout=A_MINUTE)
    expect(page.locator("#announcement")).to_contain_text("completed. Acceptance holds the data of")
    expect(current.get_by_label("Undo")).to_contain_text("holds the backup of Live from")
    expect(current.get_by_label("Undo")).to_contain_text("restored by Tomasz Wieczorek")
    assert page.evaluate("window.isSame")
    eventually(lambda: is_old(desk))

    page.get_by_role("link", name="Undo").click()
    expect(page.locator("dialog")).to_contain_text("this undo can be undone")
    page.get_by_role("button", name="Undo in Acceptance").click()
    expect(current).to_contain_text("Acceptance holds what it held until", timeout=A_MINUTE)
    expect(current.get_by_label("Undo")).to_contain_text("holds again what it held until")
    eventually(lambda: is_new(desk))
    page.get_by_role("link", name="Close this notice").click()
    expect(current).not_to_contain_text("An undo Completed")


def press_tab_until(page: Page, name: str) -> None:
    """Walk on by Tab alone until the focus is on something whose words begin so."""
    words = "e => (e.labels?.[0]?.innerText || e.getAttribute('aria-label') || e.innerText || '').trim()"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(f"({words})(document.activeElement)").startswith(name):
            return
    raise AssertionError(f"the keyboard does not come to {name}")


def test_the_keyboard_alone_restores_and_undoes(
    backup: Backup, desk: Desk, tomasz: User, open_page: OpenPage, start_workers: Callable[..., Workers]
) -> None:
    start_workers()
    page = open_page(tomasz)
    page.goto(f"{backup.get_absolute_url()}restore/?to=acceptance")
    press_tab_until(page, "Restore into Acceptance")
    page.keyboard.press("Enter")
    expect(page.locator("#summary")).to_be_focused()
    press_tab_until(page, "Agree that the app is stopped")
    page.keyboard.press("Enter")
    press_tab_until(page, "Stop the app for the exchange")
    page.keyboard.press("Space")
    press_tab_until(page, "Restore into Acceptance")
    page.keyboard.press("Enter")
    current = page.locator("#current")
    expect(current.get_by_label("Undo")).to_contain_text("holds the backup of Live", timeout=A_MINUTE)
    eventually(lambda: is_old(desk))

    press_tab_until(page, "Undo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Keep it as it is")).to_be_focused()
    press_tab_until(page, "Undo in Acceptance")
    page.keyboard.press("Enter")
    expect(current.get_by_label("Undo")).to_contain_text("holds again what it held", timeout=A_MINUTE)
    eventually(lambda: is_new(desk))


def test_without_script_everything_is_a_page(
    backup: Backup, desk: Desk, tomasz: User, open_page: OpenPage, start_workers: Callable[..., Workers]
) -> None:
    start_workers()
    page = open_page(tomasz, has_script=False)
    page.goto(backup.get_absolute_url())
    page.get_by_role("link", name="Restore", exact=True).click()
    page.get_by_role("radio", name="Acceptance").check()
    page.get_by_role("button", name="Show this environment").click()
    page.get_by_label("Uploaded files only").check()
    page.get_by_role("button", name="Restore into Acceptance").click()
    expect(page.locator("#summary")).to_contain_text("Agree that the app is stopped")
    expect(page.get_by_label("Uploaded files only")).to_be_checked()
    page.get_by_label("Stop the app for the exchange").check()
    page.get_by_role("button", name="Restore into Acceptance").click()
    page.get_by_role("link", name="What runs here, and Undo").click()
    expect(page.get_by_label("Undo")).to_contain_text(
        "holds the uploaded files of the backup of Live", timeout=A_MINUTE
    )
    eventually(lambda: "old.svg" in desk.shown)
    shown = desk.shown
    assert "new.svg" not in shown
    assert NEW in shown  # the rows have stayed

    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo in Acceptance").click()
    page.get_by_role("link", name="What runs here, and Undo").click()
    expect(page.get_by_label("Undo")).to_contain_text("holds again what it held until", timeout=A_MINUTE)
    eventually(lambda: is_new(desk))
