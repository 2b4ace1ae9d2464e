"""Whose vault this is: the marker's rules."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from backups.errors import StoredAlready, VaultForeign, VaultUnreachable
from backups.storage import marker, names
from backups.storage.marker import check_marker
from backups.storage.vault import DirectoryVault, Vault
from tests.stores.vaults import every_kind

from .test_vault import store
from .trip import everything

OURS, THEIRS = "0a0a0a0a-0000-0000-0000-000000000000", "0b0b0b0b-0000-0000-0000-000000000000"


@every_kind
def test_the_first_write_ever_marks_an_empty_vault(vault: Vault) -> None:
    check_marker(vault, OURS, may_make=True)
    assert everything(vault) == {names.MARKER}
    check_marker(vault, OURS, may_make=False)
    assert json.loads(b"".join(vault.stream(names.MARKER)))["installation"] == OURS


@every_kind
def test_marking_may_be_asked_for_again(vault: Vault) -> None:
    check_marker(vault, OURS, may_make=True)
    check_marker(vault, OURS, may_make=True)


@every_kind
def test_a_marker_that_went_missing_is_never_made_again(vault: Vault) -> None:
    with pytest.raises(VaultForeign, match="may not be mounted"):
        check_marker(vault, OURS, may_make=False)
    assert everything(vault) == set()


@every_kind
def test_another_installations_vault_is_refused(vault: Vault) -> None:
    check_marker(vault, THEIRS, may_make=True)
    for may_make in (True, False):
        with pytest.raises(VaultForeign, match=f"belongs to another installation.*{THEIRS}"):
            check_marker(vault, OURS, may_make=may_make)


@every_kind
def test_a_place_that_holds_something_else_is_not_taken(vault: Vault) -> None:
    store(vault, "photos/cat.jpg", b"x")
    with pytest.raises(VaultForeign, match="not empty"):
        check_marker(vault, OURS, may_make=True)
    assert everything(vault) == {"photos/cat.jpg"}


@every_kind
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "other/1", "installation": "x"}', b"\xff" * 9000])
def test_a_marker_that_cannot_be_read_is_refused(vault: Vault, content: bytes) -> None:
    store(vault, names.MARKER, content)
    for may_make in (True, False):
        with pytest.raises(VaultForeign, match="cannot be read"):
            check_marker(vault, OURS, may_make=may_make)
    assert b"".join(vault.stream(names.MARKER)) == content


@every_kind
def test_a_first_write_that_was_cut_can_be_repeated(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marker, "PAUSES", (0.01,))
    left = vault.create(names.MARKER)
    left.write(b"{")
    check_marker(vault, OURS, may_make=True)
    left.abort()
    check_marker(vault, OURS, may_make=False)


@every_kind
def test_two_first_writes_at_once_leave_one_owner(vault: Vault) -> None:
    """Whoever loses is refused: never do both believe that the vault is theirs."""
    owners: list[str] = []

    def claim(installation: str) -> None:
        try:
            check_marker(vault, installation, may_make=True)
            check_marker(vault, installation, may_make=False)
            owners.append(installation)
        except (VaultForeign, VaultUnreachable, StoredAlready):
            pass

    claims = [threading.Thread(target=claim, args=(one,)) for one in (OURS, THEIRS)]
    for one in claims:
        one.start()
    for one in claims:
        one.join()
    assert len(owners) <= 1
    assert everything(vault) <= {names.MARKER}


@every_kind
def test_first_writes_of_one_portal_at_once_all_go_on(vault: Vault) -> None:
    """As when workers begin with the first backups of all environments."""
    with ThreadPoolExecutor(4) as at_once:
        said = [at_once.submit(check_marker, vault, OURS, may_make=True) for _ in range(4)]

    assert [one.exception() for one in said] == [None] * 4
    assert everything(vault) == {names.MARKER}


@every_kind
def test_what_the_fastest_stored_right_after_the_marker_is_nobody_elses(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = marker._make

    def late(*arguments: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(marker, "_make", real)
            check_marker(vault, OURS, may_make=True)
        store(vault, "environments/first", b"backup")
        real(*arguments)

    monkeypatch.setattr(marker, "_make", late)
    check_marker(vault, OURS, may_make=True)


def test_the_place_itself_is_made_by_the_first_write_only(tmp_path: Path) -> None:
    fresh = DirectoryVault(location=tmp_path / "not" / "there")
    with pytest.raises(VaultUnreachable, match="is not there"):
        check_marker(fresh, OURS, may_make=False)
    check_marker(fresh, OURS, may_make=True)
    check_marker(fresh, OURS, may_make=False)


def test_a_fresh_disks_own_folder_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "disk" / "lost+found").mkdir(parents=True)
    check_marker(DirectoryVault(location=tmp_path / "disk"), OURS, may_make=True)


def test_an_unmounted_disk_is_noticed(tmp_path: Path) -> None:
    place = tmp_path / "mounted"
    vault = DirectoryVault(location=place)
    check_marker(vault, OURS, may_make=True)
    place.rename(tmp_path / "elsewhere")
    place.mkdir()
    with pytest.raises(VaultForeign, match="may not be mounted"):
        check_marker(vault, OURS, may_make=False)
    assert list(place.iterdir()) == []
