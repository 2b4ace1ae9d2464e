"""Prospect: what a restore would meet, looked at and told before anybody asks for it."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from environments.choices import ACTIVE, Right, State
from environments.lifecycle.submit import busy_sentence, in_the_way
from environments.models import Environment, Operation, Package
from environments.rights import rights_in, with_rights
from environments.states import look

from ..choices import Condition, Contents
from ..engines import postgresql
from ..engines.preflight import look_before
from ..errors import Failed, Refused
from ..models import Backup, Generation
from ..policy.versions import Comparison
from ..storage.documents_store import store_of
from .exchange import place_of
from .generations import last_generation
from .restore import SPARE, check_source, compare_versions

LEAST_SAID = 10**7  # bytes: nothing is said to need 0.00 GB
MUST_HOLD = frozenset({Right.VIEW, Right.RESTORE})


class Mood(StrEnum):
    """What a finding means for a restore."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Finding(NamedTuple):
    """One thing that was looked at: what was found, and the figures or the way out."""

    mood: Mood
    words: str
    detail: str = ""


class Seen(NamedTuple):
    """What somebody saw of the target before they decided; it is asked again when they have."""

    package: str
    generation: str


def targets_of(backup: Backup, user: AbstractBaseUser | AnonymousUser) -> list[Environment]:
    """Where this person may restore a backup into: environments of its app that they may see. One query."""
    siblings = Environment.objects.registered().filter(app=backup.environment.app_id).order_by("name", "slug")
    rows = with_rights(siblings.select_related("app", "region", "package"), user)
    return [one for one in rows if rights_in(one, user) >= MUST_HOLD]


def package_of(backup: Backup) -> Package | None:
    """The deployment package that a backup was made with, where its app still has it."""
    own = {"model_version": backup.model_version, "modeler_version": backup.modeler_version}
    return Package.objects.filter(app=backup.environment.app_id, **own).first()


def restore_under_way(backup: Backup, into: Environment, user: AbstractBaseUser | AnonymousUser) -> Operation | None:
    """The same restore, asked for by the same person, that has not ended yet: the answer to whoever asks twice."""
    asked = Operation.objects.filter(environment=into, kind="restore", subject=backup.pk, status__in=ACTIVE)
    return asked.filter(requested_by=user.pk).first()


class Prospect:
    """A backup before an environment. Nothing is looked at before it is asked for, and nothing twice."""

    def __init__(self, backup: Backup, into: Environment) -> None:
        self.backup, self.into = backup, into

    # What it would meet

    @cached_property
    def state(self) -> State:
        """What the target does right now, by its own runtime."""
        return look(self.into)

    @cached_property
    def comparison(self) -> Comparison:
        return compare_versions(self.backup, self.into)

    @cached_property
    def in_the_way(self) -> Operation | None:
        return in_the_way(self.into)

    @cached_property
    def shadow(self) -> Generation | None:
        """What Undo would bring back now; a restore displaces it."""
        return last_generation(self.into)

    @cached_property
    def needed_package(self) -> Package | None:
        """The package the backup was made with, where the app still has it."""
        return package_of(self.backup)

    @cached_property
    def last_taken(self) -> Backup | None:
        """The target's newest good backup: what is known of the size of its data."""
        return Backup.objects.filter(environment=self.into).usable().newest_first().first()

    @cached_property
    def seen(self) -> Seen:
        """What the person is shown of the target, to be handed back with their decision."""
        newest = Generation.objects.filter(environment=self.into).values_list("pk", flat=True).first()
        return Seen(_versions(self.into.package), str(newest or ""))

    def changes_since(self, seen: Seen) -> list[str]:
        """What became different since somebody saw it, a sentence each; empty when all is as it was."""
        now, said = self.seen, []
        if seen.package != now.package:
            became = f"{now.package} is deployed" if now.package else "no package is deployed any more"
            was = seen.package or "no package"
            said.append(f"Meanwhile {became} in {self.into.name}; the form had shown {was}.")
        if seen.generation != now.generation:
            said.append(f"Meanwhile the data of {self.into.name} was exchanged by another restore, upload or undo.")
        return said

    # What was found

    @cached_property
    def findings(self) -> list[Finding]:
        return [*self._of_the_backup(), *self._of_the_database(), *self._of_the_room(), *self._of_the_place()]

    @property
    def is_possible(self) -> bool:
        """Whether it may be asked for at all, in part or in full."""
        stops = [*self._of_the_backup(), *self._of_the_place()]
        return all(one.mood != Mood.BAD for one in stops)

    @property
    def contents(self) -> list[Contents]:
        """Which parts can be put back."""
        if any(one.mood == Mood.BAD for one in self._of_the_database()):
            return [Contents.FILES]
        return [Contents.FULL, Contents.DATABASE, Contents.FILES]

    def _of_the_backup(self) -> Iterator[Finding]:
        try:
            check_source(self.backup, self.into)
        except Refused as refused:
            yield Finding(Mood.BAD, "The backup cannot be restored", str(refused))
            return
        if self.backup.condition == Condition.GOOD and self.backup.verified_at:
            yield Finding(Mood.GOOD, "The backup is whole", f"verified {self.backup.verified_at:%Y-%m-%d %H:%M} UTC")
        else:
            yield Finding(Mood.GOOD, "The backup is stored", "every byte is checked while it is loaded")

    @cached_property
    def _database(self) -> Finding:
        place = place_of(self.into)
        try:
            server = postgresql.look_at(place.app)
            found = look_before(place, None, is_untrusted=False)
        except Failed as failed:
            return Finding(Mood.BAD, "The database cannot be put back now", str(failed))
        if found.refused:
            return Finding(Mood.BAD, "The database cannot be put back now", " ".join(found.refused))
        theirs = self.backup.server_version
        if _major(theirs) > server.major:
            detail = f"The backup is of {theirs}, {self.into.name} has {server.version}. It may not load."
            return Finding(Mood.WARN, "PostgreSQL is older than the backup's", detail)
        if found.warned:
            return Finding(Mood.WARN, "Not everything moves with the data", " ".join(found.warned))
        return Finding(Mood.GOOD, "PostgreSQL fits", f"{theirs} to {server.version}" if theirs else server.version)

    def _of_the_database(self) -> list[Finding]:
        return [self._database]

    def _of_the_room(self) -> Iterator[Finding]:
        needed = int((self.backup.files_bytes or 0) * SPARE)
        try:
            free = store_of(self.into.files_address).free_bytes()
        except OSError as error:
            yield Finding(Mood.WARN, "The uploaded files' folder cannot be seen", f"{error.strerror}.")
            return
        if free is None:
            yield from self._of_the_store()
            return
        figures = f"{max(needed, LEAST_SAID) / 1e9:,.2f} GB needed, {free / 1e9:,.2f} GB free"
        if free < needed:
            yield Finding(Mood.WARN, "There is no room for the uploaded files beside the live ones", figures)
        else:
            yield Finding(Mood.GOOD, "There is room for the uploaded files", figures)

    def _of_the_store(self) -> Iterator[Finding]:
        """A store tells nobody how much room it has; it tells whether it answers."""
        try:
            store_of(self.into.files_address).hurried().look()
        except Failed as failed:
            yield Finding(Mood.WARN, "The uploaded files' store cannot be seen", str(failed))
        else:
            yield Finding(Mood.GOOD, "The uploaded files' store answers", "how much room it has, it does not tell")

    def _of_the_place(self) -> Iterator[Finding]:
        if self.in_the_way is None:
            yield Finding(Mood.GOOD, f"Nothing else runs in {self.into.name}")
        else:
            yield Finding(Mood.BAD, f"{self.into.name} is busy", busy_sentence(self.in_the_way))


def _versions(package: Package | None) -> str:
    return f"{package.model_version} (modeler {package.modeler_version or 'unknown'})" if package else ""


def _major(version: str) -> int:
    first = version.partition(".")[0]
    return int(first) if first.isdigit() else 0
