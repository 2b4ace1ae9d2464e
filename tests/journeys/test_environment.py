"""The Environment page in a browser: an app is really stopped, another package deployed, and started again."""

import io
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from backups.operations.package import register_package
from environments.actors import PORTAL
from environments.choices import State
from environments.models import Environment, Package
from portal.demo.registry import DEPLOY
from tests.factories import AppServiceFactory, BackupFactory, OperationFactory, PackageFactory
from tests.factories_exchange import RestoreFactory
from tests.workers import Workers, eventually

from .conftest import OpenPage
from .desk import Desk, leave_traces

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
A_MINUTE = 60_000
LONG = "w" * 60


@pytest.fixture
def place(make_place: Callable[..., Environment], environment: Environment) -> Environment:
    package = PackageFactory(app=environment.app)
    return make_place(app=environment.app, package=package, name="Acceptance", slug="acceptance", is_production=True)


@pytest.fixture
def desk(place: Environment) -> Iterator[Desk]:
    leave_traces(place, "Meridian Trading", "kettle.svg")
    desk = Desk(place)
    line = shlex.join([sys.executable, "-c", DEPLOY, str(desk.folder / "model-version")])
    place.commands |= {"deploy": line}
    place.save()
    yield desk
    desk.end()


@pytest.fixture
def package_file(tmp_path: Path) -> Path:
    """A package of the toy app, as its deploy command reads it."""
    path = tmp_path / "order-desk-1.3.9.json"
    path.write_text('{"app": "Order Desk", "model_version": "1.3.9"}')
    return path


def address_of(place: Environment) -> str:
    return f"/apps/{place.app.slug}/{place.slug}/environment/"


def press_through(page: Page, link: str, button: str) -> None:
    """Open a dialog by its link and agree."""
    page.get_by_role("link", name=link).first.click()
    page.get_by_role("dialog").get_by_role("button", name=button).click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_stop_deploy_start_is_seen_on_the_apps_own_page(
    place: Environment,
    desk: Desk,
    operator: User,
    package_file: Path,
    open_page: OpenPage,
    start_workers: Callable[..., Workers],
) -> None:
    assert "model 1.4.2.118" in desk.shown
    start_workers()
    page = open_page(operator)
    page.goto(address_of(place))
    state = page.locator("#state")
    expect(state).to_contain_text("Running", timeout=A_MINUTE)
    page.get_by_role("link", name="Add package").click()
    page.get_by_label("Model version").fill("1.3.9")
    page.get_by_label("File optional").set_input_files(package_file)
    page.get_by_role("dialog").get_by_role("button", name="Add package").click()
    expect(page.get_by_text("The package 1.3.9 is registered.")).to_be_visible()
    expect(page.locator("#packages")).to_contain_text("order-desk-1.3.9.json")

    press_through(page, "Stop application", "Stop application")
    expect(state).to_contain_text("Stopped", timeout=A_MINUTE)
    assert desk.shown == ""
    press_through(page, "Deploy 1.3.9", "Deploy 1.3.9")
    expect(page.locator("#packages tr", has_text="1.3.9").locator(".badge")).to_have_text("deployed", timeout=A_MINUTE)
    press_through(page, "Start application", "Start application")
    expect(state).to_contain_text("Running", timeout=A_MINUTE)

    assert "model 1.3.9" in eventually(lambda: desk.shown)
    place.refresh_from_db()
    assert place.package == Package.objects.get(model_version="1.3.9")


def test_without_script_every_step_is_a_page(place: Environment, operator: User, open_page: OpenPage) -> None:
    place.commands = {"status": "false", "start": "true", "deploy": "true"}
    place.save()
    PackageFactory(app=place.app, model_version="1.3.9")
    page = open_page(operator, has_script=False)
    page.goto(address_of(place))

    page.get_by_role("link", name="Ask the database’s server").click()
    expect(page.get_by_text("PostgreSQL 17.")).to_be_visible()
    page.get_by_role("link", name="The environment").click()
    page.get_by_role("link", name="Add package").click()
    page.get_by_label("Model version").fill("1.6.0")
    page.get_by_role("button", name="Add package").click()
    expect(page.get_by_text("The package 1.6.0 is registered.")).to_be_visible()
    page.get_by_role("link", name="Deploy 1.3.9").click()
    page.get_by_role("button", name="Deploy 1.3.9").click()
    expect(page.locator("#state")).to_contain_text("A deployment is under way or waits.")


@pytest.fixture
def states(environment: Environment) -> list[str]:
    """Environments in every state, with names that try to break the page; the addresses of their pages."""
    app, own = environment.app, {"status": "true", "stop": "true", "start": "true", "deploy": "true"}
    long = {"model_version": LONG, "modeler_version": LONG, "filename": f"{LONG * 4}.mda"}
    register_package(app, **long, file=io.BytesIO(b"x"), by=PORTAL)
    older = PackageFactory(app=app, model_version="1.3.9")
    AppServiceFactory(environment=environment, name=LONG * 3)
    AppServiceFactory(environment=environment, name="Prices", is_published=False)
    Environment.objects.update(state=State.RUNNING, commands=own, files_directory=f"/{LONG}/{LONG}")
    backup = BackupFactory(environment=environment, model_version="1.3.9")
    place = {"app": app, "package": environment.package}
    stopped = Environment.objects.create(
        **place, slug="stopped", name=LONG, region=environment.region, database=environment.database, state="stopped"
    )
    stopped.commands = own | {"status": "false"}
    stopped.save()
    restore = OperationFactory(environment=stopped, kind="restore")
    RestoreFactory(operation=restore, backup=backup, environment=stopped)
    unknown = Environment.objects.create(
        app=app, slug="unknown", name="Unknown", region=environment.region, database=environment.database
    )
    dialogs = [f"{address_of(stopped)}{end}" for end in ("start/", "stop/", "packages/add/", "database/")]
    deploying = [f"{address_of(one)}packages/{older.pk}/deploy/" for one in (environment, stopped, unknown)]
    return [address_of(one) for one in (environment, stopped, unknown)] + dialogs + deploying


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_every_state_is_for_everybody_and_as_wide_as_the_window(
    states: list[str], operator: User, open_page: OpenPage, is_dark: bool
) -> None:
    page = open_page(operator, is_dark=is_dark)
    found = []
    for address in states:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_load_state("networkidle")
        violations = Axe().run(page).response["violations"]
        found += [f"{address} {one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations]
        for width in (1280, 768, 320):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{address} at {width}")

    assert found == []
