"""rebuild_catalogue: bring the list of backups back from the vault, or add what the vault has and the list lacks."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from backups.operations.rebuild import Rebuilt, rebuild
from backups.storage.vault import open_vault
from environments.actors import Actor
from environments.errors import Failed
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Scans the vault and re-creates environments' backups with comments, expiry and pins; removes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would come back; change nothing")

    def answer(self, **options: Any) -> None:
        done, is_dry = [], options["dry_run"]
        for one in rebuild(open_vault(), by=Actor.command_line(), is_dry=is_dry, told=self._tell):
            done.append(one)
            if not self.is_json:
                self.say({}, *_lines(one, is_dry))
        problems = [f"{one.name}: {problem}" for one in done for problem in one.problems]
        if self.is_json:
            self.say([asdict(one) for one in done])
        elif not done:
            self.say({}, "The vault holds no backups.")
        if problems:
            raise Failed("\n".join([*problems, f"{_count(problems)} Nothing was removed; all else was looked at."]))

    def _tell(self, line: str) -> None:
        self.stderr.write(line, self.style.NOTICE)


def _count(problems: list[str]) -> str:
    return "One of them cannot be believed." if len(problems) == 1 else f"{len(problems)} cannot be believed."


def _lines(one: Rebuilt, is_dry: bool) -> list[str]:
    would = "would be " if is_dry else ""
    lines = [
        f"{one.name}: {one.found} {would}brought back, {one.completed} {would}Completed after all, "
        f"{one.changed} {would}told as the vault has it, {one.missing} missing, {one.known} known already"
    ]
    if one.is_new:
        lines.append(f"{one.name} is not registered here: run register_environment {one.name} with its database.")
    return lines
