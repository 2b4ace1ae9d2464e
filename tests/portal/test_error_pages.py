"""Pages for what went wrong: each says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, ProgrammingError
from django.template import loader
from django.test import Client
from django.urls import reverse

from environments.models import Environment
from portal.config import ROOT
from portal.outage import is_outage
from tests.reading import text

# A browser that has a session asks for a page, for whether the process lives, and for whether all is well.
ASK = """
import django
django.setup()
from django.conf import settings
from django.test import Client
browser = Client(raise_request_exception=False, headers={"host": "127.0.0.1"})
browser.cookies[settings.SESSION_COOKIE_NAME] = "k" * 32
page = browser.get("/")
words = [page.status_code, page.headers.get("Retry-After"), b"is not available just now" in page.content]
words += ["Content-Security-Policy" in page.headers]
browser.cookies.clear()
words += [browser.get(f"/health?only={part}").status_code for part in ("live", "ready")]
print(*words, "", sep="|", end="")
"""


def _browser(person: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_what_is_not_there_tells_nobody_whether_it_exists(environment: Environment, stranger: User) -> None:
    browser = _browser(stranger)

    hidden, nowhere = browser.get(environment.get_absolute_url()), browser.get("/apps/no/where/backups/")

    assert (hidden.status_code, nowhere.status_code) == (404, 404)
    assert text(hidden, class_="empty") == text(nowhere, class_="empty")
    assert "Order Desk" not in hidden.content.decode()


def test_signed_out_people_see_a_page_too(db: None) -> None:
    answer = Client().get("/no/such/page/")

    assert answer.status_code == 404
    assert text(answer, class_="empty").startswith("There is nothing here")


def test_a_missing_right_is_named(environment: Environment, viewer: User) -> None:
    answer = _browser(viewer).get(reverse("backups:create", args=["order-desk", "live"]))

    assert answer.status_code == 403
    assert "You do not have the right to create in Live." in text(answer, class_="empty")
    assert environment.get_absolute_url() in answer.content.decode()


def test_a_form_from_elsewhere_is_not_accepted(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(reverse("sign_out"))

    assert answer.status_code == 403
    assert "Nothing has changed." in text(answer, class_="empty")


def test_an_error_of_our_own_needs_nothing_to_be_shown(
    environment: Environment, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object) -> None:
        raise RuntimeError("the database is gone: secret")

    browser = _browser(viewer)
    monkeypatch.setattr("backups.views.page.page_of", fall)

    answer = browser.get(environment.get_absolute_url())

    assert answer.status_code == 500
    assert "an error of its own" in answer.content.decode()
    assert "secret" not in answer.content.decode()
    assert loader.get_template("500.html").render()


@pytest.mark.parametrize("database", ["sqlite", "postgresql://portal@127.0.0.1:1/portal"], ids=["not-migrated", "away"])
def test_while_the_database_is_away_or_older_every_page_says_that_it_comes_back(tmp_path: Path, database: str) -> None:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "DATABASE_URL"))}
    given |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "PORTAL_DATA_DIR": str(tmp_path)}
    given |= {} if database == "sqlite" else {"DATABASE_URL": database}

    ended = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=given, capture_output=True, text=True)

    assert ended.stdout.split("|") == ["503", "60", "True", "True", "200", "503", ""], ended.stderr


def test_an_error_in_our_own_statements_is_no_outage(db: None) -> None:
    assert is_outage(OperationalError("the server closed the connection"))
    assert not is_outage(ProgrammingError("syntax error"))
    assert not is_outage(RuntimeError())
