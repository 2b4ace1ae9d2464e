"""What tests of the restore form share: its address, its answers, and what it hands back."""

import re
from typing import Any

from backups.models import Backup
from environments.models import Environment

from .conftest import Address

AGREED = {"may_stop_app": "on", "accepts_version": "on", "is_said_stopped": "on", "contents": "full"}


def into(address: Address, backup: Backup, place: Environment) -> str:
    """The form with this target."""
    return address("restore", backup, to=place.slug)


def seen(page: Any) -> dict[str, str]:
    """What the form hands back of what it has shown."""
    found = re.findall(r'name="(seen_\w+)" value="([^"]*)"', page.content.decode())
    assert len(found) == 2
    return dict(found)
