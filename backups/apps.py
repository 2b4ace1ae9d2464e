"""Backups as a Django app; says how databases are looked at and what is checked at the start."""

from importlib import import_module

from django.apps import AppConfig

# Each registers what it brings. Only when Django is ready can models be imported.
BRINGS = ("backups.operations.inspect", "backups.checks")


class BackupsConfig(AppConfig):
    name = "backups"
    verbose_name = "Backups"

    def ready(self) -> None:
        for module in BRINGS:
            import_module(module)
