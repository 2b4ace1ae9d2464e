"""unpin_backup: let a pinned backup expire."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import backup_json, find_backup
from backups.operations.pin import unpin
from environments.actors import Actor
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Takes the pin out of a backup: it goes when it has expired."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", metavar="BACKUP", help="a backup's id, or app/environment/latest")

    def answer(self, **options: Any) -> None:
        backup = find_backup(options["backup"])
        unpin(backup, by=Actor.command_line())
        backup.refresh_from_db()
        self.say(backup_json(backup), f"{backup.pk} expires on {backup.expires_at:%Y-%m-%d %H:%M} UTC")
