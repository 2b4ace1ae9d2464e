"""Passwords at rest: written with the newest key, read with any, and a lost key is said."""

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from environments.addresses import DatabaseAddress
from environments.models import Environment
from environments.secrets import KeyMissing, decrypt, encrypt

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_a_password_comes_back_and_is_not_what_is_stored() -> None:
    stored = encrypt("p:ä\\'%")

    assert decrypt(stored) == "p:ä\\'%"
    assert "p:" not in stored


def test_no_password_stays_none() -> None:
    assert (encrypt(""), decrypt("")) == ("", "")


def test_after_a_key_change_old_passwords_are_read_and_new_ones_need_the_new_key(settings: Settings) -> None:
    settings.SECRETS_KEYS = [OLD]
    before = encrypt("s3cret")
    settings.SECRETS_KEYS = [NEW, OLD]
    assert decrypt(before) == "s3cret"
    after = encrypt("s3cret")

    settings.SECRETS_KEYS = [NEW]

    assert decrypt(after) == "s3cret"
    with pytest.raises(KeyMissing):
        decrypt(before)


def test_a_lost_key_is_said_in_a_sentence(environment: Environment, settings: Settings) -> None:
    environment.database_address = DatabaseAddress("db", 5432, "shop", "shop", "s3cret")
    environment.save()
    settings.SECRETS_KEYS = [NEW]

    with pytest.raises(KeyMissing, match="PORTAL_SECRETS_KEYS") as refusal:
        Environment.objects.get().database_address  # noqa: B018 - reading it is what is refused

    assert "Nothing was changed." in str(refusal.value)


def test_the_row_holds_no_password_in_clear(environment: Environment) -> None:
    environment.database_address = DatabaseAddress("db", 5432, "shop", "shop", "s3cret")
    environment.admin_address = DatabaseAddress("db", 5432, "shop", "keeper", "s3cret too")
    environment.save()

    row = Environment.objects.filter(pk=environment.pk).values().get()

    assert not any("s3cret" in str(value) for value in row.values())
    found = Environment.objects.get()
    assert (found.database_address.password, found.admin_address.password) == ("s3cret", "s3cret too")  # type: ignore[union-attr]
    assert found.plain_address.password == ""
