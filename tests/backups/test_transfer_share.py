"""However many files one person begins at the same moment, no more lie here than may."""

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from backups.choices import UploadPart
from backups.models import Upload
from backups.storage import spool
from backups.transfer import begin
from environments.actors import PORTAL, Actor
from environments.errors import TooMuchAtOnce
from tests.environments.lifecycle.conftest import at_once
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db(transaction=True)
MOST = 3


def test_many_at_once_are_not_more_than_there_may_be(operator: User, settings: Settings) -> None:
    settings.UPLOADS_PER_PERSON = MOST
    places = [EnvironmentFactory() for _ in range(8)]
    by = Actor.person(operator)

    refused = at_once(8, lambda: begin(places.pop(), part=UploadPart.FILES, filename="a.zip", size=1, by=by))

    assert [type(one) for one in refused] == [TooMuchAtOnce] * (8 - MOST)
    lying = {str(one) for one in Upload.objects.values_list("pk", flat=True)}
    assert len(lying) == MOST
    assert {path.name for path in spool.folder().iterdir() if not path.name.startswith(".")} == lying


def test_commands_bring_as_many_as_they_like(settings: Settings) -> None:
    settings.UPLOADS_PER_PERSON = 1

    for _ in range(3):
        begin(EnvironmentFactory(), part=UploadPart.FILES, filename="a.zip", size=1, by=PORTAL)
