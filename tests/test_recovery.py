"""What README says about getting data back without the portal is true: its own words are run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from backups.models import Backup
from backups.operations.create import request_create
from backups.storage import names
from environments.actors import Actor
from environments.addresses import DatabaseAddress
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from portal.demo.postgres import server_programs
from tests import fingerprint

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()
FRAME = 8 << 20


@pytest.fixture
def place(make_place: Callable[..., Environment]) -> Environment:
    """An environment whose files have everything that could be put back wrongly."""
    place = make_place("CREATE TABLE orders (id int, note text)", "INSERT INTO orders VALUES (1, 'ä'), (2, NULL)")
    root = Path(place.files_directory)
    (root / "empty folder").mkdir()
    (root / "deep" / "deeper").mkdir(parents=True)
    (root / "empty").touch()
    (root / "deep" / "deeper" / "large").write_bytes(os.urandom(FRAME) + b"0" * FRAME + os.urandom(1000))
    (root / "text").write_text("the same line\n" * 1000)
    (root / "exact").write_bytes(os.urandom(FRAME))
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9\n")).write_bytes(b"not UTF-8")
    (root / "text").chmod(0o640)
    return place


@pytest.fixture
def stored(place: Environment) -> Path:
    """The folder of a backup in the vault."""
    backup = request_create(place, by=Actor("Ines Duarte", "person"), comment="Take me home", is_rung=False)
    assert run_here(backup.operation).status == Status.COMPLETED
    fresh = Backup.objects.get(pk=backup.pk)
    assert fresh.stored_attempt is not None
    return Path(settings.VAULT_LOCATION) / names.backup_folder(place.pk, fresh.pk, fresh.stored_attempt)


@pytest.mark.django_db(transaction=True)
def test_the_script_in_the_readme_puts_every_file_back(place: Environment, stored: Path, tmp_path: Path) -> None:
    (tmp_path / "unpack.py").write_text(re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0])
    back = tmp_path / "back"
    command = [sys.executable, "unpack.py", settings.VAULT_LOCATION, str(stored / "manifest.zst"), str(back)]

    subprocess.run(command, cwd=tmp_path, check=True)

    assert fingerprint.of_tree(back) == fingerprint.of_tree(Path(place.files_directory))


@pytest.mark.django_db(transaction=True)
def test_the_script_in_the_readme_says_which_file_is_damaged(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "unpack.py").write_text(re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0])
    pack = max((stored.parent.parent / "packs").iterdir(), key=lambda path: path.stat().st_size)
    with pack.open("r+b") as file:
        file.seek(100)
        file.write(b"damage")
    command = [sys.executable, "unpack.py", settings.VAULT_LOCATION, str(stored / "manifest.zst"), str(tmp_path / "x")]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert ended.returncode == 1
    assert "deep/deeper/large is damaged" in ended.stderr


@pytest.mark.django_db(transaction=True)
def test_the_dump_in_the_vault_is_one_for_pg_restore(
    place: Environment, stored: Path, make_database: Callable[..., DatabaseAddress]
) -> None:
    into = make_database()
    command = [str(server_programs() / "pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error"]

    subprocess.run([*command, "--dbname", into.to_url(), str(stored / "db.backup")], check=True)

    assert fingerprint.plain_dump(into) == fingerprint.plain_dump(place.database_address)


@pytest.mark.django_db(transaction=True)
def test_the_first_line_of_a_manifest_says_what_it_is(place: Environment, stored: Path) -> None:
    line = subprocess.run(["zstd", "-dcq", str(stored / "manifest.zst")], capture_output=True, check=True)

    first = line.stdout.decode().splitlines()[0]
    for word in (place.app.slug, place.slug, "Take me home", '"created_at"', '"model_version"'):
        assert word in first
