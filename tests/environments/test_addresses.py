"""Addresses: read, shown without the password, compared."""

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from environments.addresses import DatabaseAddress
from environments.errors import AddressNotReadable

words = some.text(some.characters(exclude_categories=["Cs", "C", "Z"]), min_size=1, max_size=20)
hosts = some.sampled_from(["db.example.org", "10.0.0.1", "::1", "/run/postgresql", "/srv/a b"])


@given(host=hosts, port=some.integers(1, 65535), name=words, user=words)
def test_what_is_stored_reads_back_the_same(host: str, port: int, name: str, user: str) -> None:
    address = DatabaseAddress(host, port, name, user, options=(("sslmode", "require"),))

    assert DatabaseAddress.parse(address.to_url()) == address


def test_everything_in_an_address_is_read() -> None:
    address = DatabaseAddress.parse("postgresql://us%40er:p%3Aw%23@db.example.org:6543/shop%2F1?sslmode=verify-full")

    assert (address.host, address.port, address.name) == ("db.example.org", 6543, "shop/1")
    assert (address.user, address.password) == ("us@er", "p:w#")
    assert address.options == (("sslmode", "verify-full"),)


def test_the_password_is_neither_shown_nor_stored_with_it() -> None:
    address = DatabaseAddress.parse("postgresql://shop:s3cret@db/shop")

    assert address.password == "s3cret"
    assert not any("s3cret" in shown for shown in (repr(address), str(address), address.to_url()))


def test_a_socket_folder_stands_in_the_query() -> None:
    address = DatabaseAddress.parse("postgres://shop@:5433/shop?host=/run/postgresql")

    assert (address.host, address.port, address.is_socket) == ("/run/postgresql", 5433, True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop",
        "mysql://shop:s3cret@db/shop",
        "postgresql://db/shop",
        "postgresql://shop:s3cret@db",
        "postgresql://shop:s3cret@/shop",
        "postgresql://shop:s3#cret@db/shop",
        "postgresql://shop:s3cret@db:port/shop",
        "postgresql://shop:s3cret@db:99999/shop",
        "postgresql://shop:s3cret@db/shop?port=0",
        "postgresql://shop:s3cret@db/sh%0Aop",
        "postgresql://sh%00op:s3cret@db/shop",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(AddressNotReadable) as refusal:
        DatabaseAddress.parse(url)

    assert "postgresql://user:password@host:5432/name" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("option", ["password", "passfile", "service", "hostaddr", "user", "dbname", "sslpassword"])
def test_options_that_hold_secrets_or_lead_elsewhere_are_refused_by_name(option: str) -> None:
    with pytest.raises(AddressNotReadable, match=f"'{option}'") as refusal:
        DatabaseAddress.parse(f"postgresql://shop@db/shop?{option}=s3cret")

    assert "s3cret" not in str(refusal.value)


def same(one: str, other: str) -> bool:
    return DatabaseAddress.parse(one).is_same_database(DatabaseAddress.parse(other))


def test_one_database_has_many_addresses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = {"db": "10.0.0.7", "db.example.org": "10.0.0.7", "other": "10.0.0.8", "localhost": "127.0.0.1"}

    def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host.startswith(("10.", "127.")):
            return [(0, 0, 0, "", (host, 0))]
        if host not in known:
            raise socket.gaierror
        return [(0, 0, 0, "", (known[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert same("postgresql://a@db/shop", "postgresql://b:pw@DB.example.org:5432/shop?sslmode=require")
    assert same("postgresql://a@db/shop", "postgresql://a@10.0.0.7/shop")
    assert same("postgresql://a@localhost/shop", "postgresql://a@127.0.0.2/shop")
    assert same("postgresql://a@unknown/shop", "postgresql://a@Unknown./shop")
    assert same(f"postgresql://a@/shop?host={tmp_path}/real", f"postgresql://a@/shop?host={tmp_path}/link")
    assert not same("postgresql://a@db/shop", "postgresql://a@other/shop")
    assert not same("postgresql://a@db/shop", "postgresql://a@db/shop2")
    assert not same("postgresql://a@db/shop", "postgresql://a@db:5433/shop")
    assert not same("postgresql://a@db/shop", "postgresql://a@unknown/shop")
