"""Rows for tests, each whole and ordinary unless a test says otherwise."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from backups.choices import Condition
from backups.models import Backup
from backups.policy import retention
from environments import clock
from environments.choices import RIGHTS_OF, Failure, Origin, Role, Status
from environments.models import (
    Activity,
    App,
    AppService,
    Environment,
    Grant,
    Membership,
    Operation,
    Package,
    Region,
    RegionStart,
    Sign,
)

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory):
    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda number: f"person{number}")
    first_name = "Maren"
    last_name = "Holt"
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    password = factory.django.Password(PASSWORD)


class RegionFactory(DjangoModelFactory):
    class Meta:
        model = Region
        django_get_or_create = ("slug",)

    slug = "europe"
    name = "Europe"
    zone = "Europe/Amsterdam"


class RegionStartFactory(DjangoModelFactory):
    class Meta:
        model = RegionStart
        django_get_or_create = ("region", "cloud_version")

    region = factory.SubFactory(RegionFactory)
    cloud_version = "v4"
    starts_at = datetime(2026, 1, 1, 19, tzinfo=UTC).time()


class AppFactory(DjangoModelFactory):
    class Meta:
        model = App

    slug = factory.Sequence(lambda number: f"app-{number}")
    name = factory.LazyAttribute(lambda app: app.slug.replace("-", " ").title())


class PackageFactory(DjangoModelFactory):
    class Meta:
        model = Package
        django_get_or_create = ("app", "model_version", "modeler_version")

    app = factory.SubFactory(AppFactory)
    model_version = "1.4.2.118"
    modeler_version = "7.23.3"


class EnvironmentFactory(DjangoModelFactory):
    """Not production, in Europe, with a package; its database address leads nowhere."""

    class Meta:
        model = Environment

    app = factory.SubFactory(AppFactory)
    slug = factory.Sequence(lambda number: f"test-{number}")
    name = factory.LazyAttribute(lambda environment: environment.slug.replace("-", " ").title())
    region = factory.SubFactory(RegionFactory)
    package = factory.SubFactory(PackageFactory, app=factory.SelfAttribute("..app"))
    database = "postgresql://app@127.0.0.1:1/app"
    files_directory = "/nowhere"


class AppServiceFactory(DjangoModelFactory):
    class Meta:
        model = AppService

    environment = factory.SubFactory(EnvironmentFactory)
    name = factory.Sequence(lambda number: f"Service{number}")
    version = "1.0.0"


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    app = factory.SubFactory(AppFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.DEVELOPER


class GrantFactory(DjangoModelFactory):
    class Meta:
        model = Grant

    environment = factory.SubFactory(EnvironmentFactory)
    membership = factory.SubFactory(MembershipFactory, app=factory.SelfAttribute("..environment.app"))
    rights = factory.LazyFunction(lambda: sorted(RIGHTS_OF[Role.VIEWER]))


class OperationFactory(DjangoModelFactory):
    """A Completed create of two minutes; `queued`, `running` and `failed` are traits."""

    class Meta:
        model = Operation

    class Params:
        queued = factory.Trait(status=Status.QUEUED, attempt=0, started_at=None, finished_at=None, message="")
        running = factory.Trait(
            status=Status.RUNNING,
            finished_at=None,
            message="",
            phase="Saving the uploaded files",
            step=3,
            steps=4,
            percent=64,
            done_bytes=3_080_000_000,
            total_bytes=4_820_000_000,
        )
        failed = factory.Trait(
            status=Status.FAILED,
            failure=Failure.ERROR,
            message="The vault could not be reached. Nothing was stored.",
        )

    kind = "create"
    environment = factory.SubFactory(EnvironmentFactory)
    requested_by_name = "Maren Holt"
    origin = Origin.PERSON
    status = Status.COMPLETED
    message = "The backup was made."
    created_at = factory.LazyFunction(lambda: clock.now() - timedelta(hours=5))
    started_at = factory.LazyAttribute(lambda operation: operation.created_at + timedelta(seconds=1))
    finished_at = factory.LazyAttribute(lambda operation: operation.created_at + timedelta(minutes=2))
    is_exclusive = True
    may_repeat = True
    queue = "long"
    time_limit_seconds = 3600
    attempt = 1


class BackupFactory(DjangoModelFactory):
    """A Completed backup made by a person five hours ago, not verified yet.

    Traits: `queued`, `running`, `failed`, `nightly`, `verified`, `damaged`, `pinned`.
    """

    class Meta:
        model = Backup

    class Params:
        queued = factory.Trait(operation__queued=True)
        running = factory.Trait(operation__running=True)
        failed = factory.Trait(operation__failed=True)
        nightly = factory.Trait(
            created_by="Nightly",
            operation__origin=Origin.NIGHTLY,
            slot_at=factory.SelfAttribute("created_at"),
        )
        verified = factory.Trait(
            condition=Condition.GOOD,
            verified_at=factory.LazyAttribute(lambda backup: backup.created_at + timedelta(hours=1)),
        )
        damaged = factory.Trait(condition=Condition.DAMAGED)
        pinned = factory.Trait(
            pinned_at=factory.SelfAttribute("created_at"),
            pinned_until=factory.LazyAttribute(lambda backup: backup.expires_at + timedelta(days=60)),
            pin_reason="until the rollout is accepted",
        )

    environment = factory.SubFactory(EnvironmentFactory)
    created_at = factory.LazyFunction(lambda: clock.now() - timedelta(hours=5))
    created_by = "Maren Holt"
    operation = factory.SubFactory(
        OperationFactory,
        environment=factory.SelfAttribute("..environment"),
        created_at=factory.SelfAttribute("..created_at"),
        subject=factory.SelfAttribute("..id"),
        requested_by_name=factory.SelfAttribute("..created_by"),
    )
    id = factory.LazyFunction(uuid.uuid4)
    kept_by = factory.LazyAttribute(lambda backup: retention.rule_for(backup.created_at.date()))
    expires_at = factory.LazyAttribute(lambda backup: retention.expires_at(backup.created_at, backup.kept_by))
    model_version = "1.4.2.118"
    modeler_version = "7.23.3"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Backup:
        """What is stored is known only of a Completed one."""
        if kwargs["operation"].status == Status.COMPLETED:
            kwargs = {**_stored(kwargs["created_at"]), **kwargs}
        created: Backup = super()._create(model_class, *args, **kwargs)
        return created


class ActivityFactory(DjangoModelFactory):
    class Meta:
        model = Activity

    environment = factory.SubFactory(EnvironmentFactory)
    environment_name = factory.LazyAttribute(lambda activity: str(activity.environment))
    at = factory.LazyFunction(clock.now)
    actor_name = "Maren Holt"
    action = "create.requested"
    sentence = "Maren Holt asked for a backup of Live."


class SignFactory(DjangoModelFactory):
    class Meta:
        model = Sign
        django_get_or_create = ("name",)

    name = "worker"
    at = factory.LazyFunction(clock.now)


def _stored(created_at: datetime) -> dict[str, Any]:
    return {
        "stored_attempt": 1,
        "data_at": created_at + timedelta(minutes=1),
        "manifest_bytes": 1_200_000,
        "manifest_sha256": "c0ffee00" * 8,
        "database_bytes": 3_940_000_000,
        "dump_sha256": "9f2c41d07be8355a1c6e90b2f7d4438e60a1b95c2e7f04d388cb16fa53e09d72",
        "tables_count": 214,
        "files_bytes": 870_000_000,
        "files_count": 18_204,
        "stored_bytes": 310_000_000,
        "client_version": "17.10",
        "server_version": "16.4",
        "duration_seconds": 228,
    }
