"""The front door: home, and how the pages look."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from environments import clock
from environments.access import environments_of

from .home import cards_of, vault_in_words
from .navigation import THEME_COOKIE, THEMES
from .strips import LEGEND

A_YEAR_SECONDS = 365 * 24 * 3600


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The person's environments and their last good backups; who has only one is there at once."""
    environments = environments_of(request.user)
    if len(environments) == 1:
        return redirect(environments[0])
    cards = cards_of(environments)
    context = {
        "cards": cards,
        "covered": sum(card.is_covered for card in cards),
        "vault": vault_in_words(cards),
        "legend": LEGEND,
        "now": clock.now(),
    }
    return render(request, "portal/home.html", context)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark, or leave it to the system again."""
    chosen = request.POST.get("theme", "")
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    response = HttpResponseRedirect(back if is_ours else "/")
    if chosen in THEMES:
        response.set_cookie(
            THEME_COOKIE, chosen, max_age=A_YEAR_SECONDS, secure=settings.SESSION_COOKIE_SECURE, samesite="Lax"
        )
    else:
        response.delete_cookie(THEME_COOKIE)
    return response
