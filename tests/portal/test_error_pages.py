"""Pages for what went wrong: each says what to do."""

import pytest
from django.contrib.auth.models import User
from django.template import loader
from django.test import Client
from django.urls import reverse

from environments.models import Environment
from tests.reading import text


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
