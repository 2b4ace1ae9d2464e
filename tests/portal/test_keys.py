"""Keys that change: with the old one behind the new one everything is read; a key that is gone is said, no more."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from backups.errors import LinkUnknown
from backups.models import Backup
from backups.operations.create import request_create
from backups.operations.download import make_link, read_link
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from portal.management.commands.doctor import look_at_keys
from tests.backups.operations.test_restore import BY, ROWS
from tests.cast import signed_in
from tests.factories import PASSWORD, BackupFactory

from .test_account_words import proved

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def back_up(place: Environment) -> Operation:
    fresh = Environment.objects.select_related("app", "region").get(pk=place.pk)
    return run_here(request_create(fresh, by=BY, is_rung=False).operation)


def keys_in_words() -> tuple[str, str]:
    [finding] = look_at_keys()
    return str(finding.level), finding.sentence


@pytest.mark.django_db(transaction=True)
def test_passwords_at_rest_live_through_a_rotation_and_a_lost_key_is_said(
    make_place: Callable[..., Environment], settings: Settings
) -> None:
    settings.SECRETS_KEYS = [OLD]
    place = make_place(*ROWS)
    stored = Environment.objects.values_list("database_password", flat=True).get(pk=place.pk)

    settings.SECRETS_KEYS = [NEW, OLD]
    assert back_up(place).status == Status.COMPLETED
    assert keys_in_words()[0] == "good"

    settings.SECRETS_KEYS = [NEW]
    lost = back_up(place)
    assert lost.status == Status.FAILED
    assert "its key is missing from PORTAL_SECRETS_KEYS" in lost.message
    assert keys_in_words()[0] == "missing" and str(place) in keys_in_words()[1]
    assert Environment.objects.values_list("database_password", flat=True).get(pk=place.pk) == stored

    settings.SECRETS_KEYS = [NEW, OLD]
    again = Environment.objects.get(pk=place.pk)
    again.database_address = again.database_address  # registered anew, as the one whom doctor has told does
    again.save()
    settings.SECRETS_KEYS = [NEW]
    assert back_up(place).status == Status.COMPLETED
    assert keys_in_words()[0] == "good"
    assert Backup.objects.completed().count() == 2


@pytest.mark.django_db
def test_second_factors_live_through_a_rotation_and_without_their_key_let_nobody_in(
    viewer: User, settings: Settings
) -> None:
    settings.SECRETS_KEYS = [OLD]
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(viewer, secret)

    settings.SECRETS_KEYS = [NEW]
    answer = enter(viewer, secret)
    assert answer.status_code == 200
    assert "cannot read your second factor" in answer.content.decode()
    assert "_auth_user_id" not in answer.client.session

    settings.SECRETS_KEYS = [NEW, OLD]
    assert "_auth_user_id" in enter(viewer, secret).client.session
    assert get_adapter().decrypt(Authenticator.objects.get().data["secret"]) == secret


@pytest.mark.django_db
def test_recovery_codes_without_their_key_are_said_and_made_anew(viewer: User, settings: Settings) -> None:
    settings.SECRETS_KEYS = [OLD]
    TOTP.activate(viewer, "JBSWY3DPEHPK3PXP")
    [lost, *_] = RecoveryCodes.activate(viewer).generate_codes()
    settings.SECRETS_KEYS = [NEW]
    client, make = proved(viewer), reverse("mfa_generate_recovery_codes")
    assert keys_in_words() == (
        "missing",
        f"The key of the second factors of {viewer.username} is not in PORTAL_SECRETS_KEYS; put it there, behind the "
        "newest.",
    )

    account = client.get(reverse("mfa_index"))
    assert (account.status_code, "They cannot be read" in account.content.decode()) == (200, True)
    assert "Show them" not in account.content.decode()
    for name in ("mfa_view_recovery_codes", "mfa_download_recovery_codes"):
        assert client.get(reverse(name)).url == make
    asked = client.get(make)
    assert (asked.status_code, "cannot be read, and none signs in" in asked.content.decode()) == (200, True)
    door = Client(raise_request_exception=False)
    door.post(reverse("sign_in"), {"login": viewer.username, "password": PASSWORD})
    refused = door.post(reverse("mfa_authenticate"), {"code": lost})
    assert (refused.status_code, "cannot read your second factor" in refused.content.decode()) == (200, True)

    made = client.post(make, follow=True)

    [fresh, *_] = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()
    assert (fresh in made.content.decode(), fresh != lost) == (True, True)
    assert fresh in client.get(reverse("mfa_download_recovery_codes")).content.decode()
    assert "10 codes left" in client.get(reverse("mfa_index")).content.decode()


def enter(person: User, secret: str) -> Any:
    """Sign in by password and the code that an app with this secret shows."""
    client = Client(raise_request_exception=False)
    client.post(reverse("sign_in"), {"login": person.username, "password": PASSWORD})
    with time_machine.travel(timezone.now(), tick=False):  # the code is of this half minute
        code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
        return client.post(reverse("mfa_authenticate"), {"code": code})


@pytest.mark.django_db
def test_another_secret_key_ends_sessions_and_links_and_nothing_else(
    environment: Environment, developer: User, settings: Settings
) -> None:
    client, backup = signed_in(developer), BackupFactory(environment=environment)
    token = make_link(backup, contents="full", archive_format="zip", user=developer)
    assert client.get(environment.get_absolute_url()).status_code == 200

    settings.SECRET_KEY = "another one, as long as it has to be: " + "k" * 30

    assert client.get(environment.get_absolute_url()).url.startswith(reverse("sign_in"))
    with pytest.raises(LinkUnknown):
        read_link(token, user=developer)
    client.post(reverse("sign_in"), {"login": developer.username, "password": PASSWORD})
    assert client.get(environment.get_absolute_url()).status_code == 200
    fresh = make_link(backup, contents="full", archive_format="zip", user=developer)
    assert read_link(fresh, user=developer).backup == backup.pk
