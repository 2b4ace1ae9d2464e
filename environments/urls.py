"""Addresses of what concerns environments and people: invitations."""

from django.urls import path

from .views.invitation import invitation

app_name = "environments"

urlpatterns = [
    path("invitations/<str:token>/", invitation, name="invitation"),
]
