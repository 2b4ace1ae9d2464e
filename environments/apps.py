"""Environments as a Django app; looks in every app for the kinds of operations it brings."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class EnvironmentsConfig(AppConfig):
    name = "environments"
    verbose_name = "Environments"

    def ready(self) -> None:
        # Only now can models be imported. Whoever brings kinds of operations says so in a module of this name.
        autodiscover_modules("kinds")
