"""Upload Data, the first step: have the app stopped, or say that one has stopped it."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from environments.access import pass_gate
from environments.choices import Right
from environments.operations.stop import request_stop
from environments.states import why_not_stopped
from environments.views.dialogs import INVALID, REFUSED, status_of

from ..errors import Failed, Refused
from .upload import show
from .upload_stage import Stage

NOT_TICKED = "Stop the application, then tick the box."


@require_POST
def stop(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """Queue the stop; the page shows it and goes on by itself."""
    passed = pass_gate(request, app, environment, Right.UPLOAD)
    pass_gate(request, app, environment, Right.OPERATE)
    stage = Stage(passed, request)
    try:
        request_stop(passed.environment, by=passed.by)
    except Refused as refused:
        return show(request, stage, refusal=str(refused), status=status_of(refused))
    return HttpResponseRedirect(stage.address())


@require_POST
def said_stopped(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """Take a person's word for it where the runtime cannot tell, unless the database says otherwise."""
    passed = pass_gate(request, app, environment, Right.UPLOAD)
    stage = Stage(passed, request)
    if not stage.says_stopped:
        return show(request, stage, refusal=NOT_TICKED, status=INVALID)
    try:
        why = why_not_stopped(passed.environment, said_by_hand=True)
    except (Refused, Failed) as failed:
        why = str(failed)
    if why:
        stage.says_stopped = False
        return show(request, stage, refusal=why, status=REFUSED)
    return HttpResponseRedirect(stage.address())
