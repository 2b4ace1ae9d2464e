"""The front door: which address leads to which wing."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path

from . import views
from .forms import SignInForm
from .health import health

sign_in = LoginView.as_view(
    template_name="account/sign_in.html", authentication_form=SignInForm, redirect_authenticated_user=True
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("sign-in/", sign_in, name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("health", health, name="health"),
    path("theme/", views.theme, name="theme"),
    path("", include("backups.urls")),
    path("", include("environments.urls")),
    path("admin/", admin.site.urls),
]
