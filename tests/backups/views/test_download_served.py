"""Downloads from a real server: resumed, cut, left alone, and never taken for whole when they are not."""

import io
import os
import random
import zipfile
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from backups.choices import Contents, Format
from backups.models import Backup
from backups.operations.delete import request_delete
from backups.storage import names
from environments import clock
from environments.actors import Actor
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment
from tests.factories import BackupFactory
from tests.workers import eventually

from ..taken import DUMP, keep_backup, link_for
from .served import Served, served

__all__ = ["served"]
pytestmark = pytest.mark.django_db(transaction=True)
MIB = 1 << 20
MORE_THAN_ANY_BUFFER = 24 * MIB


def noise(length: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(length)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "small.txt").write_text("small")
    for number in range(4):
        (folder / f"{number}.bin").write_bytes(noise(MORE_THAN_ANY_BUFFER // 4, number))
    return folder


@pytest.fixture
def backup(environment: Environment, root: Path) -> Backup:
    return keep_backup(environment, root)


def vault(name: str) -> Path:
    return Path(settings.VAULT_LOCATION) / name


def pack_of(backup: Backup) -> Path:
    [pack] = vault(names.packs_folder(backup.environment_id)).iterdir()
    return pack


def dump_of(backup: Backup) -> Path:
    return vault(names.dump(backup.environment_id, backup.pk, 1))


def test_curl_takes_a_whole_backup_home(served: Served, backup: Backup, developer: User, tmp_path: Path) -> None:
    done = served.curl(link_for(backup, developer), developer, "-f", "-OJ", "--output-dir", str(tmp_path))

    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "order-desk-live-202611251430.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("tree/0.bin") == noise(MORE_THAN_ANY_BUFFER // 4, 0)
        assert archive.read("db/db.backup") == DUMP


def test_the_menu_leads_to_the_bytes(served: Served, backup: Backup, developer: User) -> None:
    address = f"/apps/order-desk/live/backups/{backup.pk}/download/database/"

    assert served.curl(address, developer, "-fL").stdout == DUMP


def test_curl_goes_on_where_it_was_cut(served: Served, backup: Backup, developer: User, tmp_path: Path) -> None:
    address = link_for(backup, developer)
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert served.curl(address, developer, "-f", "-o", str(whole)).returncode == 0
    part.write_bytes(whole.read_bytes()[: 10 * MIB + 12345])

    assert served.curl(address, developer, "-f", "-C", "-", "-o", str(part)).returncode == 0

    assert part.read_bytes() == whole.read_bytes()
    assert Activity.objects.filter(action="download.started").count() == 1


def test_head_tells_the_length(served: Served, backup: Backup, developer: User) -> None:
    told = served.curl(link_for(backup, developer), developer, "-fI").stdout.decode().lower()
    whole = served.curl(link_for(backup, developer), developer, "-f").stdout

    assert f"content-length: {len(whole)}\r\n" in told
    assert "transfer-encoding" not in told


@pytest.mark.parametrize("archive_format", list(Format))
def test_a_vault_that_fails_on_the_way_fails_the_client(
    served: Served, backup: Backup, developer: User, archive_format: Format
) -> None:
    address = link_for(backup, developer, Contents.FULL, archive_format)
    os.truncate(pack_of(backup), MORE_THAN_ANY_BUFFER // 2)

    done = served.curl(address, developer, "-f", "-o", os.devnull)

    assert done.returncode in (18, 56), "a transfer that ended early"
    request = Request(f"{served.site}{address}", headers={"Cookie": served.cookie(developer)})
    with pytest.raises((HTTPException, OSError)), urlopen(request, timeout=60) as response:
        response.read()
    log = served.log.read_text()
    assert log.count("was cut at byte") == 2
    assert "Traceback" not in log
    assert served.curl(link_for(backup, developer, Contents.DATABASE), developer).stdout == DUMP, "it serves on"


def test_a_dump_that_shrinks_on_the_way_fails_the_client(
    served: Served, environment: Environment, tmp_path: Path, developer: User
) -> None:
    (tmp_path / "none").mkdir()
    backup = keep_backup(environment, tmp_path / "none", [noise(MIB, number) for number in range(24)])
    with served.begin(link_for(backup, developer, Contents.DATABASE), developer) as response:
        response.read(MIB)

        os.truncate(dump_of(backup), 20 * MIB)

        with pytest.raises((HTTPException, OSError)):
            response.read()


def test_deleting_while_it_is_downloaded_never_makes_a_part_look_whole(
    served: Served, backup: Backup, developer: User, technical_contact: User, environment: Environment
) -> None:
    BackupFactory.create(environment=environment, created_at=clock.now())  # so that this one may go
    with served.begin(link_for(backup, developer), developer) as response:
        response.read(MIB)

        deletion = request_delete(backup, by=Actor.person(technical_contact), confirm="Live", is_rung=False)
        assert run_here(deletion).status == "Completed"

        with pytest.raises((HTTPException, OSError)):
            response.read()


def test_what_a_client_that_goes_away_had_open_is_closed(served: Served, backup: Backup, developer: User) -> None:
    for contents in (Contents.FULL, Contents.FILES):
        with served.begin(link_for(backup, developer, contents), developer) as response:
            response.read(MIB)
            eventually(served.open_in_vault)

        eventually(lambda: not served.open_in_vault())
    assert "Traceback" not in served.log.read_text()


class Dump:
    """Many bytes, made while they are read."""

    def __iter__(self) -> Iterator[bytes]:
        return (noise(MIB, number % 7) for number in range(150))


@pytest.mark.parametrize("archive_format", list(Format))
def test_memory_does_not_grow_with_the_size(
    served: Served, environment: Environment, root: Path, developer: User, archive_format: Format
) -> None:
    (root / "text").write_bytes(b"one line as good as another\n" * 3_600_000)
    small = Path(root.parent / "small")
    small.mkdir()
    (small / "file").write_bytes(noise(1000))
    address = link_for(keep_backup(environment, small), developer, Contents.FULL, archive_format)
    assert served.curl(address, developer, "-f", "-o", os.devnull).returncode == 0
    before = served.peak_bytes()

    address = link_for(keep_backup(environment, root, Dump()), developer, Contents.FULL, archive_format)
    done = served.curl(address, developer, "-f", "-o", os.devnull, "-w", "%{size_download}")

    assert int(done.stdout) > 270 * MIB
    assert served.peak_bytes() - before <= 32 * MIB


def test_the_bytes_of_a_range_are_those_of_the_whole(served: Served, backup: Backup, developer: User) -> None:
    address = link_for(backup, developer)
    whole = served.curl(address, developer, "-f").stdout

    for start in (0, 1000, 7 * MIB, len(whole) - 500):
        stop = min(start + 3 * MIB, len(whole))
        part = served.curl(address, developer, "-f", "-r", f"{start}-{stop - 1}").stdout
        assert part == whole[start:stop]
    assert zipfile.ZipFile(io.BytesIO(whole)).testzip() is None
