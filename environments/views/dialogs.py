"""How dialogs answer: as a page of their own, or, asked for by a page's script, as what goes into its dialog."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from ..errors import Refused, TooMuchAtOnce

REFUSED, INVALID, TOO_MUCH = 409, 422, 429


def status_of(refused: Exception) -> int:
    """The status of a refusal that no field of the form is about."""
    return TOO_MUCH if isinstance(refused, TooMuchAtOnce) else REFUSED


def answer(
    form: BaseForm, ask: Callable[[], object], *, is_asked_already: Callable[[], object] = lambda: False
) -> int | None:
    """Ask for what a form says. Returns None when it is asked for, else the status to show the form again with.

    What is refused stands at the field it is about, or above the form. `is_asked_already`: whether this very person's
    first click did it, so that a second one leads to the same end.
    """
    if not form.is_bound:
        return 200
    if not form.is_valid():
        return INVALID
    try:
        ask()
    except Refused as refused:
        if is_asked_already():
            return None
        field = refused.argument if refused.argument in form.fields else None
        form.add_error(field, str(refused))
        return INVALID if field else status_of(refused)
    return None


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
