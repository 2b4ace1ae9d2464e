"""Addresses of the Backups page, its parts and its dialogs, and of downloads."""

from django.urls import path

from .views import alarms, calendar, cancel, comment, create, delete, download, live, page, pin

app_name = "backups"
LIST = "apps/<slug:app>/<slug:environment>/backups/"
ONE = f"{LIST}<uuid:backup>/"

urlpatterns = [
    path(LIST, page.backups, name="list"),
    path(f"{LIST}create/", create.create, name="create"),
    path(f"{LIST}alarms/", alarms.alarms, name="alarms"),
    path(f"{LIST}calendar/", calendar.calendar, name="calendar"),
    path(f"{LIST}rows/", live.rows, name="rows"),
    path(ONE, page.details, name="details"),
    path(f"{ONE}panel/", page.panel, name="panel"),
    path(f"{ONE}menu/", page.menu, name="menu"),
    path(f"{ONE}comment/", comment.comment, name="comment"),
    path(f"{ONE}delete/", delete.delete, name="delete"),
    path(f"{ONE}cancel/", cancel.cancel, name="cancel"),
    path(f"{ONE}pin/", pin.pin, name="pin"),
    path(f"{ONE}unpin/", pin.unpin, name="unpin"),
    path(f"{ONE}download/<slug:contents>/", download.download, name="download"),
    path("downloads/<str:token>/<str:filename>", download.archive, name="archive"),
]
