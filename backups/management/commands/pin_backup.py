"""pin_backup: keep a backup past its expiry."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import backup_json, find_backup
from backups.operations.pin import pin
from environments.actors import Actor
from environments.management.arguments import an_end
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Keeps a backup past its expiry, for a reason that is shown beside it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", metavar="BACKUP", help="a backup's id, or app/environment/latest")
        parser.add_argument("--reason", required=True, metavar="T", help="why it is kept longer")
        parser.add_argument("--until", type=an_end, metavar="D", help="the last day of the pin; without it: for good")

    def answer(self, **options: Any) -> None:
        backup = find_backup(options["backup"])
        pin(backup, by=Actor.command_line(), reason=options["reason"], until=options["until"])
        backup.refresh_from_db()
        until = f"until {backup.pinned_until:%Y-%m-%d %H:%M} UTC" if backup.pinned_until else "until it is unpinned"
        self.say(backup_json(backup), f"{backup.pk} pinned {until}: {backup.pin_reason}")
