"""What every answer carries, whatever it answers; and Django's own list for production."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.test import Client, override_settings

from environments.models import Environment
from portal.config import ROOT
from tests.cast import signed_in

KEY = "k9-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PRODUCTION = {"PORTAL_BASE_URL": "https://portal.example.org", "PORTAL_SECRET_KEY": KEY}
COOKIES = (
    "from django.conf import settings as s;"
    "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE,"
    "s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_DOMAIN, s.SECURE_HSTS_SECONDS >= 31536000)"
)


def manage(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    given = {
        name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "DATABASE_URL", "DJANGO_"))
    }
    given |= {**PRODUCTION, "PORTAL_SECRETS_KEYS": Fernet.generate_key().decode(), "PORTAL_DATA_DIR": str(tmp_path)}
    given["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    return subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=given, capture_output=True, text=True)


def test_djangos_own_list_for_production_is_clean(tmp_path: Path) -> None:
    ended = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING")

    assert ended.returncode == 0, ended.stderr
    assert "2 silenced" in ended.stdout


def test_cookies_in_production_belong_to_this_host_alone(tmp_path: Path) -> None:
    assert manage(tmp_path, "shell", "-v", "0", "-c", COOKIES).stdout.split() == [
        *("__Host-sessionid", "__Host-csrftoken", "True", "True", "True", "None", "True")
    ]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/", 200),
        ("/sign-in/", 302),
        ("/no/such/page/", 404),
        ("/apps/order-desk/live/backups/create/", 403),
        ("/apps/order-desk/live/backups/activity.csv", 404),
        ("/apps/order-desk/live/activity/table.csv", 200),
        ("/theme/", 405),
        ("/admin/", 403),
        ("/health", 503),
        ("/downloads/forged/x.zip", 404),
    ],
)
def test_every_answer_carries_the_headers(
    environment: Environment, acceptance: Environment, viewer: User, address: str, status: int
) -> None:
    answer = signed_in(viewer).get(address, follow=address == "/admin/")

    assert answer.status_code == status
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in str(policy)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_other_hosts_are_refused(db: None) -> None:
    assert Client().get("/sign-in/", headers={"Host": "evil.example"}).status_code == 400
    answer = Client().get("/sign-in/", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 200
    assert "evil.example" not in answer.content.decode()


@override_settings(SECURE_SSL_REDIRECT=True, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
def test_plain_requests_are_sent_to_the_safe_address(db: None) -> None:
    assert Client().get("/sign-in/").url == "https://testserver/sign-in/"
    assert Client().get("/sign-in/", headers={"X-Forwarded-Proto": "https"}).status_code == 200
