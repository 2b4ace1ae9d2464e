"""Registering uploaded files on S3: the secret goes in and never comes out, and a prefix is nobody else's."""

import pytest
from pytest_django.fixtures import Settings

from environments import inspections
from environments.errors import RegistrationRefused
from environments.models import Activity, Environment
from environments.operations.register import Wishes, register
from environments.states import why_not_stopped

from .conftest import BY, URL, Say, elsewhere, refusal_of

BUCKET = "s3://KEY:s3cret@apps/shop"


def test_a_prefix_is_registered_and_its_secret_kept_encrypted(say: Say) -> None:
    environment = say(files=BUCKET).environment
    found = Environment.objects.get()
    assert found.files_directory == "s3://KEY@apps/shop"
    assert found.files_address.secret == "s3cret"
    assert "s3cret" not in found.files_secret
    assert environment.files_address == found.files_address


def test_the_same_again_changes_nothing_with_or_without_its_secret(say: Say) -> None:
    say(files=BUCKET)
    before = Environment.objects.values().get()
    for files in (BUCKET, "s3://KEY@apps/shop"):
        say(files=files)
        assert Environment.objects.values("files_secret", "files_directory").get().items() <= before.items()
    assert Activity.objects.count() == 1


def test_another_prefix_with_the_same_key_needs_no_secret_again(say: Say) -> None:
    say(files=BUCKET)
    say(files="s3://KEY@apps/other")
    assert Environment.objects.get().files_address.secret == "s3cret"
    assert "files directory" in Activity.objects.order_by("-id")[0].sentence


@pytest.mark.parametrize("files", ["s3://OTHER@apps/shop", "s3://KEY@apps/shop?endpoint=https://s3.example.org"])
def test_another_key_or_store_needs_its_own_secret(say: Say, files: str) -> None:
    say(files=BUCKET)
    assert "names the key" in refusal_of(lambda: say(files=files))


def test_a_new_secret_is_told_without_it(say: Say) -> None:
    say(files=BUCKET)
    say(files="s3://KEY:s3cret2@apps/shop")
    assert Environment.objects.get().files_address.secret == "s3cret2"
    sentence = Activity.objects.order_by("-id")[0].sentence
    assert "secret of the uploaded files' store" in sentence
    assert "s3cret" not in sentence


def test_from_a_directory_to_a_bucket_and_back(say: Say, files: str) -> None:
    say()
    say(files=BUCKET)
    say(files=files)
    found = Environment.objects.get()
    assert (found.files_directory, found.files_secret) == (files, "")


def test_without_a_key_the_portals_own_is_used(say: Say) -> None:
    say(files="s3://apps/shop")
    assert Environment.objects.get().files_address.key == ""


@pytest.mark.parametrize("files", ["s3://x", "s3://K:s3cret@apps/a/../b", "s3://K:s3cret@apps?endpoint=nowhere"])
def test_what_is_no_address_is_refused(say: Say, files: str) -> None:
    assert "The address of uploaded files is not readable" in refusal_of(lambda: say(files=files))


def test_a_prefix_belongs_to_one_environment(say: Say) -> None:
    say(files=BUCKET)
    others = ("s3://apps/shop", "s3://apps/shop/inside", "s3://apps", "s3://apps/shop.portal-was-1", "s3://apps/shop/")
    for files in others:
        assert "overlaps s3://KEY@apps/shop of order-desk/live" in refusal_of(
            lambda files=files: say("order-desk/second", database=URL.replace("/shop", "/second"), files=files)  # type: ignore[misc]
        )
    say("order-desk/second", database=URL.replace("/shop", "/second"), files="s3://apps/shop2")
    elsewhere_too = URL.replace("/shop", "/third")
    say("order-desk/third", database=elsewhere_too, files="s3://apps/shop?endpoint=http://127.0.0.1:9000")


def test_the_portals_own_vault_is_no_place_for_files(say: Say, settings: Settings) -> None:
    settings.VAULT_LOCATION = "s3://backups/portal"
    for files in ("s3://backups/portal", "s3://backups", "s3://backups/portal/environments"):
        assert "the portal's own vault s3://backups/portal overlap" in refusal_of(lambda files=files: say(files=files))  # type: ignore[misc]
    say(files="s3://backups/apps")


def test_directories_and_buckets_do_not_disturb_each_other(say: Say) -> None:
    say()
    elsewhere(say)
    say("order-desk/third", database=URL.replace("/shop", "/third"), files=BUCKET)
    assert Environment.objects.count() == 3


def test_only_what_changed_is_looked_at(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    looks = [(part, lambda _, part=part: [looked.append(part) or part]) for part in ("database", "files")]
    monkeypatch.setattr(inspections, "_inspections", looks)
    assert say(files=BUCKET).remarks == ["database", "files"]
    looked.clear()
    register("order-desk/live", Wishes(files="s3://KEY@apps/other"), by=BY)
    register("order-desk/live", Wishes(is_nightly_on=False), by=BY)
    register("order-desk/live", Wishes(template_database="template0"), by=BY)
    assert looked == ["files", "database"]


def test_what_does_not_answer_is_not_registered(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_: Environment) -> list[str]:
        raise RegistrationRefused("There is no bucket apps.")

    monkeypatch.setattr(inspections, "_inspections", [("files", look)])
    assert refusal_of(lambda: say(files=BUCKET)) == "There is no bucket apps."


def test_no_process_holds_a_bucket(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("environments.states.sessions_in", lambda _: [])
    assert why_not_stopped(say(files=BUCKET).environment, said_by_hand=True) == ""
