"""Rows of restores and of what they displaced, for tests."""

import uuid
from datetime import timedelta

import factory
from factory.django import DjangoModelFactory

from backups.models import Generation, Restore
from environments import clock
from tests.factories import BackupFactory, EnvironmentFactory, OperationFactory


class RestoreFactory(DjangoModelFactory):
    class Meta:
        model = Restore

    environment = factory.SubFactory(EnvironmentFactory)
    operation = factory.SubFactory(OperationFactory, kind="restore", environment=factory.SelfAttribute("..environment"))
    backup = factory.SubFactory(BackupFactory, environment=factory.SelfAttribute("..environment"))


class GenerationFactory(DjangoModelFactory):
    """What left with a restore an hour ago, database and files, kept for a day."""

    class Meta:
        model = Generation

    environment = factory.SubFactory(EnvironmentFactory)
    operation = factory.SubFactory(OperationFactory, kind="restore", environment=factory.SelfAttribute("..environment"))
    database = factory.LazyFunction(lambda: f"portal_was_{uuid.uuid4().hex[:12]}_1")
    files = factory.LazyFunction(lambda: f"/nowhere.portal-was-{uuid.uuid4().hex[:12]}")
    package = factory.SelfAttribute("environment.package")
    left_at = factory.LazyFunction(lambda: clock.now() - timedelta(hours=1))
    undo_until = factory.LazyAttribute(lambda generation: generation.left_at + timedelta(hours=24))
