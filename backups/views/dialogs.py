"""How dialogs answer: as a page of their own, or, asked for by a page's script, as what goes into its dialog."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

REFUSED, INVALID = 409, 422


def show_dialog(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The dialog; what was typed is in its form again."""
    is_part = bool(request.headers.get("HX-Request"))
    base = "components/dialog.html" if is_part else "components/dialog_page.html"
    response = render(request, template, {**context, "base": base, "is_part": is_part}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def leave_dialog(request: HttpRequest, address: str, message: str = "") -> HttpResponse:
    """It is done: on to another page, which says so."""
    if message:
        messages.success(request, message)
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(address)
    return HttpResponseRedirect(address)
