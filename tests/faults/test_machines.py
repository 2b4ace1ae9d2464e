"""Machines with a data directory each, on PostgreSQL, Redis and S3: what they share is enough, and what is missing is
said."""

import io
import shlex
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from backups.errors import UploadElsewhere
from environments.lifecycle.reaper import ELSEWHERE
from tests.workers import eventually

from .machines import ASIA, EUROPE, FAR, NEAR, Machines
from .orders import WITHIN_SECONDS

CONTACT = "ines@example.org"
PLACE = "/apps/shop/acceptance"
LIVE, ACCEPTANCE = "shop/live", "shop/acceptance"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Machines]:
    """Live is Europe's, with its files in a directory; Acceptance is Asia's, with them in a bucket."""
    with Machines(tmp_path, Path(settings.DATA_DIR).parent / "machines") as made:
        made.settle("live", "acceptance")
        deploy = shlex.join(["sh", str(_script(tmp_path)), str(tmp_path / "deployed")])
        place = ("--region", "asia", "--deploy-command", deploy, "--contact", CONTACT)
        made.sign_in(made.clerk.found("register_environment", ACCEPTANCE, *place)["invitation"])
        for name in made.crews:
            made.start_workers(name)
        yield made


def _script(folder: Path) -> Path:
    """A deploy command: keeps where the package's file lay, and what was in it."""
    script = folder / "deploy"
    script.write_text('echo "$4" > "$1"; cat "$4" >> "$1"\n')
    return script


def test_what_they_share_is_enough(house: Machines, tmp_path: Path) -> None:
    live, acceptance = house.places.values()
    for place in (live, acceptance):
        place.change(f"{place.slug}-first")
    old, kept = acceptance.holds(), live.holds()
    for clerk in (house.clerk, house.far):
        eventually(lambda clerk=clerk: [one[:4] for one in house.workers_in_words(clerk)] == ["good"])

    # Made by the one, put back by the other, and taken back.
    house.order("create_backup", LIVE, "--wait").done()
    house.order("restore_backup", f"{LIVE}/latest", "--to", ACCEPTANCE, "--wait").done()
    assert acceptance.holds() == kept
    house.order("undo", ACCEPTANCE, "--wait").done()
    assert acceptance.holds() == old
    queues = house.rows("SELECT DISTINCT queue FROM environments_operation ORDER BY queue")
    assert queues == [(ASIA,), (EUROPE,)]

    # Read by a machine that did not make it, and by the web server.
    house.far.order("verify_backup", f"{LIVE}/latest").done()
    house.far.order("download_backup", f"{LIVE}/latest", "--output", str(tmp_path / "live.zip")).done()
    assert _download(house) == (tmp_path / "live.zip").read_bytes()

    _deploy(house, tmp_path)

    # Uploaded at the web machine, taken by the other.
    house.order(
        "upload_data", ACCEPTANCE, "--confirm", ACCEPTANCE, "--full", str(tmp_path / "live.zip"), "--wait"
    ).done()
    assert acceptance.holds() == kept
    assert house.leftovers() == []
    _refuse_without_the_folder(house, tmp_path)
    assert acceptance.holds() == kept


def _download(house: Machines) -> bytes:
    [(backup,)] = house.rows("SELECT id FROM backups_backup")
    made = house.ask("GET", f"/apps/shop/live/backups/{backup}/download/full/")
    assert made.status == 302, made.body
    came = house.ask("GET", made.headers["Location"])
    assert came.status == 200, came.body
    return came.body


def _deploy(house: Machines, folder: Path) -> None:
    """A package whose file is registered in the browser, and deployed by the other machine."""
    file = io.BytesIO(b"the package")
    file.name = "shop.mda"  # type: ignore[misc]
    form = encode_multipart(BOUNDARY, {"model_version": "2.0.0", "modeler_version": "", "file": file})
    added = house.ask("POST", f"{PLACE}/environment/packages/add/", form, Content_Type=MULTIPART_CONTENT)
    assert added.status == 302, added.body
    [(package,)] = house.rows("SELECT id FROM environments_package WHERE model_version = '2.0.0'")
    assert house.ask("POST", f"{PLACE}/environment/packages/{package}/deploy/").status == 302
    house.wait_for_all()
    path, content = (folder / "deployed").read_text().split("\n", 1)
    assert (Path(path).is_relative_to(folder / FAR), content) == (True, "the package")


def _refuse_without_the_folder(house: Machines, folder: Path) -> None:
    """The far machine's uploads are a folder of its own: refused when examined, and when put in; doctor says it."""
    own = folder / FAR / "uploads"
    own.unlink()
    own.mkdir()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(Path(__file__), "one.py")
    names = {"filename": "files.tar.gz", "part": "files"}
    told = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in names.items())
    tus, length = {"Tus_Resumable": "1.0.0"}, str(len(content.getvalue()))
    begun = house.ask("POST", f"{PLACE}/backups/upload/transfers/", **tus, Upload_Length=length, Upload_Metadata=told)
    piece = {"Upload_Offset": "0", "Content_Type": "application/offset+octet-stream"}
    sent = house.ask("PATCH", begun.headers["Location"], content.getvalue(), **tus, **piece)
    assert (begun.status, sent.status) == (201, 204), (begun.body, sent.body)
    house.wait_for_all()
    assert house.rows("SELECT state, refusal FROM backups_upload WHERE state <> 'used'") == [
        ("bad", UploadElsewhere.sentence)
    ]
    archive_file = folder / "files.tar.gz"
    archive_file.write_bytes(content.getvalue())
    given = ("--files", str(archive_file), "--wait")
    said = house.order("upload_data", ACCEPTANCE, "--confirm", ACCEPTANCE, *given).said()
    assert (said.code, UploadElsewhere.sentence in said.err) == (1, True), said.err
    [finding] = eventually(lambda: [one for one in house.workers_in_words() if "do not share" in one])
    assert finding.startswith("missing")


def test_what_a_dead_machine_has_exchanged_waits_for_it(house: Machines) -> None:
    live = house.places["live"]
    house.order("start_app", LIVE).done()
    house.order("create_backup", LIVE, "--wait").done()
    kept = live.holds()
    live.change("later")
    house.hold_starts("live")
    restore = house.order("restore_backup", f"{LIVE}/latest", "--to", LIVE, "--stop-app", "--wait")
    operation = house.kill_while_held()

    phase = "SELECT status, phase FROM environments_operation WHERE id = %s"
    left = [("Running", ELSEWHERE.format(EUROPE))]
    eventually(lambda: house.rows(phase, operation) == left, within=WITHIN_SECONDS)
    house.order("create_backup", ACCEPTANCE, "--wait").done()  # the others go on
    assert left[0][1] in house.order("show_operation", operation).done()
    assert any(EUROPE in line for line in house.workers_in_words() if line.startswith("missing"))
    assert house.rows(phase, operation) == left and not restore.has_ended and not house.running

    house.hold.unlink()
    house.start_workers(NEAR)

    assert "The worker was lost. Live holds the new data." in restore.done()
    assert (live.holds(), house.running, live.mixtures) == (kept, {"live"}, [])
    assert house.leftovers() == []
