"""The commands: what they print, how they end, and that a script can rely on both."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backups.models import Backup
from environments.models import Environment
from portal.config import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
BACKUP_KEYS = {
    *("id", "environment", "status", "created_by", "created_at", "data_at", "expires_at", "kept_by", "pinned"),
    *("model_version", "modeler_version", "comment", "database_bytes", "files_bytes", "files_count", "dump_sha256"),
    *("duration_seconds", "verified_at", "condition", "message", "operation"),
}
OPERATION_KEYS = {
    *("id", "kind", "environment", "backup", "status", "phase", "percent", "attempt", "requested_by", "created_at"),
    *("started_at", "finished_at", "message"),
}


@pytest.fixture
def place(make_place: Callable[..., Environment]) -> Environment:
    environment = make_place("CREATE TABLE orders (id int)", name="Live", slug="live", is_production=True)
    (Path(environment.files_directory) / "one.txt").write_text("one")
    return environment


@pytest.fixture
def manage(process_environ: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs manage.py as a script would: a process of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, env=process_environ, capture_output=True, text=True, timeout=120)

    return run


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_backup_made_here_is_shown_listed_commented_and_deleted(
    place: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_backup", str(place), comment="first", here=True, json=True)
    made = said(capsys)
    assert made.keys() == BACKUP_KEYS
    assert (made["status"], made["environment"], made["comment"]) == ("Completed", str(place), "first")
    assert made["created_by"].startswith("Command line (")
    assert made["created_at"].endswith("Z")
    assert made["verified_at"] is None

    call_command("comment_backup", f"{place}/latest", "second", json=True)
    assert said(capsys)["comment"] == "second"
    call_command("show_backup", made["id"][:8], json=True)
    assert said(capsys) == {**made, "comment": "second"}
    call_command("create_backup", str(place), here=True, json=True)
    newer = said(capsys)
    call_command("list_backups", str(place), json=True)
    assert [one["id"] for one in said(capsys)] == [newer["id"], made["id"]]

    call_command("delete_backup", made["id"], confirm=str(place), json=True)
    deleted = said(capsys)
    assert deleted.keys() == OPERATION_KEYS
    assert (deleted["kind"], deleted["status"], deleted["backup"]) == ("delete", "Completed", made["id"])
    assert not Backup.objects.filter(pk=made["id"]).exists()
    call_command("show_operation", newer["operation"], json=True)
    assert said(capsys)["kind"] == "create"


def test_lines_are_one_a_result(place: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_backup", str(place), here=True)
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert line.endswith("Completed\n")
    call_command("list_backups", str(place))
    assert capsys.readouterr().out.count("\n") == 1


def test_the_last_good_one_and_a_wrong_name_are_refused(place: Environment) -> None:
    call_command("create_backup", str(place), here=True)

    with pytest.raises(CommandError, match="newest undamaged backup"):
        call_command("delete_backup", f"{place}/latest", confirm=str(place))
    with pytest.raises(CommandError, match="It is written “Live”"):
        call_command("delete_backup", f"{place}/latest", confirm="life")
    assert Backup.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create_backup", "no/where"), "There is no environment 'no/where'"),
        (("list_backups", "nonsense"), "There is no environment 'nonsense'"),
        (("show_backup", "12345678"), "There is no backup '12345678'"),
        (("show_backup", "no/where/latest"), "There is no environment 'no/where'"),
        (("comment_backup", "zzz", "x"), "There is no backup 'zzz'"),
        (("show_operation", "12345678"), "There is no operation '12345678'"),
    ],
)
def test_what_is_unknown_ends_with_1_and_one_sentence(
    manage: Callable[..., subprocess.CompletedProcess[str]], db: None, arguments: tuple[str, ...], sentence: str
) -> None:
    done = manage(*arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_wrong_usage_ends_with_2(manage: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert manage("create_backup").returncode == 2
    assert manage("create_backup", "a/b", "--wait", "--here").returncode == 2


def test_a_failed_backup_ends_with_1_and_says_why(
    place: Environment, manage: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    Path(place.files_directory).rename(f"{place.files_directory}-away")

    done = manage("create_backup", str(place), "--here")

    assert done.returncode == 1
    assert place.files_directory in done.stderr
    assert "Traceback" not in done.stderr


def test_waiting_shows_progress_and_ends_with_the_operation(
    place: Environment,
    manage: Callable[..., subprocess.CompletedProcess[str]],
    start_workers: Callable[..., object],
) -> None:
    start_workers()

    done = manage("create_backup", str(place), "--wait", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "Completed"
    assert "Queued" in done.stderr


def test_without_waiting_it_is_queued_and_can_be_cancelled(
    place: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_backup", str(place), json=True)
    made = said(capsys)
    assert made["status"] == "Queued"
    call_command("cancel", made["operation"], json=True)
    capsys.readouterr()
    call_command("show_backup", made["id"], json=True)
    assert said(capsys)["status"] == "Failed"
