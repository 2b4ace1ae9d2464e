"""Places: environments with a real database and real files whose contents are told apart, and all their passwords."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import psycopg

from environments.addresses import DatabaseAddress
from portal.demo.postgres import Postgres
from tests import fingerprint
from tests.backups.uploaded import conninfo
from tests.stores.uploads import Uploads

FILES = 60
ROWS = (
    "CREATE TABLE wide AS SELECT n AS id, repeat(md5(n::text), 20) AS what FROM generate_series(1, 6000) n",
    "ALTER TABLE wide ADD PRIMARY KEY (id)",
    "CREATE TABLE mark (word text)",
    "INSERT INTO mark VALUES ('begin')",
)


@dataclass
class Place:
    """An environment of the shop: what lies there, and what its app saw when it started."""

    slug: str
    address: DatabaseAddress
    keeper: DatabaseAddress
    files: Path
    seen: Path
    uploads: Uploads | None = None

    @property
    def name(self) -> str:
        return f"shop/{self.slug}"

    def change(self, word: str) -> None:
        """What people do in an app: the same word into its rows and its files, and something new in both."""
        with psycopg.connect(conninfo(self.address)) as db:
            db.execute("UPDATE mark SET word = %s", [word])
            db.execute("INSERT INTO wide SELECT max(id) + 1, %s FROM wide", [word])
        self.put("mark.txt", word.encode())
        self.put(f"{word}.bin", os.urandom(30_000))

    def put(self, name: str, content: bytes) -> None:
        if self.uploads:
            self.uploads.put(name, content)
        else:
            (self.files / name).write_bytes(content)

    def holds(self) -> str:
        """One word for everything in its database and its files."""
        if self.uploads:  # its store says what is there, whatever lies on the store's disk
            contents = self.uploads.contents().items()
            found = {name: hashlib.sha256(content).hexdigest() for name, content in contents if name[-1] != "/"}
        else:
            found = {name.decode(): digest for name, (_, digest) in fingerprint.of_tree(self.files).items() if digest}
        own = sorted(facts for facts in found.items() if not facts[0].startswith(".portal"))
        rows = fingerprint.of_database(self.address)
        return hashlib.sha256(repr((rows, own)).encode()).hexdigest()

    @property
    def mixtures(self) -> list[str]:
        """What the app saw at a start that never belonged together."""
        return [line for line in self.seen.read_text().splitlines() if len(set(line.split())) != 1]


def make_place(server: Postgres, slug: str, folder: Path, uploads: Uploads | None = None) -> Place:
    """A place in this folder, with a maintenance role of its own, and its files in a bucket if there is one."""
    address, name = make_database(server, slug), f"{slug}_keeper"
    keeper = server.address("postgres", name, word_of(name))
    with psycopg.connect(conninfo(server.address()), autocommit=True) as db:
        db.execute(f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD '{keeper.password}'")  # type: ignore[arg-type]
        db.execute(f"GRANT {slug} TO {name} WITH ADMIN OPTION")  # type: ignore[arg-type]
    with psycopg.connect(conninfo(address), autocommit=True) as db:
        for statement in ROWS:
            db.execute(statement)  # type: ignore[arg-type]
    place = Place(slug, address, keeper, folder / "files" / slug, folder / "seen" / slug, uploads)
    if uploads is None:
        (place.files / "folder").mkdir(parents=True)
    contents = {f"folder/{number}.bin": os.urandom(20_000) for number in range(FILES)} | {"mark.txt": b"begin"}
    for name, content in contents.items():
        place.put(name, content)
    place.seen.parent.mkdir(exist_ok=True)
    place.seen.touch()
    return place


def make_database(server: Postgres, role: str) -> DatabaseAddress:
    """An empty database of this name, and the role of this name that owns it."""
    address = server.address(role, role, word_of(role))
    with psycopg.connect(conninfo(server.address()), autocommit=True) as db:
        db.execute(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD '{address.password}'")  # type: ignore[arg-type]
        db.execute(f"CREATE DATABASE {role} OWNER {role}")  # type: ignore[arg-type]
    return address


def word_of(role: str) -> str:
    """Its password, which no log may hold."""
    return f"the-word-of-{role}"


def url_of(address: DatabaseAddress) -> str:
    """The address with its password, as people type it."""
    return address.to_url().replace("@", f":{address.password}@", 1)
