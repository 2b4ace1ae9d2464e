"""Holdings: what an environment has now, as far as it can be told quickly. An upload would clear it."""

import time
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from environments.errors import Failed
from environments.models import AppService, Environment, Package

from ..engines import postgresql
from ..engines.postgresql import Server
from ..models import Backup
from ..storage.documents_store import DocumentsStore, store_of

WALK_SECONDS = 1.0


class Files(NamedTuple):
    """Uploaded files; `known_at` is the moment of a backup where they were too many to be counted now."""

    number: int
    size: int
    known_at: datetime | None = None


class Holdings:
    """Nothing is looked at before it is asked for, and nothing twice."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    @property
    def package(self) -> Package | None:
        return self.environment.package

    @cached_property
    def database(self) -> Server | None:
        """Size and tables of the live database; None when it cannot be asked now."""
        try:
            return postgresql.look_at(self.environment.database_address)
        except Failed:
            return None

    @cached_property
    def files(self) -> Files | None:
        """Counted within a second, else as the newest good backup knows them; None when neither can be told."""
        try:
            counted = count_files(store_of(self.environment.files_address).hurried(), within_seconds=WALK_SECONDS)
        except Failed:
            counted = None
        newest = Backup.objects.filter(environment=self.environment).usable().newest_first().first()
        if counted or newest is None or newest.files_count is None or newest.files_bytes is None:
            return counted
        return Files(newest.files_count, newest.files_bytes, newest.data_at or newest.created_at)

    @cached_property
    def services(self) -> list[AppService]:
        """The app services that are published now."""
        return list(AppService.objects.filter(environment=self.environment, is_published=True))

    @cached_property
    def backups_count(self) -> int:
        """How many good backups stay, whatever is uploaded."""
        return Backup.objects.filter(environment=self.environment).usable().count()


class _TooMany(Exception):
    """Counting takes longer than somebody waits."""


def count_files(store: DocumentsStore, *, within_seconds: float) -> Files | None:
    """Count the files and their bytes; None when that takes longer. Raises: FilesUnreadable"""
    deadline = time.monotonic() + within_seconds

    def tick() -> None:
        if time.monotonic() > deadline:
            raise _TooMany

    try:
        return Files(*store.measure(tick))
    except _TooMany:
        return None
