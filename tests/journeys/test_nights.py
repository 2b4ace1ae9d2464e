"""Nights and years in a browser: Home's strip, the next night, the year of what is kept, and a pin."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from backups.choices import Rule
from backups.models import Backup
from backups.operations.nights import key_of
from environments import clock
from environments.actors import NIGHTLY
from environments.models import Environment
from tests.factories import BackupFactory, RegionStartFactory

from .conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def nights(environment: Environment, acceptance: Environment) -> list[Backup]:
    """Five nights of Live, one of them failed."""
    start = RegionStartFactory(region=environment.region, cloud_version=environment.cloud_version).starts_at
    last = datetime.combine(clock.now().astimezone(UTC).date() - timedelta(days=1), start, UTC)
    Environment.objects.update(created_at=last - timedelta(days=4, hours=1))
    slots = [last - timedelta(days=number) for number in range(5)]
    return [
        BackupFactory(
            environment=environment,
            created_at=slot,
            slot_at=slot,
            created_by=NIGHTLY.name,
            kept_by=Rule.DAILY,
            failed=slot == slots[2],
            operation__origin=NIGHTLY.origin,
            operation__unique_key=key_of(environment, slot),
            operation__created_at=slot,
        )
        for slot in slots
    ]


def test_home_the_year_and_a_pin(
    environment: Environment, technical_contact: User, nights: list[Backup], open_page: OpenPage
) -> None:
    page = open_page(technical_contact)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("of 2 environments")
    card = page.locator(".place").filter(has_text="Live")
    expect(card.get_by_role("img")).to_have_attribute("aria-label", re.compile("4 made, 1 failed"))
    expect(card).to_contain_text("Next nightly")

    card.get_by_role("link", name="Backups of").click()
    expect(page.locator(".heading")).to_contain_text("Next nightly backup")
    year = page.locator(".calendar")
    page.keyboard.press("End")
    expect(year.locator("rect.is-daily")).to_have_count(4)
    year.get_by_text("The same as a table").click()
    expect(year.locator("details").first.locator("tbody tr")).to_have_count(4)

    page.get_by_role("button", name=f"Actions for the backup of {nights[1].created_at:%Y-%m-%d %H:%M}").click()
    page.get_by_role("menuitem", name="Pin").click()
    page.get_by_role("textbox", name="Why it is kept longer").fill("for the auditors")
    page.get_by_role("button", name="Pin backup").click()
    expect(page.locator("#panel")).to_contain_text("pinned: for the auditors")
    page.keyboard.press("End")
    expect(year.locator("rect.is-pinned")).to_have_count(1)
    expect(year.locator("rect.is-daily")).to_have_count(3)
