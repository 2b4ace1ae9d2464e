"""The portal's settings, in a data directory of this run alone; on SQLite, or with
PORTAL_TEST_DATABASE=postgresql on a PostgreSQL server of this run alone."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_data_dir = Path(tempfile.mkdtemp(prefix="portal-tests-"))
_data_dir.chmod(0o755)  # the server below runs as nobody when the tests run as root
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith(("PORTAL_", "DATABASE_URL", "REDIS_URL", "AWS_"))]:
    if not _name.startswith("PORTAL_TEST_"):
        del os.environ[_name]
os.environ["PORTAL_DATA_DIR"] = str(_data_dir / "data")

from portal.demo.postgres import Postgres  # noqa: E402 - the environment comes first

if os.environ.get("PORTAL_TEST_DATABASE") == "postgresql":
    _server = Postgres(_data_dir / "portal-postgres").start()
    atexit.register(_server.stop)
    os.environ["DATABASE_URL"] = _server.address().to_url()

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES, INSTALLED_APPS, S3, STATIC_ROOT, STORAGES  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests.kinds"]
S3["pauses"] = (0.02, 0.02, 0.02, 0.02)
LIFECYCLE_PACE = 0.1  # leases, beats and back-offs last a tenth; the workers' settings say the same

if "sqlite" in DATABASES["default"]["ENGINE"]:
    # A file, so that real workers in processes of their own see what a test wrote.
    DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}
DATABASES["default"]["CONN_MAX_AGE"] = 0
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # nothing is collected, but looked for
