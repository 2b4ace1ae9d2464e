"""Upload Data from the running app to its new rows, with the web server killed in between; and without script."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, Request, expect

from backups.models import Backup, Upload
from environments.addresses import DatabaseAddress
from environments.choices import Role, State, Status
from environments.models import Environment, Operation
from tests.apps import App
from tests.backups.conftest import keep, stopped_app, target
from tests.backups.uploaded import conninfo, dump_of
from tests.factories import MembershipFactory, UserFactory
from tests.workers import Workers, eventually

from .conftest import OpenPage
from .site import OpenSite, Site, open_site, site

__all__ = ["keep", "open_site", "site", "stopped_app", "target"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
A_MINUTE = 60_000
CHUNK = 512 << 10
SIZE = 4 << 20
NEW_ROWS = ("CREATE TABLE orders (id int, what text)", "INSERT INTO orders VALUES (1, 'brought')")


@pytest.fixture
def operator(target: Environment) -> User:
    user: User = UserFactory()
    MembershipFactory(app=target.app, user=user, role=Role.OPERATOR)
    return user


@pytest.fixture
def work(start_workers: Callable[..., Workers]) -> Callable[[], Workers]:
    return lambda: start_workers(PORTAL_ALLOW_OLD_CLIENTS="true")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Uploaded files, large enough to be on their way for a while."""
    path = tmp_path / "new.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("pictures/one.bin", bytes(SIZE))
        made.writestr("pictures/two ü.txt", "two")
    return path


def is_for_everybody(page: Page) -> None:
    """No findings, light and dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found = Axe().run(page).response["violations"]
        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == []


def slow_down(page: Page, bytes_per_second: int) -> None:
    network = page.context.new_cdp_session(page)
    given = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    network.send("Network.emulateNetworkConditions", given)


def rows_of(environment: Environment) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo(environment.database_address)) as db:
        return db.execute("SELECT * FROM orders").fetchall()


def files_of(environment: Environment) -> dict[str, int]:
    root = Path(environment.files_directory)
    found = {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.is_file()}
    return {name: size for name, size in found.items() if not name.startswith(".portal")}


def confirm(page: Page, environment: Environment) -> None:
    page.get_by_role("link", name="Continue").click()
    page.get_by_label("Type the name of the environment").fill(environment.name)
    page.get_by_role("button", name=f"Clear and replace {environment.name}").click()
    page.wait_for_url(lambda address: address.endswith("/backups/"))


def stop_and_go_on(page: Page, environment: Environment, work: Callable[[], Workers]) -> None:
    page.goto(environment.get_absolute_url())
    page.get_by_role("link", name="Upload Data").click()
    expect(page.get_by_role("heading", name="is running in")).to_be_visible()
    is_for_everybody(page)
    page.get_by_role("button", name="Stop application").click()
    expect(page.get_by_text("is being stopped")).to_be_visible()
    work()
    expect(page.locator("#part-database")).to_be_visible(timeout=A_MINUTE)
    page.wait_for_load_state()


def send_half(page: Page, archive: Path, site: Site) -> None:
    """Begin to send, and have the web server killed half way. When it is there again it goes on by itself."""
    slow_down(page, 1 << 20)
    page.evaluate("bytes => (document.getElementById('cards').dataset.chunkBytes = bytes)", CHUNK)
    page.locator("#file-files").set_input_files(archive)
    eventually(lambda: Upload.objects.filter(part="files", received_bytes__gt=SIZE // 2).exists())
    site.kill()
    expect(page.locator("#part-files")).to_contain_text("The connection is lost")
    here = Upload.objects.get(part="files").received_bytes
    site.start()
    eventually(lambda: Upload.objects.filter(part="files", received_bytes__gt=here).exists())


def go_on(page: Page, archive: Path, tmp_path: Path) -> None:
    """After a reload, choose the wrong file and then the right one."""
    page.reload()
    card = page.locator("#part-files")
    expect(card).to_contain_text("Choose the same file again")
    is_for_everybody(page)
    other = tmp_path / "other.zip"
    other.write_bytes(b"other")
    page.locator("#file-files").set_input_files(other)
    expect(card).to_contain_text("This is another file: other.zip")
    page.evaluate("bytes => (document.getElementById('cards').dataset.chunkBytes = bytes)", CHUNK)
    page.locator("#file-files").set_input_files(archive)


def offsets_of(page: Page) -> list[int]:
    """Where each piece begins that the page sends from now on."""
    offsets: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    page.on("request", note)
    return offsets


def test_a_file_goes_on_where_the_server_died_and_replaces_everything(
    target: Environment,
    stopped_app: App,
    operator: User,
    make_database: Callable[..., DatabaseAddress],
    archive: Path,
    site: Site,
    open_site: OpenSite,
    work: Callable[[], Workers],
    tmp_path: Path,
) -> None:
    stopped_app.start()
    dump = tmp_path / "new.backup"
    dump.write_bytes(dump_of(make_database(*NEW_ROWS)))
    page = open_site(operator)
    stop_and_go_on(page, target, work)
    page.locator("#file-database").set_input_files(dump)
    expect(page.locator("#part-database")).to_contain_text("dump with 1 table", timeout=A_MINUTE)
    offsets = offsets_of(page)
    send_half(page, archive, site)
    go_on(page, archive, tmp_path)
    expect(page.locator("#part-files")).to_contain_text("2 files, 4.19 MB", timeout=A_MINUTE)
    assert offsets == sorted(offsets)
    assert len(offsets) - len(set(offsets)) <= 2  # the kill and the reload: at most one piece each
    page.get_by_role("link", name="Continue").click()
    expect(page.get_by_role("heading", name="is cleared completely")).to_be_visible()
    is_for_everybody(page)
    page.go_back()
    confirm(page, target)

    expect(page.locator("#current")).to_contain_text("holds uploaded data", timeout=A_MINUTE)
    expect(page.get_by_role("link", name="Undo", exact=True)).to_be_visible()
    target.refresh_from_db()
    assert rows_of(target) == [(1, "brought")]
    assert files_of(target) == {"pictures/one.bin": SIZE, "pictures/two ü.txt": 3}
    assert (target.state, target.package, Backup.objects.count()) == (State.EMPTY, None, 0)


def test_a_pause_is_taken_up_and_what_was_sent_can_be_removed(
    target: Environment, operator: User, archive: Path, open_site: OpenSite, work: Callable[[], Workers]
) -> None:
    work()
    page = open_site(operator)
    page.goto(f"{target.get_absolute_url()}upload/")
    slow_down(page, 1 << 20)
    page.evaluate("bytes => (document.getElementById('cards').dataset.chunkBytes = bytes)", CHUNK)
    page.locator("#file-files").set_input_files(archive)
    card = page.locator("#part-files")
    expect(card).to_contain_text("MB/s")
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("Paused. It goes on where it stopped.")
    sent = Upload.objects.get().received_bytes
    slow_down(page, -1)
    card.get_by_role("button", name="Resume").click()
    expect(card).to_contain_text("Checked", timeout=A_MINUTE)
    assert 0 < sent < archive.stat().st_size
    card.get_by_role("button", name="Remove").click()
    expect(card).to_contain_text("Choose a file")
    assert not Upload.objects.exists()


def test_without_script_a_form_and_links_are_enough(
    target: Environment, operator: User, archive: Path, open_site: OpenSite, work: Callable[[], Workers]
) -> None:
    work()
    page = open_site(operator, has_script=False)
    page.goto(f"{target.get_absolute_url()}upload/")
    part = page.locator("#part-files")
    part.locator("input[type=file]").set_input_files(archive)
    part.get_by_role("button", name="Send").click()

    def is_checked() -> bool:
        page.goto(f"{target.get_absolute_url()}upload/")
        return "Checked" in part.inner_text()

    eventually(is_checked)
    confirm(page, target)
    eventually(lambda: Operation.objects.filter(kind="upload", status=Status.COMPLETED).exists())
    assert files_of(target) == {"pictures/one.bin": SIZE, "pictures/two ü.txt": 3}


def test_a_dropped_file_that_is_refused_says_why(target: Environment, operator: User, open_page: OpenPage) -> None:
    page = open_page(operator)
    page.goto(f"{target.get_absolute_url()}upload/")
    empty = page.evaluate_handle(
        "() => { const t = new DataTransfer(); t.items.add(new File([], 'empty.zip')); return t; }"
    )

    page.dispatch_event("#part-files .choose", "drop", {"dataTransfer": empty})

    expect(page.locator("#told-files")).to_have_text("The file is empty. Nothing was changed. Choose another one.")
    expect(page.locator("#file-files")).to_be_focused()
