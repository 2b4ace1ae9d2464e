"""Upload Data: stop the app, bring the files; and the parts of that page that change by themselves."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from environments.access import Passed, pass_gate
from environments.choices import Right
from environments.views.dialogs import INVALID, status_of

from ..choices import UploadPart
from ..errors import Failed, Refused
from ..models import Upload
from ..operations.examine import request_examination
from ..transfer import drop, receive, refuse_running, uploads_of
from .live import STOP_POLLING
from .upload_form import BLOCK, UnnamedFile
from .upload_stage import CHUNK_BYTES, Stage

NO_FILE = "Choose a file, then send it."


@never_cache  # whoever comes back to it sees what is true by now
@csrf_exempt  # its form is protected below, when it is known where the file goes
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """The first two steps; without script a file comes as this page's plain form."""
    passed = pass_gate(request, app, environment, Right.UPLOAD)
    if request.method != "POST":
        return show(request, Stage(passed, request))
    request.upload_handlers = [UnnamedFile(request)]
    return _receive(request, passed)


def show(request: HttpRequest, stage: Stage, *, refusal: str = "", status: int = 200) -> HttpResponse:
    """The step that is next, with what was refused before it."""
    template = "files" if stage.is_open else "stop"
    return render(request, f"backups/upload/{template}.html", _context(stage, refusal=refusal), status=status)


@require_safe
def live(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """The parts that may have changed. While the app is being stopped there is nothing; then the page goes on."""
    passed = pass_gate(request, app, environment, Right.UPLOAD)
    stage = Stage(passed, request)
    if "stopping" in request.GET:
        return HttpResponse(status=204) if stage.is_stopping else HttpResponseClientRedirect(stage.address())
    return _changed(request, stage)


@require_POST
def remove(request: HttpRequest, app: str, environment: str, upload: UUID) -> HttpResponse:
    """Give a file up that was brought, whole or in part."""
    passed = pass_gate(request, app, environment, Right.UPLOAD)
    try:
        drop(_own(passed, upload), by=passed.by)
    except Refused as refused:
        return show(request, Stage(passed, request), refusal=str(refused), status=status_of(refused))
    return _answer(request, Stage(passed, request))


@require_POST
def examine(request: HttpRequest, app: str, environment: str, upload: UUID) -> HttpResponse:
    """Have a file examined again whose examination ended without an answer."""
    passed = pass_gate(request, app, environment, Right.UPLOAD)
    found, stage = _own(passed, upload), Stage(passed, request)
    try:
        if found.examination is None or found.examination.is_ended:
            request_examination(found, by=passed.by)
    except Refused as refused:
        return show(request, stage, refusal=str(refused), status=status_of(refused))
    return _answer(request, stage)


@csrf_protect
def _receive(request: HttpRequest, passed: Passed) -> HttpResponse:
    stage = Stage(passed, request)
    file = request.FILES.get("file")
    part = request.POST.get("part", "")
    try:
        refuse_running(passed.environment)
        if file is None or file.size is None or part not in UploadPart.values:
            return show(request, stage, refusal=_why_no_file(request), status=INVALID)
        receive(
            passed.environment,
            part=UploadPart(part),
            filename=file.name or "",
            size=file.size,
            blocks=file.chunks(BLOCK),
            by=passed.by,
        )
    except (Refused, Failed) as refused:
        return show(request, stage, refusal=str(refused), status=status_of(refused))
    return HttpResponseRedirect(stage.address())


def _why_no_file(request: HttpRequest) -> str:
    return getattr(request.upload_handlers[0], "refusal", "") or NO_FILE


def _own(passed: Passed, upload: UUID) -> Upload:
    found = uploads_of(passed.environment, passed.by.user).filter(pk=upload).select_related("examination").first()
    if found is None:
        raise Http404("There is no such upload.")
    return found


def _answer(request: HttpRequest, stage: Stage) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return _changed(request, stage)
    return HttpResponseRedirect(stage.address())


def _changed(request: HttpRequest, stage: Stage) -> HttpResponse:
    """Every card but those whose file is on its way: those are their sender's."""
    cards = [card for card in stage.cards if not card.is_coming]
    is_over = not any(card.is_examined for card in cards)
    told = " ".join(card.told for card in cards if card.told) if is_over else ""
    context = {**_context(stage), "cards": cards, "told": told}
    return render(request, "backups/upload/_cards.html", context, status=STOP_POLLING if is_over else 200)


def _context(stage: Stage, *, refusal: str = "") -> dict[str, object]:
    return {
        "stage": stage,
        "environment": stage.environment,
        "cards": stage.cards,
        "refusal": refusal,
        "chunk_bytes": CHUNK_BYTES,
    }
