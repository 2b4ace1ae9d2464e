"""Uploaded files in an S3 bucket."""

from collections.abc import Generator
from copy import copy
from typing import Self

from .bucket import bucket_of
from .bucket_walk import is_anything_in, measure_bucket, walk_bucket
from .bucket_writing import BucketWriting
from .documents_found import Found, Pace
from .stored import Tick, no_tick


class BucketStore(BucketWriting):
    """A prefix in a bucket; prefixes beside it are the places beside it."""

    pace = Pace(threads=16, files=8, ahead_bytes=32 << 20, inline_bytes=0)

    def hurried(self) -> Self:
        store = copy(self)
        store.bucket = bucket_of(self.address, is_hurried=True)
        return store

    def look(self) -> bool:
        return is_anything_in(self.bucket, self.address.prefix)

    def walk(self, tick: Tick = no_tick) -> Generator[Found]:
        return walk_bucket(self.bucket, self.address.prefix, tick)

    def measure(self, tick: Tick = no_tick) -> tuple[int, int]:
        return measure_bucket(self.bucket, self.address.prefix, tick)

    def free_bytes(self) -> int | None:
        return None
