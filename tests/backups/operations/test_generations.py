"""Generations that left are removed when their time is over, by a machine that reaches them."""

from collections.abc import Callable, Iterator

import pytest

from backups.models.generation import Kept
from backups.operations.generations import discard_expired
from environments import clock
from environments.lifecycle.reach import serve
from environments.models import Environment, Region
from tests.factories_exchange import GenerationFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _served() -> Iterator[None]:
    yield
    serve([])


def test_what_is_over_goes_where_its_files_are_and_nowhere_else(make_place: Callable[..., Environment]) -> None:
    asia = Region.objects.create(slug="asia", name="Asia", zone="Asia/Tokyo", queue="long-asia")
    over = GenerationFactory(environment=make_place(region=asia), undo_until=clock.now())

    serve(["portal", "long"])
    discard_expired()
    over.refresh_from_db()
    assert over.kept == Kept.KEPT

    serve(["long-asia"])
    discard_expired()
    over.refresh_from_db()
    assert over.kept != Kept.KEPT
