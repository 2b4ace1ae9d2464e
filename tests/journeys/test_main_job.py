"""The main job from the first click to the last byte: a real browser, a real worker, a real database, public tools."""

import os
import random
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from environments.addresses import DatabaseAddress
from environments.choices import Role
from environments.models import Environment
from portal.demo.postgres import server_programs
from tests import fingerprint
from tests.factories import MembershipFactory, UserFactory
from tests.workers import Workers

from .conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
A_MINUTE = 60_000
ROWS = (
    "CREATE TABLE orders (id int PRIMARY KEY, what text, picture bytea)",
    "INSERT INTO orders SELECT n, 'no ' || n, decode(repeat(md5(n::text), 40), 'hex') FROM generate_series(1, 9999) n",
)


@pytest.fixture
def live(make_place: Callable[..., Environment]) -> Environment:
    """Large enough that a person sees it run."""
    environment = make_place(*ROWS, name="Live", slug="live", is_production=True)
    chance = random.Random(3)
    for number in range(600):
        folder = Path(environment.files_directory) / f"{number % 7}"
        folder.mkdir(exist_ok=True)
        (folder / f"picture {number} ü.png").write_bytes(chance.randbytes(50_000))
    return environment


@pytest.fixture
def developer(live: Environment) -> User:
    user: User = UserFactory()
    MembershipFactory(app=live.app, user=user, role=Role.DEVELOPER)
    return user


@contextmanager
def locked(environment: Environment) -> Iterator[None]:
    """The app holds its table against every reader."""
    address = environment.database_address
    conninfo = psycopg.conninfo.make_conninfo(
        host=address.host, port=address.port, dbname=address.name, user=address.user, password=address.password
    )
    with psycopg.connect(conninfo) as db:
        db.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        yield


def download(page: Page, name: str, folder: Path) -> Path:
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name=name).first.click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    return target


def create_and_watch(page: Page, live: Environment) -> Locator:
    """Ask for a backup and see it go from Queued to Completed on one page; returns its row."""
    page.goto(live.get_absolute_url())
    with locked(live):  # so that the dump waits until it was seen to run
        page.get_by_role("link", name="Create Backup").first.click()
        page.get_by_role("textbox", name="Comment optional").fill("before the December price list")
        page.get_by_role("button", name="Create Backup").click()
        row = page.locator("#results tbody tr").first
        expect(row).to_contain_text("before the December price list")
        expect(row).to_contain_text("Running", timeout=A_MINUTE)
        expect(row).to_contain_text("Saving the database", timeout=A_MINUTE)
        expect(row).to_contain_text("step 2 of 4")
        page.evaluate("window.isSame = true")
    expect(row).to_contain_text("Completed", timeout=A_MINUTE)
    assert page.evaluate("window.isSame")
    return row


def test_create_watch_and_take_home(
    live: Environment,
    developer: User,
    open_page: OpenPage,
    start_workers: Callable[..., Workers],
    make_database: Callable[..., DatabaseAddress],
    tmp_path: Path,
) -> None:
    database = fingerprint.plain_dump(live.database_address)
    files = fingerprint.of_tree(Path(live.files_directory))
    start_workers()
    page = open_page(developer)
    row = create_and_watch(page, live)
    row.get_by_role("link").first.click()
    expect(page.locator("#panel")).to_contain_text("600 files")
    full, only_files, dump = (download(page, name, tmp_path) for name in ("Full backup", "Uploaded files", "Database"))

    assert full.name.startswith(f"{live.app.slug}-live-") and full.suffix == ".zip"
    home = tmp_path / "home"
    zipfile.ZipFile(full).extractall(home)
    assert fingerprint.of_tree(home / "tree").keys() == files.keys()
    assert digests(home / "tree") == digests(Path(live.files_directory))
    zipfile.ZipFile(only_files).extractall(tmp_path / "files")
    assert digests(tmp_path / "files" / "tree") == digests(home / "tree")
    assert (home / "db" / "db.backup").read_bytes() == dump.read_bytes()
    fresh = make_database()
    command = [str(server_programs() / "pg_restore"), "--exit-on-error", "--no-owner", "-d", fresh.to_url(), str(dump)]
    subprocess.run(command, check=True, env={"PGPASSWORD": fresh.password, "PATH": os.environ["PATH"]})
    assert fingerprint.plain_dump(fresh) == database
    shutil.rmtree(home)


def digests(root: Path) -> dict[bytes, str]:
    return {name: digest for name, (_, digest) in fingerprint.of_tree(root).items()}
