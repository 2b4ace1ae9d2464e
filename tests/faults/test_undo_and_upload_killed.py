"""A worker killed at every step of an undo and of an upload: exactly the old or the new, and the app as it was.

Every step in `make faults`; each time the tests run, the few that a restore's do not already go through.
"""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from backups.choices import UploadPart
from backups.models import Upload
from backups.operations.undo import request_undo
from backups.operations.upload import request_upload
from backups.storage import spool
from environments.addresses import DatabaseAddress
from environments.choices import State, Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from tests.apps import App
from tests.backups.operations.test_restore import back_up, change, restore
from tests.backups.operations.test_upload import NEW_ROWS
from tests.backups.uploaded import BY, FILES, ROWS, bring, dump_of, fill, leftovers, state

from .killed import UNDO_STEPS, UPLOAD_STEPS
from .length import IS_LONG
from .test_restore_killed import perform_and_die, recover

pytestmark = pytest.mark.django_db(transaction=True)
FEW_OF_UNDO = ["the undo's journal is written", "the databases have changed names", "the files have changed places"]
FEW_OF_UPLOAD = [
    "the uploaded database is loaded",
    "before the journal is closed",
    "before what was brought is used up",
]


@pytest.fixture
def place(
    make_place: Callable[..., Environment],
    keep: Callable[[Environment], Environment],
    real_app: App,
    settings: Settings,
) -> Environment:
    settings.ALLOW_OLD_CLIENTS = True
    environment = keep(make_place(*ROWS, commands=real_app.commands, name="Acceptance"))
    fill(environment, "old")
    return environment


@pytest.fixture
def environ(process_environ: dict[str, str]) -> dict[str, str]:
    return {**process_environ, "PORTAL_ALLOW_OLD_CLIENTS": "true"}


@pytest.mark.parametrize("step", UNDO_STEPS if IS_LONG else FEW_OF_UNDO)
def test_an_undo_killed_at(step: str, place: Environment, real_app: App, environ: dict[str, str]) -> None:
    backup = back_up(place)
    change(place)
    new = state(place)
    assert restore(backup, place).status == Status.COMPLETED
    old = state(place)
    operation = request_undo(place, by=BY, confirm=None, is_rung=False)
    perform_and_die(operation, step, environ)

    operation = recover(operation)

    ends_new = UNDO_STEPS[step][1]
    assert operation.status == (Status.COMPLETED if ends_new else Status.FAILED), operation.message
    assert state(place) == (new if ends_new else old)
    assert real_app.is_running
    assert leftovers(place) == []
    again = run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
    assert again.status == Status.COMPLETED, again.message
    assert state(place) == (old if ends_new else new)


@pytest.mark.parametrize("step", UPLOAD_STEPS if IS_LONG else FEW_OF_UPLOAD)
def test_an_upload_killed_at(
    step: str, place: Environment, real_app: App, environ: dict[str, str], make_database: Callable[..., DatabaseAddress]
) -> None:
    real_app.flag.unlink()
    old, package = state(place), place.package
    dump = dump_of(make_database(*NEW_ROWS))
    uploads = [bring(place, UploadPart.DATABASE, dump), bring(place, UploadPart.FILES, FILES)]
    operation = request_upload(place, by=BY, uploads=uploads, confirm=place.name, is_rung=False)
    perform_and_die(operation, step, environ)

    operation = recover(operation)

    ends_new = UPLOAD_STEPS[step][1]
    assert operation.status == (Status.COMPLETED if ends_new else Status.FAILED), operation.message
    assert (state(place) == old) is not ends_new
    place.refresh_from_db()
    assert place.package == (None if ends_new else package)
    assert not real_app.is_running
    assert leftovers(place) == []
    if ends_new:
        assert place.state == State.EMPTY
        assert not list(spool.folder().iterdir())
        undone = run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
        assert undone.status == Status.COMPLETED, undone.message
        assert state(place) == old
    else:
        again = request_upload(place, by=BY, uploads=Upload.objects.all(), confirm=place.name, is_rung=False)
        assert run_here(again).status == Status.COMPLETED
