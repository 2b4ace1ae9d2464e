"""The portal's own small objects in a bucket: which generation a place is, what it holds when it is whole, steps."""

import base64
import hashlib
import json
from typing import Any

from ..errors import StoredMissing
from .bucket_lists import BESIDE, Facts, below, plain_tag
from .generations import NAME, OWN
from .s3_store import ABSENT, Answer, S3Store
from .s3_stream import ObjectStream

BLOCK = 1 << 16


def generation_key(place: str) -> str:
    return f"{below(place)}{OWN}/{NAME}"


def whole_key(place: str) -> str:
    return f"{below(place)}{OWN}/whole"


def step_key(base: str, generation: str) -> str:
    return f"{base}{BESIDE}step-{generation}"


def read_text(store: S3Store, key: str) -> str | None:
    """A small object's text; None when it is not there."""
    try:
        return b"".join(ObjectStream(store, key, key).blocks(BLOCK)).decode()
    except StoredMissing:
        return None


def write_bytes(store: S3Store, key: str, content: bytes, **more: Any) -> str:
    """Write a small object, whatever is there; the store refuses what was altered on its way. Returns its tag."""
    answer = store.ask("put_object", Key=key, Body=content, ContentMD5=md5_of(content), **more)
    return plain_tag(str(answer.get("ETag", "")))


def md5_of(content: bytes) -> str:
    """As S3 takes it along, to compare what came."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def write_text(store: S3Store, key: str, text: str) -> None:
    write_bytes(store, key, text.encode(), ContentType="text/plain")


def remove_text(store: S3Store, key: str) -> None:
    """Nothing there is no error."""
    try:
        store.ask("delete_object", expects=ABSENT, Key=key)
    except Answer:
        store.look()


def read_whole(store: S3Store, place: str) -> dict[str, Facts]:
    """What a place holds when it is whole (`own`), and where it is a copy, what it was copied of (`of`).

    Empty when nobody said that it is whole.
    """
    text = read_text(store, whole_key(place))
    return {name: Facts(*facts) for name, facts in json.loads(text).items()} if text else {}


def write_whole(store: S3Store, place: str, **facts: Facts) -> None:
    """Say what a place holds, which is whole from now on."""
    write_text(store, whole_key(place), json.dumps(facts))


def mark(store: S3Store, place: str, generation: str | None) -> None:
    """Say which generation a place is; None takes the mark away."""
    if generation is None:
        remove_text(store, generation_key(place))
    else:
        write_text(store, generation_key(place), generation)
