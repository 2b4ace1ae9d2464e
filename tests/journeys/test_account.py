"""One's own account: every page is for everybody, and a passkey signs in."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import Page, expect

from environments.models import Environment
from tests.factories import PASSWORD

from .conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def prove(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_its_pages_are_for_everybody(
    open_page: OpenPage, environment: Environment, viewer: User, is_dark: bool
) -> None:
    page, found = open_page(viewer, is_dark=is_dark), {}
    for name in ("mfa_index", "account_change_password", "usersessions_list", "mfa_activate_totp"):
        page.goto(reverse(name))
        if name == "mfa_activate_totp":
            expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
            found["proof"] = Axe().run(page).response["violations"]
            prove(page)
            expect(page.get_by_role("heading", name="Set up the authenticator app")).to_be_visible()
        found[name] = Axe().run(page).response["violations"]
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        page.set_viewport_size({"width": 1440, "height": 900})
    assert {name: ones for name, ones in found.items() if ones} == {}


def test_a_passkey_signs_in(open_page: OpenPage, environment: Environment, viewer: User) -> None:
    page = open_page(viewer)
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    wire.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
            }
        },
    )
    page.goto(reverse("mfa_index"))
    page.get_by_role("link", name="Add a passkey").click()
    prove(page)
    page.get_by_label("Name").fill("My laptop")
    page.get_by_label("It signs in without a password").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("Unused codes")).to_be_visible()
    page.goto(reverse("mfa_list_webauthn"))
    expect(page.get_by_text("My laptop")).to_be_visible()

    page.goto(reverse("sign_out"))
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a passkey").click()

    page.wait_for_url(lambda address: "/sign-in/" not in address)
    expect(page.get_by_role("button", name="Account of Vera Viewer")).to_be_visible()

    sign_in_with_it_as_second_factor(page, viewer)


def sign_in_with_it_as_second_factor(page: Page, viewer: User) -> None:
    page.goto(reverse("sign_out"))
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.get_by_label("User name").fill(viewer.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Account of Vera Viewer")).to_be_visible()


@pytest.mark.parametrize("is_page", [False, True], ids=["dialog", "page"])
def test_signed_out_in_the_middle_of_a_form_keeps_what_was_typed(
    open_page: OpenPage, environment: Environment, developer: User, is_page: bool
) -> None:
    page = open_page(developer)
    form = reverse("backups:create", args=["order-desk", "live"])
    page.goto(form if is_page else environment.get_absolute_url())
    if not is_page:
        page.get_by_role("link", name="Create Backup").first.click()
    page.locator("#id_comment").fill("before the great import")
    Session.objects.all().delete()

    page.get_by_role("button", name="Create Backup").click()
    page.get_by_label("User name").fill(developer.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(page.locator("#id_comment")).to_have_value("before the great import")
    assert page.url.endswith(form)
    page.get_by_role("button", name="Create Backup").click()
    expect(page.get_by_text("before the great import").first).to_be_visible()
    page.goto(form)
    expect(page.locator("#id_comment")).to_have_value("")


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_pages_for_what_went_wrong_are_for_everybody(
    open_page: OpenPage, environment: Environment, viewer: User, is_dark: bool
) -> None:
    page, found = open_page(viewer, width=390, is_dark=is_dark), {}
    forbidden = reverse("backups:create", args=["order-desk", "live"])
    for address in (forbidden, "/no/such/page/", "/static/maintenance.html", "/sign-in/new/", "/sign-in/off/"):
        page.goto(address)
        found[address] = Axe().run(page).response["violations"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    assert {address: ones for address, ones in found.items() if ones} == {}
