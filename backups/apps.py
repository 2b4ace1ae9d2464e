"""Backups as a Django app; tells the lifecycle what performs an operation of each kind."""

from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"
    verbose_name = "Backups"
