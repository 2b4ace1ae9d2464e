"""What is remembered of backups."""

from .backup import Backup
from .generation import Generation
from .installation import Installation
from .restore import Restore
from .swap import Swap

__all__ = ["Backup", "Generation", "Installation", "Restore", "Swap"]
