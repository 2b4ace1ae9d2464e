"""The admin as support staff find it."""

from django.contrib import admin
from django.contrib.auth.models import User


def test_the_queues_own_tables_are_not_in_the_admin() -> None:
    """Whoever may add a schedule runs any code."""
    apps = {model._meta.app_label for model in admin.site._registry}

    assert "django_q" not in apps
    assert User in admin.site._registry
