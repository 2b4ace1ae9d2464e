"""save_portal: a copy of the portal's own database into the vault, now."""

from typing import Any

from backups.operations.save_portal import save_portal
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Copies the portal's own database into the vault, as happens by itself each night."

    def answer(self, **options: Any) -> None:
        made = save_portal()
        self.say(
            {"label": made.label, "kind": made.kind, "bytes": made.stored.size, "sha256": made.stored.sha256},
            f"Saved as {made.label}: {made.stored.size / 1e6:,.2f} MB, SHA-256 {made.stored.sha256}",
        )
