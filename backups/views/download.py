"""Download: makes a link for one person, and streams what it leads to, in any range."""

import base64
import errno
import logging
from collections.abc import Iterator
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date
from django.views.decorators.http import require_http_methods, require_safe

from environments.access import Passed, pass_gate
from environments.choices import Right
from environments.errors import TooMuchAtOnce

from ..choices import Contents, Format
from ..errors import Failed, LinkUnknown, Refused
from ..operations.download import (
    Download,
    linked_backup,
    make_link,
    name_of,
    open_archive,
    read_link,
    record_download,
)
from .details import details_of
from .ranges import NotSatisfiable, Span, span_of
from .streams import Stream

log = logging.getLogger(__name__)

CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
RETRY_AFTER_SECONDS = 60
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",
}


@require_http_methods(["GET", "HEAD", "POST"])
def download(request: HttpRequest, app: str, environment: str, backup: UUID, contents: str) -> HttpResponseBase:
    """Make a link and follow it. `?format=tar.gz` asks for the other form."""
    passed = pass_gate(request, app, environment, Right.DOWNLOAD)
    given = request.POST if request.method == "POST" else request.GET
    archive_format = given.get("format", Format.ZIP)
    if contents not in Contents or archive_format not in Format:
        raise Http404("There is no such download.")
    found = details_of(passed, backup).backup
    try:
        token = make_link(found, contents=contents, archive_format=archive_format, user=request.user)
    except Refused as refused:
        return _no_download(request, passed, refused, HTTPStatus.CONFLICT)
    return redirect("backups:archive", token, name_of(found, Contents(contents), Format(archive_format)))


@require_safe
def archive(request: HttpRequest, token: str, filename: str) -> HttpResponseBase:
    """What a link leads to. The gate is passed anew each time: a right that was withdrawn ends the link."""
    try:
        link = read_link(token, user=request.user)
    except LinkUnknown as unknown:
        raise Http404(str(unknown)) from None
    passed = pass_gate(request, link.app, link.environment, Right.DOWNLOAD)
    try:
        opened = open_archive(linked_backup(link, passed.environment), link.contents, link.archive_format)
    except Refused as refused:
        return _no_download(request, passed, refused, HTTPStatus.GONE)
    except Failed as failed:
        log.error("The download of backup %s cannot begin: %s", link.backup, failed)
        return _no_download(request, passed, failed, HTTPStatus.SERVICE_UNAVAILABLE)
    if filename != opened.filename:
        raise Http404("There is no such download link.")
    try:
        response, begins_at = _answer(request, opened)
    except TooMuchAtOnce as refused:
        return _no_download(request, passed, refused, HTTPStatus.TOO_MANY_REQUESTS)
    except Refused as refused:
        return _no_download(request, passed, refused, HTTPStatus.GONE)
    if begins_at is not None and request.method == "GET":
        record_download(opened, by=passed.by, link=link, is_continued=begins_at > 0)
    return response


def _no_download(request: HttpRequest, passed: Passed, why: Exception, status: HTTPStatus) -> HttpResponse:
    context = {"why": str(why), "environment": passed.environment, "is_gone": status == HTTPStatus.GONE}
    response = render(request, "backups/gone.html", context, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _answer(request: HttpRequest, opened: Download) -> tuple[HttpResponseBase, int | None]:
    """The response, and the first byte that it brings (None: it brings none).

    Raises: BackupLeaving, TooMuchAtOnce
    """
    refused = get_conditional_response(request, opened.etag, int(opened.made_at.timestamp()))
    if refused is not None:
        return _with_headers(refused, opened), None
    try:
        span = _span(request, opened)
    except NotSatisfiable:
        response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response["Content-Range"] = f"bytes */{opened.length}"
        return _with_headers(response, opened), None
    start, stop = span or Span(0, opened.length)
    status = HTTPStatus.PARTIAL_CONTENT if span else HTTPStatus.OK
    answer: HttpResponseBase
    if _is_for_nginx(request, opened, span):
        opened.hand_over()
        answer = HttpResponse(status=status, headers={"X-Accel-Redirect": settings.X_ACCEL + opened.stored_as})
    else:
        pieces = _watched(opened, start, stop)
        body = iter(()) if request.method == "HEAD" else Stream(request.user.pk, pieces)
        answer = StreamingHttpResponse(body, status=status)
    # Also in front of no body: whoever is not nginx then sees that the bytes did not come.
    answer["Content-Length"] = str(stop - start)
    if span:
        answer["Content-Range"] = f"bytes {start}-{stop - 1}/{opened.length}"
    return _with_headers(answer, opened), start


def _is_for_nginx(request: HttpRequest, opened: Download, span: Span | None) -> bool:
    """Whether nginx sends the bytes from the vault's directory.

    It judges the request once more, by the file: so it gets only those that it understands as we do.
    """
    if request.method == "HEAD" or not (settings.X_ACCEL and opened.stored_as):
        return False
    is_plain = not any(name in request.headers for name in CONDITIONS)
    return is_plain and (span is not None or "Range" not in request.headers)


def _span(request: HttpRequest, opened: Download) -> Span | None:
    """Which bytes are wanted: all (None), unless a range is named and what the client has of it is of the same bytes.

    Raises:
        NotSatisfiable
    """
    wanted, condition = request.headers.get("Range"), request.headers.get("If-Range")
    if not wanted or not opened.supports_ranges or condition not in (None, opened.etag):
        return None
    return span_of(wanted, opened.length)


def _with_headers(response: HttpResponseBase, opened: Download) -> HttpResponseBase:
    for name, value in HEADERS.items():
        response[name] = value
    response["ETag"] = opened.etag
    response["Last-Modified"] = http_date(opened.made_at.timestamp())
    response["Accept-Ranges"] = "bytes" if opened.supports_ranges else "none"
    if response.status_code in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        response["Content-Type"] = opened.content_type
        response["Content-Disposition"] = content_disposition_header(True, opened.filename) or "attachment"
        if opened.sha256:
            digest = base64.b64encode(bytes.fromhex(opened.sha256)).decode()
            response["Repr-Digest"] = f"sha-256=:{digest}:"
    return response


def _watched(opened: Download, start: int, stop: int) -> Iterator[bytes]:
    """The bytes; when they fail to come the connection is cut, so that nobody takes a part for the whole."""
    done = start
    try:
        for piece in opened.stream(start, stop):
            yield piece
            done += len(piece)
    except (Failed, Refused) as failed:
        log.error("%s was cut at byte %d of %d: %s", opened.filename, done, stop, failed)
        # As if the other side had gone: servers close the connection at once, without a traceback of their own.
        raise ConnectionResetError(errno.ECONNRESET, "the vault failed") from None
