"""Signing in and out."""

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from environments.models import Environment
from tests.factories import PASSWORD, UserFactory
from tests.reading import text


def test_whoever_is_signed_out_signs_in_and_goes_on(environment: Environment, viewer: User) -> None:
    client, wanted = Client(), environment.get_absolute_url()

    door = client.get(wanted, follow=True)
    assert "Sign in" in text(door, class_="door")
    answer = client.post(
        door.redirect_chain[-1][0], {"username": viewer.username, "password": PASSWORD, "next": wanted}
    )

    assert (answer.status_code, answer.url) == (302, wanted)
    assert client.get(wanted).status_code == 200


def test_a_wrong_password_keeps_the_name_and_says_so(viewer: User) -> None:
    answer = Client().post(reverse("sign_in"), {"username": viewer.username, "password": "wrong"})

    assert text(answer, role="alert").startswith("User name and password do not match.")
    assert f'value="{viewer.username}"' in answer.content.decode()
    assert "wrong" not in answer.content.decode()


def test_an_account_that_is_switched_off_cannot_sign_in(db: None) -> None:
    gone = UserFactory(is_active=False)

    answer = Client().post(reverse("sign_in"), {"username": gone.username, "password": PASSWORD})

    assert answer.status_code == 200
    assert "_auth_user_id" not in answer.wsgi_request.session


def test_sign_in_leads_nowhere_else(viewer: User) -> None:
    address = reverse("sign_in", query={"next": "https://evil.example"})

    answer = Client().post(address, {"username": viewer.username, "password": PASSWORD, "next": "https://evil.example"})

    assert answer.url == reverse("home")


def test_signing_out_is_a_form(viewer: User) -> None:
    client = Client()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get(reverse("sign_out")).status_code == 405
    assert client.post(reverse("sign_out")).url == reverse("sign_in")
    assert client.get(reverse("home")).status_code == 302


def test_whoever_is_signed_in_passes_the_door(viewer: User) -> None:
    client = Client()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get(reverse("sign_in")).url == reverse("home")
