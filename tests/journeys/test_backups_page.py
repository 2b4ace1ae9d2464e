"""The Backups page in a browser: for everybody, by keyboard, without script, and while something runs."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from backups.models import Backup
from environments import clock
from environments.choices import Status
from environments.models import Environment, Operation
from tests.factories import BackupFactory

from .conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "w" * 200
RIGHT_TO_LEFT = "קובץ גיבוי לפני השדרוג הגדול " * 7


@pytest.fixture
def shelf(environment: Environment) -> dict[str, Backup]:
    """One backup of each sort, with comments that try to break the page."""
    now = clock.now()

    def make(hours: int, **facts: object) -> Backup:
        return BackupFactory(environment=environment, created_at=now - timedelta(hours=hours), **facts)

    return {
        "running": make(0, running=True),
        "good": make(5, verified=True, comment=LONG, created_by="Maximiliane-Alexandra von und zu Hohenlohe"),
        "failed": make(6, failed=True, comment=RIGHT_TO_LEFT),
        "nightly": make(19, nightly=True, verified=True),
        "damaged": make(30, damaged=True, left_out_count=2),
        "pinned": make(90, pinned=True, modeler_version="7.23.1"),
    }


def _addresses(shelf: dict[str, Backup], acceptance: Environment) -> list[str]:
    here, good = shelf["good"].environment.get_absolute_url(), shelf["nightly"].get_absolute_url()
    pages = ["/", here, acceptance.get_absolute_url(), f"{here}?q=nothing", f"{here}create/", f"{here}calendar/"]
    pages += [f"{here}upload/", f"{here}upload/?stopped=yes"]
    details = [shelf[sort].get_absolute_url() for sort in ("running", "good", "failed", "damaged", "pinned")]
    dialogs = [f"{good}comment/", f"{good}delete/", f"{good}pin/", f"{shelf['running'].get_absolute_url()}cancel/"]
    return [*pages, *details, *dialogs, f"{shelf['pinned'].get_absolute_url()}unpin/", "/no/such/page/"]


def _violations(page: Page) -> list[str]:
    page.wait_for_load_state()
    return [
        f"{page.url} {one['id']}: {one['nodes'][0]['html'][:200]}" for one in Axe().run(page).response["violations"]
    ]


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_every_page_is_for_everybody(
    shelf: dict[str, Backup], acceptance: Environment, technical_contact: User, open_page: OpenPage, is_dark: bool
) -> None:
    findings = _violations(open_page(is_dark=is_dark))
    page = open_page(technical_contact, is_dark=is_dark)
    for address in _addresses(shelf, acceptance):
        page.goto(address)
        findings += _violations(page)
    page.goto(shelf["good"].environment.get_absolute_url())
    for opener in (".c-menu button", ".avatar", "[popovertarget=environments]"):
        page.locator(opener).first.click()
        expect(page.locator(".menu:popover-open :is(a, button)").first).to_be_visible()
        findings += _violations(page)
        page.keyboard.press("Escape")

    assert findings == []


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_no_page_scrolls_sideways(
    shelf: dict[str, Backup], acceptance: Environment, technical_contact: User, open_page: OpenPage, width: int
) -> None:
    page = open_page(technical_contact, width=width)
    found = []
    for address in _addresses(shelf, acceptance):
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(address)

    assert found == []


def test_a_row_lives_without_reloading(environment: Environment, developer: User, open_page: OpenPage) -> None:
    page = open_page(developer)
    page.get_by_role("link", name="Create Backup").first.click()
    page.get_by_role("textbox", name="Comment optional").fill("before the rollout")
    page.get_by_role("button", name="Create Backup").click()
    row = page.locator("#results tbody tr")
    expect(row).to_contain_text("before the rollout")
    expect(row).to_contain_text("waiting for a worker")
    page.evaluate("window.isSame = true")

    running = {"status": Status.RUNNING, "phase": "Saving the database", "started_at": clock.now(), "attempt": 1}
    Operation.objects.update(**running, percent=12, step=1, steps=4)
    expect(row.locator("progress")).to_have_attribute("value", "12")
    row.get_by_role("link").first.click()
    expect(page.locator("#details")).to_contain_text("Saving the database")
    page.get_by_role("button", name="More actions").click()
    Operation.objects.update(percent=80)
    expect(page.locator("#details progress")).to_have_attribute("value", "80")
    expect(row.locator("progress")).to_have_attribute("value", "80")
    expect(page.locator("#more")).to_be_visible()
    Operation.objects.update(status=Status.COMPLETED, finished_at=clock.now())
    Backup.objects.update(database_bytes=4_000_000_000, files_bytes=0, files_count=0, tables_count=3)
    expect(row).to_contain_text("Completed")
    expect(page.locator("#announcement")).to_contain_text("completed.")
    expect(page.locator("#details")).to_contain_text("4.00 GB")
    expect(page.get_by_role("button", name="Download")).to_be_visible()

    assert page.evaluate("window.isSame")
    expect(page.locator("[data-live]")).to_have_count(1)  # the list's own has had its last answer


def test_the_keyboard_is_enough(shelf: dict[str, Backup], technical_contact: User, open_page: OpenPage) -> None:
    page = open_page(technical_contact)
    here = page.url
    row = page.locator(f"#backup-{shelf['nightly'].pk}")

    row.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#details h1")).to_be_focused()
    assert page.url.endswith(shelf["nightly"].get_absolute_url())
    page.get_by_role("link", name="Close the details").focus()
    page.keyboard.press("Enter")
    expect(row.get_by_role("link").first).to_be_focused()
    assert page.url == here

    row.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#row-menu [role=menuitem]").first).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator("#row-menu").get_by_text("Delete")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Type the name")).to_be_focused()
    page.keyboard.type("Life")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is not the name of the environment.")).to_be_visible()
    expect(page.get_by_label("Type the name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(row.get_by_role("button")).to_be_focused()


def test_back_leads_where_one_was(shelf: dict[str, Backup], viewer: User, open_page: OpenPage) -> None:
    page = open_page(viewer)
    page.get_by_label("Comment, creator or model version").fill("wwww")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.locator("#results tbody tr a").first.click()
    expect(page.locator("#details")).to_be_visible()
    page.wait_for_url(lambda address: address.endswith("?q=wwww"))

    page.go_back()

    expect(page.locator("#details")).to_have_count(0)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.wait_for_url(lambda address: address.endswith("/backups/?q=wwww"))


def test_without_script_everything_is_a_page(
    shelf: dict[str, Backup], technical_contact: User, open_page: OpenPage
) -> None:
    page = open_page(technical_contact, has_script=False)
    Operation.objects.update(status=Status.COMPLETED)
    page.reload()

    page.get_by_label("Comment, creator or model version").fill("nothing like it")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Clear the search").click()
    page.get_by_role("link", name="Create Backup").click()
    page.get_by_role("textbox", name="Comment optional").fill("without script")
    page.get_by_role("button", name="Create Backup").click()
    expect(page.locator("#results tbody tr").first).to_contain_text("without script")
    page.locator(f"#backup-{shelf['nightly'].pk} a").first.click()
    page.get_by_role("link", name="Add a comment").click()
    page.get_by_role("textbox", name="Comment optional").fill("said on a page")
    page.get_by_role("button", name="Save comment").click()
    expect(page.locator("#details")).to_contain_text("said on a page")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_label("Type the name").fill("Live")
    page.get_by_role("button", name="Delete backup").click()
    expect(page.locator(f"#backup-{shelf['nightly'].pk}")).to_contain_text("being deleted")


def test_a_double_click_opens_one_dialog(
    shelf: dict[str, Backup], technical_contact: User, open_page: OpenPage
) -> None:
    page = open_page(technical_contact)
    page.goto(shelf["good"].environment.get_absolute_url(), wait_until="networkidle")
    here = page.url
    page.get_by_role("link", name="Create Backup").dblclick()

    expect(page.get_by_role("dialog").get_by_role("button", name="Create Backup")).to_be_visible()
    expect(page).to_have_url(here)
