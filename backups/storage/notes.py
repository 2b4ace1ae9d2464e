"""Notes: what became of a backup since it was made, in a small object beside its manifest. The newest alone holds."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import NotesNotReadable, StoredAlready, StoredMissing, VaultUnreachable
from . import names
from .vault import Vault

FORMAT = "portal-notes/1"
LONGEST = 1 << 20


def newest_notes(files: Iterable[str]) -> int:
    """The number of the newest notes among the objects of a backup's folder; 0: there are none."""
    return max(map(names.notes_number, files), default=0)


def read_notes(vault: Vault, folder: str, number: int) -> dict[str, Any]:
    """Raises: NotesNotReadable, StoredMissing, VaultUnreachable."""
    name = names.notes(folder, number)
    try:
        notes = json.loads(b"".join(vault.stream(name, 0, min(vault.size(name), LONGEST))))
        if notes["format"] != FORMAT:
            raise ValueError
        return dict(notes["facts"])
    except (ValueError, KeyError, TypeError):
        raise NotesNotReadable(f"{name} in the vault cannot be read.") from None


def write_notes(vault: Vault, folder: str, number: int, facts: Mapping[str, Any]) -> None:
    """Write notes under the next number, then let go of the older ones: whatever ends it, the old or the new hold.
    A backup whose manifest is gone gets none.

    Raises:
        StoredAlready: the vault holds newer notes, or others of this number; nothing was written.
        VaultUnreachable
    """
    content = json.dumps({"format": FORMAT, "facts": facts}, ensure_ascii=False).encode()
    name, there = names.notes(folder, number), vault.listdir(folder)[1]
    if names.MANIFEST not in there:
        return
    if newest_notes(there) < number:
        _put(vault, name, content)
    elif newest_notes(there) > number or _content(vault, name) != content:
        raise StoredAlready(f"The vault holds newer notes than {name}. Nothing was written. Run rebuild_catalogue.")
    for file in there:
        if 0 < names.notes_number(file) < number:
            vault.delete(f"{folder}/{file}")
    for begun in vault.unfinished(folder):
        if 0 < names.notes_number(begun) < number:
            vault.discard(begun)


def forget_notes(vault: Vault, folder: str) -> None:
    """Remove all notes of a backup. Raises: VaultUnreachable."""
    for begun in vault.unfinished(folder):
        if names.notes_number(begun):
            vault.discard(begun)
    for file in vault.listdir(folder)[1]:
        if names.notes_number(file):
            vault.delete(f"{folder}/{file}")


def within(seconds: float, work: Callable[[], None]) -> bool:
    """Do what may block for long in a thread, and wait for it no longer than this; whether it was done.

    What takes longer goes on by itself, or ends with the process. Raises what the work raises in time.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="vault-notes", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    return not thread.is_alive()


def _put(vault: Vault, name: str, content: bytes) -> None:
    try:
        _create(vault, name, content)
    except StoredAlready:
        if vault.exists(name):
            raise
        vault.discard(name)  # whoever began it was killed
        _create(vault, name, content)


def _create(vault: Vault, name: str, content: bytes) -> None:
    with vault.create(name) as writer:
        writer.write(content)
        writer.commit()


def _content(vault: Vault, name: str) -> bytes:
    try:
        return b"".join(vault.stream(name))
    except StoredMissing as error:
        raise VaultUnreachable(f"{name} was removed from the vault while it was read. Try again.") from error
