"""Row 11: backing up to an S3 server against boto3's own upload of the same files, ready-made."""

import itertools
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from portal.config import ROOT
from tests.stores.rclone import RcloneStore
from tests.stores.vaults import BUCKET, KEY, SECRET

from .ground import Ground
from .measure import MIB, Run, median_ratio, pairs, run, shell
from .table import Row

FILE = 32 * MIB
MOST_WRITTEN = 16 * MIB  # of any one file on this machine: a staging file would be longer


def measure(ground: Ground, wanted: set[int]) -> Iterator[Row]:
    files = ground.folder / "ready-made"
    _fill(files, 64 if ground.is_full else 16)
    ground.register("bench/s3", ground.database("s3"), files)
    root = ground.folder / "s3"
    root.mkdir()
    store = RcloneStore(root)
    store.make_bucket(BUCKET)
    store.start()
    os.environ |= {
        "PORTAL_S3_ENDPOINT_URL": store.endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    try:
        session = boto3.Session(KEY, SECRET, region_name="us-east-1")
        yield _row(ground, session.resource("s3", endpoint_url=store.endpoint).Bucket(BUCKET), files)
    finally:
        store.stop()
        for name in ("PORTAL_VAULT", "PORTAL_S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.pop(name, None)


def _row(ground: Ground, bucket: Any, files: Path) -> Row:
    turns = itertools.count()

    def before() -> None:
        """A prefix of its own, and nothing else in the store."""
        ground.forget_backups()
        bucket.objects.delete()
        os.environ["PORTAL_VAULT"] = f"s3://{BUCKET}/run-{next(turns)}"

    def ours() -> Run:
        command = f"{sys.executable} {ROOT}/manage.py create_backup bench/s3 --here"
        return shell(f"ulimit -f {MOST_WRITTEN // 1024}; exec {command}", dict(os.environ), ROOT)

    def theirs(*how: str) -> Run:
        prefix = f"by-hand-{next(turns)}"
        return run([sys.executable, "-c", _UPLOAD, str(files), BUCKET, prefix, *how], dict(os.environ))

    a, b = pairs(ours, theirs, before)
    row = Row("11", "back up to an S3 server", "boto3.upload_file", a, b)
    row.add("wall", median_ratio(a, b, lambda one: one.wall, ground.allowed), 1.15)
    # What is Completed was read back; who uploads by hand and wants to know reads it back too.
    c, d = pairs(ours, lambda: theirs("and read back"), before, rounds=3)
    row.add("wall, read back", median_ratio(c, d, lambda one: one.wall, ground.allowed), 1.15)
    row.add("peak MiB", max(one.peak_bytes for one in a) / MIB, 128)
    return row


def _fill(folder: Path, count: int) -> None:
    """Files that no compression helps: what is measured is the way to the store."""
    folder.mkdir()
    seeded = random.Random(11)
    for number in range(count):
        (folder / f"{number:03}.bin").write_bytes(seeded.randbytes(FILE))


_UPLOAD = """
import hashlib, os, pathlib, sys
import boto3
from botocore.config import Config
files, bucket, prefix, *how = sys.argv[1:]
config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
client = boto3.client("s3", endpoint_url=os.environ["PORTAL_S3_ENDPOINT_URL"], region_name="us-east-1", config=config)
for path in sorted(pathlib.Path(files).iterdir()):
    client.upload_file(str(path), bucket, f"{prefix}/{path.name}")
    if how:
        digest = hashlib.sha256()
        for block in client.get_object(Bucket=bucket, Key=f"{prefix}/{path.name}")["Body"].iter_chunks(1 << 20):
            digest.update(block)
"""
