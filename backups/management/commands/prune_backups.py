"""prune_backups: remove what has expired, as the schedule says."""

from typing import Any

from django.core.management.base import CommandParser

from backups.operations.making import in_words
from backups.operations.prune_report import Report, prune
from environments import clock
from environments.actors import Actor
from environments.errors import Failed
from environments.lookup import moment
from environments.management.arguments import a_moment
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = (
        "Removes the backups that have expired; never the newest undamaged one of an environment, nor a pinned one, "
        "nor one that is being read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="remove nothing; say what would go, why, and bytes")
        parser.add_argument("--force", action="store_true", help="although too many would go at once, or none is new")
        parser.add_argument("--now", type=a_moment, metavar="ISO", help="the moment that counts as now")

    def answer(self, **options: Any) -> None:
        found, problems, is_dry_run, said = [], [], options["dry_run"], 0
        for report in prune(
            options["now"] or clock.now(),
            by=Actor.command_line(),
            is_forced=options["force"],
            is_dry_run=is_dry_run,
        ):
            if report.problem:
                problems.append(f"{report.environment}: {report.problem}")
            if self.is_json:
                found.append(_json(report))
            else:
                lines = _lines(report, is_dry_run)
                self.say({}, *lines)
                said += len(lines)
        if self.is_json:
            self.say(found)
        elif is_dry_run and not said:
            self.say({}, "Nothing has expired; nothing would be removed.")
        if problems:
            raise Failed("\n".join(problems))


def _lines(report: Report, is_dry_run: bool) -> list[str]:
    if report.held_back:  # without a dry run it is the problem that ends the command
        return [f"{report.environment}\t{report.held_back}"] if is_dry_run else []
    lines = [f"{report.environment}\t{line}" for line in report.lines]
    if report.removed:
        would = "would come back" if is_dry_run else "came back; what packs free follows in a day"
        lines.append(f"{report.environment}\t{len(report.removed)} removed, {in_words(report.freed_bytes)} {would}")
    return lines


def _json(report: Report) -> dict[str, Any]:
    return {
        "environment": str(report.environment),
        "held_back": report.held_back or None,
        "problem": report.problem or None,
        "bytes": report.freed_bytes,
        "backups": [
            {
                "id": str(line.verdict.backup.id),
                "created_at": moment(line.verdict.backup.created_at),
                "expires_at": moment(line.verdict.backup.expires_at),
                "outcome": line.outcome,
                "cause": line.verdict.cause,
                "reason": line.verdict.reason,
                "bytes": line.stored_bytes,
            }
            for line in report.lines
        ],
    }
