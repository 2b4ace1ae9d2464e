"""restore_portal: bring the portal's own database back from the vault, into an empty one."""

from typing import Any

from django.core.management.base import CommandParser

from backups.operations.restore_portal import restore_portal, saved_portals
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Fills the portal's empty database from a copy in the vault: the newest, or the one that is named."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("label", nargs="?", default="", help="as --list shows it; without it, the newest")
        parser.add_argument("--list", action="store_true", help="show the copies, newest first; change nothing")

    def answer(self, **options: Any) -> None:
        if options["list"]:
            found = saved_portals()
            rows = [{"label": one.label, "kind": one.kind, "bytes": one.stored.size} for one in found]
            self.say(rows, *(f"{one.label}  {one.kind}  {one.stored.size / 1e6:,.2f} MB" for one in found))
            return
        done = restore_portal(options["label"])
        self.say(
            {"label": done.label, "kind": done.kind, "form": done.version},
            f"The portal is as it was at {done.made_at:%Y-%m-%d %H:%M} UTC. "
            "Run migrate, rebuild_catalogue and doctor; then start the web server and the workers.",
        )
