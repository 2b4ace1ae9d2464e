"""What every start of the portal pays for: nothing is loaded that only some installations need."""

import subprocess
import sys

# The one that talks to S3 costs as much time and memory as the rest of a command.
ONLY_SOME = {"boto3", "botocore", "storages.backends.s3"}
LOAD_ALL = """
import sys
import django
django.setup()
import backups.tasks, backups.urls, portal.urls
print(*sys.modules)
"""


def test_what_only_some_need_is_loaded_by_them_alone(process_environ: dict[str, str]) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD_ALL], env=process_environ, capture_output=True, text=True, check=True
    ).stdout.split()

    assert not ONLY_SOME & set(loaded)
