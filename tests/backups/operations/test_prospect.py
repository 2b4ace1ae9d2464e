"""What a restore would meet: looked at in time, and told in words."""

from collections.abc import Callable

import psycopg
import pytest
from django.contrib.auth.models import User
from psycopg import sql

from backups.choices import Contents
from backups.models import Backup
from backups.operations.prospect import Finding, Mood, Prospect, package_of, restore_under_way, targets_of
from environments.choices import Right, State
from environments.models import App, Environment
from portal.demo.places import connection_of
from portal.demo.postgres import Postgres
from tests.factories import BackupFactory, EnvironmentFactory, GrantFactory, OperationFactory, PackageFactory
from tests.factories_exchange import GenerationFactory
from tests.workers import eventually

ALL = [Contents.FULL, Contents.DATABASE, Contents.FILES]


@pytest.fixture
def place(make_place: Callable[..., Environment], app: App) -> Environment:
    return make_place(app=app, name="Acceptance", slug="acceptance")


@pytest.fixture
def backup(environment: Environment) -> Backup:
    return BackupFactory(environment=environment, verified=True, server_version="15.1")


def bad_ones(prospect: Prospect, mood: Mood = Mood.BAD) -> list[Finding]:
    return [one for one in prospect.findings if one.mood == mood]


def test_where_all_is_well_everything_can_be_put_back(backup: Backup, place: Environment) -> None:
    prospect = Prospect(backup, place)

    assert {one.mood for one in prospect.findings} == {Mood.GOOD}
    assert prospect.is_possible
    assert prospect.contents == ALL
    assert prospect.state == State.UNKNOWN


def test_a_role_that_may_make_no_database_leaves_the_files(
    backup: Backup, place: Environment, postgres: Postgres
) -> None:
    role = sql.Identifier(place.database_address.user)
    with psycopg.connect(**connection_of(postgres.address()), autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(role))
    prospect = Prospect(backup, place)

    (found,) = bad_ones(prospect)
    assert "--admin-database" in found.detail
    assert prospect.contents == [Contents.FILES]
    assert prospect.is_possible


def test_a_session_that_cannot_be_ended_is_named_before_anybody_asks(
    backup: Backup, place: Environment, postgres: Postgres
) -> None:
    own = postgres.address(place.database_address.name)
    with psycopg.connect(**connection_of(own), application_name="exporter"):
        (found,) = bad_ones(Prospect(backup, place))

    assert "exporter, postgres" in found.detail
    assert eventually(lambda: bad_ones(Prospect(backup, place)) == [])


def test_what_stays_with_the_old_data_is_a_warning(backup: Backup, place: Environment, postgres: Postgres) -> None:
    own = postgres.address(place.database_address.name)
    with psycopg.connect(**connection_of(own), autocommit=True) as admin:
        admin.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    prospect = Prospect(backup, place)

    assert ["everything" in found.detail for found in bad_ones(prospect, Mood.WARN)] == [True]
    assert prospect.contents == ALL


def test_a_server_that_is_away_leaves_the_files(backup: Backup, acceptance: Environment) -> None:
    prospect = Prospect(backup, acceptance)

    assert [one.words for one in bad_ones(prospect)] == ["The database cannot be put back now"]
    assert prospect.contents == [Contents.FILES]


def test_what_may_go_wrong_is_a_warning(backup: Backup, place: Environment) -> None:
    backup.server_version, backup.files_bytes = "99.1", 10**18
    prospect = Prospect(backup, place)

    newer, full = bad_ones(prospect, Mood.WARN)
    assert "The backup is of 99.1, Acceptance has 17." in newer.detail
    assert full.words == "There is no room for the uploaded files beside the live ones"
    assert full.detail.startswith("1,050,000,000.00 GB needed")
    assert prospect.is_possible
    backup.files_bytes = 1
    assert any(one.detail.startswith("0.01 GB needed") for one in Prospect(backup, place).findings)
    place.files_directory = "/nowhere"
    assert "cannot be seen" in bad_ones(Prospect(backup, place), Mood.WARN)[1].words


def test_a_busy_place_and_a_broken_backup_stand_in_the_way(backup: Backup, place: Environment) -> None:
    OperationFactory(environment=place, kind="create", running=True, requested_by_name="Ines Duarte")
    broken = BackupFactory(environment=backup.environment, damaged=True)
    prospect = Prospect(broken, place)

    assert [one.words for one in bad_ones(prospect)] == ["The backup cannot be restored", "Acceptance is busy"]
    assert "asked for by Ines Duarte" in bad_ones(prospect)[1].detail
    assert not prospect.is_possible


def test_a_nightly_that_waits_is_in_nobodys_way(backup: Backup, place: Environment) -> None:
    OperationFactory(environment=place, kind="create", queued=True, origin="nightly")

    assert Prospect(backup, place).in_the_way is None


def test_what_changed_since_is_said_and_nothing_else(backup: Backup, place: Environment) -> None:
    seen = Prospect(backup, place).seen
    assert Prospect(backup, place).changes_since(seen) == []

    place.package = None
    assert Prospect(backup, place).changes_since(seen) == [
        "Meanwhile no package is deployed any more in Acceptance; the form had shown 1.4.2.118 (modeler 7.23.3)."
    ]
    GenerationFactory(environment=place)
    assert len(Prospect(backup, place).changes_since(seen)) == 2


def test_targets_are_those_of_the_app_that_a_person_sees_and_may_restore_to(
    backup: Backup, place: Environment, operator: User, developer: User, stranger: User, support: User
) -> None:
    EnvironmentFactory()
    live = backup.environment

    assert targets_of(backup, operator) == targets_of(backup, support) == [place, live]
    assert targets_of(backup, developer) == targets_of(backup, stranger) == []
    GrantFactory(environment=live, membership=operator.memberships.get(), rights=[Right.RESTORE])
    assert targets_of(backup, operator) == [place]


def test_the_same_restore_under_way_is_found_for_who_asked(
    backup: Backup, place: Environment, operator: User, developer: User
) -> None:
    asked = OperationFactory(environment=place, kind="restore", subject=backup.pk, queued=True, requested_by=operator)

    assert restore_under_way(backup, place, operator) == asked
    assert restore_under_way(backup, place, developer) is None
    assert restore_under_way(backup, backup.environment, operator) is None


def test_the_package_of_a_backup_is_the_apps_own(backup: Backup) -> None:
    PackageFactory(model_version=backup.model_version, modeler_version=backup.modeler_version)
    own = backup.environment.package

    assert package_of(backup) == own
    backup.model_version = "0.1"
    assert package_of(backup) is None
