"""The shell as a Django app, and the admin as support staff find it."""

from django.apps import AppConfig, apps
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"


class PortalAdminConfig(AdminConfig):
    """Without the queue's own tables: whoever may add a schedule there runs any code, and a result may run again."""

    default = False
    default_site = "portal.admin.SupportSite"

    def ready(self) -> None:
        super().ready()
        for model in apps.get_app_config("django_q").get_models():
            if admin.site.is_registered(model):
                admin.site.unregister(model)
