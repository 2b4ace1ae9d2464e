"""What a scripted S3 store holds, and how it answers when nothing is wrong: of the kind that knows conditions."""

import base64
import hashlib
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape, unescape

PAGE = 3  # so few that every list has several
KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language")


class Said(NamedTuple):
    """An answer."""

    status: int
    content: bytes = b""
    headers: dict[str, str] = {}


def refusal(status: int, code: str) -> Said:
    return Said(status, f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode())


@dataclass
class Object:
    content: bytes
    headers: dict[str, str]
    changed_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Upload:
    key: str
    headers: dict[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


class Shelves:
    """One bucket. Each kind of request is a method: `asked` is the query; names of `headers` are in lower case."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.uploads: dict[str, Upload] = {}
        self.part_sizes: list[int] = []
        self.hidden: Callable[[str], bool] = lambda key: False
        self.tag_of_copy: Callable[[Object], str] = lambda found: _tag(found.content)
        self._numbers = itertools.count(1)

    def begin(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        number = f"upload-{next(self._numbers)}"
        self.uploads[number] = Upload(key, _kept(headers))
        return Said(200, f"<Result><UploadId>{number}</UploadId></Result>".encode())

    def part(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        upload = self.uploads.get(asked["uploadId"])
        if upload is None:
            return refusal(404, "NoSuchUpload")
        if headers.get("content-md5", _md5(body)) != _md5(body):
            return refusal(400, "BadDigest")
        upload.parts[int(asked["partNumber"])] = body
        self.part_sizes.append(len(body))
        return Said(200, headers={"ETag": _tag(body)})

    def part_copy(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        found = self._source(headers)
        if isinstance(found, Said):
            return found
        first, _, last = headers["x-amz-copy-source-range"].removeprefix("bytes=").partition("-")
        said = self.part(key, asked, headers, found.content[int(first) : int(last) + 1])
        tag = said.headers.get("ETag", "")
        return said._replace(content=f"<CopyPartResult><ETag>{escape(tag)}</ETag></CopyPartResult>".encode())

    def put(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        if headers.get("content-md5", _md5(body)) != _md5(body):
            return refusal(400, "BadDigest")
        self.objects[key] = Object(body, _kept(headers) | {"ETag": _tag(body)})
        return Said(200, headers={"ETag": _tag(body)})

    def copy(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        found = self._source(headers)
        if isinstance(found, Said):
            return found
        tag = self.tag_of_copy(found)
        self.objects[key] = Object(found.content, found.headers | {"ETag": tag})
        return Said(200, f"<CopyObjectResult><ETag>{escape(tag)}</ETag></CopyObjectResult>".encode())

    def _source(self, headers: dict[str, str]) -> Object | Said:
        found = self.objects.get(unquote(headers["x-amz-copy-source"]).partition("/")[2])
        if found is None:
            return refusal(404, "NoSuchKey")
        if headers.get("x-amz-copy-source-if-match", found.headers["ETag"]) != found.headers["ETag"]:
            return refusal(412, "PreconditionFailed")
        return found

    def delete_many(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        for name in re.findall(r"<Key>(.*?)</Key>", body.decode(), re.DOTALL):
            self.objects.pop(unescape(name), None)
        return Said(200, b"<DeleteResult></DeleteResult>")

    def complete(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        upload = self.uploads.get(asked["uploadId"])
        if upload is None:
            return refusal(404, "NoSuchUpload")
        if headers.get("if-none-match") == "*" and key in self.objects:
            return refusal(412, "PreconditionFailed")
        wanted = [int(number) for number in re.findall(rb"<PartNumber>(\d+)<", body)]
        content = b"".join(upload.parts[number] for number in wanted)
        self.objects[key] = Object(content, upload.headers | {"ETag": _tag(content)[:-1] + f'-{len(wanted)}"'})
        del self.uploads[asked["uploadId"]]
        return Said(200, b"<Result><ETag>of-no-meaning</ETag></Result>")

    def abort(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        return Said(204) if self.uploads.pop(asked["uploadId"], None) else refusal(404, "NoSuchUpload")

    def get(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        found = self.objects.get(key)
        if found is None:
            return refusal(404, "NoSuchKey")
        if headers.get("if-match", found.headers["ETag"]) != found.headers["ETag"]:
            return refusal(412, "PreconditionFailed")
        if "range" not in headers:
            return Said(200, found.content, found.headers)
        start, _, stop = headers["range"].removeprefix("bytes=").partition("-")
        content = found.content[int(start) : int(stop) + 1 if stop else None]
        if not content:
            return refusal(416, "InvalidRange")
        place = f"bytes {start}-{int(start) + len(content) - 1}/{len(found.content)}"
        return Said(206, content, found.headers | {"Content-Range": place})

    def head(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        return self.get(key, asked, {}, body)

    def delete(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        self.objects.pop(key, None)
        return Said(204)

    def list(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        names = sorted(key for key in self.objects if not self.hidden(key))
        shown, folders, more = _page(names, asked, unquote(asked.get("continuation-token", "")), PAGE)
        lines = [_line(name, self.objects[name]) for name in shown]
        return _listed(lines, folders, f"<NextContinuationToken>{quote(more)}</NextContinuationToken>" if more else "")

    def list_uploads(self, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        keys = sorted({upload.key for upload in self.uploads.values()})
        shown, folders, more = _page(keys, asked, asked.get("key-marker", ""), PAGE)
        lines = [
            f"<Upload><Key>{escape(upload.key)}</Key><UploadId>{number}</UploadId></Upload>"
            for number, upload in self.uploads.items()
            if upload.key in shown
        ]
        next_one = f"<NextKeyMarker>{more}</NextKeyMarker><NextUploadIdMarker>x</NextUploadIdMarker>"
        return _listed(lines, folders, next_one if more else "")


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _kept(headers: dict[str, str]) -> dict[str, str]:
    """What is stored beside the bytes."""
    return {name: value for name, value in headers.items() if name in KEPT or name.startswith("x-amz-meta-")}


def _line(name: str, found: Object) -> str:
    facts = {
        "Key": quote(name, errors="surrogateescape"),
        "Size": len(found.content),
        "ETag": escape(found.headers.get("ETag", "")),
        "LastModified": found.changed_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    return f"<Contents>{''.join(f'<{name}>{fact}</{name}>' for name, fact in facts.items())}</Contents>"


def _page(names: list[str], asked: dict[str, str], after: str, length: int) -> tuple[list[str], list[str], str]:
    """Keys and folders right below a prefix that come after `after`, and where the next page begins."""
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    entries = {}
    for name in names:
        if name.startswith(prefix):
            head, cut, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name[len(prefix) :], "", "")
            entries[prefix + head + cut] = bool(cut)
    waiting = sorted(entry for entry in entries if entry > after)
    now = waiting[:length]
    more = now[-1] if len(waiting) > length else ""
    return [one for one in now if not entries[one]], [one for one in now if entries[one]], more


def _listed(lines: "list[str]", folders: "list[str]", more: str) -> Said:
    lines = [*lines, *(f"<CommonPrefixes><Prefix>{quote(one)}</Prefix></CommonPrefixes>" for one in folders)]
    is_cut = "true" if more else "false"
    head = f"<Name>x</Name><EncodingType>url</EncodingType><IsTruncated>{is_cut}</IsTruncated>"
    return Said(200, f"<Result>{head}{more}{''.join(lines)}</Result>".encode())
