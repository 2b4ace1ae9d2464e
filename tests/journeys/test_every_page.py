"""Every page of the portal with names that try to break it: for everybody, in both themes, as wide as the window."""

from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page

from backups.models import Backup, Upload
from backups.models.upload import UploadPart, UploadState
from environments import clock
from environments.choices import Role, State
from environments.models import App, Environment
from tests.factories import (
    ActivityFactory,
    AppServiceFactory,
    BackupFactory,
    GrantFactory,
    MembershipFactory,
    UserFactory,
)
from tests.factories_exchange import GenerationFactory

from .conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "w" * 200
RIGHT_TO_LEFT = "‮קובץ גיבוי 🙂 " * 9
MARKUP = """<img src=x onerror="window.hit=1"><script>window.hit=1</script>{{ 7|add:7 }}{% debug %}' " & 🙂"""
WIDTHS = (1440, 768, 390)
WIDE = """[...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth)
    .slice(-2).map((one) => one.outerHTML.slice(0, 90))"""


@pytest.fixture
def hostile(text: str, environment: Environment) -> str:
    """Every text that people give holds this."""
    App.objects.update(name=text[:200])
    Environment.objects.update(name=text[:200], state=State.STOPPED)
    return text


@pytest.fixture
def person(hostile: str, environment: Environment) -> User:
    user: User = UserFactory(first_name=hostile[:150], last_name=hostile[:150])
    MembershipFactory(app=environment.app, user=user, role=Role.TECHNICAL_CONTACT)
    return user


@pytest.fixture
def pages(hostile: str, environment: Environment, person: User) -> list[str]:
    environment.refresh_from_db()
    backup: Backup = BackupFactory(environment=environment, comment=hostile, created_by=hostile[:200])
    BackupFactory(environment=environment, failed=True, operation__message=hostile, comment=hostile)
    BackupFactory(environment=environment, pinned=True, pin_reason=hostile)
    AppServiceFactory(environment=environment, name=hostile[:200])
    GenerationFactory(environment=environment)
    ActivityFactory(environment=environment, sentence=hostile, actor_name=hostile[:200], subject=uuid4())
    other = MembershipFactory(
        app=environment.app, user=UserFactory(first_name=hostile[:150], email=f"{'m' * 60}@a.org")
    )
    GrantFactory(environment=environment, membership=other, rights=["view"])
    moments = {"created_at": clock.now(), "touched_at": clock.now(), "size_bytes": 3, "state": UploadState.BAD}
    Upload.objects.create(
        environment=environment, part=UploadPart.FILES, filename=hostile[:200], by=person, refusal=hostile, **moments
    )
    here, one = [environment.app.slug, environment.slug], backup.get_absolute_url()
    names = ("list", "calendar", "current", "create", "activity", "environment", "upload", "undo", "stop", "start")
    found = [reverse(f"backups:{name}", args=here) for name in names]
    found += [one, *(f"{one}{end}/" for end in ("comment", "delete", "pin", "restore"))]
    found += [reverse(f"environments:{name}", args=here) for name in ("members", "invite")]
    found += [reverse(f"environments:{name}", args=[*here, other.pk]) for name in ("change_member", "remove_member")]
    account = ("home", "mfa_index", "usersessions_list", "account_change_password", "sign_out")
    return [*found, *(reverse(name) for name in account), "/no/such/page/", "/static/maintenance.html"]


@pytest.mark.parametrize(
    ("text", "is_dark"),
    [(MARKUP, False), (MARKUP, True), (LONG, False), (RIGHT_TO_LEFT, False)],
    ids=["markup", "markup-dark", "long", "right-to-left"],
)
def test_every_page_holds(open_page: OpenPage, pages: list[str], person: User, hostile: str, is_dark: bool) -> None:
    page = open_page(person, is_dark=is_dark)
    refused: list[str] = []
    page.on("console", lambda told: refused.append(told.text) if "Content Security" in told.text else None)
    found = [finding for address in pages for finding in findings(page, address, is_looked_at=hostile == MARKUP)]

    assert not found, "\n".join(found)
    assert refused == []


def findings(page: Page, address: str, *, is_looked_at: bool) -> list[str]:
    """What is wrong with one page; the audit takes its time, so one of the texts is enough for it."""
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto(address)
    page.wait_for_load_state("networkidle") if address.endswith("/backups/") else page.wait_for_load_state()
    found = []
    if is_looked_at:
        violations = Axe().run(page).response["violations"]
        found += [f"{address} {one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{address} at {width}: {page.evaluate(WIDE)}")
    if page.evaluate("window.hit"):
        found.append(f"{address} ran what a name said")
    return found
