"""An exchange of objects in a bucket, as an operation does it, and what there is to be seen of it."""

from typing import Any

from backups.storage.bucket_store import BucketStore
from tests.stores.uploads import Uploads

OLD = {"a": b"old", "d/same": b"same", "gone/b": b"only old"}
NEW = {"a": b"new", "d/same": b"same", "new/c": b"only new"}


def held(files: Uploads, prefix: str = "") -> dict[str, bytes]:
    """The files below a prefix, without what is the portal's own."""
    found = Uploads(files.address.endpoint, prefix or files.prefix).contents()
    return {name: content for name, content in found.items() if not name.startswith(".portal/")}


def beside(files: Uploads) -> set[str]:
    """The places beside the live one, and what is left of the portal's own in it."""
    rest = [key.removeprefix(files.prefix) for key in files.keys(files.prefix)]
    own = {name for name in rest if name.startswith("/.portal/") and name != "/.portal/generation"}
    return own | {name.partition("/")[0] for name in rest} - {""}


def bucket(files: Uploads, **options: Any) -> BucketStore:
    return BucketStore(files.address, **options)


def put_beside(store: BucketStore, content: dict[str, bytes], label: str = "1") -> str:
    place = store.staging(label)
    store.make(place)
    with store.opened(place) as writer:
        for name, body in content.items():
            writer.write_file(name.encode(), [body])
    store.sync(place)
    return place


def exchange(store: BucketStore, incoming: str, label: str = "1", generation: str = "g1") -> str:
    """All of it, as an operation does it; where the old files are now."""
    outgoing = store.previous(label)
    store.prepare(outgoing)
    store.keep(outgoing)
    store.exchange(incoming, outgoing, generation)
    store.clear(incoming, generation)
    return outgoing


def filled(files: Uploads) -> Uploads:
    files.put_all(OLD)
    return files
