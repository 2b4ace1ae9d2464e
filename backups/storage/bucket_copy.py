"""Objects copied within a bucket by the store itself, and removed."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from .bucket_crew import Crew
from .bucket_lists import BESIDE, below, plain_tag
from .bucket_marks import remove_text, whole_key
from .s3_store import ABSENT, Answer, S3Store

OTHER_NOW = ("PreconditionFailed", "412")
WHOLE = 5 << 30
"""The longest object that a store copies in one step."""
PART = 1 << 30
AT_ONCE = 1000
TURNS = 3
# Stores that know no removal of many, or not in this form.
ONE_BY_ONE = (
    *("NotImplemented", "501", "MethodNotAllowed", "405", "InvalidRequest", "400", "MissingContentMD5"),
    *("InvalidDigest", "BadDigest", "MalformedXML", "InvalidArgument", "AccessDenied", "403"),
)
KEPT_WORDS = ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "Metadata")


class Task(NamedTuple):
    """One copy: from which key to which, and what the list says of the first."""

    source: str
    target: str
    size: int
    tag: str


def copy(store: S3Store, crew: Crew, task: Task) -> str | None:
    """Copy one object, for a hand of the crew. The tag of what was made; None: the source is not as listed any more.

    Raises: FilesStoreUnreachable, Ended.
    """
    try:
        if task.size > WHOLE:
            return _copy_parts(store, crew, task)
        answer = store.ask(
            "copy_object",
            expects=(*ABSENT, *OTHER_NOW),
            again=crew.check,
            Key=task.target,
            **_of(store, task),
        )
    except Answer:
        return None
    return plain_tag(answer.get("CopyObjectResult", {}).get("ETag", ""))


def _of(store: S3Store, task: Task) -> dict[str, Any]:
    return {
        "CopySource": {"Bucket": store.bucket, "Key": task.source},
        "CopySourceIfMatch": f'"{task.tag}"',
    }


def _copy_parts(store: S3Store, crew: Crew, task: Task) -> str:
    head = store.ask("head_object", expects=ABSENT, Key=task.source)
    kept = {word: head[word] for word in KEPT_WORDS if head.get(word)}
    upload = store.ask("create_multipart_upload", again=crew.check, Key=task.target, **kept)["UploadId"]
    try:
        parts = []
        for number, start in enumerate(range(0, task.size, PART), 1):
            answer = store.ask(
                "upload_part_copy",
                expects=(*ABSENT, *OTHER_NOW),
                again=crew.check,
                Key=task.target,
                UploadId=upload,
                PartNumber=number,
                CopySourceRange=f"bytes={start}-{min(start + PART, task.size) - 1}",
                **_of(store, task),
            )
            parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"].get("ETag", "")})
            crew.check()
        asked = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
        return plain_tag(store.ask("complete_multipart_upload", Key=task.target, **asked).get("ETag", ""))
    except BaseException:
        store.abort_upload(task.target, upload)
        raise


def remove(store: S3Store, crew: Crew, keys: Iterable[str]) -> int:
    """Remove objects, many at once where the store can; returns how many. What is not there is no error.

    Raises: FilesStoreUnreachable: one could not be removed.
    """
    count = 0

    def act(some: tuple[str, ...]) -> int:
        for key in _remove_many(store, crew, some):
            _remove_one(store, crew, key)
        return len(some)

    for done in crew.each(act, _batches(keys)):
        count += done
    return count


def remove_all(store: S3Store, crew: Crew, place: str) -> None:
    """Remove a place: every object, the mark that it is whole first, and what was begun and not ended.

    Raises: FilesStoreUnreachable: something could not be removed.
    """
    crew.tick()
    remove_text(store, whole_key(place))
    for _ in range(TURNS):
        if not remove(store, crew, _keys(store, crew, place)):
            break
    else:
        raise store.unreachable(f"{store} says that what lies at {place}/ was removed, and still lists it.")
    for key, upload in list(store.open_uploads(below(place))):
        store.abort_upload(key, upload)
        crew.tick()


def _keys(store: S3Store, crew: Crew, place: str) -> Iterator[str]:
    for page in store.listed(below(place), delimiter=""):
        crew.tick()
        keys = (one["Key"] for one in page.get("Contents", ()))
        yield from (key for key in keys if place or not key.startswith(BESIDE))


def _batches(keys: Iterable[str]) -> Iterator[tuple[str, ...]]:
    left = iter(keys)
    while some := tuple(islice(left, AT_ONCE)):
        yield some


def _remove_many(store: S3Store, crew: Crew, keys: tuple[str, ...]) -> Iterator[str]:
    """Those that were not removed so. XML cannot name control characters."""
    plain = [key for key in keys if key.isprintable()]
    left = [key for key in keys if not key.isprintable()]
    if len(plain) > 1:
        asked = {"Objects": [{"Key": key} for key in plain], "Quiet": True}
        try:
            answer = store.ask("delete_objects", expects=ONE_BY_ONE, again=crew.check, Delete=asked)
        except Answer:
            left += plain
        else:
            left += [one["Key"] for one in answer.get("Errors", ()) if one.get("Code") not in ABSENT]
    else:
        left += plain
    yield from left


def _remove_one(store: S3Store, crew: Crew, key: str) -> None:
    crew.check()
    try:
        store.ask("delete_object", expects=ABSENT, again=crew.check, Key=key)
    except Answer:
        return
