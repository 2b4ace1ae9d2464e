"""The kinds as a Django app: installed by the tests' settings, so that workers in processes of their own know them."""

from django.apps import AppConfig


class KindsConfig(AppConfig):
    name = "tests.kinds"
    label = "kinds"
