"""The portal survives its own loss: a copy of its database in the vault, and back into an empty one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from backports.zstd import decompress

from environments.addresses import DatabaseAddress
from portal.config import ROOT

FILL = """
from django.contrib.auth.models import User
from environments.models import App, Region
User.objects.create_user('ines', 'ines@example.org', 'correct horse battery', first_name='Inès')
for number in range(300): App.objects.create(slug=f'app-{number}', name=f'App {number}')
"""
TELL = (
    "from django.core.management import call_command; call_command('dumpdata', '--natural-foreign', '-v0', "
    "exclude=['contenttypes', 'auth.permission', 'sessions', 'django_q', 'environments.sign', 'backups.installation'])"
)


class Portal:
    """A portal with a data directory and a database of its own, driven by commands."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        left_out = ("PORTAL_", "DATABASE_URL", "REDIS_URL")
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        self.environ |= {"PORTAL_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "portal.settings"}
        if url:
            self.environ["DATABASE_URL"] = url

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environ, capture_output=True, text=True
        )

    def told(self) -> object:
        return json.loads(self.manage("shell", "-v0", "-c", TELL).stdout)


@pytest.fixture(params=["sqlite", "postgresql"])
def portal(
    request: pytest.FixtureRequest, tmp_path: Path, make_database: Callable[..., DatabaseAddress]
) -> Callable[[], Portal]:
    """A function that makes a portal over the same folder, each time with an empty database."""
    has_server = request.param == "postgresql"

    def make() -> Portal:
        return Portal(tmp_path / "portal", _url(make_database()) if has_server else "")

    return make


def _url(address: DatabaseAddress) -> str:
    return address.to_url().replace("@", f":{quote(address.password, safe='')}@", 1)


@pytest.mark.django_db
def test_a_lost_database_comes_back_as_it_was(portal: Callable[[], Portal]) -> None:
    first = portal()
    assert first.manage("migrate", "-v0").returncode == 0
    first.manage("shell", "-v0", "-c", FILL)
    before = first.told()
    saved = first.manage("save_portal", "--json")
    assert saved.returncode == 0, saved.stderr
    assert (
        first.manage("restore_portal")
        .stderr.strip()
        .endswith(
            "The portal's database is not empty, and is not overwritten. Give it an empty one; nothing was changed."
        )
    )

    for lost in first.folder.glob("portal.sqlite3*"):
        lost.unlink()
    second = portal()
    listed = second.manage("restore_portal", "--list")
    assert json.loads(saved.stdout)["label"] in listed.stdout
    back = second.manage("restore_portal")

    assert back.returncode == 0, back.stderr
    assert "Run migrate, rebuild_catalogue and doctor" in back.stdout
    assert second.told() == before
    early = second.manage("save_portal")  # the vault may know more than the copy
    assert early.returncode == 1 and "Run rebuild_catalogue" in early.stderr
    assert second.manage("rebuild_catalogue").returncode == 0
    assert second.manage("save_portal").returncode == 0  # the vault is still its own


@pytest.mark.parametrize("portal", ["sqlite"], indirect=True)
@pytest.mark.django_db
def test_a_damaged_copy_changes_nothing(portal: Callable[[], Portal]) -> None:
    first = portal()
    first.manage("migrate", "-v0")
    assert first.manage("save_portal").returncode == 0
    [copy] = (first.folder / "vault" / "portal").glob("*.copy")
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.chmod(0o600)
    copy.write_bytes(content)
    for lost in first.folder.glob("portal.sqlite3*"):
        lost.unlink()

    second = portal()
    back = second.manage("restore_portal")

    assert back.returncode == 1
    assert "not what was written" in back.stderr
    assert "no such table" in second.manage("shell", "-c", TELL).stderr
    shutil.rmtree(first.folder / "vault" / "portal")
    assert "holds no such copy" in second.manage("restore_portal").stderr


def test_the_copy_and_the_vault_hold_no_key(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "portal", "")
    for words in (["migrate", "-v0"], ["shell", "-v0", "-c", FILL], ["save_portal"]):
        done = portal.manage(*words)
        assert done.returncode == 0, done.stderr
    keys = [path.read_bytes().strip() for path in (tmp_path / "portal" / "keys").iterdir()]
    assert len(keys) == 2

    stored = [path for path in (tmp_path / "portal" / "vault").rglob("*") if path.is_file()]
    [copy] = [path for path in stored if path.suffix == ".copy"]
    opened = decompress(copy.read_bytes())

    assert b"ines@example.org" in opened
    for key in keys:
        assert key and key not in opened
        assert not any(key in path.read_bytes() for path in stored)
