"""Addresses of what concerns people: the members of an app, and invitations."""

from django.urls import path

from .views import members
from .views.invitation import invitation

app_name = "environments"

MEMBERS = "apps/<slug:app>/<slug:environment>/members/"

urlpatterns = [
    path(MEMBERS, members.members, name="members"),
    path(f"{MEMBERS}invite/", members.invite, name="invite"),
    path(f"{MEMBERS}<int:membership>/", members.change, name="change_member"),
    path(f"{MEMBERS}<int:membership>/remove/", members.remove, name="remove_member"),
    path("invitations/<str:token>/", invitation, name="invitation"),
]
