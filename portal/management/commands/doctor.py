"""doctor: says what is missing, one sentence each."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from environments.errors import Failed
from environments.management.base import PortalCommand
from portal.doctor.finding import MISSING, Finding
from portal.doctor.given import look_at_settings
from portal.doctor.machine import (
    look_at_data_directory,
    look_at_programs,
    look_at_room,
    look_at_sandbox,
    look_at_static_files,
)
from portal.doctor.reached import look_at_files, look_at_mail, look_at_queue, look_at_vault
from portal.doctor.rows import look_at_clock, look_at_database, look_at_keys, look_at_notes
from portal.doctor.workers import look_at_workers

LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    look_at_settings,
    look_at_data_directory,
    look_at_room,
    look_at_database,
    look_at_clock,
    look_at_keys,
    look_at_vault,
    look_at_files,
    look_at_notes,
    look_at_programs,
    look_at_sandbox,
    look_at_static_files,
    look_at_queue,
    look_at_workers,
    look_at_mail,
)


class Command(PortalCommand):
    help = "Says what the portal needs and does not have. Exit code 0: nothing is missing."
    requires_system_checks = ()

    def answer(self, **_: Any) -> None:
        findings = [finding for look in LOOKS for finding in look()]
        lines = [f"{finding.level:8} {finding.about}: {finding.sentence}" for finding in findings]
        self.say([asdict(finding) for finding in findings], *lines)
        missing = sum(finding.level == MISSING for finding in findings)
        if missing:
            is_or_are = "is" if missing == 1 else "are"
            raise Failed(f"{missing} of {len(findings)} things looked at {is_or_are} missing.")
