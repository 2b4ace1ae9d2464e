"""The settings of a day's portal: those of workers in tests, and a store that is waited for less long than a lease."""

from tests.worker_settings import *  # noqa: F403
from tests.worker_settings import S3, STORAGES

S3["pauses"] = STORAGES["vault"]["OPTIONS"]["pauses"] = (0.2, 0.4, 0.8, 1.6)
