"""Notes: the newest alone holds, whatever ends the writing of the next."""

import threading
import time
from uuid import uuid4

import pytest

from backups.errors import NotesNotReadable, StoredAlready, StoredMissing, VaultUnreachable
from backups.storage import names
from backups.storage.notes import forget_notes, newest_notes, read_notes, within, write_notes
from backups.storage.sweep import sweep
from backups.storage.vault import Vault
from tests.stores.vaults import every_kind

from .test_vault import store
from .trip import ENVIRONMENT, everything

BACKUP = uuid4()
FOLDER = names.backup_folder(ENVIRONMENT, BACKUP, 1)
MANIFEST = names.manifest(ENVIRONMENT, BACKUP, 1)


def newest(vault: Vault) -> int:
    return newest_notes(vault.listdir(FOLDER)[1])


@every_kind
def test_the_next_notes_take_the_place_of_the_last(vault: Vault) -> None:
    store(vault, MANIFEST, b"x")
    for number in (1, 2, 7):
        write_notes(vault, FOLDER, number, {"comment": f"Grüße {number}"})
        write_notes(vault, FOLDER, number, {"comment": f"Grüße {number}"})  # said again, it is no other

    assert newest(vault) == 7
    assert read_notes(vault, FOLDER, 7) == {"comment": "Grüße 7"}
    assert everything(vault) == {MANIFEST, names.notes(FOLDER, 7)}
    for number, comment in ((6, "late"), (7, "another")):
        with pytest.raises(StoredAlready, match="Run rebuild_catalogue"):
            write_notes(vault, FOLDER, number, {"comment": comment})
    assert read_notes(vault, FOLDER, 7) == {"comment": "Grüße 7"}

    forget_notes(vault, FOLDER)
    assert everything(vault) == {MANIFEST}


@every_kind
def test_a_write_that_was_killed_leaves_the_old_and_hinders_nobody(vault: Vault) -> None:
    store(vault, MANIFEST, b"x")
    write_notes(vault, FOLDER, 1, {"comment": "old"})
    killed = [vault.create(names.notes(FOLDER, number)) for number in (2, 3)]
    killed[1].write(b'{"format": "portal-no')

    assert read_notes(vault, FOLDER, newest(vault)) == {"comment": "old"}
    write_notes(vault, FOLDER, 3, {"comment": "new"})
    assert read_notes(vault, FOLDER, newest(vault)) == {"comment": "new"}
    assert everything(vault) == {MANIFEST, names.notes(FOLDER, 3)}
    for writer in killed:
        writer.abort()


def test_a_backup_that_is_gone_gets_no_notes(vault: Vault) -> None:
    write_notes(vault, FOLDER, 1, {})
    assert everything(vault) == set()


def test_what_was_published_is_never_swept(vault: Vault) -> None:
    for name in (MANIFEST, names.dump(ENVIRONMENT, BACKUP, 1), names.pack(ENVIRONMENT, BACKUP, 1, 0)):
        store(vault, name, b"x")
    write_notes(vault, FOLDER, 1, {})
    before = everything(vault)

    sweep(vault, ENVIRONMENT, BACKUP, 1)

    assert everything(vault) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "portal-notes/2", "facts": {}}', b"\xff" * 9])
def test_damaged_notes_are_named(vault: Vault, content: bytes) -> None:
    store(vault, names.notes(FOLDER, 4), content)
    with pytest.raises(NotesNotReadable, match=r"notes\.0000000004\.json"):
        read_notes(vault, FOLDER, 4)
    with pytest.raises(StoredMissing):
        read_notes(vault, FOLDER, 5)


def test_other_files_are_no_notes() -> None:
    others = [names.MANIFEST, "notes.json", "notes.x.json", "notes.-1.json", "notes.²2.json", "other.1.json"]
    assert newest_notes(others) == 0


def test_nobody_waits_for_what_hangs() -> None:
    end = threading.Event()

    def fail() -> None:
        raise VaultUnreachable("away")

    began = time.monotonic()
    assert not within(0.05, lambda: bool(end.wait(30)) and None)
    assert time.monotonic() - began < 20
    end.set()
    assert within(30, lambda: None)
    with pytest.raises(VaultUnreachable, match="away"):
        within(30, fail)
