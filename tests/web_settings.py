"""The settings of a web server that a test starts: its static files are not collected, and not hashed."""

from tests.worker_settings import *  # noqa: F403
from tests.worker_settings import STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
