"""What is remembered of backups."""

from .backup import Backup

__all__ = ["Backup"]
