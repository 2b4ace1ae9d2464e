"""Addresses of the Backups page, its parts and its dialogs, and of downloads."""

from django.urls import path

from .views import (
    activity,
    alarms,
    calendar,
    cancel,
    comment,
    create,
    current,
    delete,
    download,
    environment,
    live,
    operate,
    packages,
    page,
    pin,
    restore,
    transfer,
    undo,
    upload,
    upload_confirm,
    upload_stop,
)

app_name = "backups"
LIST = "apps/<slug:app>/<slug:environment>/backups/"
HERE = "apps/<slug:app>/<slug:environment>/environment/"
HISTORY = "apps/<slug:app>/<slug:environment>/activity/"
ONE = f"{LIST}<uuid:backup>/"

urlpatterns = [
    path(LIST, page.backups, name="list"),
    path(f"{LIST}create/", create.create, name="create"),
    path(f"{LIST}alarms/", alarms.alarms, name="alarms"),
    path(f"{LIST}calendar/", calendar.calendar, name="calendar"),
    path(f"{LIST}rows/", live.rows, name="rows"),
    path(f"{LIST}current/", current.current, name="current"),
    path(f"{LIST}undo/", undo.undo, name="undo"),
    path(f"{LIST}operations/<uuid:operation>/cancel/", cancel.cancel_operation, name="cancel_operation"),
    path(f"{LIST}upload/", upload.upload, name="upload"),
    path(f"{LIST}upload/stop/", upload_stop.stop, name="upload_stop"),
    path(f"{LIST}upload/stopped/", upload_stop.said_stopped, name="upload_said"),
    path(f"{LIST}upload/confirm/", upload_confirm.confirm, name="upload_confirm"),
    path(f"{LIST}upload/live/", upload.live, name="upload_live"),
    path(f"{LIST}upload/<uuid:upload>/remove/", upload.remove, name="upload_remove"),
    path(f"{LIST}upload/<uuid:upload>/examine/", upload.examine, name="upload_examine"),
    path(f"{LIST}upload/transfers/", transfer.transfers, name="transfers"),
    path(f"{LIST}upload/transfers/<uuid:upload>/", transfer.transfer, name="transfer"),
    path(ONE, page.details, name="details"),
    path(f"{ONE}panel/", page.panel, name="panel"),
    path(f"{ONE}menu/", page.menu, name="menu"),
    path(f"{ONE}comment/", comment.comment, name="comment"),
    path(f"{ONE}delete/", delete.delete, name="delete"),
    path(f"{ONE}cancel/", cancel.cancel, name="cancel"),
    path(f"{ONE}restore/", restore.restore, name="restore"),
    path(f"{ONE}pin/", pin.pin, name="pin"),
    path(f"{ONE}unpin/", pin.unpin, name="unpin"),
    path(f"{ONE}download/<slug:contents>/", download.download, name="download"),
    path(HERE, environment.environment_page, name="environment"),
    path(f"{HERE}live/", environment.environment_live, name="environment_live"),
    path(f"{HERE}database/", environment.environment_database, name="environment_database"),
    path(f"{HERE}stop/", operate.stop, name="stop"),
    path(f"{HERE}start/", operate.start, name="start"),
    path(f"{HERE}packages/add/", packages.add_package, name="add_package"),
    path(f"{HERE}packages/<int:package>/deploy/", packages.deploy, name="deploy"),
    path(HISTORY, activity.activity, name="activity"),
    path(f"{HISTORY}table.csv", activity.activity_table, name="activity_table"),
    path("downloads/<str:token>/<str:filename>", download.archive, name="archive"),
]
