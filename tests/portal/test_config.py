"""Settings: read from the environment or from files, checked with their names, keys made and kept once."""

import os
import stat
import threading
from pathlib import Path

import pytest

from portal.config import ROOT, Config, SettingRefused, load

KEYS = {"PORTAL_SECRET_KEY": "a long word", "PORTAL_SECRETS_KEYS": "mOVoBtrcWJcTPvQ5GJ3kG8CTF7ZBVr1OvUFI8S2X6xk="}
HTTPS = {"PORTAL_BASE_URL": "https://portal.example.org"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.removesuffix("_FILE") in Config.model_fields]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PORTAL_DATA_DIR", str(tmp_path / "data"))


def config(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Config:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return load()


def refusal_of(monkeypatch: pytest.MonkeyPatch, **settings: str) -> str:
    with pytest.raises(SettingRefused) as refusal:
        config(monkeypatch, **settings)
    return str(refusal.value)


def test_without_any_setting_everything_has_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORTAL_DATA_DIR")

    made = load()

    assert made.data_dir == ROOT / "var"
    assert made.PORTAL_BASE_URL == "http://127.0.0.1:8000"
    assert not made.is_production
    assert {"127.0.0.1", "localhost"} <= set(made.allowed_hosts)
    assert (made.PORTAL_UNDO_HOURS, made.PORTAL_DUMP_COMPRESSION, made.PORTAL_DEBUG) == (24, "zstd:1", False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_BASE_URL", "portal.example.org"),
        ("PORTAL_VAULT", "ftp://somewhere"),
        ("PORTAL_VAULT", "s3://"),
        ("PORTAL_VAULT", "s3:///prefix"),
        ("PORTAL_X_ACCEL", "vault"),
        ("PORTAL_X_ACCEL", "/"),
        ("PORTAL_X_ACCEL", "/a/../b/"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost:6379"),
        ("REDIS_URL", "redis:///0"),
        ("REDIS_URL", "redis://localhost/first"),
        ("REDIS_URL", "redis://localhost:port"),
        ("REDIS_URL", "unix://"),
        ("PORTAL_S3_ENDPOINT_URL", "s3.example.org"),
        ("PORTAL_S3_ENDPOINT_URL", "https://key:word@s3.example.org"),
        ("AWS_ACCESS_KEY_ID", "half a key"),
        ("AWS_SECRET_ACCESS_KEY", "half a key"),
        ("PORTAL_UNDO_HOURS", "0"),
        ("PORTAL_UNDO_HOURS", "soon"),
        ("PORTAL_DUMP_COMPRESSION", "zip:9"),
        ("PORTAL_DEBUG", "perhaps"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert name in refusal_of(monkeypatch, **{name: value})


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal_of(monkeypatch, PORTAL_UNDO_HOURS="soon", PORTAL_DEBUG="perhaps")

    assert "PORTAL_UNDO_HOURS" in said
    assert "PORTAL_DEBUG" in said


@pytest.mark.parametrize("missing", list(KEYS))
def test_production_needs_both_keys(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    keys = {name: value for name, value in KEYS.items() if name != missing}

    said = refusal_of(monkeypatch, **HTTPS, **keys)

    assert missing in said
    assert not any(value in said for value in keys.values())


def test_production_is_an_address_with_https(monkeypatch: pytest.MonkeyPatch) -> None:
    made = config(monkeypatch, **HTTPS, **KEYS)

    assert made.is_production
    assert "portal.example.org" in made.allowed_hosts
    assert made.secret_key == KEYS["PORTAL_SECRET_KEY"]


def test_a_setting_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n")

    assert config(monkeypatch, PORTAL_SECRET_KEY_FILE=str(tmp_path / "key")).secret_key == "from the file"


def test_a_file_that_cannot_be_read_is_named_and_two_values_are_one_too_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "PORTAL_SECRET_KEY_FILE" in refusal_of(monkeypatch, PORTAL_SECRET_KEY_FILE=str(tmp_path / "nothing"))
    (tmp_path / "key").write_text("word")
    monkeypatch.setenv("PORTAL_SECRET_KEY_FILE", str(tmp_path / "key"))

    assert "both set" in refusal_of(monkeypatch, PORTAL_SECRET_KEY="other")


def test_keys_are_made_once_and_only_the_owner_reads_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = load(), load()

    assert (first.secret_key, first.secrets_keys) == (second.secret_key, second.secrets_keys)
    for name in ("secret_key", "secrets_keys"):
        assert stat.S_IMODE((tmp_path / "data" / "keys" / name).stat().st_mode) == 0o600


def test_first_starts_at_the_same_moment_agree_on_the_keys() -> None:
    made: list[str] = []
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait()
        made.append(load().secret_key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 8
    assert len(set(made)) == 1


def test_keys_are_divided_by_commas_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config(monkeypatch, PORTAL_SECRETS_KEYS="new, old,").secrets_keys == ["new", "old"]


def test_hosts_are_those_that_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config(monkeypatch, PORTAL_ALLOWED_HOSTS="a.example, b.example").allowed_hosts == ["a.example", "b.example"]


def test_what_is_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    made = config(monkeypatch, **KEYS, AWS_ACCESS_KEY_ID="name", AWS_SECRET_ACCESS_KEY="s3cret")

    assert not any(word in repr(made) + str(made) for word in (*KEYS.values(), "s3cret"))


def test_nginx_sends_nothing_from_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config(monkeypatch, PORTAL_X_ACCEL="/vault").x_accel == "/vault/"
    assert config(monkeypatch, PORTAL_VAULT="s3://bucket/prefix").x_accel == ""
