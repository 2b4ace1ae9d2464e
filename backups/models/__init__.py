"""What is remembered of backups."""

from .alarm import ToldAlarm
from .backup import Backup
from .generation import Generation
from .hold import Hold
from .installation import Installation
from .pack import DeadObject
from .restore import Restore
from .swap import Swap
from .upload import Upload

__all__ = ["Backup", "DeadObject", "Generation", "Hold", "Installation", "Restore", "Swap", "ToldAlarm", "Upload"]
