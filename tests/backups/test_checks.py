"""What Django's checks find before anything starts."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as now
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django.fixtures import Settings

from backups.engines import tools
from environments.lifecycle.kinds import all_kinds

USUAL = now.Q_CLUSTER


def found() -> list[str]:
    return [str(message.id) for message in run_checks() if str(message.id).startswith("backups.")]


def test_nothing_is_found_in_the_settings_as_they_are() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("vault", "error"),
    [
        pytest.param("vault", "backups.E001", id="relative"),
        pytest.param(str(now.DATA_DIR), "backups.E002", id="around the portal's own files"),
        pytest.param("/", "backups.E002", id="around everything"),
        pytest.param(str(now.STATIC_ROOT / "vault"), "backups.E003", id="in what is served"),
    ],
)
def test_a_vault_in_the_wrong_place_is_found(settings: Settings, vault: str, error: str) -> None:
    settings.VAULT_LOCATION = vault

    assert found() == [error]


def test_a_command_does_not_begin_under_wrong_settings(settings: Settings) -> None:
    settings.VAULT_LOCATION = "vault"

    with pytest.raises(SystemCheckError, match=r"backups\.E001"):
        call_command("list_backups", "shop/production", skip_checks=False)


def test_a_vault_elsewhere_is_for_use_to_find_out(settings: Settings) -> None:
    for vault in ("s3://bucket/prefix", "/mnt/not-mounted/vault"):
        settings.VAULT_LOCATION = vault
        assert found() == []


def long_queue(**changed: Any) -> dict[str, Any]:
    queues = {name: dict(own) for name, own in USUAL["ALT_CLUSTERS"].items()}
    queues["long"].update(changed)
    return {**USUAL, "ALT_CLUSTERS": queues}


def test_a_queue_that_would_run_work_twice_is_found(settings: Settings) -> None:
    longest = max(kind.time_limit_seconds for kind in all_kinds())

    settings.Q_CLUSTER = long_queue(retry=60, timeout=24 * 3600)
    assert found() == ["backups.E004"]
    settings.Q_CLUSTER = long_queue(timeout=longest)
    assert found() == ["backups.E005"]
    settings.Q_CLUSTER = {**USUAL, "retry": USUAL["timeout"]}
    assert found() == ["backups.E004"]
    settings.Q_CLUSTER = {**USUAL, "ALT_CLUSTERS": {}}
    assert found() == ["backups.E006"]


@pytest.mark.parametrize("wished", ["gzip:0", "gzip:10", "zstd:23", "lz4:13", "none:1"])
def test_a_level_that_no_client_takes_is_found(settings: Settings, wished: str) -> None:
    settings.DUMP_COMPRESSION = wished

    assert found() == ["backups.E007"]


@pytest.mark.parametrize("wished", ["gzip", "gzip:9", "zstd:1", "zstd:22", "lz4", "none"])
def test_the_others_are_not(settings: Settings, wished: str) -> None:
    settings.DUMP_COMPRESSION = wished

    assert found() == []


def test_missing_client_programs_are_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.PG_BIN = str(tmp_path)
    assert found() == ["backups.W001"]

    settings.PG_BIN = ""
    monkeypatch.setattr(tools, "WHEELS", ())
    monkeypatch.setattr(tools, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found() == ["backups.W002"]


def test_no_check_starts_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks go before every command."""

    def start(*_: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(tools, "_ask", start)
    monkeypatch.setattr(tools, "_known", {})

    assert found() == []
