"""What is remembered of backups."""

from .backup import Backup
from .installation import Installation

__all__ = ["Backup", "Installation"]
