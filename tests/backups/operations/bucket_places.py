"""Environments whose files are in a bucket: what they hold, what lies beside, and an app that can be told a prefix."""

import shlex
import sys
from pathlib import Path

import psycopg
from django.conf import settings

from backups.models import Generation
from backups.operations.exchange import place_of
from backups.operations.undo import request_undo
from environments.files_address import FilesAddress
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests import fingerprint
from tests.apps import App
from tests.backups.operations.test_restore import BY
from tests.stores.uploads import Uploads

OLD = {"folder/old.txt": b"old" * 1000, "same.txt": b"old", "stays.txt": b"always", "large.bin": bytes(9 << 20)}
NEW = {"folder/new.txt": b"new" * 1000, "same.txt": b"new", "stays.txt": b"always", "other/large.bin": bytes(9 << 20)}
Held = tuple[list[str], dict[str, bytes]]


class ToldApp(App):
    """An app that looks for its files where its files command said last."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.told = folder / "told"

    @property
    def commands(self) -> dict[str, str]:
        code = f"import sys; open({str(self.told)!r}, 'w').write(sys.argv[1])"
        return {**super().commands, "files": f"{shlex.join([sys.executable, '-I', '-S', '-c', code])} {{files}}"}

    @property
    def address(self) -> FilesAddress | None:
        return FilesAddress.parse(self.told.read_text()) if self.told.exists() else None


def uploads_of(environment: Environment) -> Uploads:
    """The live files, wherever the record says that they are now."""
    environment.refresh_from_db()
    address = environment.files_address
    return Uploads(address.endpoint, address.prefix)


def fill(environment: Environment, contents: dict[str, bytes]) -> None:
    """Let the app have these files, and no others."""
    uploads = uploads_of(environment)
    for name in [name for name in uploads.names() if not name.startswith(".portal/")]:
        uploads.remove(name)
    uploads.put_all(contents)


def change(environment: Environment) -> None:
    """What the app did since the backup."""
    address = environment.database_address
    with psycopg.connect(
        host=address.host, port=address.port, dbname=address.name, user=address.user, password=address.password
    ) as db:
        db.execute("DELETE FROM orders WHERE id > 50")
    fill(environment, NEW)


def state(environment: Environment) -> Held:
    """What an environment holds: database and files."""
    files = {name: body for name, body in uploads_of(environment).contents().items() if not name.startswith(".portal/")}
    return fingerprint.plain_dump(environment.database_address), files


def leftovers(environment: Environment) -> list[str]:
    """Databases, prefixes and scratch beside what is live, but for the one generation that is kept."""
    uploads = uploads_of(environment)
    kept = Generation.objects.filter(environment=environment, kept="kept").values_list("database", "files")
    names = {name for pair in kept for name in pair if name}
    prefixes = {FilesAddress.parse(files).prefix for _, files in kept if files}
    with place_of(environment).beside() as connection:
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'portal_%%' AND pg_get_userbyid(datdba) = %s"
        rows = connection.execute(query, [environment.database_address.user]).fetchall()
    base = environment.files_address.own_prefix
    found = {f"{base}{key.removeprefix(base).partition('/')[0]}" for key in uploads.keys(base)}
    own = [key for key in uploads.keys(f"{uploads.prefix}/.portal/") if not key.endswith("/generation")]
    scratch = [str(path) for path in (Path(settings.DATA_DIR) / "scratch").glob("*")]
    databases = [str(name) for (name,) in rows if name not in names]
    return databases + sorted(found - prefixes - {uploads.prefix}) + own + scratch


def undo(environment: Environment) -> Operation:
    return run_here(request_undo(environment, by=BY, confirm=None, is_rung=False))
