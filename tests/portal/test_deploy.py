"""The examples for production, as far as a machine without systemd can run them: gunicorn behind nginx."""

import os
import runpy
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from portal.config import ROOT, Config
from tests.nginx import HOST, Nginx, answers, example, free_port
from tests.workers import eventually

DEPLOY = ROOT / "portal" / "deploy"


class Site:
    """nginx with our example, in a folder of its own, before gunicorn with ours."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.web, self.plain, self.safe = folder, free_port(), free_port(), free_port()
        self._web: subprocess.Popen[bytes] | None = None
        self._nginx: Nginx | None = None

    def start(self) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
        environ |= {"PORTAL_BASE_URL": f"https://{HOST}", "PORTAL_DATA_DIR": str(self.folder / "data")}
        environ |= {"PORTAL_SECRET_KEY": "k" * 60, "PORTAL_SECRETS_KEYS": Fernet.generate_key().decode()}
        environ |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "PORTAL_BIND": f"127.0.0.1:{self.web}"}
        for command in ("migrate", "collectstatic"):
            subprocess.run(
                [sys.executable, "manage.py", command, "--noinput", "-v0"], cwd=ROOT, env=environ, check=True
            )
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(DEPLOY / "gunicorn.conf.py"), "portal.wsgi"]
        self._web = subprocess.Popen(gunicorn, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
        vault = self.folder / "data" / "vault"
        conf = example(self.folder, web=self.web, plain=self.plain, safe=self.safe, vault=vault)
        self._nginx = Nginx(self.folder, conf)
        self._nginx.start(self.safe)
        eventually(lambda: answers(self.web))

    def stop(self) -> None:
        if self._nginx:
            self._nginx.stop()
        self.stop_web()

    def stop_web(self) -> None:
        if self._web:
            self._web.terminate()
            self._web.wait(30)

    def get(self, path: str, *, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        context = ssl._create_unverified_context()  # noqa: S323 - a certificate of this test alone
        asked = urllib.request.Request(f"https://127.0.0.1:{self.safe}{path}", data=body)
        for name, value in {"Host": HOST, **headers}.items():
            asked.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(asked, timeout=30, context=context) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert shutil.which("nginx"), "make test installs nginx where it may; elsewhere: apt install nginx-light"
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.start()
        yield site
    finally:
        site.stop()


def test_people_reach_the_door_over_https_with_every_header(site: Site) -> None:
    status, headers, body = site.get("/sign-in/")

    assert status == 200
    assert b"Developer Portal" in body
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "__Host-csrftoken=" in headers["Set-Cookie"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_styles_come_compressed_and_are_kept(site: Site) -> None:
    page = site.get("/sign-in/")[2].decode()
    style = page.partition('href="')[2].partition('href="')[2].partition('"')[0]

    status, headers, _ = site.get(style, Accept_Encoding="gzip")

    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in headers["Cache-Control"]


def test_a_large_body_is_not_refused_for_its_size(site: Site) -> None:
    """nginx by itself refuses more than one megabyte."""
    status, _, _ = site.get("/sign-in/", body=b"x" * 3_000_000, Content_Type="application/octet-stream")

    assert status == 403  # by Django, for want of a token


def test_other_names_are_refused_and_metrics_are_for_this_machine(site: Site) -> None:
    assert site.get("/sign-in/", Host="evil.example")[0] == 400
    assert site.get("/metrics")[0] == 404
    assert site.get("/health?only=ready")[0] == 200


def test_while_no_web_process_answers_a_page_says_so(site: Site) -> None:
    site.stop_web()

    status, _, body = site.get("/apps/order-desk/live/backups/")

    assert status == 503
    assert b"The portal is not available just now" in body
    for style in (b"tokens", b"components"):
        assert b'/static/css/%s.css"' % style in body
        assert site.get(f"/static/css/{style.decode()}.css")[0] == 200


@pytest.mark.parametrize("name", ["portal-web.service", "portal-work.service"])
def test_units_drain_and_keep_secrets_in_files(name: str) -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / name)

    assert unit["Service"]["KillMode"] == "mixed"
    assert int(unit["Service"]["TimeoutStopSec"]) >= 60
    assert "PORTAL_SECRET_KEY=" not in (DEPLOY / name).read_text()
    assert unit["Service"]["EnvironmentFile"] == "/etc/portal/portal.env"


def test_one_persons_downloads_leave_threads_for_others() -> None:
    threads = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))["threads"]

    assert threads >= 4 * Config.model_fields["PORTAL_DOWNLOADS_PER_PERSON"].default


def test_the_environment_file_names_settings_and_no_secret() -> None:
    lines = [line.lstrip("#") for line in (DEPLOY / "portal.env").read_text().splitlines() if "=" in line]
    names = {line.partition("=")[0] for line in lines}

    assert names <= set(Config.model_fields)
    assert not {name for name in names if "SECRET" in name or "PASSWORD" in name}


def test_commands_by_hand_have_the_settings_of_the_units(tmp_path: Path) -> None:
    """As cron calls it, which has next to no environment."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "secret_key").write_text("k" * 60)
    (tmp_path / "secrets" / "secrets_keys").write_text(Fernet.generate_key().decode())
    given = (DEPLOY / "portal.env").read_text().replace("/srv/portal/data", str(tmp_path / "data"))
    (tmp_path / "portal.env").write_text(given)
    text = (DEPLOY / "portal").read_text()
    for there, here in {
        "/etc/portal": str(tmp_path),
        "/srv/portal/code": str(ROOT),
        ".venv/bin/python": sys.executable,
    }.items():
        assert there in text
        text = text.replace(there, here)
    script = tmp_path / "portal"
    script.write_text(text)
    tell = "from django.conf import settings as s; print(s.DATA_DIR, s.BASE_URL, s.VAULT_LOCATION, s.SECRET_KEY)"

    done = subprocess.run(
        ["sh", str(script), "shell", "-v0", "-c", tell], env={"PATH": os.defpath}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "data"), f"https://{HOST}", "/srv/backups/vault", "k" * 60]
