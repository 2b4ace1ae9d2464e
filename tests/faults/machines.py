"""Several machines: a house in which the web server and the workers of two regions have a data directory each."""

import http.client
import secrets
from contextlib import closing
from pathlib import Path
from typing import ClassVar, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from tests.backups.views.served import Served, serving
from tests.workers import eventually

from .house import House
from .orders import WITHIN_SECONDS, Clerk

WEB, NEAR, FAR = "web", "near", "far"
WORD = "correct horse battery"
EUROPE, ASIA = "long-europe", "long-asia"
REGIONS = """INSERT INTO environments_region (slug, name, zone, queue, backups_at_once)
        VALUES ('asia', 'Asia', 'Asia/Tokyo', 'long-asia', 2);
    INSERT INTO environments_regionstart (region_id, cloud_version, starts_at)
        SELECT id, 'v4', '15:00' FROM environments_region WHERE slug = 'asia';
    UPDATE environments_region SET queue = 'long-europe' WHERE slug = 'europe'"""
STARTER = """#!/bin/sh
if [ -e {hold} ]; then touch {hold}.begun; while [ -e {hold} ]; do sleep 0.05; done; fi
exec {command}
"""


class Answer(NamedTuple):
    """What the web server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Machines(House):
    """`web` has the server and is where commands are given; `near` works in Europe, `far` in Asia and for all."""

    crews: ClassVar = {NEAR: ("--queue", EUROPE), FAR: ("--queue", "portal", "--queue", ASIA)}
    web: Served

    def __init__(self, folder: Path, server: Path) -> None:
        super().__init__(folder, server)
        self.data, self.shared, self.hold = folder / WEB, folder / "shared", folder / "hold"
        self.cookie = ""
        self.shared.mkdir()
        for room in self.rooms:
            room.mkdir()
            (room / "uploads").symlink_to(self.shared)

    def __enter__(self) -> Self:
        super().__enter__()
        (self.folder / "orders-far").mkdir()
        self.far = Clerk(self.folder / "orders-far", self.environ_of(FAR))
        self._ends.callback(self.far.end)
        self.portal.execute(REGIONS)  # type: ignore[arg-type]
        served = {"DJANGO_SETTINGS_MODULE": "tests.web_settings"}
        self.web = self._ends.enter_context(serving(self.environ | served, self.folder / "web.log"))
        return self

    @property
    def rooms(self) -> list[Path]:
        return [self.folder / name for name in (WEB, *self.crews)]

    @property
    def environ(self) -> dict[str, str]:
        keys = {"PORTAL_SECRET_KEY": "k" * 50, "PORTAL_SECRETS_KEYS": f"{'k' * 43}="}
        return super().environ | keys

    def environ_of(self, name: str) -> dict[str, str]:
        return self.environ | {"PORTAL_DATA_DIR": str(self.folder / name)}

    def sign_in(self, invitation: str) -> None:
        """Accept this invitation; whoever asks the web server from now on is the one invited."""
        person = {"first_name": "Ines", "last_name": "Ito", "password": WORD, "again": WORD}
        kind = "application/x-www-form-urlencoded"
        answer = self.ask("POST", urlsplit(invitation).path, urlencode(person).encode(), Content_Type=kind)
        assert answer.status == 302, answer.body
        self.cookie = next(one for one in answer.headers.get_all("Set-Cookie", []) if "session" in one).partition(";")[
            0
        ]

    def ask(self, method: str, address: str, body: bytes = b"", **headers: str) -> Answer:
        """What the web server answers to a browser."""
        token = secrets.token_hex(16)
        own = {"Cookie": f"{self.cookie}; csrftoken={token}", "X-CSRFToken": token}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=60)) as connection:
            connection.request(method, address, body=body or None, headers=own)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def workers_in_words(self, clerk: Clerk | None = None) -> list[str]:
        """What doctor says of the workers, on the web machine or where this clerk is."""
        said = (clerk or self.clerk).order("doctor").said()
        return [line for line in said.out.splitlines() if " Workers: " in line]

    def hold_starts(self, slug: str) -> None:
        """Let this place's app begin to start, and not end, until `hold` is gone."""
        place, self.starter = self.places[slug], self.folder / "starter"
        [(commands,)] = self.rows("SELECT commands FROM environments_environment WHERE slug = %s", slug)
        self.starter.write_text(STARTER.format(hold=self.hold, command=commands["start"]))
        self.starter.chmod(0o755)
        self.order("register_environment", place.name, "--start-command", str(self.starter)).done()
        self.hold.touch()

    def kill_while_held(self) -> str:
        """Kill the machine that starts the app; returns its operation's id. Its lease is over at once."""
        eventually(Path(f"{self.hold}.begun").exists, within=WITHIN_SECONDS)
        [(operation, owner)] = self.rows("SELECT id, owner FROM environments_operation WHERE status = 'Running'")
        self.kill_workers(owner)
        self.portal.execute(
            "UPDATE environments_operation SET lease_until = now() - interval '1 hour' WHERE id = %s", [operation]
        )
        return str(operation)
