"""Transfers: the resumable uploads of the tus protocol 1.0, for the page's script and any other tus client.

Extensions: creation, termination, checksum, expiration. A refusal by our own rules is 422, 413 or 429 with one sentence
as plain text; 409 belongs to the protocol: a client that gets it asks where the file ends and goes on there.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from http import HTTPStatus
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import http_date
from django.views.decorators.http import require_http_methods

from environments.access import Passed, pass_gate
from environments.choices import Right
from environments.errors import Failed, Refused, TooMuchAtOnce

from ..choices import UploadPart, UploadState
from ..errors import ChecksumDiffers, NoRoom, OffsetDiffers, TooMuchSent, UploadElsewhere, UploadGone
from ..models import Upload
from ..storage.checksums import Checksum
from ..transfer import KEPT_FOR, append, begin, drop, refuse_running, uploads_of

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
PIECE = "application/offset+octet-stream"
BLOCK = 1 << 20
MOST_BYTES = 64 << 20  # of one request: a longer one could be sent again and again without an end
CHECKSUM_DIFFERS = 460
STATUSES: dict[type[Exception], int] = {
    OffsetDiffers: HTTPStatus.CONFLICT,
    ChecksumDiffers: CHECKSUM_DIFFERS,
    TooMuchSent: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    NoRoom: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooMuchAtOnce: HTTPStatus.TOO_MANY_REQUESTS,
    UploadGone: HTTPStatus.NOT_FOUND,
    UploadElsewhere: HTTPStatus.SERVICE_UNAVAILABLE,  # sent again it may reach the machine that has it
}


class NotTus(Exception):
    """A request that is not as the protocol writes it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@require_http_methods(["OPTIONS", "POST"])
def transfers(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.UPLOAD)
    if request.method == "OPTIONS":
        return _answer(HTTPStatus.NO_CONTENT)
    return _answered(request, lambda: _begin(request, passed))


@require_http_methods(["HEAD", "PATCH", "DELETE"])
def transfer(request: HttpRequest, app: str, environment: str, upload: UUID) -> HttpResponse:
    """One upload, of the person who began it; nobody else's is there."""
    passed = pass_gate(request, app, environment, Right.UPLOAD)
    own = uploads_of(passed.environment, passed.by.user).filter(pk=upload).first()
    if own is None:
        raise Http404("There is no such upload.")
    if request.method == "PATCH":
        return _answered(request, lambda: _append(request, passed, own))
    if request.method == "DELETE":
        return _answered(request, lambda: _drop(passed, own))
    return _answered(request, lambda: _tell(own))


def _begin(request: HttpRequest, passed: Passed) -> HttpResponse:
    metadata = _metadata(request)
    upload = begin(
        passed.environment,
        part=_part(metadata.get("part", "")),
        filename=metadata.get("filename", ""),
        size=_number(request, "Upload-Length"),
        by=passed.by,
    )
    place = passed.environment
    address = reverse("backups:transfer", args=[place.app.slug, place.slug, upload.pk])
    return _answer(HTTPStatus.CREATED, {"Location": address, **_facts(upload)})


def _tell(upload: Upload) -> HttpResponse:
    return _answer(HTTPStatus.OK, {**_facts(upload), "Upload-Length": str(upload.size_bytes)})


def _append(request: HttpRequest, passed: Passed, upload: Upload) -> HttpResponse:
    if request.content_type != PIECE:
        raise NotTus(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"A piece of a file has the content type {PIECE}.")
    offset = _number(request, "Upload-Offset")
    if upload.state != UploadState.COMING:
        raise OffsetDiffers(upload.received_bytes)
    if "Content-Length" not in request.headers:
        raise NotTus(HTTPStatus.LENGTH_REQUIRED, "A piece tells its length.")
    if _number(request, "Content-Length") > MOST_BYTES:
        raise NotTus(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A piece has at most {MOST_BYTES} bytes; send it in several."
        )
    refuse_running(passed.environment)
    upload.received_bytes = append(upload, offset=offset, blocks=_blocks(request), checksum=_checksum(request))
    return _answer(HTTPStatus.NO_CONTENT, _facts(upload))


def _drop(passed: Passed, upload: Upload) -> HttpResponse:
    drop(upload, by=passed.by)
    return _answer(HTTPStatus.NO_CONTENT)


def _answered(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """What the protocol or our own rules refuse, as its status and a sentence."""
    if request.headers.get("Tus-Resumable") != VERSION:
        return _answer(
            HTTPStatus.PRECONDITION_FAILED, sentence=f"Only version {VERSION} of the protocol is spoken here."
        )
    try:
        return answer()
    except NotTus as error:
        return _answer(error.status, sentence=str(error))
    except (Refused, Failed) as error:
        status = STATUSES.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY)
        headers = {"Upload-Offset": str(error.offset)} if isinstance(error, OffsetDiffers) else {}
        return _answer(status, headers, sentence=str(error))


def _answer(status: int, headers: dict[str, str] | None = None, *, sentence: str = "") -> HttpResponse:
    own = {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(Checksum.ALGORITHMS),
        "Cache-Control": "no-store",
    }
    reason = "Checksum Mismatch" if status == CHECKSUM_DIFFERS else None
    return HttpResponse(
        sentence,
        status=status,
        reason=reason,
        content_type="text/plain; charset=utf-8",
        headers={**own, **(headers or {})},
    )


def _facts(upload: Upload) -> dict[str, str]:
    facts = {"Upload-Offset": str(upload.received_bytes)}
    if upload.state == UploadState.COMING:
        facts["Upload-Expires"] = http_date((upload.touched_at + KEPT_FOR).timestamp())
    return facts


def _blocks(request: HttpRequest) -> Iterator[bytes]:
    """The body as it comes: it never stands in memory, nor anywhere else before it is written."""
    while block := request.read(BLOCK):
        yield block


def _number(request: HttpRequest, name: str) -> int:
    value = request.headers.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise NotTus(HTTPStatus.BAD_REQUEST, f"{name} has to be a number of bytes.")
    return int(value)


def _metadata(request: HttpRequest) -> dict[str, str]:
    """`filename d29ybGQ=,part ZmlsZXM=`."""
    found = {}
    for pair in filter(str.strip, request.headers.get("Upload-Metadata", "").split(",")):
        name, _, value = pair.strip().partition(" ")
        found[name] = _decoded(value).decode(errors="replace")
    return found


def _part(name: str) -> UploadPart:
    if name not in UploadPart.values:
        raise NotTus(HTTPStatus.BAD_REQUEST, f"Upload-Metadata names the part: {', '.join(UploadPart.values)}.")
    return UploadPart(name)


def _checksum(request: HttpRequest) -> Checksum | None:
    said = request.headers.get("Upload-Checksum")
    if said is None:
        return None
    algorithm, _, digest = said.partition(" ")
    try:
        return Checksum(algorithm, _decoded(digest))
    except ValueError:
        known = ", ".join(Checksum.ALGORITHMS)
        raise NotTus(HTTPStatus.BAD_REQUEST, f"Checksums are taken by {known}.") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise NotTus(HTTPStatus.BAD_REQUEST, "A value in a header is not base64.") from None
