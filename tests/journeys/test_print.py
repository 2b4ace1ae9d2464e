"""A backup's details on paper: all of them, in dark ink, and nothing that can only be pressed."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from environments.models import Environment
from tests.factories import BackupFactory

from .conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_details_on_paper(open_page: OpenPage, environment: Environment, viewer: User, is_dark: bool) -> None:
    backup = BackupFactory(environment=environment, verified=True, comment="before the import")
    page = open_page(viewer, is_dark=is_dark)
    page.goto(backup.get_absolute_url())
    page.emulate_media(media="print")

    expect(page.get_by_role("link", name="Backups of Order Desk, Live")).to_be_visible()
    expect(page.locator("#details h1")).to_be_visible()
    expect(page.get_by_text("before the import").last).to_be_visible()
    expect(page.get_by_text("manage.py").first).to_be_visible()  # folded on screens
    for hidden in (".bar", ".side", "#results", "#details .actions"):
        expect(page.locator(hidden).first).to_be_hidden()
    ink = page.locator("#details h1").evaluate("one => getComputedStyle(one).color")
    assert ink == "rgb(13, 28, 33)"
