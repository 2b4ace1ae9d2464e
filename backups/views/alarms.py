"""What is wrong with an environment's backups, above its list: as last seen at once, and asked for anew by the page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from environments import clock
from environments.access import pass_gate

from ..operations.alarm import alarms_of


@require_safe
def alarms(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """One banner an alarm, the worst first; nothing when all is well."""
    passed = pass_gate(request, app, environment)
    found = alarms_of([passed.environment], clock.now())[passed.environment.pk]
    return render(request, "backups/_alarms.html", {"alarms": found})
