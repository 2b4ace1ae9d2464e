"""A dump of another app is told by what it holds: by its bytes, its tables, and the steps that its framework knows."""

from collections.abc import Callable

import psycopg
import pytest

from backups.choices import UploadPart
from environments.addresses import DatabaseAddress
from environments.models import Environment
from tests.backups.uploaded import bring, conninfo, dump_of
from tests.factories import AppFactory, BackupFactory, EnvironmentFactory

pytestmark = pytest.mark.django_db(transaction=True)
FRAMEWORK = [("auth", f"{number:04}_auth") for number in range(12)]
TABLES = (
    "CREATE TABLE orders (id int, what text)",
    "CREATE TABLE django_migrations (id serial, app text, name text, applied timestamptz DEFAULT now())",
)


def migrated(*steps: tuple[str, str]) -> tuple[str, ...]:
    rows = [f"INSERT INTO django_migrations (app, name) VALUES ('{app}', '{name}')" for app, name in steps]  # noqa: S608
    return (*TABLES, *rows)


SHOP = [*FRAMEWORK, *(("shop", f"{number:04}_step\tby") for number in range(10))]


@pytest.fixture
def shop(target: Environment) -> Environment:
    """The environment holds the app that has come through ten steps of its own."""
    with psycopg.connect(conninfo(target.database_address)) as db:
        db.execute("DROP TABLE orders")
        for statement in migrated(*SHOP):
            db.execute(statement)  # type: ignore[arg-type]
    return target


@pytest.mark.parametrize(
    ("steps", "is_strange"),
    [
        (SHOP, False),
        (SHOP[:-4], False),
        ([*SHOP, ("shop", "0010_more")], False),
        ([*SHOP[:-1], ("shop", "0009_a_branch")], False),
        ([*FRAMEWORK, *(("blog", f"{number:04}_step") for number in range(5))], True),
    ],
    ids=["same", "older", "newer", "branch", "other"],
)
def test_the_steps_of_its_framework_tell_another_app_with_the_same_tables(
    shop: Environment,
    make_database: Callable[..., DatabaseAddress],
    steps: list[tuple[str, str]],
    is_strange: bool,
) -> None:
    warnings = bring(shop, UploadPart.DATABASE, dump_of(make_database(*migrated(*steps)))).warnings

    said = (
        "This may be another app's dump: by its table django_migrations it knows 5 steps that Acceptance has not, "
        "and lacks 10 that are there."
    )
    assert warnings == ([said] if is_strange else [])


def test_the_database_of_another_apps_backup_is_known_by_its_bytes(
    target: Environment, make_database: Callable[..., DatabaseAddress]
) -> None:
    content = dump_of(make_database(*TABLES[:1]))
    first = bring(target, UploadPart.DATABASE, content)
    BackupFactory(environment=target, dump_sha256=first.sha256)
    own = bring(target, UploadPart.DATABASE, content)
    BackupFactory(environment=EnvironmentFactory(app=AppFactory(slug="elsewhere")), dump_sha256=first.sha256)

    other = bring(target, UploadPart.DATABASE, content)

    assert first.warnings == own.warnings == []
    assert other.warnings == [
        "This is another app's dump: byte for byte it is the database of a backup of another app."
    ]
    assert "elsewhere" not in str(other.warnings)
