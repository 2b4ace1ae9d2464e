"""doctor in production: for each piece that is missing exactly one sentence, which says what to do."""

import shutil
import time
from collections import Counter, namedtuple
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import get_finders
from django.db.migrations.recorder import MigrationRecorder
from pytest_django.fixtures import Settings

from backups.storage.names import MARKER
from backups.storage.vault import open_vault
from environments import clock
from environments.lifecycle.crews import show_crew
from environments.lifecycle.signs import PORTAL, REAPER, sign
from environments.models import Environment
from portal import own
from portal.doctor import machine, rows
from portal.doctor.finding import GOOD, MISSING, WARNING, Finding
from portal.management.commands.doctor import LOOKS
from tests.factories import BackupFactory
from tests.stores.scripted import ScriptedStore
from tests.stores.vaults import use_vault

from .mail_server import MailServer
from .test_doctor import check_one_sentence

pytestmark = pytest.mark.django_db
Usage = namedtuple("Usage", ("total", "used", "free"))
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


@pytest.fixture
def well(settings: Settings) -> None:
    """A portal in which nothing is missing, whatever the machine of the tests is short of."""
    sign(REAPER)
    sign(PORTAL)
    show_crew(own.own_facts(["portal", "long"]))
    open_vault().settle()


def found(about: str = "") -> list[Finding]:
    every = [one for look in LOOKS for one in look()]
    for one in every:
        check_one_sentence(one.sentence)
    return [one for one in every if about in ("", one.about)]


def amiss() -> tuple[str, str, str]:
    """The one thing that is not good, beside what the machine of the tests lacks."""
    [one] = [one for one in found() if one.level != GOOD and one.about not in ("Client programs", "Sandbox", "Room")]
    return one.about, one.level, one.sentence


def test_one_thing_after_the_other_that_settings_lack(well: None, settings: Settings) -> None:
    settings.BASE_URL = "https://portal.example.org"
    settings.ALLOWED_HOSTS = ["portal.example.org"]
    assert amiss() == ("Mail", WARNING, "EMAIL_HOST is not set: alarms stand on Home and in the log alone.")
    settings.DEBUG = True
    assert Counter(one.level for one in found("Settings")) == {MISSING: 1}
    settings.DEBUG, settings.SECRET_KEY = False, "short"
    assert [one.sentence for one in found("Settings")] == [
        "PORTAL_SECRET_KEY has fewer than 50 characters; make a longer one by chance."
    ]


def test_an_address_that_nobody_can_use(well: None, settings: Settings) -> None:
    settings.BASE_URL = "http://portal.example.org"
    settings.ALLOWED_HOSTS = ["portal.example.org"]
    assert amiss()[1:] == (
        WARNING,
        "PORTAL_BASE_URL begins with http://, so passwords can be read on their way; use https://.",
    )
    settings.BASE_URL, settings.ALLOWED_HOSTS = "http://127.0.0.1:8000", ["elsewhere"]
    assert amiss()[1:] == (
        MISSING,
        "PORTAL_ALLOWED_HOSTS leaves out 127.0.0.1, so nobody gets a page there; add it.",
    )


def test_settings_that_do_not_go_together(well: None, settings: Settings) -> None:
    settings.X_ACCEL_WANTED, settings.X_ACCEL = True, ""
    assert amiss()[1:] == (WARNING, "PORTAL_X_ACCEL has no effect with a vault on S3; leave it out.")
    settings.X_ACCEL_WANTED, settings.DUMP_COMPRESSION = False, "zstd:99"
    assert amiss() == ("Settings", MISSING, "PORTAL_DUMP_COMPRESSION is zstd:99; zstd takes 1 to 22.")


def test_a_disk_that_is_nearly_full(well: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((10 << 30, MISSING), (30 << 30, GOOD)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(1 << 40, (1 << 40) - free, free))
        [one] = found("Room")
        assert one.level == level
    assert one.sentence.startswith("32.2 of 1,099.5 GB are free at PORTAL_DATA_DIR (")
    monkeypatch.setattr(machine, "LEAST_SHARE", 1)
    monkeypatch.setattr(machine, "LEAST_BYTES", 1 << 60)
    [one] = found("Room")
    assert one.sentence.endswith("; make room there before the next backup needs it.")


def test_a_vault_with_no_room_for_another_night(
    well: None, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = clock.now() - timedelta(days=2)
    BackupFactory.create(environment=environment, stored_bytes=90 << 30, created_at=earlier)
    BackupFactory.create(environment=environment, stored_bytes=40 << 30)
    BackupFactory.create(stored_bytes=10 << 30)
    for free, level in ((60 << 30, GOOD), (48 << 30, MISSING)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(1 << 37, (1 << 37) - free, free))
        [one] = found("Room")
        assert one.level == level
    assert one.sentence.startswith("Only 51.5 of 137.4 GB are free at PORTAL_DATA_DIR (")
    took = "less than the 53.7 GB that the last backups of all environments took"
    assert one.sentence.endswith(f"), {took}; make room there before the next night.")


def test_an_upload_folder_that_is_not_there(well: None, settings: Settings) -> None:
    folder = Path(settings.DATA_DIR) / "uploads"
    shutil.rmtree(folder)
    folder.write_text("a file")
    try:
        assert [one.level for one in found("Data directory")] == [MISSING]
    finally:
        folder.unlink()


def test_static_files_that_are_not_collected_or_older(well: None, settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": MANIFEST}}
    about, level, sentence = amiss()
    assert (about, level) == ("Static files", MISSING)
    assert sentence.endswith("are not collected, or from other code; run manage.py collectstatic.")

    for finder in get_finders():
        for name, storage in finder.list([]):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(storage.path(name), tmp_path / name)

    assert [one.level for one in found("Static files")] == [GOOD]
    (tmp_path / "css" / "tokens.css").write_text("older")
    assert amiss()[2].startswith("1 of ")


def test_a_database_of_a_newer_version(well: None) -> None:
    MigrationRecorder.Migration.objects.create(app="backups", name="0999_from_ahead")

    assert amiss() == (
        "Portal database",
        MISSING,
        "It is of a newer version (backups.0999_from_ahead); take that code, or an empty one and restore_portal.",
    )


def test_a_clock_that_is_wrong(well: None, monkeypatch: pytest.MonkeyPatch) -> None:
    away = time.time() + 3600
    monkeypatch.setattr(rows.time, "time", lambda: away)

    [one] = found("Clock")

    assert one.level == MISSING
    assert one.sentence.startswith("This machine is 3,")
    assert one.sentence.endswith(" s ahead of the database's clock; let both ask a time server (NTP).")


# The vault, and mail


def test_a_vault_of_somebody_else_before_the_first_backup(well: None, settings: Settings) -> None:
    place = Path(settings.VAULT_LOCATION)
    (place / "letters").mkdir()
    assert amiss()[2].startswith("The vault is not empty and lacks the marker")
    (place / "letters").rmdir()
    (place / MARKER).write_text('{"format": "portal-vault/1", "installation": "another"}')
    about, level, sentence = amiss()
    assert (about, level) == ("Vault", MISSING)
    assert sentence.startswith("The vault belongs to another installation (another); give")


def test_a_store_that_may_only_be_read(settings: Settings, scripted_store: ScriptedStore) -> None:
    use_vault(settings, scripted_store.endpoint, "doctor", pauses=())
    assert [one.level for one in found("Vault")] == [GOOD]
    assert scripted_store.asked.count("abort") == 1, "nothing stays"
    scripted_store.will("begin", "refuse", status=403, code="AccessDenied")

    [one] = found("Vault")

    assert one.level == MISSING
    assert one.sentence == (
        "Access is denied in the vault at s3://vaults/doctor; let the portal's key list, read, write and delete "
        "there, then try again."
    )


def test_mail_is_tried_without_sending_any(settings: Settings, well: None) -> None:
    with MailServer() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.DEFAULT_FROM_EMAIL = "portal@example.org"
        assert [(one.level, "takes mail from portal@example.org" in one.sentence) for one in found("Mail")] == [
            (GOOD, True)
        ]
        server.refused = "portal@example.org"
        assert amiss()[2].endswith(
            "takes no mail from portal@example.org (not from there); correct DEFAULT_FROM_EMAIL."
        )
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portal", "s3cret"
        assert amiss()[2].endswith("; start the mail server, or correct the settings EMAIL_….")
        assert "s3cret" not in amiss()[2]
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = True
        assert amiss()[1] == MISSING
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    assert amiss()[2].endswith(
        "lets nobody in (Connection refused); start the mail server, or correct the settings EMAIL_…."
    )
