"""The front door: which address leads to which wing."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from . import views
from .health import health
from .metrics import metrics

handler500 = "portal.outage.answer_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("", include("portal.accounts.urls")),
    path("health", health, name="health"),
    path("metrics", metrics, name="metrics"),
    path("theme/", views.theme, name="theme"),
    path("", include("backups.urls")),
    path("", include("environments.urls")),
    path("admin/", admin.site.urls),
]
