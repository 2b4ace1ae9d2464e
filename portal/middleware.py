"""What holds for every answer: the headers it carries, and that it does not wait long for somebody's app."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from environments.runtimes.patience import waiting_at_most

APP_ANSWERS_WITHIN_SECONDS = 4  # then it is Unknown to this page; the workers ask again, with more patience


class ContentSecurityPolicyMiddleware:
    """Says what a page may load. Reads SECURE_CSP as Django 6 does, so that it can leave with the upgrade."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = "; ".join(f"{name} {value}" for name, value in settings.SECURE_CSP.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        return response


class KeptByNobodyMiddleware:
    """What the portal answers is for who asked, now: no proxy and no browser keeps it. Static files never come here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class PatienceMiddleware:
    """Lets a page ask an app for a few seconds only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with waiting_at_most(APP_ANSWERS_WITHIN_SECONDS):
            return self.get_response(request)
