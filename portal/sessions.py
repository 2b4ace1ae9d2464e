"""How long a session lives: so long after signing in, and so long after the person last came."""

import time
from collections.abc import Callable

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

SEEN = "seen_at"
# Noted once an hour: not every page shall write.
NOTED_EVERY_SECONDS = 3600


class SessionLimitsMiddleware:
    """Ends a session that is over. An open page that refreshes itself is nobody coming."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            _look_at(request)
        return self.get_response(request)


def _look_at(request: HttpRequest) -> None:
    records = get_authentication_records(request, request.user)
    if not records:
        return
    now, began_at = time.time(), min(record["at"] for record in records)
    seen_at = request.session.get(SEEN, began_at)
    if now - began_at > settings.SESSION_COOKIE_AGE or now - seen_at > settings.SESSION_IDLE_SECONDS:
        logout(request)
    elif now - seen_at > NOTED_EVERY_SECONDS and "HX-Request" not in request.headers:
        request.session[SEEN] = now
