"""Addresses of uploaded files: directories, and prefixes in buckets, which never tell their secret."""

import pytest

from environments.errors import FilesAddressNotReadable
from environments.files_address import FilesAddress
from environments.models import Environment
from tests.factories import EnvironmentFactory

AWS, OWN = "", "https://s3.example.org"


def test_a_directory_is_kept_as_it_was_typed() -> None:
    address = FilesAddress.parse("/srv/app/files of mine")
    assert not address.is_s3
    assert str(address.directory) == address.to_text() == "/srv/app/files of mine"


def test_an_s3_address_is_read_and_shown_without_its_secret() -> None:
    text = "s3://AKIA1:p%2Fq%2Br@my-bucket/apps/live%20data/?endpoint=http://localhost:9000/&region=eu-west-1"
    address = FilesAddress.parse(text)
    assert (address.bucket, address.prefix) == ("my-bucket", "apps/live data")
    assert (address.endpoint, address.region) == ("http://localhost:9000", "eu-west-1")
    assert (address.key, address.secret) == ("AKIA1", "p/q+r")
    shown = address.to_text()
    assert shown == "s3://AKIA1@my-bucket/apps/live%20data?endpoint=http://localhost:9000&region=eu-west-1"
    assert FilesAddress.parse(shown).with_secret("p/q+r") == address
    assert "p/q+r" not in repr(address)
    with pytest.raises(ValueError, match="is no directory"):
        _ = address.directory


@pytest.mark.parametrize("text", ["s3://my-bucket", "s3://my-bucket/", " s3://my-bucket\n"])
def test_a_whole_bucket_may_be_the_place(text: str) -> None:
    assert FilesAddress.parse(text).to_text() == "s3://my-bucket"


@pytest.mark.parametrize(
    "text",
    [
        *("s3://", "s3:///prefix", "s3://a", "s3://my bucket/x", "s3://bucket:9000/x", "s3://bucket/a//b"),
        *("s3://bucket/../x", "s3://bucket/a/./b", "s3://bucket/a%00b", "s3://bucket/a%0Ab", "s3://bucket/x#y"),
        *("s3://bucket/x?endpoint=ftp://host", "s3://bucket/x?endpoint=http://me:word@host", "s3://bucket/x?region"),
        *("s3://bucket/x?endpoint=https://host:99999", f"s3://bucket/{'x' * 600}", "s3://K:SECRET/WORD@bucket/x"),
        *("s3://bucket/x?endpoint=https://host/?a=b%23", "s3://[::1/x"),
    ],
)
def test_what_is_no_s3_address_is_refused_and_its_secret_not_repeated(text: str) -> None:
    with pytest.raises(FilesAddressNotReadable) as refusal:
        FilesAddress.parse(text)
    assert "SECRET/WORD" not in str(refusal.value)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(FilesAddressNotReadable, match="'profile', which the portal does not take"):
        FilesAddress.parse("s3://bucket/x?profile=own")


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("s3://bucket/a", "s3://bucket/a", True),
        ("s3://KEY@bucket/a", "s3://bucket/a?region=eu-west-1", True),
        ("s3://bucket/a", "s3://bucket/a/b", True),
        ("s3://bucket/a", "s3://bucket", True),
        ("s3://bucket/a", "s3://bucket/ab", False),
        ("s3://bucket/a", "s3://bucket2/a", False),
        ("s3://bucket/a.portal-1", "s3://bucket/a.portal-2", True),
        ("s3://bucket/a.portal-1", "s3://bucket/a", True),
        ("s3://bucket/a.portal-1/deep", "s3://bucket/a/b", True),
        ("s3://bucket/.portal-1", "s3://bucket/b", True),
        ("s3://bucket/a?endpoint=http://localhost:9000", "s3://bucket/a?endpoint=http://127.0.0.1:9000", True),
        ("s3://bucket/a?endpoint=http://LOCALHOST:9000", "s3://bucket/a?endpoint=http://localhost:9001", False),
        ("s3://bucket/a?endpoint=https://s3.eu-west-1.amazonaws.com", "s3://bucket/a", True),
        (f"s3://bucket/a?endpoint={OWN}", f"s3://bucket/a?endpoint={OWN}:443/", True),
        (f"s3://bucket/a?endpoint={OWN}", "s3://bucket/a", False),
    ],
)
def test_overlaps_are_seen(one: str, other: str, overlap: bool) -> None:
    first, second = FilesAddress.parse(one), FilesAddress.parse(other)
    assert first.overlaps(second, usual_endpoint=AWS) == second.overlaps(first, usual_endpoint=AWS) == overlap


def test_the_usual_endpoint_holds_where_none_is_said() -> None:
    said, unsaid = FilesAddress.parse(f"s3://bucket/a?endpoint={OWN}"), FilesAddress.parse("s3://bucket/a")
    assert said.overlaps(unsaid, usual_endpoint=OWN)


@pytest.mark.django_db
def test_an_environment_keeps_the_secret_encrypted_beside_the_address() -> None:
    environment: Environment = EnvironmentFactory.create()
    environment.files_address = FilesAddress.parse("s3://KEY:s3cret@bucket/live")
    environment.save()
    environment.refresh_from_db()
    assert environment.files_directory == "s3://KEY@bucket/live"
    assert "s3cret" not in environment.files_secret
    assert environment.plain_files_address.secret == ""
    assert environment.files_address.secret == "s3cret"
