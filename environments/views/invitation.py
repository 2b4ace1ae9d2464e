"""Invitation: whoever holds the link says who they are, chooses a password, and is signed in."""

from allauth.account.internal.flows.login import record_authentication
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ..errors import InvitationNotValid
from ..forms import InvitationForm
from ..operations.invite import accept, read_invitation

GONE, INVALID = 410, 422
TEMPLATE = "environments/invitation.html"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password", "again")
@login_not_required
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    try:
        user = read_invitation(token)
        form = InvitationForm(request.POST if request.method == "POST" else None, user=user)
        if form.is_valid():
            given = form.cleaned_data
            user = accept(
                token,
                first_name=given["first_name"],
                last_name=given["last_name"],
                password=given["password"],
            )
            login(request, user, backend=BACKEND)
            # As at the door: one of the account's sessions, and a proof of who it is.
            record_authentication(request, user, "password")
            UserSession.objects.create_from_request(request)
            return redirect(settings.LOGIN_REDIRECT_URL)
    except InvitationNotValid as refusal:
        return render(request, TEMPLATE, {"refusal": str(refusal)}, status=GONE)
    apps = [membership.app for membership in user.memberships.select_related("app")]
    return render(
        request, TEMPLATE, {"form": form, "invited": user, "apps": apps}, status=INVALID if form.is_bound else 200
    )
