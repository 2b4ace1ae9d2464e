"""Recovery codes whose key is missing: one's own pages say so, and lead to the making of new ones."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.base.views import IndexView
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.recovery_codes.views import (
    GenerateRecoveryCodesView,
    download_recovery_codes,
    view_recovery_codes,
)
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.generic.edit import FormView

View = Callable[[HttpRequest], HttpResponseBase]


class Account(IndexView):  # type: ignore[misc]
    """`unused_codes`: how many are left; None where they cannot be read."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        codes = context["authenticators"].get("recovery_codes")
        return context | {"unused_codes": _count_unused(codes) if codes else 0}


class MakeRecoveryCodes(GenerateRecoveryCodesView):  # type: ignore[misc]
    """New ones are made whether or not those until now can be read."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        try:
            context: dict[str, Any] = super().get_context_data(**kwargs)
        except ValidationError:
            context = FormView.get_context_data(self, **kwargs) | {"is_unreadable": True}
        return context


def _count_unused(codes: RecoveryCodes) -> int | None:
    try:
        return len(codes.get_unused_codes())
    except ValidationError:
        return None


def _or_new_ones(view: View) -> View:
    @wraps(view)
    def shown(request: HttpRequest) -> HttpResponseBase:
        try:
            return view(request)
        except ValidationError:
            return redirect("mfa_generate_recovery_codes")

    return shown


account = Account.as_view()
make_recovery_codes = MakeRecoveryCodes.as_view()
show_recovery_codes = _or_new_ones(view_recovery_codes)
save_recovery_codes = _or_new_ones(download_recovery_codes)
