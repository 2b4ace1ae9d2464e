"""An exchange of objects that is killed, refused, lied to or left alone: exactly the old or exactly the new."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from backups.errors import FilesNotWhole, FilesStoreUnreachable, PuttingBackRefused
from backups.storage.s3_store import S3Store
from tests.backups.storage.exchanging import NEW, OLD, beside, bucket, exchange, filled, held, put_beside
from tests.stores.scripted import ScriptedStore
from tests.stores.uploads import Uploads

EVERY = 1 if os.environ.get("PORTAL_TEST_KILLS") else 5


class Killed(BaseException):
    """What no code expects, as a kill."""


@pytest.fixture
def files(scripted_store: ScriptedStore) -> Uploads:
    return filled(Uploads(scripted_store.endpoint, "up/loads"))


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function that lets the so-many-th question from now on be the first that is not asked; 0: no more."""
    real, left = S3Store.ask, [0]

    def ask(self: S3Store, call: str, **asked: Any) -> Any:
        if left[0]:
            left[0] = max(1, left[0] - 1)
        if left[0] == 1:
            raise Killed
        return real(self, call, **asked)

    def arm(number: int) -> None:
        left[0] = number and number + 1

    monkeypatch.setattr(S3Store, "ask", ask)
    return arm


def test_killed_at_every_question_it_goes_on_where_it_was(files: Uploads, kill_at: Callable[[int], None]) -> None:
    ended, number = False, 0
    while not ended:
        number += EVERY
        store = bucket(files)
        for name in set(held(files)) - set(OLD):
            files.remove(name)
        filled(files)
        incoming, outgoing = put_beside(store, NEW, str(number)), store.previous(str(number))
        kill_at(number)
        try:
            exchange(store, incoming, str(number), f"g{number}")
            ended = True
        except Killed:
            kill_at(0)
            again = bucket(files)
            again.withdraw("0")
            again.exchange(incoming, outgoing, f"g{number}")
            again.clear(incoming, f"g{number}")
        kill_at(0)
        assert held(files) == NEW
        assert held(files, f"up/loads.portal-was-{number}") == OLD
        assert beside(files) == {f".portal-was-{number}"}
        store.discard(outgoing)
    assert number > 20


def test_killed_at_every_question_on_the_way_back_it_goes_on(files: Uploads, kill_at: Callable[[int], None]) -> None:
    ended, number = False, 0
    while not ended:
        number += EVERY
        store = bucket(files)
        incoming, outgoing = put_beside(store, NEW, str(number)), store.previous(str(number))
        store.prepare(outgoing)
        Uploads(files.address.endpoint, f"up/loads.portal-in-{number}").remove("new/c")
        with pytest.raises(FilesNotWhole):
            store.exchange(incoming, outgoing, f"g{number}")
        files.remove("gone/b")  # as if it had come further
        files.put("a", b"new")
        kill_at(number)
        try:
            bucket(files).take_back(outgoing, f"g{number}")
            ended = True
        except Killed:
            kill_at(0)
            bucket(files).take_back(outgoing, f"g{number}")
        kill_at(0)
        assert held(files) == OLD
        store.withdraw(str(number))
        assert beside(files) == set()
    assert number > 10


@pytest.mark.parametrize("what", ["removed", "changed", "more", "hidden"])
def test_what_is_not_whole_any_more_does_not_come_in(files: Uploads, scripted_store: ScriptedStore, what: str) -> None:
    store = bucket(files)
    incoming, outgoing = put_beside(store, NEW), store.previous("1")
    store.prepare(outgoing)
    store.keep(outgoing)
    there = Uploads(files.address.endpoint, "up/loads.portal-in-1")
    if what == "removed":
        there.remove("new/c")
    elif what == "hidden":
        scripted_store.shelves.hidden = lambda key: key.startswith("up/loads.portal-in-1/new")
    else:
        there.put("a" if what == "changed" else "more", b"other")

    with pytest.raises(FilesNotWhole, match="somebody changed it"):
        store.exchange(incoming, outgoing, "g1")

    assert held(files) == OLD
    store.take_back(outgoing, "g1")
    assert held(files) == OLD
    with pytest.raises(PuttingBackRefused, match="Nothing was changed"):
        store.sync(incoming)


def test_a_store_that_goes_away_in_the_middle_and_comes_back(files: Uploads, scripted_store: ScriptedStore) -> None:
    store, outgoing = bucket(files), bucket(files).previous("1")
    incoming = put_beside(store, NEW)
    store.prepare(outgoing)
    store.keep(outgoing)
    scripted_store.will("copy", "drop", times=100, skips=1)

    with pytest.raises(FilesStoreUnreachable, match="does not answer in time, or breaks off"):
        store.exchange(incoming, outgoing, "g1")

    scripted_store.faults.clear()
    bucket(files).exchange(incoming, outgoing, "g1")
    assert held(files) == NEW


def test_a_copy_that_is_answered_with_an_error_below_a_200_is_made_again(
    files: Uploads, scripted_store: ScriptedStore
) -> None:
    scripted_store.will("copy", "refuse", status=200, code="InternalError", times=2)
    store = bucket(files)
    exchange(store, put_beside(store, NEW))
    assert held(files) == NEW
    assert held(files, "up/loads.portal-was-1") == OLD


def test_copies_that_a_store_only_says_it_made_are_not_believed(files: Uploads, scripted_store: ScriptedStore) -> None:
    store, outgoing = bucket(files), bucket(files).previous("1")
    incoming = put_beside(store, NEW)
    scripted_store.will("copy", "pretend", times=100, skips=1)
    store.prepare(outgoing)

    with pytest.raises(FilesNotWhole, match="does not list them"):
        store.keep(outgoing)
    assert held(files) == OLD

    scripted_store.faults.clear()
    store.keep(outgoing)
    scripted_store.will("copy", "pretend", times=100)
    with pytest.raises(FilesNotWhole, match="does not list them"):
        store.exchange(incoming, outgoing, "g1")
    scripted_store.faults.clear()
    store.take_back(outgoing, "g1")
    assert held(files) == OLD


@pytest.mark.parametrize("kind", ["delete", "copy", "put"])
def test_a_key_that_may_not_do_everything_is_refused_before_the_app_is_stopped(
    files: Uploads, scripted_store: ScriptedStore, kind: str
) -> None:
    store = bucket(files)
    put_beside(store, NEW)
    scripted_store.will(kind, "refuse", status=403, code="AccessDenied", times=100)

    with pytest.raises(FilesStoreUnreachable, match="Let the portal's key list, read, write and delete there"):
        store.prepare(store.previous("1"))

    scripted_store.faults.clear()
    assert held(files) == OLD
    store.withdraw("1")
    assert beside(files) == set()


def test_a_removal_that_is_refused_for_good_leads_back(files: Uploads, scripted_store: ScriptedStore) -> None:
    store, outgoing = bucket(files), bucket(files).previous("1")
    incoming = put_beside(store, NEW)
    store.prepare(outgoing)
    store.keep(outgoing)
    scripted_store.will("delete", "refuse", status=403, code="AccessDenied", times=100)
    scripted_store.will("delete_many", "refuse", status=403, code="AccessDenied", times=100)

    with pytest.raises(FilesNotWhole, match="Access is denied"):
        store.exchange(incoming, outgoing, "g1")
    with pytest.raises(FilesStoreUnreachable):
        store.take_back(outgoing, "g1")

    scripted_store.faults.clear()
    bucket(files).take_back(outgoing, "g1")
    assert held(files) == OLD


def test_a_store_that_cannot_remove_many_at_once_is_asked_one_by_one(
    files: Uploads, scripted_store: ScriptedStore
) -> None:
    scripted_store.will("delete_many", "refuse", status=501, code="NotImplemented", times=100)
    store = bucket(files)
    store.discard(exchange(store, put_beside(store, NEW)))
    assert held(files) == NEW
    assert beside(files) == set()
