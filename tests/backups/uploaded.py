"""Dumps and archives to bring, how to bring and put them, and what an environment holds and has beside it."""

import io
import tarfile
import time
import zipfile
from pathlib import Path

import psycopg
from django.conf import settings

from backups.choices import UploadPart
from backups.engines.tools import find_tools
from backups.models import Generation, Upload
from backups.operations.exchange import place_of
from backups.operations.upload import request_upload
from backups.transfer import receive
from environments.actors import Actor
from environments.addresses import DatabaseAddress
from environments.choices import Origin
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from environments.programs import Program
from tests import fingerprint

SESSIONS = """SELECT application_name FROM pg_stat_activity
    WHERE application_name LIKE 'op-%' OR usename LIKE 'portal_load_%'"""
BY = Actor("Ines Duarte", Origin.PERSON)
ROWS = ("CREATE TABLE orders (id int, what text)", "INSERT INTO orders SELECT n, 'row' FROM generate_series(1, 100) n")


def conninfo(address: DatabaseAddress) -> str:
    return psycopg.conninfo.make_conninfo(
        host=address.host, port=address.port, dbname=address.name, user=address.user, password=address.password or None
    )


def fill(environment: Environment, word: str) -> None:
    root = Path(environment.files_directory)
    (root / "folder").mkdir(exist_ok=True)
    (root / "folder" / f"{word}.txt").write_text(word * 1000)


def dump_of(address: DatabaseAddress, *options: str) -> bytes:
    """What pg_dump makes of a database, in custom format unless an option says otherwise."""
    command = [find_tools(17).path("pg_dump"), "-Fc", *options, f"--dbname={address.to_url()}"]
    with Program(command, environ={"PGPASSWORD": address.password}) as program:
        content = b"".join(program.stream())
        program.check()
    return content


def bring(
    environment: Environment, part: UploadPart, content: bytes, *, by: Actor = BY, name: str = "", room: int = 50_000
) -> Upload:
    """A file that has come and was examined, whatever that said."""
    blocks = (content[at : at + room] for at in range(0, len(content), room))
    upload = receive(
        environment,
        part=part,
        filename=name or f"{part}.bin",
        size=len(content),
        blocks=blocks,
        by=by,
        is_rung=False,
    )
    assert upload.examination
    run_here(upload.examination)
    upload.refresh_from_db()
    return upload


def put(environment: Environment, *uploads: Upload, **different: object) -> Operation:
    """Put examined files into an environment."""
    asked = {"by": BY, "confirm": environment.name, "is_rung": False, **different}
    return run_here(request_upload(environment, uploads=uploads, **asked))  # type: ignore[arg-type]


def state(environment: Environment) -> tuple[list[str], dict[bytes, tuple[int, str]]]:
    """What an environment holds."""
    files = fingerprint.of_tree(Path(environment.files_directory))
    return (
        fingerprint.plain_dump(environment.database_address),
        {name: facts for name, facts in files.items() if not name.startswith(b".portal")},
    )


def leftovers(environment: Environment) -> list[str]:
    """Databases, roles, sessions, trees and scratch beside what is live, but for the one generation that is kept."""
    kept = Generation.objects.filter(environment=environment, kept="kept").values_list("database", "files")
    names = {name for pair in kept for name in pair if name}
    live = Path(environment.files_directory)
    with place_of(environment).beside() as connection:
        rows = connection.execute(
            """SELECT datname FROM pg_database WHERE datname LIKE 'portal_%%'
                 AND pg_get_userbyid(datdba) = ANY(%(owners)s)
               UNION SELECT rolname FROM pg_roles WHERE rolname LIKE 'portal_load_%%'""",
            {"owners": [environment.database_address.user, connection.info.user]},
        ).fetchall()
        stayed = staying_sessions(connection)
    tree = live.resolve()
    stems = [f"{name}.portal-" for name in (live.name, tree.name.partition(".portal-")[0])]
    beside = {*live.parent.iterdir(), *tree.parent.iterdir()} - {tree}
    trees = [str(path) for path in beside if any(stem in path.name for stem in stems)]
    trees += [str(path) for path in (live / ".portal").glob("*-*")]
    scratch = [str(path) for path in (Path(settings.DATA_DIR) / "scratch").glob("*")]
    return [one for one in [str(name) for (name,) in rows] + stayed + trees + scratch if one not in names]


def staying_sessions(connection: psycopg.Connection) -> list[str]:
    """Operations' sessions that do not go: a server ends one some time after its client left. It wants autocommit."""
    for _ in range(100):
        rows = connection.execute(SESSIONS).fetchall()
        if not rows:
            break
        time.sleep(0.1)
    return [str(name) for (name,) in rows]


def zip_of(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return made.getvalue()


def tar_of(**files: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def files_in(environment: Environment) -> dict[str, bytes]:
    root = Path(environment.files_directory)
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.startswith(".portal")}


def has_rows(environment: Environment, count: int) -> bool:
    lines = state(environment)[0]
    begins = lines.index("COPY public.orders (id) FROM stdin;")
    return lines[begins + 1 : begins + 1 + count] == [str(number + 1) for number in range(count)]


FILES = zip_of(a=b"new", folder__b=b"newer")
