"""The places a person looked at last, one of each app, newest first: remembered by their browser."""

from collections.abc import Callable, Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "portal_places"
MOST = 20
A_YEAR_SECONDS = 365 * 24 * 3600
Slugs = tuple[str, str]


def places_of(request: HttpRequest) -> list[Slugs]:
    """App and environment as slugs. What the person may see of them is asked where they are used."""
    pairs = (tuple(part.split(".")) for part in request.COOKIES.get(COOKIE, "").split("|")[:MOST])
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and all(pair)]


class RememberPlaceMiddleware:
    """Notes the environment whose page was shown."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for shown in _shown(request, response):
            before = places_of(request)
            if before[:1] != [shown]:
                after = [shown, *(pair for pair in before if pair[0] != shown[0])][:MOST]
                response.set_cookie(
                    COOKIE,
                    "|".join(".".join(pair) for pair in after),
                    max_age=A_YEAR_SECONDS,
                    secure=settings.SESSION_COOKIE_SECURE,
                    httponly=True,
                    samesite="Lax",
                )
        return response


def _shown(request: HttpRequest, response: HttpResponse) -> Iterator[Slugs]:
    """The place of a whole page that was really shown; nothing for parts of pages, refusals, downloads."""
    given = request.resolver_match.kwargs if request.resolver_match else {}
    is_whole = request.method == "GET" and response.status_code == 200 and "HX-Request" not in request.headers
    is_page = is_whole and response.headers.get("Content-Type", "").startswith("text/html")
    if is_page and "app" in given and "environment" in given:
        yield given["app"], given["environment"]
