"""A whole house: a portal on PostgreSQL, Redis and S3, two workers, apps under supervisord. Each of them can die."""

import os
import shlex
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar, Self

import psycopg

from portal.demo.children import Child
from portal.demo.postgres import Postgres
from tests.backups.uploaded import conninfo, staying_sessions
from tests.redis_server import RedisServer
from tests.stores.rclone import RcloneStore
from tests.stores.uploads import Uploads
from tests.stores.vaults import BUCKET, KEY, SECRET
from tests.workers import Workers, eventually, offspring_of

from .orders import WITHIN_SECONDS, Clerk, Order
from .places import Place, make_database, make_place, url_of, word_of

UPLOADS, ON_S3 = "uploads", "acceptance"  # the bucket with the uploaded files of this place
WORKERS: dict[str, tuple[str, ...]] = {"here": (), "there": ("--queue", "long")}
SUPERVISORD = """[unix_http_server]
file={folder}/sock
[supervisord]
nodaemon=true
logfile={folder}/log
pidfile={folder}/pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/sock
"""
PROGRAM = """[program:{slug}]
command={command}
autostart=false
startsecs=0
"""
LEFT = """SELECT datname FROM pg_database WHERE datname LIKE 'portal_%'
    UNION SELECT rolname FROM pg_roles WHERE rolname LIKE 'portal_load_%'"""


class House:
    """`folder` is for everything but PostgreSQL, whose user may not look everywhere: that lies in `server`."""

    crews: ClassVar = WORKERS

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder, self.data, self.files = folder, folder / "data", folder / "files"
        self.postgres, self.redis = Postgres(server), RedisServer(folder, word_of("redis"))
        self.store = RcloneStore(folder / "s3")
        self.sockets = Path(tempfile.mkdtemp(prefix="sv-"))  # long paths of sockets fail
        self.places: dict[str, Place] = {}
        self.workers: dict[str, Workers] = {}
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        for folder in (self.sockets, self.postgres.folder):
            self._ends.callback(shutil.rmtree, folder, ignore_errors=True)
        for start, end in ((self.postgres.start, self.postgres.stop), (self.redis.start, self.redis.end)):
            self._ends.callback(end)
            start()
        self.store.root.mkdir()
        for bucket in (BUCKET, UPLOADS):
            self.store.make_bucket(bucket)
        self.files.mkdir()
        (self.files / ON_S3).symlink_to(self.store.root / UPLOADS / ON_S3)  # what its app reads
        self._ends.callback(self.store.stop)
        self.store.start()
        self.portal = psycopg.connect(conninfo(make_database(self.postgres, "portal")), autocommit=True)
        self._ends.callback(self.portal.close)
        (self.folder / "orders").mkdir()
        self.clerk = Clerk(self.folder / "orders", self.environ)
        self._ends.callback(self.clerk.end)
        self.order("migrate", "-v0").done()
        return self

    def __exit__(self, *_: object) -> None:
        for workers in self.workers.values():
            workers.kill()
        self._ends.close()

    @property
    def environ(self) -> dict[str, str]:
        left_out = ("PORTAL_", "DATABASE_URL", "REDIS_URL", "AWS_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        return inherited | {
            "DJANGO_SETTINGS_MODULE": "tests.faults.day_settings",
            "PORTAL_TEST_PACE": "0.2",  # a lease of 12 seconds, on machines where nobody else has a moment
            "PORTAL_DATA_DIR": str(self.data),
            "PORTAL_ALLOW_OLD_CLIENTS": "true",
            "DATABASE_URL": url_of(self.postgres.address("portal", "portal", word_of("portal"))),
            "REDIS_URL": self.redis.url,
            "PORTAL_VAULT": f"s3://{BUCKET}/portal",
            "PORTAL_S3_ENDPOINT_URL": self.store.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def environ_of(self, name: str) -> dict[str, str]:
        """What the workers of this name run with."""
        return self.environ

    @property
    def rooms(self) -> list[Path]:
        """The data directories."""
        return [self.data]

    def order(self, *words: str, turned: float = 0) -> Order:
        return self.clerk.order(*words, turned=turned)

    def settle(self, *slugs: str) -> None:
        """Make these places, known to the portal since two days, with their apps under supervisord, not yet started."""
        for slug in slugs:
            uploads = Uploads(self.store.endpoint, slug, bucket=UPLOADS) if slug == ON_S3 else None
            self.places[slug] = make_place(self.postgres, slug, self.folder, uploads)
        programs = [PROGRAM.format(slug=one.slug, command=_shop(one)) for one in self.places.values()]
        (self.sockets / "conf").write_text(SUPERVISORD.format(folder=self.sockets) + "".join(programs))
        command = [_program("supervisord"), "-c", str(self.sockets / "conf")]
        supervisord = Child("supervisord", command, log=self.folder / "apps.log")
        self._ends.callback(supervisord.end)
        eventually((self.sockets / "sock").exists)
        for order in [self._register(place) for place in self.places.values()]:
            order.done()
        self.portal.execute("UPDATE environments_environment SET created_at = created_at - interval '2 days'")

    def _register(self, place: Place) -> Order:
        control = [_program("supervisorctl"), "-c", str(self.sockets / "conf")]
        verbs = [(verb, shlex.join([*control, verb, place.slug])) for verb in ("status", "start", "stop")]
        commands = [word for verb, line in verbs for word in (f"--{verb}-command", line)]
        databases = ["--database", url_of(place.address), "--admin-database", url_of(place.keeper)]
        files = f"s3://{UPLOADS}/{place.slug}" if place.uploads else str(place.files)
        what = ["--files", files, "--model-version", "1.0.0"]
        return self.order("register_environment", place.name, *databases, *what, *commands)

    def start_workers(self, name: str) -> None:
        self.workers[name] = Workers(self.folder / f"{name}.log", self.environ_of(name), *self.crews[name])

    def kill_workers(self, owner: str) -> None:
        """Kill everything on the machine of an operation's owner, at one instant."""
        pid = int(owner.rpartition("|")[2])
        name = next(name for name, one in self.workers.items() if pid in offspring_of(one.pid))
        crew = [self.workers[name].pid, *offspring_of(self.workers[name].pid)]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody learns of another's end
            for one in crew:
                with suppress(ProcessLookupError):
                    os.kill(one, number)
        self.workers[name].process.wait()

    def revive_workers(self) -> None:
        """What whoever runs the portal has for that: systemd starts `work` again when it has ended."""
        for name in [name for name, one in self.workers.items() if one.process.poll() is not None]:
            self.start_workers(name)

    def kill_store(self, _: str) -> None:
        self.store.stop()

    def kill_redis(self, _: str) -> None:
        self.redis.kill()

    def rows(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        """What the portal's database answers."""
        return self.portal.execute(query, given).fetchall()  # type: ignore[arg-type]

    def tell(self, code: str) -> str:
        """What these lines print within the portal."""
        return self.order("shell", "-v0", "-c", code).done().strip()

    def hurry(self) -> None:
        """The seconds between those that are asked for together are over."""
        self.portal.execute("UPDATE environments_operation SET not_before_at = NULL WHERE status = 'Queued'")

    def wait_for_all(self) -> None:
        """Until nothing is Queued or Running."""
        active = "SELECT id FROM environments_operation WHERE status IN ('Queued', 'Running')"
        eventually(lambda: not self.rows(active), within=WITHIN_SECONDS)

    @property
    def running(self) -> set[str]:
        """The places whose app runs, which is to say: holds a session in the database that is live there."""
        with psycopg.connect(conninfo(self.postgres.address())) as db:
            rows = db.execute("SELECT datname FROM pg_stat_activity WHERE application_name = 'shop'").fetchall()
        return {name for (name,) in rows}

    @property
    def log(self) -> str:
        """What the workers said, those that were killed, too, and what operators read beside what they asked for."""
        files = [*(self.folder / f"{name}.log" for name in self.crews), *(self.folder / "orders").glob("*.err")]
        return "".join(file.read_text() for file in files)

    def leftovers(self) -> list[str]:
        """Databases, roles, sessions, trees, scratch and uploads beside what is live and what Undo would bring back."""
        kept = {
            name
            for row in self.rows("SELECT database, files FROM backups_generation WHERE kept = 'kept'")
            for name in row
        }
        with psycopg.connect(conninfo(self.postgres.address()), autocommit=True) as db:
            found = {*(str(name) for (name,) in db.execute(LEFT)), *staying_sessions(db)}
        found |= {str(path) for path in self.files.iterdir() if path.name not in self.places}
        keys = Uploads(self.store.endpoint, "", bucket=UPLOADS).keys(ON_S3)
        found |= {f"s3://{UPLOADS}/{key.partition('/')[0]}" for key in keys} - {f"s3://{UPLOADS}/{ON_S3}"}
        for data in self.rooms:
            found |= {str(path) for room in ("scratch", "uploads") for path in (data / room).glob("[!.]*")}
        return sorted(found - kept)


def _shop(place: Place) -> str:
    words = [Path(__file__).with_name("shop.py"), conninfo(place.address), place.files, place.seen]
    return shlex.join([sys.executable, *map(str, words)]).replace("%", "%%")


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
