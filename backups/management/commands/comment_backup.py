"""comment_backup: say what a backup is."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import backup_json, find_backup
from backups.operations.comment import change_comment
from environments.actors import Actor
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Writes or changes the comment of a backup."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", metavar="BACKUP", help="a backup's id, or app/environment/latest")
        parser.add_argument("comment", metavar="T", help="the comment; empty removes it")

    def answer(self, **options: Any) -> None:
        backup = find_backup(options["backup"])
        change_comment(backup, by=Actor.command_line(), comment=options["comment"])
        self.say(backup_json(backup), f"{backup.pk} {backup.comment or 'without a comment'}")
