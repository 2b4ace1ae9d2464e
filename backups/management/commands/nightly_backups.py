"""nightly_backups: queue every nightly whose slot has come."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import backup_json
from backups.operations.nightly import queue_pages
from environments.management.arguments import a_moment
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Queues every nightly backup whose slot has come; called again, it makes nothing twice."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--now", type=a_moment, metavar="ISO", help="the moment that counts as now")

    def answer(self, **options: Any) -> None:
        found = []
        for page in queue_pages(options["now"]):
            for backup in page:
                late = backup.operation.params.get("late", "")
                slot = f"for {backup.slot_at:%Y-%m-%d %H:%M} UTC{late and f' ({late})'}"
                if self.is_json:
                    found.append(backup_json(backup))
                else:
                    self.say({}, f"{backup.pk} {backup.environment} {backup.status} {slot}")
        if self.is_json:
            self.say(found)
