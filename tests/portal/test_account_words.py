"""The pages of one's own account speak as the portal does, wherever they come from."""

import re
import time
from pathlib import Path

import allauth
import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.cast import signed_in
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
OWN = [
    *("mfa_index", "account_change_password", "usersessions_list", "mfa_activate_totp", "mfa_deactivate_totp"),
    *("mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn"),
    *("account_reauthenticate", "mfa_reauthenticate"),
]
# What the library's own templates say between their marks for translation.
MARKS = (
    r"{%-?\s*(?:trans|translate)\s+(['\"])(.+?)\1",
    r"({%) blocktrans\w*[^%]*%}(.+?){% (?:plural|endblocktrans)",
)


@pytest.fixture(scope="module")
def sentences() -> set[str]:
    """The library's own words, as far as they are whole sentences or titles."""
    folder = Path(allauth.__file__).parent / "templates"
    texts = [path.read_text() for path in folder.rglob("*.html")]
    found = [words.strip() for text in texts for mark in MARKS for _, words in re.findall(mark, text, re.DOTALL)]
    plain = {words for words in found if "{{" not in words}
    return {words for words in plain if len(words.split()) > 1} - {"Sign In", "Sign Out", "Unused codes"}


@pytest.fixture
def equipped(viewer: User) -> User:
    """Has an authenticator app and recovery codes."""
    TOTP.activate(viewer, generate_totp_secret())
    RecoveryCodes.activate(viewer)
    return viewer


def proved(person: User) -> Client:
    """A browser in which this person has just proved again who it is."""
    client = signed_in(person)
    session = client.session
    session["account_authentication_methods"] += [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()
    return client


def foreign(page: str, sentences: set[str]) -> list[str]:
    return sorted(words for words in sentences if words in page)


@pytest.mark.parametrize("name", OWN)
def test_ones_own_pages(equipped: User, sentences: set[str], name: str) -> None:
    if name == "mfa_activate_totp":
        Authenticator.objects.filter(type=Authenticator.Type.TOTP).delete()

    answer = proved(equipped).get(reverse(name))

    assert (answer.status_code, foreign(answer.content.decode(), sentences)) == (200, [])


def test_a_passkeys_own_pages(equipped: User, sentences: set[str]) -> None:
    data = {"name": "My laptop", "credential": {"clientExtensionResults": {"credProps": {"rk": True}}}}
    key = Authenticator.objects.create(user=equipped, type=Authenticator.Type.WEBAUTHN, data=data)
    for name, arguments in (
        ("mfa_edit_webauthn", [key.pk]),
        ("mfa_remove_webauthn", [key.pk]),
        ("mfa_list_webauthn", []),
    ):
        answer = proved(equipped).get(reverse(name, args=arguments))
        assert (answer.status_code, foreign(answer.content.decode(), sentences)) == (200, [])


def test_the_doors(equipped: User, sentences: set[str]) -> None:
    client = Client()
    second = client.post(reverse("sign_in"), {"login": equipped.username, "password": PASSWORD}, follow=True)
    assert "<h1>Second factor</h1>" in second.content.decode()
    link = [user_pk_to_url_str(equipped), default_token_generator.make_token(equipped)]
    choose = Client().get(reverse("account_reset_password_from_key", args=link), follow=True)
    assert "<h1>Choose a password</h1>" in choose.content.decode()
    used = Client().get(reverse("account_reset_password_from_key", args=[link[0], "bad-key"]), follow=True)
    assert "<h1>The link does not work</h1>" in used.content.decode()
    done = Client().get(reverse("account_reset_password_from_key_done"))

    for answer in (second, choose, used, done):
        assert foreign(answer.content.decode(), sentences) == []
