"""Fetch: the deploy command gets the package's file from a copy that is gone afterwards, after an undo as well."""

import io
from pathlib import Path

import pytest
from django.conf import settings

from backups.errors import StoredDiffers
from backups.models import Generation, Swap
from backups.operations.fetch import deploy_arguments
from backups.operations.follow import follow
from backups.operations.package import register_package
from environments import clock
from environments.actors import PORTAL
from environments.models import Environment, Package
from tests.factories import OperationFactory

from .deploying import DeployCommand

pytestmark = pytest.mark.django_db
CONTENT = b"the whole of model 1.5.0"


@pytest.fixture
def command(tmp_path: Path) -> DeployCommand:
    return DeployCommand(tmp_path)


@pytest.fixture
def place(environment: Environment, command: DeployCommand) -> Environment:
    environment.commands = {"deploy": command.line()}
    environment.save()
    return environment


@pytest.fixture
def package(place: Environment) -> Package:
    return register_package(
        place.app, model_version="1.5.0", modeler_version="", file=io.BytesIO(CONTENT), filename="a.mda", by=PORTAL
    )


def test_the_copy_is_for_its_owner_alone_and_gone_afterwards(
    place: Environment, package: Package, tmp_path: Path
) -> None:
    seen = []
    with deploy_arguments(place, package, tmp_path / "scratch", lambda *done: seen.append(done)) as arguments:
        assert arguments == ["1.5.0", "", str(tmp_path / "scratch" / "a.mda")]
        copy = Path(arguments[2])
        assert copy.read_bytes() == CONTENT
        assert copy.stat().st_mode & 0o777 == 0o600
        assert copy.parent.stat().st_mode & 0o777 == 0o700

    assert seen == [(len(CONTENT), len(CONTENT))]
    assert not (tmp_path / "scratch").exists()


def test_without_a_command_nothing_is_fetched(place: Environment, package: Package, tmp_path: Path) -> None:
    place.commands = {}
    with deploy_arguments(place, package, tmp_path / "scratch", lambda *_: None) as arguments:
        assert arguments == ["1.5.0", ""]
        assert not (tmp_path / "scratch").exists()


def test_what_is_damaged_is_not_handed_over(place: Environment, package: Package, tmp_path: Path) -> None:
    (Path(settings.VAULT_LOCATION) / package.stored_as).write_bytes(b"x" * len(CONTENT))
    with (
        pytest.raises(StoredDiffers),
        deploy_arguments(place, package, tmp_path / "scratch", lambda *_: None),
    ):
        pytest.fail("a damaged file was handed over")

    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("is_damaged", [False, True])
def test_an_undo_deploys_what_comes_back_with_its_file(
    place: Environment, package: Package, command: DeployCommand, tmp_path: Path, is_damaged: bool
) -> None:
    if is_damaged:
        (Path(settings.VAULT_LOCATION) / package.stored_as).write_bytes(b"x")
    undo, now = OperationFactory(environment=place, kind="undo"), clock.now()
    Generation.objects.create(operation=undo, environment=place, package=None, left_at=now, undo_until=now)
    swap = Swap.objects.create(operation=undo, attempt=1, changes_package=True, package=package)

    said = follow(swap, place, lambda: None, tmp_path / "scratch")

    assert [run["content"] for run in command.runs] == ([] if is_damaged else [CONTENT.decode()])
    assert bool(said) is is_damaged
    if is_damaged:
        assert "The portal's record of the deployed package changed all the same" in said[0]
