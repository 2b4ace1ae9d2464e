"""Upload Data, the last step: what leaves, what comes, the name to type, and asking for it."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from environments.access import pass_gate
from environments.choices import Right, Status
from environments.models import Operation
from environments.views.dialogs import INVALID, REFUSED, status_of

from ..choices import UploadPart
from ..errors import Failed, NameNotTyped, Refused
from ..forms import UploadForm
from ..operations.holdings import Holdings
from ..operations.upload import request_upload
from .page import list_address
from .upload import show
from .upload_stage import Stage

STALE = "Something has changed since this page was opened, so nothing was started. Look at it again, then confirm."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """Asked for too early it leads back to the step that is next."""
    passed = pass_gate(request, app, environment, Right.UPLOAD, is_destructive=True)
    stage = Stage(passed, request)
    if stage.used_by and request.method == "POST":
        return HttpResponseRedirect(list_address(stage.environment))  # clicked twice: there it is
    if not (stage.is_open and stage.is_ready) or stage.used_by:
        if request.method != "POST":
            return HttpResponseRedirect(stage.address())
        return show(request, stage, refusal=STALE, status=REFUSED)
    if request.method != "POST":
        return _show(request, stage, _form(stage))
    form = _form(stage, request.POST)
    if not form.is_valid():
        return _show(request, stage, form, INVALID)
    return _ask(request, stage, form)


def _ask(request: HttpRequest, stage: Stage, form: UploadForm) -> HttpResponse:
    try:
        if form.cleaned_data["brought"] != _brought(stage):
            raise Refused(STALE)
        request_upload(
            stage.environment,
            by=stage.passed.by,
            uploads=list(stage.uploads.values()),
            confirm=form.cleaned_data["confirm"],
            allow_empty=form.cleaned_data.get("allow_empty", False),
            is_said_stopped=stage.is_said_stopped,
        )
    except NameNotTyped as refused:
        form.add_error("confirm", str(refused))
        return _show(request, stage, form, INVALID)
    except (Refused, Failed) as refused:
        form.add_error(None, str(refused))
        return _show(request, stage, form, status_of(refused))
    return HttpResponseRedirect(list_address(stage.environment))


def _form(stage: Stage, given: QueryDict | None = None) -> UploadForm:
    return UploadForm(given, initial={"brought": _brought(stage)}, asks_empty=_is_empty(stage))


def _brought(stage: Stage) -> str:
    """What was brought, by its ids: it is asked again when somebody has decided."""
    return ",".join(sorted(one.pk.hex for one in stage.uploads.values()))


def _is_empty(stage: Stage) -> bool:
    """Whether an archive of files was brought that holds none."""
    files = stage.uploads.get(UploadPart.FILES)
    return files is not None and bool(files.found.get("is_empty"))


def _show(request: HttpRequest, stage: Stage, form: UploadForm, status: int = 200) -> HttpResponse:
    uploads = stage.uploads
    full = uploads.get(UploadPart.FULL)
    context = {
        "stage": stage,
        "environment": stage.environment,
        "form": form,
        "holdings": Holdings(stage.environment),
        "database": full or uploads.get(UploadPart.DATABASE),
        "files": full or uploads.get(UploadPart.FILES),
        "brought": _brought(stage),
        "took_before": _took_before(stage),
        "undo_hours": settings.UNDO_HOURS,
        "warnings": [sentence for one in uploads.values() for sentence in one.warnings],
    }
    return render(request, "backups/upload/confirm.html", context, status=status)


def _took_before(stage: Stage) -> timedelta | None:
    """How long the last upload into this environment ran."""
    ended = Operation.objects.filter(environment=stage.environment, kind="upload", status=Status.COMPLETED)
    last = ended.order_by("-finished_at").first()
    return last.finished_at - last.started_at if last and last.finished_at and last.started_at else None
