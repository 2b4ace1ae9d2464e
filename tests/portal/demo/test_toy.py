"""The toy app shows and changes real rows and real files, and ends when it should."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from environments.addresses import DatabaseAddress
from portal.demo.children import wait_until
from portal.demo.folder import free_port
from portal.demo.places import CHECKOUT, connection_of
from portal.demo.postgres import Postgres
from tests.portal.demo.processes import is_gone

PICTURE = bytes(range(256)) * 20 + b"\r\n--x\r\n"  # every byte, line ends and dashes too


@dataclass
class Toy:
    url: str
    files: Path
    model_file: Path
    address: DatabaseAddress
    settings_file: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str = "/") -> tuple[int, bytes]:
        return _ask(urllib.request.Request(self.url + path))

    def post(self, path: str, fields: dict[str, str], **headers: str) -> tuple[int, bytes]:
        return _ask(urllib.request.Request(self.url + path, urllib.parse.urlencode(fields).encode(), headers))

    def upload(self, name: str, content: bytes) -> tuple[int, bytes]:
        head = f'--cut\r\nContent-Disposition: form-data; name="picture"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--cut--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=cut"}
        return _ask(urllib.request.Request(f"{self.url}/pictures/add", body, headers))


def _ask(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.fixture
def toy(tmp_path: Path, make_database: Callable[..., DatabaseAddress]) -> Iterator[Toy]:
    address = make_database()
    port = free_port(18200, 18900)
    settings = {
        "app": "Order Desk",
        "place": "Live",
        "is_production": True,
        "port": port,
        "database": connection_of(address),
        "files": str(tmp_path / "files"),
        "model_file": str(tmp_path / "model-version"),
    }
    (tmp_path / "app.json").write_text(json.dumps(settings))
    process = start(tmp_path / "app.json")
    toy = Toy(
        f"http://127.0.0.1:{port}",
        tmp_path / "files",
        tmp_path / "model-version",
        address,
        tmp_path / "app.json",
        process,
    )
    assert wait_until(lambda: is_up(toy), 20)
    yield toy
    process.kill()
    process.wait()


def start(settings_file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "portal.demo.toy", str(settings_file)], cwd=CHECKOUT)


def is_up(toy: Toy) -> bool:
    try:
        return toy.get()[0] == 200
    except OSError:
        return False


def test_an_order_is_added_shown_and_deleted(toy: Toy) -> None:
    status, text = toy.post("/orders/add", {"customer": "<b>Eva</b>", "product": "Brass hook", "quantity": "3"})

    assert status == 200
    assert b"&lt;b&gt;Eva&lt;/b&gt;" in text
    assert b"1 in the database, worth 38.25" in text
    assert b"0 in the database" in toy.post("/orders/delete", {"order": "1"})[1]


def test_a_wrong_order_is_refused_in_words(toy: Toy) -> None:
    assert toy.post("/orders/add", {"product": "Brass hook", "quantity": "3"}) == (400, b"Customer is missing.")
    assert b"0 in the database" in toy.get()[1]


def test_a_picture_comes_back_byte_for_byte_and_can_be_removed(toy: Toy) -> None:
    assert toy.upload("a picture.png", PICTURE)[0] == 200

    assert toy.get("/pictures/a%20picture.png") == (200, PICTURE)
    assert (toy.files / "a picture.png").read_bytes() == PICTURE
    toy.post("/pictures/delete", {"picture": "a picture.png"})
    assert list(toy.files.iterdir()) == []


def test_no_name_leads_out_of_the_directory(toy: Toy) -> None:
    toy.upload("../../escaped.png", PICTURE)

    assert [path.name for path in toy.files.iterdir()] == ["escaped.png"]
    assert toy.get("/pictures/..%2Fapp.json")[0] == 404
    toy.post("/pictures/delete", {"picture": "../app.json"})
    assert toy.settings_file.exists()


def test_a_file_that_is_no_picture_is_refused(toy: Toy) -> None:
    assert toy.upload("a.exe", PICTURE)[0] == 400


def test_a_second_picture_of_a_name_does_not_replace_the_first(toy: Toy) -> None:
    toy.upload("a.png", PICTURE)
    toy.upload("a.png", b"other")

    assert sorted(path.name for path in toy.files.iterdir()) == ["a 2.png", "a.png"]


def test_a_form_of_another_site_changes_nothing(toy: Toy) -> None:
    fields = {"customer": "Eva", "product": "Brass hook", "quantity": "3"}

    assert toy.post("/orders/add", fields, Origin="http://elsewhere.example")[0] == 400
    assert b"0 in the database" in toy.get()[1]


def test_the_page_shows_where_it_runs_and_which_model(toy: Toy) -> None:
    toy.model_file.write_text("1.4.2.118\n")

    text = toy.get()[1]

    assert b"Live" in text
    assert b"model 1.4.2.118" in text


def test_it_says_so_while_its_database_is_closed(toy: Toy, postgres: Postgres) -> None:
    with psycopg.connect(**connection_of(postgres.address()), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {toy.address.name} ALLOW_CONNECTIONS false")  # type: ignore[arg-type]

    status, text = toy.get()

    assert status == 503
    assert b"no database at the moment" in text


def test_it_ends_on_term(toy: Toy) -> None:
    toy.process.terminate()

    assert toy.process.wait(10) == 0


def test_it_ends_when_whoever_started_it_is_killed(toy: Toy) -> None:
    toy.process.kill()
    toy.process.wait()
    program = (
        "import subprocess, sys, time; toy = [sys.executable, '-m', 'portal.demo.toy', sys.argv[1]]; "
        "print(subprocess.Popen(toy).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(toy.settings_file)], cwd=CHECKOUT, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert wait_until(lambda: is_up(toy), 20)

    parent.kill()
    parent.communicate()

    assert wait_until(lambda: is_gone(child), 10)


def test_it_ends_on_ctrl_c(toy: Toy) -> None:
    toy.process.send_signal(signal.SIGINT)

    assert toy.process.wait(10) == 0
