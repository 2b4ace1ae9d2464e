"""Everything that is known of one backup, and what this person may do with it."""

from datetime import timedelta
from functools import cached_property
from uuid import UUID

from django.http import Http404

from environments import clock
from environments.access import Passed
from environments.choices import ACTIVE, Origin, Right, Status
from environments.models import Operation

from ..choices import BROKEN, Condition, Contents, Rule
from ..models import Backup
from ..operations.delete import is_last_good
from ..operations.prospect import targets_of
from .rows import modeler_against, waits_for

SHORT_ID = 8


class Details:
    """What the details panel and the menu of a backup show. Templates read it; nothing is asked twice."""

    def __init__(self, backup: Backup, passed: Passed, query: str = "") -> None:
        self.backup, self.passed, self.query = backup, passed, query
        self.operation, self.environment = backup.operation, passed.environment

    # What it is

    @cached_property
    def is_last_good(self) -> bool:
        return self.backup.is_usable and is_last_good(self.backup)

    @cached_property
    def is_leaving(self) -> bool:
        deletes = Operation.objects.filter(
            environment=self.environment, kind="delete", status__in=ACTIVE, subject=self.backup.pk
        )
        return self.backup.removal_at is not None and deletes.exists()

    @property
    def is_changing(self) -> bool:
        return self.operation.is_active or self.is_leaving

    @property
    def is_nightly(self) -> bool:
        return self.operation.origin == Origin.NIGHTLY

    @property
    def is_verified(self) -> bool:
        return self.backup.is_completed and self.backup.condition == Condition.GOOD

    @property
    def is_broken(self) -> bool:
        return self.backup.condition in BROKEN

    @property
    def mark(self) -> str:
        return "pinned" if self.backup.is_pinned else self.backup.kept_by

    @property
    def rule_in_words(self) -> str:
        return Rule(self.backup.kept_by).label

    @property
    def is_past_its_date(self) -> bool:
        return self.backup.expires_at <= clock.now()

    @property
    def modeler(self) -> str:
        """older, newer or nothing, against what is deployed."""
        package = self.environment.package
        return modeler_against(self.backup, package.modeler_version) if package else ""

    @property
    def is_deployed_now(self) -> bool:
        package, backup = self.environment.package, self.backup
        own = (backup.model_version, backup.modeler_version)
        return package is not None and (package.model_version, package.modeler_version) == own

    @property
    def is_data_later(self) -> bool:
        """Whether the data is of a noticeably later moment than the request."""
        at = self.backup.data_at
        return at is not None and at - self.backup.created_at >= timedelta(minutes=1)

    @property
    def waits_for(self) -> str:
        return waits_for(self.operation)

    # Pictures, in percent

    @property
    def life_spent(self) -> float:
        """How much of its life is over."""
        whole = self.backup.expires_at - self.backup.created_at
        spent = (clock.now() - self.backup.created_at) / whole if whole else 1
        return round(min(max(spent, 0), 1) * 98, 2)

    @property
    def database_share(self) -> float:
        total = self.backup.total_bytes
        return round(100 * (self.backup.database_bytes or 0) / total, 2) if total else 0

    @property
    def files_start(self) -> float:
        """Where the second part of the bar begins, a hair's breadth after the first."""
        return min(self.database_share + 0.7, 100) if self.database_share else 0

    # What may be done with it

    @property
    def may_download(self) -> bool:
        return Right.DOWNLOAD in self.passed and self.backup.is_usable

    @cached_property
    def may_restore(self) -> bool:
        """Whether there is a place that this person may restore it into: here, or another of the app."""
        user = self.passed.by.user
        if not self.may_download or user is None:
            return False
        return Right.RESTORE in self.passed or bool(targets_of(self.backup, user))

    @property
    def may_comment(self) -> bool:
        return Right.CREATE in self.passed

    @property
    def may_try_again(self) -> bool:
        return Right.CREATE in self.passed and self.operation.status == Status.FAILED

    @property
    def is_own(self) -> bool:
        """Whether this person asked for it."""
        user = self.passed.by.user
        return user is not None and self.operation.requested_by_id == user.pk

    @property
    def may_cancel(self) -> bool:
        is_possible = self.operation.is_active and not self.operation.cancelled_by_name
        return is_possible and (self.is_own or Right.OPERATE in self.passed)

    @property
    def may_pin(self) -> bool:
        return Right.DELETE in self.passed and self.backup.is_completed and self.backup.removal_at is None

    @property
    def may_delete(self) -> bool:
        is_possible = self.operation.is_ended and not self.is_leaving
        return Right.DELETE in self.passed and is_possible and not self.is_last_good

    @property
    def downloads(self) -> list[tuple[str, str, str, int | None]]:
        """Contents, their name, how the file ends, and about how large it is."""
        backup = self.backup
        return [
            (Contents.FULL, Contents.FULL.label, ".zip", backup.total_bytes),
            (Contents.FILES, Contents.FILES.label, ".zip", backup.files_bytes),
            (Contents.DATABASE, Contents.DATABASE.label, ".backup", backup.database_bytes),
        ]

    @property
    def short_id(self) -> str:
        """Enough of the id for the command line."""
        return self.backup.pk.hex[:SHORT_ID]


def details_of(passed: Passed, backup: UUID, query: str = "") -> Details:
    """A backup of the environment whose gate was passed; `query` are the list's filters, which stay.

    Raises:
        Http404: there is none, or it is another environment's.
    """
    rows = Backup.objects.select_related("operation", "environment__app")
    found = rows.filter(environment=passed.environment, pk=backup).first()
    if found is None:
        raise Http404("There is no such backup.")
    return Details(found, passed, query)
