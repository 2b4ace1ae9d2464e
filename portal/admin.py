"""The admin's own site: whoever comes to it signs in at the portal's door."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator


class SupportSite(AdminSite):
    site_header = site_title = "Developer Portal, support"
    index_title = "Support"

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Where Django's own form would be. Who is signed in and still sent here is no support staff."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied("The admin is for support staff.")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), reverse("sign_in"))
