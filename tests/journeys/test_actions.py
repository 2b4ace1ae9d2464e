"""Every action of the Backups page, with script and without, and once with nothing but a keyboard."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from backups.models import Backup
from backups.operations.tell import tell_alarms
from environments import clock
from environments.models import Environment, Operation
from tests.factories import BackupFactory

from .conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The layout shifts that nobody asked for: their sum, and what moved.
SHIFTS = """() => new Promise((tell) => {
  let sum = 0;
  const moved = [];
  new PerformanceObserver((list) => {
    for (const shift of list.getEntries()) {
      if (shift.hadRecentInput) continue;
      sum += shift.value;
      for (const { node } of shift.sources) moved.push((node?.outerHTML ?? node?.textContent ?? "").slice(0, 100));
    }
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => tell([sum, moved]), 300);
})"""


@pytest.fixture
def older(environment: Environment) -> Backup:
    """A good backup; a newer one keeps it from being the last."""
    BackupFactory(environment=environment, verified=True)
    found: Backup = BackupFactory(environment=environment, created_at=clock.now() - timedelta(days=1))
    return found


def choose(page: Page, backup: Backup, action: str) -> None:
    """Open a backup, and take an action of its menu."""
    page.goto(backup.get_absolute_url())
    page.get_by_role("button", name="More actions").click()
    page.locator("#more").get_by_role("menuitem", name=action).click()


def lead_on(page: Page, here: str) -> None:
    """What has pages of its own: restore from the open backup, and upload."""
    page.get_by_role("link", name="Restore").first.click()
    expect(page.get_by_role("button", name="Restore into Live")).to_be_visible()
    page.goto(here)
    page.get_by_role("link", name="Upload Data").click()
    expect(page.get_by_role("heading", name="Upload").first).to_be_visible()


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_every_action(open_page: OpenPage, older: Backup, technical_contact: User, has_script: bool) -> None:
    page = open_page(technical_contact, has_script=has_script)
    here = older.environment.get_absolute_url()

    page.goto(here)
    page.get_by_role("link", name="Create Backup").first.click()
    page.get_by_role("textbox", name="Comment optional").fill("before the rollout")
    page.get_by_role("button", name="Create Backup").click()
    made = page.locator("#results tbody tr", has_text="before the rollout")
    expect(made).to_contain_text("Queued")

    page.goto(Backup.objects.get(comment="before the rollout").get_absolute_url())
    page.get_by_role("link", name="Cancel").first.click()
    page.get_by_role("button", name="Cancel backup").click()
    expect(made).to_contain_text("Failed")

    choose(page, older, "Pin")
    page.get_by_label("Why it is kept longer").fill("for the auditors")
    page.get_by_role("button", name="Pin backup").click()
    expect(page.locator("#details")).to_contain_text("for the auditors")
    choose(page, older, "Take pin out")
    page.get_by_role("button", name="Take pin out").click()
    expect(page.locator("#details")).not_to_contain_text("for the auditors")

    choose(page, older, "comment")
    page.get_by_role("textbox", name="Comment optional").fill("the old prices")
    page.get_by_role("button", name="Save comment").click()
    expect(page.locator("#details")).to_contain_text("the old prices")

    lead_on(page, here)
    choose(page, older, "Delete")
    page.get_by_label("Type the name").fill("Live")
    page.get_by_role("button", name="Delete backup").click()
    expect(page.locator(f"#backup-{older.pk}")).to_contain_text("being deleted")
    assert sorted(Operation.objects.filter(requested_by=technical_contact).values_list("kind", flat=True)) == [
        *("create", "delete")
    ]


def tab_to(page: Page, name: str) -> None:
    """Walk on with the tabulator until what has the focus is called so."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''").strip() == name:
            return
    raise AssertionError(f"The keyboard does not come to {name}.")


def test_a_backup_is_made_pinned_and_looked_at_by_keyboard_alone(
    open_page: OpenPage, older: Backup, technical_contact: User
) -> None:
    page = open_page(technical_contact)
    page.goto(older.environment.get_absolute_url())

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Create Backup")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Comment optional")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator("#results tbody tr", has_text="by keyboard")).to_contain_text("Queued")

    page.goto(older.get_absolute_url())
    tab_to(page, "More actions")
    page.keyboard.press("Enter")
    expect(page.locator("#more [role=menuitem]").first).to_be_focused()
    for _ in range(10):
        if "Pin" in page.evaluate("document.activeElement.innerText"):
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Why it is kept longer")).to_be_focused()
    page.keyboard.type("for the auditors")
    page.keyboard.press("Enter")
    expect(page.locator("#details")).to_contain_text("for the auditors")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("has_alarm", [False, True], ids=["well", "alarm"])
def test_nothing_jumps_while_the_page_comes(
    open_page: OpenPage, older: Backup, viewer: User, width: int, has_alarm: bool
) -> None:
    """An alarm comes with the page, as it was last looked at; asked anew, it is the same."""
    Environment.objects.update(is_nightly_on=has_alarm)
    BackupFactory.create_batch(20, environment=older.environment)
    tell_alarms()
    page = open_page(viewer, width=width)

    for address in (older.environment.get_absolute_url(), older.get_absolute_url()):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        shifted, moved = page.evaluate(SHIFTS)
        assert page.locator(".banner.is-bad").count() == has_alarm
        assert shifted < 0.01, (address, moved, page.locator(".banner").all_inner_texts())
