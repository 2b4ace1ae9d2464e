"""The factories make whole rows, and the cast holds what its roles say."""

import pytest
from django.contrib.auth.models import User

from environments.choices import RIGHTS_OF, Right, Role, Status
from environments.models import Environment
from environments.rights import rights_of
from tests import factories

FACTORIES = factories.DjangoModelFactory.__subclasses__()


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory.__name__)
def test_every_factory_makes_rows(db: None, factory: type[factories.DjangoModelFactory]) -> None:
    first, second = factory(), factory()

    assert str(first)
    assert first.pk == second.pk or factory._meta.model.objects.count() >= 2


@pytest.mark.parametrize("trait", ["queued", "running", "failed", "nightly", "verified", "damaged", "pinned"])
def test_every_trait_of_a_backup_is_valid(db: None, trait: str) -> None:
    backup = factories.BackupFactory(**{trait: True})

    backup.full_clean()
    assert backup.operation.environment == backup.environment
    assert backup.operation.subject == backup.pk
    assert (backup.total_bytes is None) == (backup.status != Status.COMPLETED)


def test_each_of_the_cast_holds_what_the_role_says(
    environment: Environment,
    technical_contact: User,
    operator: User,
    developer: User,
    viewer: User,
    stranger: User,
    support: User,
) -> None:
    assert rights_of(technical_contact, environment) == RIGHTS_OF[Role.TECHNICAL_CONTACT]
    assert rights_of(operator, environment) == RIGHTS_OF[Role.OPERATOR]
    assert rights_of(developer, environment) == RIGHTS_OF[Role.DEVELOPER]
    assert rights_of(viewer, environment) == {Right.VIEW}
    assert rights_of(stranger, environment) == frozenset()
    assert rights_of(support, environment) == set(Right.values)
