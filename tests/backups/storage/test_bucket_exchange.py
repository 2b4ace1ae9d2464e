"""The exchange of objects in a bucket: the new come in, the old are kept aside and come back, and nothing is beside."""

from itertools import count

import pytest

from backups.errors import PuttingBackRefused
from backups.storage import bucket_copy
from backups.storage.bucket_store import BucketStore
from tests.stores.scripted import ScriptedStore
from tests.stores.uploads import Uploads

from .exchanging import NEW, OLD, beside, bucket, exchange, filled, held, put_beside


@pytest.fixture
def files(scripted_store: ScriptedStore) -> Uploads:
    return filled(Uploads(scripted_store.endpoint, "up/loads"))


@pytest.fixture(params=["uploads", "scripted_uploads"])
def any_files(request: pytest.FixtureRequest) -> Uploads:
    """In every kind of store."""
    return filled(request.getfixturevalue(request.param))


def test_new_objects_come_in_and_the_old_ones_come_back(any_files: Uploads) -> None:
    store = bucket(any_files)
    outgoing = exchange(store, put_beside(store, NEW))

    assert held(any_files) == NEW
    assert held(any_files, f"{any_files.prefix}.portal-was-1") == OLD
    assert beside(any_files) == {".portal-was-1"}

    store = bucket(any_files)
    store.sync(outgoing)
    again = exchange(store, outgoing, "2", "g2")

    assert held(any_files) == OLD
    assert beside(any_files) == {".portal-was-2"}
    store.discard(again)
    store.discard(again)
    assert beside(any_files) == set()
    assert held(any_files) == OLD


def test_what_an_app_says_of_an_object_stays_with_it(any_files: Uploads) -> None:
    any_files.put("page", b"<p>", ContentType="text/html", CacheControl="max-age=3", Metadata={"by": "ines"})
    store = bucket(any_files)
    outgoing = exchange(store, put_beside(store, NEW))
    exchange(store, outgoing, "2", "g2")

    head = any_files.headers("page")
    assert (head["ContentType"], head["CacheControl"]) == ("text/html", "max-age=3")
    assert {name.casefold(): word for name, word in head["Metadata"].items()}["by"] == "ines"


def test_what_the_app_writes_until_it_stops_is_kept(files: Uploads) -> None:
    store, outgoing = bucket(files), bucket(files).previous("1")
    incoming = put_beside(store, NEW)
    store.prepare(outgoing)
    files.put("late", b"late")
    files.put("a", b"changed")
    files.remove("gone/b")

    store.keep(outgoing)
    store.exchange(incoming, outgoing, "g1")

    assert held(files) == NEW
    assert held(files, "up/loads.portal-was-1") == {"a": b"changed", "d/same": b"same", "late": b"late"}


def test_only_what_differs_is_copied_while_the_app_is_stopped(files: Uploads, scripted_store: ScriptedStore) -> None:
    store, outgoing = bucket(files), bucket(files).previous("1")
    incoming = put_beside(store, NEW)
    store.prepare(outgoing)
    scripted_store.asked.clear()

    store.keep(outgoing)
    store.exchange(incoming, outgoing, "g1")

    assert scripted_store.asked.count("copy") == 2
    assert scripted_store.asked.count("get") < 10


def test_a_store_whose_copies_have_other_tags_is_believed_by_what_it_answered(
    files: Uploads, scripted_store: ScriptedStore
) -> None:
    """So do stores that encrypt each object by a key of its own."""
    numbers = count()
    scripted_store.shelves.tag_of_copy = lambda found: f'"{next(numbers):032x}"'
    store, outgoing = bucket(files), bucket(files).previous("1")
    incoming = put_beside(store, NEW)
    store.prepare(outgoing)
    scripted_store.asked.clear()

    store.keep(outgoing)
    assert "copy" not in scripted_store.asked
    store.exchange(incoming, outgoing, "g1")

    assert held(files) == NEW
    store.take_back(outgoing, "g1")
    assert held(files) == OLD


def test_large_objects_are_copied_in_parts(files: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_copy, "WHOLE", 10)
    monkeypatch.setattr(bucket_copy, "PART", 8)
    files.put("large", b"0123456789abcdef0123", ContentType="image/png")
    store = bucket(files)
    outgoing = exchange(store, put_beside(store, NEW))
    exchange(store, outgoing, "2", "g2")

    assert held(files)["large"] == b"0123456789abcdef0123"
    assert files.headers("large")["ContentType"] == "image/png"


def test_everything_of_a_place_goes_and_never_what_is_live(files: Uploads, scripted_store: ScriptedStore) -> None:
    store = bucket(files)
    place = put_beside(store, {f"many/{number}": b"x" for number in range(12)})
    scripted_store.shelves.begin("up/loads.portal-in-1/begun", {}, {}, b"")

    store.discard(place)

    assert beside(files) == set()
    assert not scripted_store.shelves.uploads
    for live in (files.address, files.address.with_prefix("up"), files.address.with_prefix("")):
        with pytest.raises(PuttingBackRefused, match="was not removed"):
            store.discard(live.to_text())
    assert held(files) == OLD


def test_a_place_in_another_bucket_is_told(files: Uploads) -> None:
    store = bucket(files)
    with pytest.raises(PuttingBackRefused, match="does not lie where the uploaded files lie now"):
        store.sync("s3://another/up/loads.portal-in-1")


def test_an_app_that_can_be_told_gets_another_prefix(files: Uploads) -> None:
    store = bucket(files, is_switched=True)
    incoming, outgoing = put_beside(store, NEW), store.previous("1")
    store.prepare(outgoing)
    store.keep(outgoing)
    store.exchange(incoming, outgoing, "g1")
    store.exchange(incoming, outgoing, "g1")
    moved = store.moved(incoming)
    store.clear(incoming, "g1")

    assert outgoing == files.address.to_text()
    assert moved.prefix == "up/loads.portal-1"
    assert held(files) == OLD
    now = Uploads(files.address.endpoint, moved.prefix)
    assert held(now) == NEW

    now.put("later", b"later")
    store = BucketStore(moved, is_switched=True)
    assert store.staging("2") == files.address.with_prefix("up/loads.portal-2").to_text()
    store.sync(outgoing)
    store.exchange(outgoing, store.previous("2"), "g2")
    store.discard(store.staging("3"))
    BucketStore(files.address, is_switched=True).discard(moved.to_text())
    assert held(files) == OLD
    assert beside(files) == {"/.portal/whole"}


def test_the_whole_bucket_may_be_an_apps(scripted_store: ScriptedStore) -> None:
    files = Uploads(scripted_store.endpoint, "")
    objects = scripted_store.shelves.objects
    for name, body in OLD.items():
        scripted_store.shelves.put(name, {}, {}, body)
    store = bucket(files)
    outgoing = exchange(store, put_beside(store, NEW))

    assert {key: one.content for key, one in objects.items() if not key.startswith(".portal")} == NEW
    assert {key for key in objects if key.startswith(".portal-")} >= {f".portal-was-1/{name}" for name in OLD}
    store.discard(outgoing)
    assert set(objects) == {*NEW, ".portal/generation"}
