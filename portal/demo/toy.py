"""The toy app: a small real app that the demo's environments run. `python -m portal.demo.toy settings.json`

It keeps orders in PostgreSQL and pictures in a directory; both can be changed in its page, so that a restore is seen.
"""

import json
import re
import secrets
import signal
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg

from . import orders, pictures
from .children import die_with_parent
from .toy_page import page, unreachable

MOST_BYTES = 20_000_000
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"


class Settings:
    """Where this app's place is, as the demo wrote it down."""

    def __init__(self, path: Path) -> None:
        given = json.loads(path.read_text())
        self.app: str = given["app"]
        self.place: str = given["place"]
        self.is_production: bool = given["is_production"]
        self.port: int = given["port"]
        self.database: dict[str, Any] = given["database"]
        self.files = Path(given["files"])
        self.model_file = Path(given["model_file"])

    @property
    def model_version(self) -> str:
        """Read each time: deploying a package writes it."""
        return self.model_file.read_text().strip() if self.model_file.exists() else ""


class Desk(BaseHTTPRequestHandler):
    """One request."""

    server_version = "OrderDesk/1"
    protocol_version = "HTTP/1.1"
    timeout = 30  # an idle connection does not keep a thread for ever
    settings: Settings
    body = b""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/":
            self._answer_page()
        elif path.startswith("/pictures/"):
            self._answer_picture(unquote(path.removeprefix("/pictures/")))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        deeds = {
            "/orders/add": self._add_order,
            "/orders/delete": self._delete_order,
            "/pictures/draw": self._draw_picture,
            "/pictures/add": self._add_picture,
            "/pictures/delete": self._delete_picture,
        }
        deed, self.body = deeds.get(urlsplit(self.path).path), self._read_body()
        if deed is None or not self._is_from_own_page():
            self._answer(HTTPStatus.BAD_REQUEST, "This is not a form of this page.")
            return
        try:
            deed()
        except (ValueError, psycopg.Error) as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error))
        else:
            self._answer(HTTPStatus.SEE_OTHER, "", Location="/")

    # The page

    def _answer_page(self) -> None:
        here = self.settings
        try:
            with orders.connected(here.database) as connection:
                newest, (count, worth) = orders.newest_orders(connection), orders.count_orders(connection)
        except psycopg.Error as error:
            text = unreachable(here.app, here.place, str(error))
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, text, "text/html; charset=utf-8")
            return
        text = page(
            app=here.app,
            place=here.place,
            is_production=here.is_production,
            model_version=here.model_version,
            orders=newest,
            count=count,
            worth=worth,
            pictures=orders.pictures_in(here.files),
        )
        self._answer(HTTPStatus.OK, text, "text/html; charset=utf-8")

    def _answer_picture(self, name: str) -> None:
        path = orders.picture_at(self.settings.files, name)
        if path is None:
            self._answer(HTTPStatus.NOT_FOUND, "There is no such picture.")
            return
        self._answer(HTTPStatus.OK, path.read_bytes(), orders.SUFFIXES[path.suffix.lower()])

    # What can be changed

    def _add_order(self) -> None:
        quantity = int(self._field("quantity"))
        with orders.connected(self.settings.database) as connection:
            orders.add_order(
                connection, customer=self._field("customer"), product=self._field("product"), quantity=quantity
            )

    def _delete_order(self) -> None:
        with orders.connected(self.settings.database) as connection:
            orders.delete_order(connection, int(self._field("order")))

    def _draw_picture(self) -> None:
        number = secrets.randbelow(10_000)
        orders.keep_picture(self.settings.files, f"drawing-{number}.svg", pictures.draw_svg(number))

    def _add_picture(self) -> None:
        name, content = self._uploaded("picture")
        orders.keep_picture(self.settings.files, name, content)

    def _delete_picture(self) -> None:
        if path := orders.picture_at(self.settings.files, self._field("picture")):
            path.unlink()

    # Reading and writing HTTP

    def _read_body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= MOST_BYTES:
            self.close_connection = True
            return b""
        return self.rfile.read(length)

    def _is_from_own_page(self) -> bool:
        """Other sites cannot post here: browsers say where a form came from."""
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc == self.headers.get("Host")

    def _field(self, name: str) -> str:
        given = parse_qs(self.body.decode(errors="replace")).get(name, [""])[0].strip()
        if not given:
            raise ValueError(f"{name.capitalize()} is missing.")
        return given

    def _uploaded(self, name: str) -> tuple[str, bytes]:
        """The name and content of one file of a multipart form."""
        found = re.search(r'boundary="?([^";]+)', self.headers.get("Content-Type") or "")
        for part in self.body.split(b"--" + found[1].encode())[1:-1] if found else ():
            head, _, content = part.partition(b"\r\n\r\n")
            said = re.search(rf'name="{name}"; filename="([^"]+)"', head.decode(errors="replace"))
            if said:
                return said[1], content.removesuffix(b"\r\n")
        raise ValueError("Choose a picture first.")

    def _answer(
        self, status: HTTPStatus, content: str | bytes, kind: str = "text/plain; charset=utf-8", **headers: str
    ) -> None:
        content = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        headers |= {"Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store"}
        headers |= {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's word
        """Say nothing of ordinary requests."""


def main(path: Path) -> None:
    """Serve until a TERM comes, or until whoever started this ends."""
    die_with_parent()
    settings = Settings(path)
    with orders.connected(settings.database) as connection:
        orders.make_tables(connection)
    server = ThreadingHTTPServer(("127.0.0.1", settings.port), type("Desk", (Desk,), {"settings": settings}))
    server.daemon_threads = True
    for number in (signal.SIGTERM, signal.SIGINT):
        # From another thread: shutdown waits for the loop that this one runs.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
